// SPDX-License-Identifier: Apache-2.0
//
// Conditions taken apart for formats that compare one argument with one number at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <stile/condition.h>

namespace stile::format {

// (argument & mask) == value
struct Block {
  uint64_t mask;
  uint64_t value;
};
// The blocks whose union is what the test accepts: every range is a union of aligned blocks of 2^k numbers, as an address range is one of
// network prefixes.
std::vector<Block> blocks_of(const Test& test);

// (argument & mask) op value
struct Atom {
  enum class Op { Eq, Ne, Le, Ge };
  uint8_t arg = 0;
  uint64_t mask = ~uint64_t{0};
  Op op = Op::Eq;
  uint64_t value = 0;
};
// All of them hold. Empty: always.
using Clause = std::vector<Atom>;

// Under which masks a format can ask for more than equality.
enum class Ordered {
  Whole,     // all 64 bits alone
  WordsToo,  // and the low 32
};
inline constexpr size_t kMaxClauses = 1024;
// Clauses of which one at least holds if and only if the condition does. Nothing when it takes more than kMaxClauses.
std::optional<std::vector<Clause>> clauses_of(const Condition& when, Ordered ordered);

}  // namespace stile::format
