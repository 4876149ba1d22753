// SPDX-License-Identifier: Apache-2.0
#include "filter/lift_decision.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "filter/opcodes.h"

namespace stile::filter {
namespace {

constexpr uint32_t kAll = 0xffffffff;
constexpr size_t kMaxPoints = 64;  // values of the upper half that are written out one by one

// Where a word of seccomp_data lies in the arguments.
uint8_t arg_of(uint8_t word) {
  return static_cast<uint8_t>((word - kOffsetArgs / 4) / 2);
}
bool is_high(uint8_t word, bool big_endian) {
  return (word % 2 != 0) != big_endian;
}

// The masks that the ways use on one argument's halves. Where each half has one, all tests of the argument
// can be told in terms of both together, and then joined.
struct Masks {
  std::set<uint32_t> high, low;

  std::optional<uint64_t> both() const {
    if (high.size() != 1 || low.size() > 1) return std::nullopt;
    const uint64_t upper = uint64_t{*high.begin()} << 32;
    // Without a test of the lower half the mask is free to be the usual one.
    if (low.empty()) return *high.begin() == kAll ? ~uint64_t{0} : upper;
    return upper | *low.begin();
  }
};

const WordTest* find(const Leaf& leaf, uint8_t arg, bool high, bool big_endian) {
  for (const WordTest& test : leaf.tests) {
    if (arg_of(test.word) == arg && is_high(test.word, big_endian) == high) return &test;
  }
  return nullptr;
}

Test one_half(uint8_t arg, const WordTest& test, bool high) {
  Test out = {arg, test.mask, test.in};
  if (!high) return out;
  out.mask <<= 32;
  for (Range& range : out.in)
    range = {range.first << 32, range.last << 32 | (range.first == range.last ? 0 : kAll)};
  out.in = canonical(std::move(out.in), out.mask);
  return out;
}

// Each value of the upper half, if they are few.
std::optional<std::vector<uint64_t>> points(const WordTest& test) {
  std::vector<uint64_t> out;
  for (const Range& range : test.in) {
    for (uint64_t value = range.first; value <= range.last; ++value) {
      if ((value & ~uint64_t{test.mask}) != 0) continue;
      if (out.size() == kMaxPoints) return std::nullopt;
      out.push_back(value);
      if (value - range.first > 4 * kMaxPoints) return std::nullopt;
    }
  }
  return out;
}

// What one way asks of one argument, all tests in terms of `mask` where that can be said.
void add_joined(std::vector<Test>& out, uint8_t arg, const WordTest* high, const WordTest* low,
                uint64_t mask) {
  if (high == nullptr) {
    if (low != nullptr) out.push_back(one_half(arg, *low, false));
    return;
  }
  Test test = {arg, mask, {}};
  if (low == nullptr) {
    for (const Range& range : high->in) test.in.push_back({range.first << 32, range.last << 32 | kAll});
  } else if (const auto uppers = points(*high)) {
    for (const uint64_t upper : *uppers) {
      for (const Range& range : low->in)
        test.in.push_back({upper << 32 | range.first, upper << 32 | range.last});
    }
  } else {
    out.push_back(one_half(arg, *high, true));
    out.push_back(one_half(arg, *low, false));
    return;
  }
  test.in = canonical(std::move(test.in), mask);
  out.push_back(std::move(test));
}

std::vector<Test> alternative(const Leaf& leaf, const std::array<Masks, 6>& masks, bool big_endian) {
  std::vector<Test> out;
  for (uint8_t arg = 0; arg < 6; ++arg) {
    if (const auto mask = masks[arg].both()) {
      add_joined(out, arg, find(leaf, arg, true, big_endian), find(leaf, arg, false, big_endian), *mask);
      continue;
    }
    for (const WordTest& test : leaf.tests) {
      if (arg_of(test.word) == arg) out.push_back(one_half(arg, test, is_high(test.word, big_endian)));
    }
  }
  return out;
}

size_t size_of(const Condition& condition) {
  size_t size = 0;
  for (const auto& tests : condition.any) {
    for (const Test& test : tests) size += 1 + test.in.size();
  }
  return size;
}

}  // namespace

Result<Decision> decision_from(const std::vector<Leaf>& leaves, bool big_endian) {
  std::array<Masks, 6> masks;
  for (const Leaf& leaf : leaves) {
    for (const WordTest& test : leaf.tests) {
      Masks& of = masks[arg_of(test.word)];
      (is_high(test.word, big_endian) ? of.high : of.low).insert(test.mask);
    }
  }
  std::vector<Case> cases;  // one per action, in the order of the ways
  for (const Leaf& leaf : leaves) {
    const Action action = action_of(leaf.value);
    auto at = std::find_if(cases.begin(), cases.end(), [&](const Case& c) { return c.action == action; });
    if (at == cases.end()) at = cases.insert(cases.end(), {Condition::never(), action});
    at->when.any.push_back(alternative(leaf, masks, big_endian));
  }
  if (cases.size() == 1) return Decision{cases[0].action, {}};

  // The action that needs the most words becomes what is done in all other cases, so that its condition need
  // not be said.
  size_t widest = cases.size();
  size_t widest_size = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    auto simple = normalise(cases[i].when);
    if (!simple && widest != cases.size() && widest_size == SIZE_MAX) return tl::unexpected(simple.error());
    const size_t size = simple ? size_of(*simple) : SIZE_MAX;
    if (simple) cases[i].when = std::move(*simple);
    // "allow when" reads better than "allow unless".
    const bool refuses =
        size == widest_size && widest != cases.size() && cases[widest].action.kind == ActionKind::Allow;
    if (widest == cases.size() || size > widest_size || refuses) {
      widest = i;
      widest_size = size;
    }
  }
  Decision decision = {cases[widest].action, {}};
  cases.erase(cases.begin() + static_cast<std::ptrdiff_t>(widest));
  decision.cases = std::move(cases);
  return decision;
}

}  // namespace stile::filter
