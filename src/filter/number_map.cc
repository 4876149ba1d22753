// SPDX-License-Identifier: Apache-2.0
#include "filter/number_map.h"

#include <algorithm>

namespace stile::filter {
namespace {

constexpr uint32_t kLargest = ~uint32_t{0};

// Appends all numbers from `first` on; pieces that lead to the same are joined.
void append(std::vector<Piece>& map, uint32_t first, NodeId node, float weight) {
  if (!map.empty() && map.back().node == node) {
    map.back().weight += weight;
  } else {
    map.push_back({first, node, weight});
  }
}

constexpr float kUnlistedWeight = 1;

// What lies between two calls of rules.
class Gaps {
 public:
  Gaps(const Resolved& resolved, arch::ArchId id, Unlisted unlisted) : unlisted_(unlisted) {
    if (!resolved.written_for) return;
    release_ = *resolved.written_for;
    limited_ = true;
    highest_ = highest_number_at(id, release_);
    calls_ = arch::all_syscalls(id);
  }

  // Numbers from first to last, both included.
  void add(std::vector<Piece>& map, uint32_t first, uint32_t last) {
    if (!limited_) {
      append(map, first, unlisted_.known, kUnlistedWeight);
      return;
    }
    // The answer may change at each call the data know, behind it, behind the highest of that release, and at
    // -1.
    auto call = std::lower_bound(calls_.begin(), calls_.end(), first,
                                 [](const arch::Syscall& a, uint32_t number) { return a.number < number; });
    uint32_t at = first;
    for (;;) {
      while (call != calls_.end() && call->number < at) ++call;
      uint32_t end = last;  // the last number with the same answer, as far as is known
      const auto ends_at = [&](int64_t candidate) {
        if (candidate >= at && candidate < end) end = static_cast<uint32_t>(candidate);
      };
      NodeId node = unlisted_.known;
      if (at == kSkipped) {
        node = unlisted_.known;
      } else if (call != calls_.end() && call->number == at) {
        const bool later = call->since.known() ? call->since > release_ : at > highest_;
        node = later ? unlisted_.later : unlisted_.known;
        ends_at(at);
      } else {
        node = at > highest_ ? unlisted_.later : unlisted_.known;
        if (call != calls_.end()) ends_at(int64_t{call->number} - 1);
        ends_at(highest_);
        ends_at(int64_t{kSkipped} - 1);
      }
      append(map, at, node, kUnlistedWeight);
      if (end == last) return;
      at = end + 1;
    }
  }

 private:
  Unlisted unlisted_;
  bool limited_ = false;
  arch::KernelVersion release_;
  int64_t highest_ = -1;
  std::vector<arch::Syscall> calls_;
};

}  // namespace

std::vector<Piece> number_map(const Resolved& resolved, const Table& table,
                              const std::vector<RuleNode>& rules, Unlisted unlisted) {
  std::vector<Piece> map;
  map.reserve(table.calls.size() / 2 + 16);
  Gaps gaps(resolved, table.id, unlisted);
  uint64_t next = 0;  // the first number not spoken of yet
  for (const NumberedRule& call : table.calls) {
    if (call.number > next) gaps.add(map, static_cast<uint32_t>(next), call.number - 1);
    append(map, call.number, rules[call.rule].node, rules[call.rule].weight);
    next = uint64_t{call.number} + 1;
  }
  if (next <= kLargest) gaps.add(map, static_cast<uint32_t>(next), kLargest);
  return map;
}

const Piece& piece_at(const std::vector<Piece>& map, uint32_t number) {
  const auto behind = std::upper_bound(map.begin(), map.end(), number,
                                       [](uint32_t n, const Piece& piece) { return n < piece.first; });
  return behind[-1];
}

std::vector<Piece> overlay(const std::vector<Piece>& otherwise, const std::vector<Piece>& map, uint32_t first,
                           uint32_t last) {
  std::vector<Piece> all;
  all.reserve(otherwise.size() + map.size() + 2);
  for (const Piece& piece : otherwise) {
    if (piece.first >= first) break;
    append(all, piece.first, piece.node, piece.weight);
  }
  for (size_t i = 0; i < map.size(); ++i) {
    if (map[i].first > last || (i + 1 < map.size() && map[i + 1].first <= first)) continue;
    append(all, std::max(first, map[i].first), map[i].node, map[i].weight);
  }
  if (last == kLargest) return all;
  for (size_t i = 0; i < otherwise.size(); ++i) {
    if (i + 1 < otherwise.size() && otherwise[i + 1].first <= last + 1) continue;
    append(all, std::max(last + 1, otherwise[i].first), otherwise[i].node, otherwise[i].weight);
  }
  return all;
}

}  // namespace stile::filter
