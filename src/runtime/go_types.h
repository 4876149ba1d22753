// SPDX-License-Identifier: Apache-2.0
//
// What Go's type tables say about methods: which functions the runtime and reflection can call without a call or an
// address in code. Recognised by the shape of the records, whose head has not changed since Go 1.7, so that no version's
// exact layout of types has to be known.
//
// Facts: Go source, src/internal/abi/type.go (Type, Method, Imethod, InterfaceType, Name) and src/runtime/type.go; src/runtime/runtime2.go
// (itab).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "elf/image.h"
#include "runtime/go_moduledata.h"

namespace stile::go {

struct Method {
  std::string_view name;
  uint64_t interface_code = 0;  // called through an interface (receiver is one word); 0 = pruned by the linker
  uint64_t direct_code = 0;     // called by reflection with the receiver itself; 0 = pruned
};

// An interface table: for one type as one interface, the code of each of the interface's methods.
struct Itab {
  uint64_t address = 0;
  std::vector<uint64_t> methods;  // as the words stand in the file: with the bias, where relocation has been applied
};

// All interface tables the linker built. `bias` is what relocation has added to the pointers in them.
std::vector<Itab> find_itabs(const elf::Image& image, const Moduledata& data, uint64_t bias);

// The method table entries that begin in a part of the type tables, from `begin` up to `end` bytes into them; addresses without bias. `is_function_start` tells real entries from look-alikes.
template <typename IsFunctionStart>
std::vector<Method> find_methods(const elf::Image& image, const Moduledata& data, IsFunctionStart is_function_start,
                                 uint64_t begin = 0, uint64_t end = UINT64_MAX);

// Whether a type record of that kind (reflect.Kind) may stand at an address.
bool is_type_of_kind(const elf::Image& image, const Moduledata& data, uint64_t address, unsigned kind);
// A name record (flags, length, bytes); empty if there is none.
std::string_view name_at(const elf::Image& image, const Moduledata& data, uint32_t offset);

constexpr unsigned kKindFunc = 19, kKindInterface = 20;

template <typename IsFunctionStart>
std::vector<Method> find_methods(const elf::Image& image, const Moduledata& data, IsFunctionStart is_function_start,
                                 uint64_t begin, uint64_t end) {
  std::vector<Method> methods;
  const Bytes types = image.at(data.types.start, data.types.end - data.types.start);
  const uint64_t text_size = data.text.end - data.text.start;
  // Method is {name, type, interface code, direct code}, each a 32-bit offset; pruned code is 0 or -1.
  const auto code = [&](uint32_t offset, bool& plausible) -> uint64_t {
    if (offset == 0 || offset == UINT32_MAX) return 0;
    const uint64_t address = data.text.start + offset;
    plausible = plausible && offset < text_size && is_function_start(address);
    return address;
  };
  // Pieces begin at multiples of four, so that each entry lies in exactly one of them.
  for (uint64_t at = begin + (4 - data.types.start % 4) % 4; at < end && types.holds(at, 16); at += 4) {
    const auto through_interface = load<uint32_t>(types.data() + at + 8);
    const auto direct = load<uint32_t>(types.data() + at + 12);
    if (through_interface - 1 >= text_size && direct - 1 >= text_size) continue;
    bool plausible = true;
    Method method;
    method.interface_code = code(through_interface, plausible);
    method.direct_code = code(direct, plausible);
    if (!plausible || (method.interface_code == 0 && method.direct_code == 0)) continue;
    const auto type = load<uint32_t>(types.data() + at + 4);
    if (!is_type_of_kind(image, data, data.types.start + type, kKindFunc)) continue;
    method.name = name_at(image, data, load<uint32_t>(types.data() + at));
    if (!method.name.empty()) methods.push_back(method);
  }
  return methods;
}

}  // namespace stile::go
