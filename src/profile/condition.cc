// SPDX-License-Identifier: Apache-2.0
#include <stile/condition.h>

#include <algorithm>

#include <fmt/format.h>

#include "profile/ranges.h"
#include "profile/simplify.h"

namespace stile {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};
constexpr uint8_t kArguments = 6;

// What an operator gives when its result would be too large. It has more alternatives than normalise() takes,
// so the mistake comes out there (and in compile(), which normalises), and it never holds, so nothing is let
// through.
Condition too_large() {
  const Test never{.arg = 0, .mask = kAll, .in = {}};
  Condition condition;
  condition.any.assign(kMaxAlternatives + 1, {never});
  return condition;
}

bool is_too_large(const Condition& condition) {
  return condition.any.size() > kMaxAlternatives;
}

Condition bounded(Alternatives any) {
  if (any.size() <= kMaxAlternatives) return Condition{std::move(any)};
  std::optional<Alternatives> simple = simplify(std::move(any));
  if (!simple || simple->size() > kMaxAlternatives) return too_large();
  return Condition{std::move(*simple)};
}

// Adds `more` to `all`, simplifying now and then so that neither grows far beyond the bound. False: too
// large.
bool add(Alternatives& all, Alternative more) {
  all.push_back(std::move(more));
  if (all.size() <= 2 * kMaxAlternatives) return true;
  std::optional<Alternatives> simple = simplify(std::move(all));
  if (!simple || simple->size() > kMaxAlternatives) return false;
  all = std::move(*simple);
  return true;
}

// Every pair of alternatives, joined. Nothing when that is too much.
std::optional<Alternatives> product(const Alternatives& a, const Alternatives& b) {
  constexpr size_t kMaxPairs = 1 << 20;
  if (!a.empty() && b.size() > kMaxPairs / a.size()) return std::nullopt;
  Alternatives pairs;
  for (const Alternative& left : a) {
    for (const Alternative& right : b) {
      Alternative both = left;
      both.insert(both.end(), right.begin(), right.end());
      if (!settle(both)) continue;
      if (!add(pairs, std::move(both))) return std::nullopt;
    }
  }
  return pairs;
}

}  // namespace

Condition operator||(const Condition& a, const Condition& b) {
  if (is_too_large(a) || is_too_large(b)) return too_large();
  Alternatives any = a.any;
  any.insert(any.end(), b.any.begin(), b.any.end());
  return bounded(std::move(any));
}

Condition operator&&(const Condition& a, const Condition& b) {
  if (is_too_large(a) || is_too_large(b)) return too_large();
  std::optional<Alternatives> pairs = product(a.any, b.any);
  return pairs ? bounded(std::move(*pairs)) : too_large();
}

Condition operator!(const Condition& a) {
  if (is_too_large(a)) return too_large();
  // Not any of these: each of them fails, and it fails when one of its tests does.
  Alternatives none = {{}};
  std::optional<Alternatives> simple = simplify(a.any);
  if (!simple) return too_large();
  for (const Alternative& alternative : *simple) {
    Alternatives fails;
    for (const Test& test : alternative)
      fails.push_back({{test.arg, test.mask, complement(test.in, test.mask)}});
    std::optional<Alternatives> both = product(none, fails);
    if (both) both = simplify(std::move(*both));
    if (!both || both->size() > kMaxAlternatives) return too_large();
    none = std::move(*both);
  }
  return Condition{std::move(none)};
}

Result<Condition> normalise(const Condition& condition) {
  if (is_too_large(condition)) {
    return fail(Code::Limit, fmt::format("the condition has more than {} alternatives", kMaxAlternatives), {},
                "values of one argument are best said as one set or range");
  }
  std::optional<Alternatives> simple = simplify(condition.any);
  if (!simple) return fail(Code::Limit, "the condition is too tangled to be simplified");
  return Condition{std::move(*simple)};
}

bool holds(const Condition& condition, const Arguments& args) {
  const auto test_holds = [&](const Test& test) {
    if (test.arg >= kArguments) return false;
    const uint64_t value = args[test.arg] & test.mask;
    return std::any_of(test.in.begin(), test.in.end(),
                       [value](const Range& range) { return range.first <= value && value <= range.last; });
  };
  return std::any_of(condition.any.begin(), condition.any.end(), [&](const Alternative& alternative) {
    return std::all_of(alternative.begin(), alternative.end(), test_holds);
  });
}

std::vector<uint64_t> boundary_values(const Condition& condition, uint8_t arg) {
  std::vector<uint64_t> values = {0, kAll};
  const auto add_value = [&values](uint64_t value, uint64_t mask) {
    values.push_back(value);
    values.push_back(value | ~mask);
  };
  const auto add_range = [&add_value](const Range& range, uint64_t mask) {
    add_value(range.first, mask);
    add_value(range.last, mask);
    // Outside the range: the next numbers, and the next that the mask lets be.
    if (range.first != 0) {
      add_value(range.first - 1, mask);
      add_value(previous_possible(range.first - 1, mask), mask);
    }
    if (range.last != kAll) {
      add_value(range.last + 1, mask);
      if (auto next = next_possible(range.last + 1, mask)) add_value(*next, mask);
    }
  };
  for (const Alternative& alternative : condition.any) {
    for (const Test& test : alternative) {
      if (test.arg != arg) continue;
      for (const Range& range : test.in) add_range(range, test.mask);
      // The ends of what a mask makes of them, where a range does not end at numbers that the mask lets be.
      for (const Range& range : canonical(test.in, test.mask)) add_range(range, test.mask);
    }
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace stile
