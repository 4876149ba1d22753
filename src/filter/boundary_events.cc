// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <stile/filter.h>

#include "filter/numbers.h"

namespace stile {
namespace {

using namespace filter;

constexpr size_t kMaxEventsPerCall = 2048;
constexpr uint32_t kX32Bit = 0x40000000;

using Values = std::array<std::vector<uint64_t>, 6>;

void add_values(Values& values, const Rule& rule) {
  for (const Case& one : rule.cases) {
    std::array<bool, 6> tested{};
    for (const auto& alternative : one.when.any) {
      for (const Test& test : alternative) {
        if (test.arg < tested.size()) tested[test.arg] = true;
      }
    }
    for (uint8_t arg = 0; arg < tested.size(); ++arg) {
      if (!tested[arg]) continue;
      const std::vector<uint64_t> more = boundary_values(one.when, arg);
      values[arg].insert(values[arg].end(), more.begin(), more.end());
    }
  }
}

// All combinations of values where they are few; else each value of each argument beside varying others.
void add_combinations(std::vector<Event>& events, Event event, Values values) {
  size_t product = 1;
  for (std::vector<uint64_t>& list : values) {
    if (list.empty()) list.push_back(0);
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    product = std::min(kMaxEventsPerCall + 1, product * list.size());
  }
  if (product <= kMaxEventsPerCall) {
    for (size_t i = 0; i < product; ++i) {
      size_t rest = i;
      for (size_t arg = 0; arg < 6; ++arg) {
        event.args[arg] = values[arg][rest % values[arg].size()];
        rest /= values[arg].size();
      }
      events.push_back(event);
    }
    return;
  }
  uint64_t state = 88172645463325252U;  // xorshift64: the same values every time
  const auto pick = [&state](const std::vector<uint64_t>& list) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return list[state % list.size()];
  };
  size_t total = 0;
  for (const auto& list : values) total += list.size();
  const size_t each = std::max<size_t>(1, kMaxEventsPerCall / total);
  for (size_t fixed = 0; fixed < 6; ++fixed) {
    for (const uint64_t value : values[fixed]) {
      for (size_t i = 0; i < each; ++i) {
        for (size_t arg = 0; arg < 6; ++arg) event.args[arg] = arg == fixed ? value : pick(values[arg]);
        events.push_back(event);
      }
    }
  }
}

}  // namespace

std::vector<Event> boundary_events(std::span<const Profile* const> profiles) {
  std::set<arch::ArchId> arches;
  for (const Profile* profile : profiles) {
    for (const std::string& name : arches_of(*profile)) {
      if (const auto id = arch::arch_by_name(name)) arches.insert(*id);
    }
  }

  std::map<std::pair<uint32_t, uint32_t>, Values> calls;  // by audit architecture and number
  constexpr uint32_t kNoArch = 0x7fffffff;
  for (const uint32_t number : {0U, 1U, kX32Bit, kSkipped}) calls[{kNoArch, number}];
  for (const arch::ArchId id : arches) {
    const uint32_t audit = arch::arch_info(id).audit_arch;
    const auto add = [&](uint32_t number) {
      for (const uint32_t near : {number - 1, number, number + 1}) {
        calls[{audit, near}];
        calls[{audit, near ^ kX32Bit}];
      }
    };
    const std::vector<arch::Syscall> all = arch::all_syscalls(id);
    for (const uint32_t number : {0U, kX32Bit, 2 * kX32Bit, 3 * kX32Bit, kSkipped}) add(number);
    if (!all.empty()) add(all.back().number);
    for (const Profile* profile : profiles) {
      for (const auto& [key, rule] : profile->rules) {
        std::optional<uint32_t> number = number_from_key(key);
        if (!number) number = arch::syscall_number(id, key);
        if (!number) continue;
        add(*number);
        add_values(calls[{audit, *number}], rule);
      }
      if (const auto release = release_from(profile->written_for)) {
        const int64_t highest = highest_number_at(id, *release);
        if (highest >= 0) add(static_cast<uint32_t>(highest));
        for (const arch::Syscall& call : all) {
          if (call.since > *release) add(call.number);
        }
      }
    }
  }

  std::vector<Event> events;
  for (auto& [call, values] : calls) {
    Event event;
    event.arch = call.first;
    event.number = call.second;
    add_combinations(events, event, std::move(values));
  }
  return events;
}

}  // namespace stile
