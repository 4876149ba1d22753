// SPDX-License-Identifier: Apache-2.0
//
// runtime.moduledata: the structure with which Go's linker tells the runtime where everything lies. Only the fields the
// analysis needs, found by shape and checked against each other, never by a version number.
//
// Facts: Go source, src/runtime/symtab.go (moduledata) from 1.5 to 1.27.
#pragma once

#include <cstdint>
#include <optional>

#include "elf/image.h"

namespace stile::go {

// A relocated pointer without what relocation added to it; a word that was not relocated stays as it is.
constexpr uint64_t without_bias(uint64_t word, uint64_t bias) { return word >= bias ? word - bias : word; }

struct Range {
  uint64_t start = 0;
  uint64_t end = 0;
  bool empty() const { return end <= start; }
  bool contains(uint64_t address) const { return address >= start && address < end; }
};

struct Moduledata {
  uint64_t address = 0;
  Range text;           // text, etext
  Range data;           // noptrdata to enoptrbss: all of Go's variables
  Range types;          // what typeOff and nameOff count from, up to etypes; empty before Go 1.7
  Range itab_pointers;  // the itablinks slice: pointers to itabs (Go 1.8 to 1.26)
  Range itabs;          // itabs lying one behind the other (Go 1.27 on)
};

// The moduledata that names the function table at `pclntab`; nothing if none passes the checks. `bias` is what relocation
// has added to the pointers in it; addresses given out are without it.
std::optional<Moduledata> find_moduledata(const elf::Image& image, uint64_t pclntab, uint64_t bias);

}  // namespace stile::go
