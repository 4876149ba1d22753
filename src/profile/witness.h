// SPDX-License-Identifier: Apache-2.0
//
// Whether a condition can hold at all, with arguments that show it. normalise() cannot say so by itself:
// tests of one argument under different masks stay apart there.
#pragma once

#include <cstdint>
#include <optional>

#include <stile/condition.h>

namespace stile {

// Arguments that a caller can pass of which `alternative` holds, the smallest ones first tried; nothing when
// there are none. Bits of an argument outside `width` are 0: 0xffffffff for a 32-bit caller. Limit error when
// that takes too much work.
Result<std::optional<Arguments>> find_witness(const std::vector<Test>& alternative,
                                              uint64_t width = ~uint64_t{0});

// Drops the alternatives that no arguments meet and gives the condition in normal form, with arguments it
// holds for. Nothing when none is left.
struct Satisfiable {
  Condition when;
  Arguments witness{};
};
Result<std::optional<Satisfiable>> satisfiable(const Condition& condition, uint64_t width = ~uint64_t{0});

}  // namespace stile
