// SPDX-License-Identifier: Apache-2.0
//
// Go's function table ("pclntab"): exact function bounds, names, files and lines. It survives stripping, because the
// runtime itself needs it for tracebacks and garbage collection.
//
// Facts: Go source, src/runtime/symtab.go (pcHeader, _func, findfunc, pcvalue), src/debug/gosym/pclntab.go and
// src/cmd/link/internal/ld/pcln.go of Go 1.2, 1.16, 1.18, 1.20 and 1.26 (each changed the layout).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <stile/result.h>

#include "elf/image.h"

namespace stile::go {

enum class PclntabLayout { Go12, Go116, Go118, Go120 };  // named by the first version that writes it

struct LineInfo {
  std::string_view file;
  uint32_t line = 0;  // 0 = unknown
};

class Pclntab {
 public:
  // Reads the table at `address`. `text` is the start of Go's code, needed for tables whose header does not say it
  // (Go 1.26 and later); 0 otherwise. Malformed if a bound, count or order is wrong: a table is believed whole or not.
  static Result<Pclntab> parse(const elf::Image& image, uint64_t address, uint64_t text, uint64_t bias);

  // Addresses at which a table header lies, likeliest first: by section name, then by its magic in read-only data.
  static std::vector<uint64_t> candidates(const elf::Image& image);
  // Whether this header says itself where the code starts.
  static bool states_text_start(const elf::Image& image, uint64_t address);

  PclntabLayout layout() const { return layout_; }
  uint64_t address() const { return address_; }
  // Up to where the function records reach, from address().
  uint64_t records_size() const;
  uint64_t text_start() const { return text_start_; }
  size_t size() const { return entries_.size(); }
  uint64_t entry(size_t i) const { return entries_[i]; }
  uint64_t end(size_t i) const { return i + 1 < entries_.size() ? entries_[i + 1] : end_; }
  const std::vector<uint64_t>& entries() const { return entries_; }
  // Empty if the table gives none.
  std::string_view name(size_t i) const;
  // Bytes of arguments and results on the caller's stack, or nothing where the table does not know (assembly).
  std::optional<uint32_t> argument_bytes(size_t i) const;
  // How far the stack pointer lies below the return address when `pc` inside function i is about to run (funcspdelta); nothing where
  // the table does not know.
  std::optional<uint32_t> frame_bytes(size_t i, uint64_t pc) const;
  // Where the compiler says the instruction at `pc` inside function i comes from.
  LineInfo line(size_t i, uint64_t pc) const;

 private:
  Bytes record(size_t i) const;
  // The value of a pc-value table for `pc`; -1 if there is none (runtime.pcvalue).
  int32_t pc_value(uint32_t offset, uint64_t entry, uint64_t pc) const;

  PclntabLayout layout_ = PclntabLayout::Go120;
  uint64_t address_ = 0;
  uint64_t text_start_ = 0;
  uint64_t end_ = 0;
  uint64_t last_record_ = 0;
  Bytes table_;      // from the header to the end of its segment
  Bytes names_;      // function names
  Bytes cu_;         // compilation units' file indices (1.16 on)
  Bytes files_;      // file names, or offsets of them (1.2)
  Bytes pc_tables_;
  Bytes functions_;  // records are addressed from here
  std::vector<uint64_t> entries_;
  std::vector<uint32_t> records_;
};

}  // namespace stile::go
