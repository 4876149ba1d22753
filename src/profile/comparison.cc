// SPDX-License-Identifier: Apache-2.0
#include "profile/comparison.h"

#include <algorithm>
#include <bit>

namespace stile {
namespace {

// Where a value stands among those that an axis has. Places are counted from the smallest value, so that
// negative numbers come before the others; a value beyond an end has none.
enum class Position : uint8_t { Below, On, Above };
struct Place {
  Position position = Position::On;
  uint64_t at = 0;
};

// All bits up to the mask's highest.
uint64_t width_mask(uint64_t mask) {
  return mask == 0 ? 0 : ~uint64_t{0} >> std::countl_zero(mask);
}

uint64_t sign_bit(uint64_t mask) {
  return mask == 0 ? 0 : std::bit_floor(mask);
}

Place place_of(Axis axis, Value value) {
  const uint64_t top = width_mask(axis.mask);
  if (axis.is_signed) {
    const uint64_t sign = sign_bit(axis.mask);
    const uint64_t smallest = ~uint64_t{0}
                              << std::countr_zero(sign | uint64_t{1} << 63);  // -sign, as 64 bits
    if (value.negative) {
      if (value.bits < smallest) return {Position::Below, 0};
      return {Position::On, (value.bits & top) ^ sign};
    }
    if (value.bits >= sign) return {Position::Above, 0};
    return {Position::On, value.bits ^ sign};
  }
  uint64_t bits = value.bits;
  // -1 compared with 32 bits is what a C program means by (unsigned)-1.
  constexpr uint64_t kLow32 = 0xffffffff;
  if (value.negative && top <= kLow32 && bits >= ~uint64_t{0} << 31) bits &= kLow32;
  return bits > top ? Place{Position::Above, 0} : Place{Position::On, bits};
}

// The values from one place to another as they are in the register.
Ranges ranges_of(Axis axis, uint64_t first, uint64_t last) {
  if (first > last) return {};
  const uint64_t sign = axis.is_signed ? sign_bit(axis.mask) : 0;
  if (sign == 0 || (first >= sign) == (last >= sign)) {
    return canonical({{first ^ sign, last ^ sign}}, axis.mask);
  }
  const uint64_t top = width_mask(axis.mask);
  return canonical({{0, last ^ sign}, {first ^ sign, top}}, axis.mask);
}

}  // namespace

Ranges values_that(Axis axis, Compare op, Value value) {
  const uint64_t top = width_mask(axis.mask);
  const Place place = place_of(axis, value);
  const Ranges all = ranges_of(axis, 0, top);
  const bool on = place.position == Position::On;
  const bool above = place.position == Position::Above;
  switch (op) {
    case Compare::Equal:
      return on ? ranges_of(axis, place.at, place.at) : Ranges{};
    case Compare::NotEqual:
      return on ? complement(ranges_of(axis, place.at, place.at), axis.mask) : all;
    case Compare::Less:
      if (!on) return above ? all : Ranges{};
      return place.at == 0 ? Ranges{} : ranges_of(axis, 0, place.at - 1);
    case Compare::LessOrEqual:
      if (!on) return above ? all : Ranges{};
      return ranges_of(axis, 0, place.at);
    case Compare::Greater:
      if (!on) return above ? Ranges{} : all;
      return place.at == top ? Ranges{} : ranges_of(axis, place.at + 1, top);
    case Compare::GreaterOrEqual:
      if (!on) return above ? Ranges{} : all;
      return ranges_of(axis, place.at, top);
  }
  return {};
}

Ranges values_between(Axis axis, Value first, Value last) {
  return intersection(values_that(axis, Compare::GreaterOrEqual, first),
                      values_that(axis, Compare::LessOrEqual, last));
}

}  // namespace stile
