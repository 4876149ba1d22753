// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include <stile/filter.h>

namespace stile::filter {

// What each instruction does, in words: "if A == 14 (rt_sigprocmask) goto 0005". Of any program, whether the
// kernel takes it or not. Holds nothing that could end a C comment.
std::vector<std::string> describe_instructions(std::span<const Instruction> program);

}  // namespace stile::filter
