// SPDX-License-Identifier: Apache-2.0
//
// Conditions on the six arguments of a system call. Every comparison there is (equal, less, masked, ranges, sets, signed, 32-bit)
// is one and the same thing: "these bits of the argument, read as an unsigned number, lie in this set of ranges". So
// conditions can be joined, negated, compared and compiled without cases for each operator, and name their own boundary values.
//
//     using stile::arg, stile::arg32;
//     stile::Condition c = arg(0).in({1, 2}) && arg(2) <= 4096;
//     stile::Condition d = arg32(0).as_signed() < 0 || arg(1).masked(0x3) == 0;
//
// A filter sees values, never what a pointer points to: a path or a struct cannot be tested (see PathRule for what can be done).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <stile/result.h>

namespace stile {

// The arguments as seccomp_data.args holds them: always 64 bits wide, zero-extended for 32-bit callers.
using Arguments = std::array<uint64_t, 6>;

// All numbers from first to last, both included.
struct Range {
  uint64_t first = 0;
  uint64_t last = 0;
  bool operator==(const Range&) const = default;
  auto operator<=>(const Range&) const = default;
};

// (args[arg] & mask) lies in one of the ranges. mask 0xffffffff is a 32-bit comparison. Normal form: ranges sorted, disjoint, not
// adjacent, none holds only values that the mask makes impossible; normalise() brings about that form.
struct Test {
  uint8_t arg = 0;  // 0 to 5
  uint64_t mask = ~uint64_t{0};
  std::vector<Range> in;
  bool operator==(const Test&) const = default;
  auto operator<=>(const Test&) const = default;
};

// Any of these holds; each of them holds when all its tests do. No alternative: never. An alternative without tests: always.
struct Condition {
  std::vector<std::vector<Test>> any;
  bool operator==(const Condition&) const = default;

  static Condition always() { return {{{}}}; }
  static Condition never() { return {}; }
};

// A result that stays beyond kMaxAlternatives is a condition that normalise() and compile() refuse, and so is all that is made from it.
Condition operator&&(const Condition& a, const Condition& b);
Condition operator||(const Condition& a, const Condition& b);
Condition operator!(const Condition& a);

// Sorted and free of repetition: tests of one argument and mask in one alternative are one test, alternatives that hold another are
// dropped, neighbours that differ in one test are joined. Two conditions with one normal form decide alike; the converse is not promised
// (see same_decisions in filter.h). Limit error beyond kMaxAlternatives.
Result<Condition> normalise(const Condition& condition);
inline constexpr size_t kMaxAlternatives = 4096;

bool holds(const Condition& condition, const Arguments& args);

// The values of one argument where the condition may change its answer: first - 1, first, last, last + 1 of every range and, for masks, the
// same with the bits outside the mask set. Sorted, no doubles; holds 0 and ~0 always.
std::vector<uint64_t> boundary_values(const Condition& condition, uint8_t arg);

// One line of text, and back:
//     condition   = alternative { "||" alternative }          alternative = test { "&&" test } | "always" | "never"
//     test        = "arg" DIGIT [ ":32" | ":s32" | ":s64" ] [ "&" NUMBER ] ( op NUMBER | [ "not" ] "in" "{" item { "," item } "}" )
//     op          = "==" "!=" "<" "<=" ">" ">="                item = NUMBER [ ".." NUMBER ]
// NUMBER is decimal (with "-" for signed), 0x hexadecimal, 0 octal, or a name known to symbolic_constant(). to_string writes a text that
// parses to the same normal form, with hexadecimal for masks and big numbers.
std::string to_string(const Condition& condition);
Result<Condition> parse_condition(std::string_view text);

// --- building ---

// An argument about to be compared.
class Operand {
 public:
  constexpr Operand(uint8_t index, uint64_t mask) : arg_(index), mask_(mask) {}
  // Looks at these bits alone.
  Operand masked(uint64_t mask) const;
  // Compares as two's complement; the highest bit of the mask is the sign: bit 63 of arg(), bit 31 of arg32().
  Operand as_signed() const;

  Condition in(std::initializer_list<int64_t> values) const;
  Condition in(const std::vector<uint64_t>& values) const;
  Condition not_in(std::initializer_list<int64_t> values) const;
  // Both ends included.
  Condition between(int64_t first, int64_t last) const;

  friend Condition operator==(const Operand& a, int64_t value);
  friend Condition operator!=(const Operand& a, int64_t value);
  friend Condition operator<(const Operand& a, int64_t value);
  friend Condition operator<=(const Operand& a, int64_t value);
  friend Condition operator>(const Operand& a, int64_t value);
  friend Condition operator>=(const Operand& a, int64_t value);

 private:
  uint8_t arg_;
  uint64_t mask_;
  bool signed_ = false;
};

// The whole 64-bit argument. Values given as int64_t are taken as their 64 bits: arg(0) == -1 is arg(0) == 0xffffffffffffffff.
constexpr Operand arg(uint8_t index) { return {index, ~uint64_t{0}}; }
// Its low 32 bits: right for int, unsigned, mode_t, whose upper half the kernel ignores and a caller may fill with anything. Values from
// -2^31 to -1 are taken as their 32 bits; one that 32 bits cannot hold equals none of theirs, and is larger than all.
constexpr Operand arg32(uint8_t index) { return {index, 0xffffffff}; }

}  // namespace stile
