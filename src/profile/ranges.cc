// SPDX-License-Identifier: Apache-2.0
#include "profile/ranges.h"

#include <algorithm>
#include <bit>
#include <iterator>

namespace stile {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

// The highest bit of `value` that the mask does not have; all bits below it and itself, set. `value` has one.
uint64_t up_to_highest_foreign_bit(uint64_t value, uint64_t mask) {
  const int bit = 63 - std::countl_zero(value & ~mask);
  return bit == 63 ? kAll : (uint64_t{2} << bit) - 1;
}

}  // namespace

std::optional<uint64_t> next_possible(uint64_t value, uint64_t mask) {
  if ((value & ~mask) == 0) return value;
  // Everything up to the foreign bit is given up for a carry into the next bit of the mask above it. With the
  // bits between set, adding one carries through them.
  const uint64_t filled = value | ~mask | up_to_highest_foreign_bit(value, mask);
  if (filled == kAll) return std::nullopt;
  return (filled + 1) & mask;
}

uint64_t previous_possible(uint64_t value, uint64_t mask) {
  if ((value & ~mask) == 0) return value;
  const uint64_t low = up_to_highest_foreign_bit(value, mask);
  return (value & ~low) | (mask & (low >> 1));
}

Ranges canonical(Ranges ranges, uint64_t mask) {
  Ranges shrunk;
  shrunk.reserve(ranges.size());
  for (const Range& range : ranges) {
    const std::optional<uint64_t> first = next_possible(range.first, mask);
    const uint64_t last = previous_possible(range.last, mask);
    if (range.first <= range.last && first && *first <= last) shrunk.push_back({*first, last});
  }
  if (!std::is_sorted(shrunk.begin(), shrunk.end())) std::sort(shrunk.begin(), shrunk.end());

  Ranges joined;
  joined.reserve(shrunk.size());
  for (const Range& range : shrunk) {
    if (!joined.empty()) {
      Range& before = joined.back();
      // The first possible number behind the range before; its own end where there is none.
      const uint64_t next =
          before.last == kAll ? kAll : next_possible(before.last + 1, mask).value_or(before.last);
      if (range.first <= next) {
        before.last = std::max(before.last, range.last);
        continue;
      }
    }
    joined.push_back(range);
  }
  return joined;
}

Ranges intersection(const Ranges& a, const Ranges& b) {
  Ranges both;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const uint64_t first = std::max(a[i].first, b[j].first);
    const uint64_t last = std::min(a[i].last, b[j].last);
    if (first <= last) both.push_back({first, last});
    if (a[i].last < b[j].last) {
      ++i;
    } else {
      ++j;
    }
  }
  return both;
}

Ranges union_of(const Ranges& a, const Ranges& b, uint64_t mask) {
  Ranges all;
  all.reserve(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return canonical(std::move(all), mask);
}

Ranges complement(const Ranges& ranges, uint64_t mask) {
  Ranges rest;
  uint64_t next = 0;  // first number not yet looked at
  for (const Range& range : ranges) {
    if (range.first > next) rest.push_back({next, range.first - 1});
    if (range.last == kAll) return canonical(std::move(rest), mask);
    next = range.last + 1;
  }
  rest.push_back({next, kAll});
  return canonical(std::move(rest), mask);
}

bool is_subset(const Ranges& inner, const Ranges& outer) {
  size_t j = 0;
  for (const Range& range : inner) {
    while (j < outer.size() && outer[j].last < range.first) ++j;
    if (j == outer.size() || outer[j].first > range.first || outer[j].last < range.last) return false;
  }
  return true;
}

bool is_everything(const Ranges& ranges, uint64_t mask) {
  return ranges.size() == 1 && ranges[0].first == 0 && ranges[0].last == mask;
}

}  // namespace stile
