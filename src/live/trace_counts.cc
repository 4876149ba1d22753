// SPDX-License-Identifier: Apache-2.0
#include "live/trace_counts.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <unistd.h>

#include "arch/syscalls.h"
#include "live/system.h"

namespace stile::live {

namespace {

CallKey key_of(const TraceCounts::Call& call) {
  const auto arch = arch::arch_by_audit(call.audit_arch, call.number);
  if (!arch) return {fmt::format("{}", call.number), fmt::format("{:#x}", call.audit_arch)};
  const auto name = arch::syscall_name(*arch, call.number);
  return {name ? std::string(*name) : fmt::format("{}", call.number),
          std::string(arch::arch_info(*arch).name)};
}

void add_times(CallCount& to, const CallCount& from) {
  if (from.returned == 0) return;
  to.shortest = to.returned == 0 ? from.shortest : std::min(to.shortest, from.shortest);
  to.longest = std::max(to.longest, from.longest);
  to.returned += from.returned;
  to.nanoseconds += from.nanoseconds;
  to.estimated += from.estimated;
}

}  // namespace

uint32_t TraceCounts::group(const Group& group) {
  Group kept = group;
  if (by_ != TraceBy::Process && by_ != TraceBy::Thread) kept.pid = 0;
  if (by_ != TraceBy::Thread) kept.tid = 0;
  if (by_ == TraceBy::Executable) kept.comm.clear();
  // The name of a process or thread is for people and may change; what it runs and its number tell it apart.
  const std::string told_by = by_ == TraceBy::Comm ? kept.comm : std::string();
  const auto [at, fresh] = numbers_.try_emplace({kept.program, kept.pid, kept.tid, told_by},
                                                static_cast<uint32_t>(groups_.size()));
  if (fresh) groups_.push_back(std::move(kept));
  if (group.main) groups_[at->second].main = true;
  return at->second;
}

CallCount& TraceCounts::count(uint32_t group, const Call& call) {
  return counts_[{group, call}];
}

void TraceCounts::leave(uint32_t group, const Call& call, bool error, std::optional<uint64_t> nanoseconds) {
  CallCount& one = count(group, call);
  if (error) ++one.errors;
  if (!nanoseconds) return;
  CallCount took;
  took.returned = 1;
  took.nanoseconds = took.shortest = took.longest = *nanoseconds;
  add_times(one, took);
}

void TraceCounts::add(uint32_t group, const Call& call, const CallCount& from) {
  CallCount& one = count(group, call);
  one.calls += from.calls;
  one.errors += from.errors;
  add_times(one, from);
}

void TraceCounts::argument(uint32_t group, const Call& call, uint32_t value) {
  auto [at, fresh] = watched_.try_emplace(call);
  if (fresh) at->second = traced_argument(key_of(call).name);
  if (!at->second) return;
  auto& argument = count(group, call).argument;
  if (!argument) argument = ArgumentValues{*at->second, {}, false};
  if (argument->values.size() < kMaxArgumentValues || argument->values.contains(value)) {
    argument->values.insert(value);
  } else {
    argument->incomplete = true;
  }
}

void TraceCounts::arguments(uint32_t group, const Call& call, const Arguments& args) {
  auto [at, fresh] = watched_.try_emplace(call);
  if (fresh) at->second = traced_argument(key_of(call).name);
  if (at->second) argument(group, call, static_cast<uint32_t>(args[*at->second]));
}

TraceProgress TraceCounts::progress() const {
  TraceProgress progress;
  std::set<std::pair<uint32_t, uint32_t>> distinct;
  for (const auto& [key, count] : counts_) {
    progress.calls += count.calls;
    distinct.emplace(key.second.audit_arch, key.second.number);
  }
  progress.distinct = distinct.size();
  progress.lost = lost_;
  return progress;
}

Trace TraceCounts::finish() const {
  Trace trace;
  trace.by = by_;
  trace.lost = lost_;
  for (const Group& group : groups_) {
    TraceGroup one;
    one.program = group.program;
    one.main = group.main;
    one.pid = group.pid;
    one.tid = group.tid;
    one.comm = group.comm;
    trace.groups.push_back(std::move(one));
  }
  std::set<std::string> main_programs;
  for (const Group& group : groups_) {
    if (group.main) main_programs.insert(group.program);
  }
  for (TraceGroup& group : trace.groups) group.main = main_programs.contains(group.program);
  for (const auto& [key, count] : counts_) trace.groups[key.first].calls[key_of(key.second)] = count;
  std::erase_if(trace.groups, [](const TraceGroup& group) { return group.calls.empty(); });
  std::sort(trace.groups.begin(), trace.groups.end(), [](const TraceGroup& a, const TraceGroup& b) {
    return std::tie(b.main, a.program, a.pid, a.tid, a.comm) <
           std::tie(a.main, b.program, b.pid, b.tid, b.comm);
  });
  return trace;
}

std::string resolved(const std::string& path) {
  char text[PATH_MAX];
  return ::realpath(path.c_str(), text) != nullptr ? std::string(text) : path;
}

std::string program_of(int tid) {
  char text[PATH_MAX];
  const ssize_t length = ::readlink(fmt::format("/proc/{}/exe", tid).c_str(), text, sizeof text);
  return length > 0 ? std::string(text, static_cast<size_t>(length)) : std::string();
}

std::string comm_of(int tid) {
  std::string name = read_small_file(fmt::format("/proc/{}/comm", tid), 64);
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

}  // namespace stile::live
