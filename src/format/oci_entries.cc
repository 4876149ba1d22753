// SPDX-License-Identifier: Apache-2.0
//
// A condition as OCI entries. An entry compares each argument once at most, so a range with two ends cannot
// be said as such; but every range is a union of aligned blocks of 2^k numbers (as an address range is one of
// network prefixes), and a block is one MASKED_EQ.
#include <algorithm>
#include <map>

#include "format/clauses.h"
#include "format/oci.h"

namespace stile::format::oci {
namespace {

constexpr uint64_t kMax = ~uint64_t{0};

Comparison comparison_of(uint8_t arg, const Block& block) {
  if (block.mask == kMax) return {arg, Op::Eq, block.value, 0};
  return {arg, Op::MaskedEq, block.mask, block.value};
}

// Any of these is the test.
std::vector<Comparison> comparisons_of(const Test& test) {
  std::vector<Comparison> any;
  if (test.mask == kMax) {
    const auto& in = test.in;
    if (in.size() == 2 && in[0].first == 0 && in[1].last == kMax && in[1].first - in[0].last == 2) {
      return {{test.arg, Op::Ne, in[0].last + 1, 0}};
    }
    for (const Range& range : in) {
      if (range.first == 0 && range.last != 0) {
        any.push_back({test.arg, Op::Le, range.last, 0});
      } else if (range.last == kMax && range.first != kMax) {
        any.push_back({test.arg, Op::Ge, range.first, 0});
      } else {
        for (const Block& block : blocks_of({test.arg, test.mask, {range}}))
          any.push_back(comparison_of(test.arg, block));
      }
    }
    return any;
  }
  for (const Block& block : blocks_of(test)) any.push_back(comparison_of(test.arg, block));
  return any;
}

// Tests of one argument under several masks: what all of them leave.
std::optional<std::vector<Comparison>> joined(const std::vector<const Test*>& tests) {
  if (tests.size() == 1) return comparisons_of(*tests[0]);
  std::vector<Block> blocks = {{0, 0}};
  for (const Test* test : tests) {
    std::vector<Block> both;
    for (const Block& a : blocks) {
      for (const Block& b : blocks_of(*test)) {
        if ((a.value & b.mask) != (b.value & a.mask)) continue;
        both.push_back({a.mask | b.mask, a.value | b.value});
        if (both.size() > kMaxEntries) return std::nullopt;
      }
    }
    blocks = std::move(both);
  }
  std::vector<Comparison> any;
  for (const Block& block : blocks) any.push_back(comparison_of(tests[0]->arg, block));
  return any;
}

}  // namespace

std::optional<std::vector<Comparisons>> entries_of(const Condition& when) {
  std::vector<Comparisons> entries;
  for (const std::vector<Test>& alternative : when.any) {
    std::map<uint8_t, std::vector<const Test*>> by_argument;
    for (const Test& test : alternative) by_argument[test.arg].push_back(&test);

    std::vector<Comparisons> product = {{}};
    for (const auto& [arg, tests] : by_argument) {
      const auto any = joined(tests);
      if (!any || any->size() * product.size() > kMaxEntries) return std::nullopt;
      std::vector<Comparisons> longer;
      for (const Comparisons& all : product) {
        for (const Comparison& one : *any) {
          longer.push_back(all);
          longer.back().push_back(one);
        }
      }
      product = std::move(longer);
    }
    if (entries.size() + product.size() > kMaxEntries) return std::nullopt;
    for (Comparisons& all : product) entries.push_back(std::move(all));
  }
  return entries;
}

}  // namespace stile::format::oci
