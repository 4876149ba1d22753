// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <stile/filter.h>

namespace stile::filter {

// Why the kernel refuses a program, and where.
struct Problem {
  size_t index = 0;
  std::string what;
};

// All reasons but the program's length, in the order of instructions; none for a program that validate()
// accepts.
std::vector<Problem> find_problems(std::span<const Instruction> program);

}  // namespace stile::filter
