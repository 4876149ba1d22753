// SPDX-License-Identifier: Apache-2.0
#include "profile/simplify.h"

#include <algorithm>
#include <tuple>

#include "profile/ranges.h"

namespace stile {
namespace {

// Bound on the comparisons of tests in one call, far above what a condition within kMaxAlternatives needs
// unless it was made to be slow. About a quarter of a second.
constexpr uint64_t kMaxWork = 50'000'000;

// Whether the tests look at the same bits.
bool same_bits(const Test& a, const Test& b) {
  return a.arg == b.arg && a.mask == b.mask;
}

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15U;  // Fibonacci hashing
  return hash ^ (hash >> 29);
}

uint64_t hash_of(const Test& test) {
  uint64_t hash = mix(test.arg + 1U, test.mask);
  for (const Range& range : test.in) hash = mix(mix(hash, range.first), range.last);
  return hash;
}

// A test of an alternative, and what stands beside it there.
struct Neighbour {
  uint8_t arg;
  uint64_t mask;
  uint64_t rest;  // hash of the other tests; a sum, so that one can be taken away
  uint32_t alternative;
  uint32_t test;
  auto key() const { return std::tie(arg, mask, rest, alternative); }
};

bool equal_but_for(const Alternative& a, size_t i, const Alternative& b, size_t j) {
  if (a.size() != b.size()) return false;
  for (size_t k = 0, m = 0; k < a.size() && m < b.size(); ++k, ++m) {
    if (k == i) ++k;
    if (m == j) ++m;
    if (k == a.size() || m == b.size()) return k == a.size() && m == b.size();
    if (!(a[k] == b[m])) return false;
  }
  return true;
}

// Alternatives that differ in the ranges of one test become one with both. True: something changed.
bool join_neighbours(Alternatives& alternatives, uint64_t& work) {
  std::vector<Neighbour> neighbours;
  for (uint32_t i = 0; i < alternatives.size(); ++i) {
    uint64_t sum = 0;
    for (const Test& test : alternatives[i]) sum += hash_of(test);
    for (uint32_t j = 0; j < alternatives[i].size(); ++j) {
      const Test& test = alternatives[i][j];
      neighbours.push_back({test.arg, test.mask, sum - hash_of(test), i, j});
    }
  }
  work += 8 * neighbours.size();
  std::sort(neighbours.begin(), neighbours.end(),
            [](const Neighbour& a, const Neighbour& b) { return a.key() < b.key(); });

  enum : uint8_t { kUntouched, kGrown, kGone };
  std::vector<uint8_t> state(alternatives.size(), kUntouched);
  bool changed = false;
  for (size_t i = 0; i < neighbours.size();) {
    const Neighbour& kept = neighbours[i];
    size_t end = i + 1;
    if (state[kept.alternative] == kUntouched) {
      Test& test = alternatives[kept.alternative][kept.test];
      Ranges ranges = test.in;
      bool grown = false;
      for (; end < neighbours.size(); ++end) {
        const Neighbour& other = neighbours[end];
        if (std::tie(other.arg, other.mask, other.rest) != std::tie(kept.arg, kept.mask, kept.rest)) break;
        if (state[other.alternative] != kUntouched) continue;
        const Alternative& gone = alternatives[other.alternative];
        if (!equal_but_for(alternatives[kept.alternative], kept.test, gone, other.test)) continue;
        ranges.insert(ranges.end(), gone[other.test].in.begin(), gone[other.test].in.end());
        state[other.alternative] = kGone;
        grown = true;
      }
      if (grown) {
        test.in = canonical(std::move(ranges), test.mask);
        state[kept.alternative] = kGrown;
        changed = true;
      }
    }
    i = end;
  }
  if (!changed) return false;

  Alternatives left;
  for (size_t i = 0; i < alternatives.size(); ++i) {
    if (state[i] == kGone) continue;
    if (state[i] == kGrown) settle(alternatives[i]);  // a test may have become one that always holds
    left.push_back(std::move(alternatives[i]));
  }
  alternatives = std::move(left);
  return true;
}

// Whether `strict` holds only where `loose` does: every test of `loose` is met by one of `strict`. Both
// sorted.
bool implies(const Alternative& strict, const Alternative& loose, uint64_t& work) {
  size_t i = 0;
  for (const Test& wanted : loose) {
    while (i < strict.size() && std::tie(strict[i].arg, strict[i].mask) < std::tie(wanted.arg, wanted.mask))
      ++i;
    if (i == strict.size() || !same_bits(strict[i], wanted)) return false;
    work += 1 + std::min(strict[i].in.size(), wanted.in.size());
    if (!is_subset(strict[i].in, wanted.in)) return false;
  }
  return true;
}

// One bit for each pair of argument and mask: an alternative can only be implied by one that has all its
// bits.
uint64_t signature(const Alternative& alternative) {
  uint64_t bits = 0;
  for (const Test& test : alternative) bits |= uint64_t{1} << (mix(test.arg + 1U, test.mask) >> 58);
  return bits;
}

// Drops alternatives that hold only where another does. False: too much work.
bool absorb(Alternatives& alternatives, uint64_t& work) {
  std::vector<uint64_t> signatures;
  for (const Alternative& alternative : alternatives) signatures.push_back(signature(alternative));
  Alternatives left;
  for (size_t i = 0; i < alternatives.size(); ++i) {
    bool needed = true;
    work += alternatives.size() / 4;
    for (size_t j = 0; needed && j < alternatives.size(); ++j) {
      if (i == j || (signatures[j] & ~signatures[i]) != 0) continue;
      if (work > kMaxWork) return false;
      // Equal ones are gone already, so no two imply each other.
      needed = !implies(alternatives[i], alternatives[j], work);
    }
    if (needed) left.push_back(alternatives[i]);
  }
  alternatives = std::move(left);
  return true;
}

}  // namespace

bool settle(Alternative& alternative) {
  for (Test& test : alternative) {
    test.in = canonical(std::move(test.in), test.mask);
    if (test.in.empty()) return false;
  }
  std::sort(alternative.begin(), alternative.end());
  Alternative settled;
  settled.reserve(alternative.size());
  for (Test& test : alternative) {
    if (is_everything(test.in, test.mask)) continue;
    if (!settled.empty() && same_bits(settled.back(), test)) {
      settled.back().in = intersection(settled.back().in, test.in);
      if (settled.back().in.empty()) return false;
    } else {
      settled.push_back(std::move(test));
    }
  }
  alternative = std::move(settled);
  return true;
}

std::optional<Alternatives> simplify(Alternatives alternatives) {
  Alternatives left;
  left.reserve(alternatives.size());
  for (Alternative& alternative : alternatives) {
    if (!settle(alternative)) continue;
    if (alternative.empty()) return Alternatives{{}};  // always
    left.push_back(std::move(alternative));
  }
  uint64_t work = 0;
  bool changed = true;
  while (changed && left.size() > 1) {
    std::sort(left.begin(), left.end());
    left.erase(std::unique(left.begin(), left.end()), left.end());
    changed = join_neighbours(left, work);
    for (const Alternative& alternative : left) {
      if (alternative.empty()) return Alternatives{{}};
    }
    if (work > kMaxWork) return std::nullopt;
  }
  std::sort(left.begin(), left.end());
  if (left.size() > 1 && !absorb(left, work)) return std::nullopt;
  return left;
}

}  // namespace stile
