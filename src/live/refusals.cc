// SPDX-License-Identifier: Apache-2.0
#include "live/refusals.h"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include "live/describe_call.h"
#include "live/system.h"

namespace stile::live {

namespace {

// A program may make calls from code it writes itself, at ever new places: beyond this they are counted as
// one.
constexpr size_t kMostPlaces = 10000;
constexpr size_t kMostMappings = 1024;

std::string executable_of(int tid) {
  char text[4096];
  const ssize_t length = ::readlink(fmt::format("/proc/{}/exe", tid).c_str(), text, sizeof text);
  return length > 0 ? std::string(text, static_cast<size_t>(length)) : std::string();
}

std::string command_of(int tid) {
  std::string name = read_small_file(fmt::format("/proc/{}/comm", tid), 64);
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

}  // namespace

const std::vector<Mapping>& Refusals::mappings_of(int tid, uint64_t pc) {
  const ThreadPlace place{tid, pc, executable_of(tid)};
  const auto known = mappings_.find(place);
  if (known != mappings_.end()) return known->second;
  if (mappings_.size() >= kMostMappings) mappings_.clear();
  return mappings_[place] = executable_mappings(tid);
}

Refusal* Refusals::add(int tid, const Event& event, Action action,
                       const std::function<bool()>& still_waiting) {
  ++total_;
  const std::vector<Mapping>& mappings = mappings_of(tid, event.instruction_pointer);
  const CallSite call = stacks_.site(tid, mappings, event.instruction_pointer);
  Key key{event.arch, event.number, call.site.module != nullptr ? call.site.module->id : 0, call.site.address,
          call.caller};
  const bool waited = still_waiting();
  if (!waited || (list_.size() >= kMostPlaces && !known_.contains(key))) {
    // Killed in between, or one place too many: counted with any other of the same call.
    const auto similar = known_.lower_bound(Key{event.arch, event.number, 0, 0, 0});
    const bool found = similar != known_.end() && std::get<0>(similar->first) == event.arch &&
                       std::get<1>(similar->first) == event.number;
    key = found ? similar->first : Key{event.arch, event.number, 0, 0, 0};
  }
  if (const auto known = known_.find(key); known != known_.end()) {
    ++list_[known->second].count;
    return nullptr;
  }
  known_[key] = list_.size();
  Refusal refusal;
  refusal.pid = tid;
  refusal.event = event;
  refusal.action = action;
  if (waited) {
    refusal.command = command_of(tid);
    refusal.call = describe_call(
        event, [tid](uint64_t address, size_t length) { return read_memory(tid, address, length); });
    // Read again: callers may lie in libraries that were loaded since this instruction was first seen.
    refusal.stack = stacks_.frames(tid, executable_mappings(tid), event.instruction_pointer);
  }
  if (!waited || !still_waiting()) {
    refusal.command.clear();
    refusal.stack.clear();
    refusal.call = describe_call(event, [](uint64_t, size_t) { return std::string(); });
  }
  list_.push_back(std::move(refusal));
  return &list_.back();
}

std::vector<Refusal> Refusals::take() {
  std::stable_sort(list_.begin(), list_.end(),
                   [](const Refusal& a, const Refusal& b) { return a.count > b.count; });
  known_.clear();
  return std::move(list_);
}

}  // namespace stile::live
