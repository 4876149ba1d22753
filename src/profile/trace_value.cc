// SPDX-License-Identifier: Apache-2.0
//
// Traces as values: words, what is recorded of arguments, merging.
#include <algorithm>

#include <fmt/format.h>

#include <stile/trace.h>

namespace stile {
namespace {

template <typename Kind>
struct Word {
  Kind kind;
  std::string_view text;
};

constexpr Word<TraceBy> kBy[] = {
    {TraceBy::Executable, "program"},
    {TraceBy::Process, "process"},
    {TraceBy::Thread, "thread"},
    {TraceBy::Comm, "comm"},
};

constexpr Word<TraceTimes> kTimes[] = {
    {TraceTimes::None, "none"},
    {TraceTimes::Sampled, "sampled"},
    {TraceTimes::All, "all"},
};

constexpr Word<Unseen> kUnseen[] = {
    {Unseen::Allow, "allow"},
    {Unseen::Log, "log"},
    {Unseen::Errno, "errno"},
};

template <typename Kind, size_t N>
std::optional<Kind> kind_of(const Word<Kind> (&words)[N], std::string_view text) {
  for (const auto& word : words) {
    if (word.text == text) return word.kind;
  }
  return std::nullopt;
}

// Where a filter could make a difference by it, and few values are usual. All are 32 bits wide in the kernel,
// or have no meaning above.
constexpr struct {
  std::string_view call;
  uint8_t arg;
} kArguments[] = {
    {"clone", 0},         {"fcntl", 1},    {"fcntl64", 1}, {"ioctl", 1},      {"mmap", 2},
    {"mmap2", 2},         {"mprotect", 2}, {"open", 1},    {"openat", 2},     {"personality", 0},
    {"pkey_mprotect", 2}, {"prctl", 0},    {"socket", 0},  {"socketpair", 0}, {"unshare", 0},
};

void add(CallCount& to, const CallCount& from) {
  to.calls += from.calls;
  to.errors += from.errors;
  if (from.returned != 0) {
    to.shortest = to.returned == 0 ? from.shortest : std::min(to.shortest, from.shortest);
    to.longest = std::max(to.longest, from.longest);
    to.returned += from.returned;
    to.nanoseconds += from.nanoseconds;
    to.estimated += from.estimated;
  }
  if (!from.argument) return;
  if (!to.argument) {
    to.argument = from.argument;
    return;
  }
  to.argument->values.insert(from.argument->values.begin(), from.argument->values.end());
  to.argument->incomplete |= from.argument->incomplete;
  if (to.argument->values.size() <= kMaxArgumentValues) return;
  to.argument->incomplete = true;
  to.argument->values.erase(std::next(to.argument->values.begin(), kMaxArgumentValues),
                            to.argument->values.end());
}

auto identity(const TraceGroup& group) {
  return std::tie(group.program, group.pid, group.tid, group.comm);
}

auto order(const TraceGroup& group) {
  return std::make_tuple(!group.main, std::cref(group.program), group.pid, group.tid, std::cref(group.comm));
}

// A run that recorded no argument of a call says that any may be needed.
void add_run(CallCount& to, const CallCount& run) {
  const bool recorded = to.argument.has_value() && run.argument.has_value();
  add(to, run);
  if (!recorded && to.argument) to.argument->incomplete = true;
  to.runs += run.runs;
}

}  // namespace

std::string_view to_string(TraceBy by) {
  for (const auto& word : kBy) {
    if (word.kind == by) return word.text;
  }
  return "?";
}

std::optional<TraceBy> trace_by_from(std::string_view text) {
  return kind_of(kBy, text);
}

std::optional<TraceTimes> trace_times_from(std::string_view text) {
  return kind_of(kTimes, text);
}

std::optional<Unseen> unseen_from(std::string_view text) {
  return kind_of(kUnseen, text);
}

std::optional<uint8_t> traced_argument(std::string_view call) {
  for (const auto& one : kArguments) {
    if (one.call == call) return one.arg;
  }
  return std::nullopt;
}

Result<void> merge(Trace& into, const Trace& run) {
  if (into.by != run.by) {
    return fail(Code::Usage, fmt::format("a trace by {} and one by {} cannot be added", to_string(into.by),
                                         to_string(run.by)));
  }
  if (into.by == TraceBy::Process || into.by == TraceBy::Thread) {
    return fail(Code::Usage, fmt::format("traces by {} cannot be added", to_string(into.by)), {},
                "trace by program or comm: numbers of processes mean nothing in another run");
  }
  if (into.backend.find(run.backend) == std::string::npos) into.backend += "," + run.backend;
  into.results &= run.results;
  into.times &= run.times;
  into.complete &= run.complete;
  into.hidden |= run.hidden;
  into.runs += run.runs;
  into.nanoseconds += run.nanoseconds;
  into.lost += run.lost;
  for (const TraceGroup& group : run.groups) {
    const auto known = std::find_if(into.groups.begin(), into.groups.end(),
                                    [&](const TraceGroup& one) { return identity(one) == identity(group); });
    if (known == into.groups.end()) {
      into.groups.push_back(group);
      continue;
    }
    known->main |= group.main;
    for (const auto& [key, count] : group.calls) {
      const auto [at, fresh] = known->calls.try_emplace(key, count);
      if (!fresh) add_run(at->second, count);
    }
  }
  std::sort(into.groups.begin(), into.groups.end(),
            [](const TraceGroup& a, const TraceGroup& b) { return order(a) < order(b); });
  return {};
}

std::map<CallKey, CallCount> total(const Trace& trace) {
  std::map<CallKey, CallCount> sum;
  for (const TraceGroup& group : trace.groups) {
    for (const auto& [key, count] : group.calls) {
      const auto [at, fresh] = sum.try_emplace(key, count);
      if (fresh) continue;
      add(at->second, count);
      // The same runs, most likely.
      at->second.runs = std::max(at->second.runs, count.runs);
    }
  }
  return sum;
}

}  // namespace stile
