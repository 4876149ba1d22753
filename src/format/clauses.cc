// SPDX-License-Identifier: Apache-2.0
#include "format/clauses.h"

namespace stile::format {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};
constexpr uint64_t kWord = 0xffffffff;

// The blocks whose union are the numbers of `range` that have no bit outside `mask`.
void add_blocks(Range range, uint64_t mask, std::vector<Block>& blocks) {
  uint64_t first = range.first;
  while (true) {
    uint64_t low = 0;  // the bits that are free in the block
    while (low != kAll) {
      const uint64_t wider = low << 1 | 1;
      if ((first & wider) != 0 || range.last - first < wider) break;
      low = wider;
    }
    if ((first & ~mask) == 0) blocks.push_back({mask & ~low, first});
    if (range.last - first <= low) return;
    first += low + 1;
  }
}

std::vector<Clause> clauses_of_test(const Test& test, Ordered ordered) {
  std::vector<Clause> any;
  const bool words = test.mask == kWord && ordered == Ordered::WordsToo;
  if (test.mask != kAll && !words) {
    for (const Block& block : blocks_of(test)) any.push_back({{test.arg, block.mask, Atom::Op::Eq, block.value}});
    return any;
  }
  const auto& in = test.in;
  if (in.size() == 2 && in[0].first == 0 && in[1].last >= test.mask && in[1].first - in[0].last == 2)
    return {{{test.arg, test.mask, Atom::Op::Ne, in[0].last + 1}}};
  for (const Range& range : in) {
    Clause clause;
    if (range.first == range.last) {
      clause.push_back({test.arg, test.mask, Atom::Op::Eq, range.first});
    } else {
      if (range.first != 0) clause.push_back({test.arg, test.mask, Atom::Op::Ge, range.first});
      if (range.last < test.mask) clause.push_back({test.arg, test.mask, Atom::Op::Le, range.last});
    }
    any.push_back(std::move(clause));
  }
  return any;
}

}  // namespace

std::vector<Block> blocks_of(const Test& test) {
  std::vector<Block> blocks;
  for (const Range& range : test.in) add_blocks(range, test.mask, blocks);
  return blocks;
}

std::optional<std::vector<Clause>> clauses_of(const Condition& when, Ordered ordered) {
  std::vector<Clause> clauses;
  for (const std::vector<Test>& alternative : when.any) {
    std::vector<Clause> product = {{}};
    for (const Test& test : alternative) {
      const std::vector<Clause> any = clauses_of_test(test, ordered);
      if (any.size() * product.size() > kMaxClauses) return std::nullopt;
      std::vector<Clause> longer;
      for (const Clause& all : product) {
        for (const Clause& more : any) {
          longer.push_back(all);
          longer.back().insert(longer.back().end(), more.begin(), more.end());
        }
      }
      product = std::move(longer);
    }
    if (clauses.size() + product.size() > kMaxClauses) return std::nullopt;
    clauses.insert(clauses.end(), product.begin(), product.end());
  }
  return clauses;
}

}  // namespace stile::format
