// SPDX-License-Identifier: Apache-2.0
//
// Runs a program for one architecture and system call number with the arguments left open: every way through
// it, with what each way asks of the arguments.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <stile/filter.h>

#include "profile/ranges.h"

namespace stile::filter {

// (word & mask) lies in one of the ranges, where word is the 32-bit word of seccomp_data with this index
// (offset / 4, from 4 on).
struct WordTest {
  uint8_t word = 0;
  uint32_t mask = 0;
  Ranges in;  // canonical under mask
  bool operator==(const WordTest&) const = default;
  auto operator<=>(const WordTest&) const = default;
};

// One way through the program.
struct Leaf {
  std::vector<WordTest> tests;  // all of them hold, and no other way's do
  uint32_t value = 0;           // what the filter returns then
  bool operator==(const Leaf&) const = default;
  auto operator<=>(const Leaf&) const = default;
};

// What all walks of one lift may cost together.
struct Budget {
  uint64_t steps = uint64_t{1} << 26;
  uint64_t leaves = uint64_t{1} << 15;
  bool number_arithmetic =
      false;  // set when more was done with the number than comparing it: see boundaries()
  // Set when more was done with the architecture than asking whether it is this one.
  bool arch_arithmetic = false;
};

// All ways, in the order true before false. Errors: Unsupported, Limit. The program is one that validate()
// accepts.
Result<std::vector<Leaf>> walk(std::span<const Instruction> program, uint32_t arch, uint32_t number,
                               Budget& budget);

// Numbers between which walk() cannot come out differently, unless it sets number_arithmetic: the program
// treats all numbers from one of these to before the next alike. Sorted; holds 0.
std::vector<uint32_t> boundaries(std::span<const Instruction> program);

}  // namespace stile::filter
