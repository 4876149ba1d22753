// SPDX-License-Identifier: Apache-2.0
#include "filter/lift_table.h"

#include <algorithm>

#include "arch/syscalls.h"
#include "filter/opcodes.h"

namespace stile::filter {
namespace {

// All numbers that a table of this architecture has, and those between and shortly behind them.
void add_known_numbers(std::vector<uint32_t>& points, uint32_t audit_arch) {
  constexpr uint64_t kHole = 512, kBehind = 128;
  for (const arch::ArchInfo& info : arch::all_archs()) {
    if (info.audit_arch != audit_arch) continue;
    const std::vector<arch::Syscall> calls = arch::all_syscalls(info.id);
    for (size_t i = 0; i < calls.size(); ++i) {
      const uint64_t from = calls[i].number;
      uint64_t to = from + kBehind;
      if (i + 1 < calls.size() && calls[i + 1].number - from <= kHole) to = calls[i + 1].number - uint64_t{1};
      for (uint64_t number = from; number <= to && number <= UINT32_MAX; ++number)
        points.push_back(static_cast<uint32_t>(number));
    }
  }
}

}  // namespace

size_t LiftTable::at(uint32_t number) const {
  const auto at = std::upper_bound(stretches_.begin(), stretches_.end(), number,
                                   [](uint32_t n, const Stretch& s) { return n < s.first; });
  return std::prev(at)->decision;
}

std::vector<Stretch> LiftTable::between(uint32_t first, uint32_t last) const {
  std::vector<Stretch> out;
  for (const Stretch& stretch : stretches_) {
    if (stretch.last < first || stretch.first > last) continue;
    out.push_back({std::max(stretch.first, first), std::min(stretch.last, last), stretch.decision});
  }
  return out;
}

size_t LiftTable::widest() const {
  std::map<size_t, uint64_t> sizes;
  for (const Stretch& stretch : stretches_)
    sizes[stretch.decision] += uint64_t{stretch.last} - stretch.first + 1;
  return std::max_element(sizes.begin(), sizes.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

size_t LiftTables::intern(Decision decision) {
  const auto at = std::find(decisions_.begin(), decisions_.end(), decision);
  if (at != decisions_.end()) return static_cast<size_t>(at - decisions_.begin());
  decisions_.push_back(std::move(decision));
  return decisions_.size() - 1;
}

Result<size_t> LiftTables::decide(uint32_t audit_arch, uint32_t number) {
  auto leaves = walk(program_, audit_arch, number, budget_);
  if (!leaves) return tl::unexpected(leaves.error());
  const bool big_endian = is_big_endian(audit_arch);
  const auto key = std::make_pair(big_endian && !leaves->front().tests.empty(), std::move(*leaves));
  if (const auto at = seen_.find(key); at != seen_.end()) return at->second;
  auto decision = decision_from(key.second, big_endian);
  if (!decision) return tl::unexpected(decision.error());
  return seen_[key] = intern(std::move(*decision));
}

Result<LiftTable> LiftTables::table(uint32_t audit_arch) {
  bool sampled = false;
  auto table = at_points(audit_arch, points_, sampled);
  if (!table || !sampled) return table;
  // The program calculates with the number: neighbours may differ anywhere, so all that have a name are
  // looked at.
  std::vector<uint32_t> points = points_;
  add_known_numbers(points, audit_arch);
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  sampled = false;
  table = at_points(audit_arch, points, sampled);
  numbers_sampled_ |= sampled;
  return table;
}

Result<LiftTable> LiftTables::at_points(uint32_t audit_arch, const std::vector<uint32_t>& points,
                                        bool& sampled) {
  std::vector<Stretch> stretches;
  for (size_t i = 0; i < points.size(); ++i) {
    budget_.number_arithmetic = false;
    const auto decision = decide(audit_arch, points[i]);
    if (!decision) return tl::unexpected(decision.error());
    const uint32_t last = i + 1 < points.size() ? points[i + 1] - 1 : UINT32_MAX;
    sampled |= budget_.number_arithmetic && last != points[i];
    if (!stretches.empty() && stretches.back().decision == *decision) {
      stretches.back().last = last;
    } else {
      stretches.push_back({points[i], last, *decision});
    }
  }
  return LiftTable(std::move(stretches));
}

}  // namespace stile::filter
