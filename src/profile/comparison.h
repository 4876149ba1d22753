// SPDX-License-Identifier: Apache-2.0
//
// What comparison operators mean, as sets of ranges: shared by Operand and parse_condition().
#pragma once

#include <cstdint>
#include <vector>

#include <stile/condition.h>

#include "profile/ranges.h"

namespace stile {

enum class Compare : uint8_t { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual };

// A number to compare with: 64 bits, and whether they stand for a number below 0 in two's complement.
struct Value {
  uint64_t bits = 0;
  bool negative = false;
};
constexpr Value value_of(int64_t number) {
  return {static_cast<uint64_t>(number), number < 0};
}

// The bits that are looked at, and how they are read.
struct Axis {
  uint64_t mask = ~uint64_t{0};
  bool is_signed = false;  // two's complement, the mask's highest bit is the sign
};

// The values of the masked argument for which `argument <op> value` holds. Canonical.
Ranges values_that(Axis axis, Compare op, Value value);
// Those from first to last, both included; none if last is the smaller.
Ranges values_between(Axis axis, Value first, Value last);

}  // namespace stile
