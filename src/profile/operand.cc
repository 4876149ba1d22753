// SPDX-License-Identifier: Apache-2.0
#include <stile/condition.h>

#include "profile/comparison.h"

namespace stile {
namespace {

Condition one_test(uint8_t arg, uint64_t mask, Ranges in) {
  if (in.empty()) return Condition::never();
  return Condition{{{Test{arg, mask, std::move(in)}}}};
}

Ranges set_of(Axis axis, std::initializer_list<int64_t> values) {
  Ranges all;
  for (const int64_t value : values) {
    const Ranges one = values_that(axis, Compare::Equal, value_of(value));
    all.insert(all.end(), one.begin(), one.end());
  }
  return canonical(std::move(all), axis.mask);
}

}  // namespace

Operand Operand::masked(uint64_t mask) const {
  Operand operand = *this;
  operand.mask_ &= mask;
  return operand;
}

Operand Operand::as_signed() const {
  Operand operand = *this;
  operand.signed_ = true;
  return operand;
}

Condition Operand::in(std::initializer_list<int64_t> values) const {
  return one_test(arg_, mask_, set_of({mask_, signed_}, values));
}

Condition Operand::in(const std::vector<uint64_t>& values) const {
  Ranges all;
  for (const uint64_t value : values) {
    // As the other comparisons read an int64_t: its 64 bits.
    const Ranges one = values_that({mask_, signed_}, Compare::Equal, {value, signed_ && value >> 63 != 0});
    all.insert(all.end(), one.begin(), one.end());
  }
  return one_test(arg_, mask_, canonical(std::move(all), mask_));
}

Condition Operand::not_in(std::initializer_list<int64_t> values) const {
  return one_test(arg_, mask_, complement(set_of({mask_, signed_}, values), mask_));
}

Condition Operand::between(int64_t first, int64_t last) const {
  return one_test(arg_, mask_, values_between({mask_, signed_}, value_of(first), value_of(last)));
}

namespace {
Condition compare(uint8_t arg, Axis axis, Compare op, int64_t value) {
  return one_test(arg, axis.mask, values_that(axis, op, value_of(value)));
}
}  // namespace

Condition operator==(const Operand& a, int64_t value) {
  return compare(a.arg_, {a.mask_, a.signed_}, Compare::Equal, value);
}
Condition operator!=(const Operand& a, int64_t value) {
  return compare(a.arg_, {a.mask_, a.signed_}, Compare::NotEqual, value);
}
Condition operator<(const Operand& a, int64_t value) {
  return compare(a.arg_, {a.mask_, a.signed_}, Compare::Less, value);
}
Condition operator<=(const Operand& a, int64_t value) {
  return compare(a.arg_, {a.mask_, a.signed_}, Compare::LessOrEqual, value);
}
Condition operator>(const Operand& a, int64_t value) {
  return compare(a.arg_, {a.mask_, a.signed_}, Compare::Greater, value);
}
Condition operator>=(const Operand& a, int64_t value) {
  return compare(a.arg_, {a.mask_, a.signed_}, Compare::GreaterOrEqual, value);
}

}  // namespace stile
