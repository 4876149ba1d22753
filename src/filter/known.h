// SPDX-License-Identifier: Apache-2.0
//
// What is known before each instruction of a program on every way there: which word of seccomp_data a
// register holds, and which architectures the call can have. For showing programs; nothing is decided by it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <stile/filter.h>

#include "filter/opcodes.h"

namespace stile::filter {

struct Held {
  enum Kind : uint8_t { Unknown, Constant, Word } kind = Unknown;
  uint32_t k = 0;  // the constant, or the word's offset in seccomp_data
  bool operator==(const Held&) const = default;
};

struct Known {
  bool reached = false;
  Held a{Held::Constant, 0};
  Held x{Held::Constant, 0};
  std::array<Held, kMemoryWords> memory{};
  bool any_arch = true;          // nothing is known; else:
  std::vector<uint32_t> arches;  // one of these (audit architectures, sorted, at most kMaxKnownArches)
};

inline constexpr size_t kMaxKnownArches = 4;

// Of any program, whether the kernel takes it or not; work is linear in its length.
std::vector<Known> find_known(std::span<const Instruction> program);

}  // namespace stile::filter
