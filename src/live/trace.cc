// SPDX-License-Identifier: Apache-2.0
//
// trace(): checks what is asked, and finds a backend that can do it.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stile/trace.h>

#include "live/trace_counts.h"
#include "live/trace_start.h"

namespace stile {

namespace {

constexpr struct {
  TraceBackend backend;
  std::string_view text;
} kBackends[] = {{TraceBackend::Auto, "auto"},
                 {TraceBackend::Ebpf, "ebpf"},
                 {TraceBackend::Notify, "notify"},
                 {TraceBackend::Ptrace, "ptrace"}};

Result<void> check(const TraceOptions& options) {
  const bool pid = options.pid != 0;
  if (pid == !options.command.empty())
    return fail(Code::Usage, "a command or a process is needed, and not both", {},
                "stile trace -- ./app, or stile trace --pid 1234");
  if (options.pid < 0) return fail(Code::Usage, fmt::format("{} is no process", options.pid));
  if (!pid && options.stop_after != 0)
    return fail(Code::Usage, "only the tracing of a process that runs already can stop before it ends");
  if (pid && ::kill(options.pid, 0) != 0 && errno == ESRCH)
    return fail(Code::Usage, fmt::format("there is no process {}", options.pid));
  if (pid && (options.backend == TraceBackend::Notify || options.baseline != nullptr)) {
    return fail(Code::Usage, "a process that runs already cannot be given a filter from outside", {},
                "start it under stile trace, or use another backend and no baseline");
  }
  if (options.baseline != nullptr &&
      (options.backend == TraceBackend::Ebpf || options.backend == TraceBackend::Ptrace)) {
    return fail(Code::Usage, "a baseline needs the backend notify");
  }
  return {};
}

Result<TraceRun> by_backend(TraceBackend backend, const live::Tracing& tracing) {
  switch (backend) {
    case TraceBackend::Ebpf:
      return live::trace_by_ebpf(tracing);
    case TraceBackend::Notify:
      return live::trace_by_notification(tracing);
    default:
      return live::trace_by_ptrace(tracing);
  }
}

std::string_view name_of(TraceBackend backend) {
  for (const auto& one : kBackends) {
    if (one.backend == backend) return one.text;
  }
  return "?";
}

// In the order of what they cost. A notification tells nothing of results, so it is taken only where it is
// asked for or needed.
std::vector<TraceBackend> candidates(const TraceOptions& options) {
  if (options.baseline != nullptr) return {TraceBackend::Notify};
  if (options.backend != TraceBackend::Auto) return {options.backend};
  if (options.pid != 0) return {TraceBackend::Ebpf, TraceBackend::Ptrace};
  return {TraceBackend::Ebpf, TraceBackend::Notify, TraceBackend::Ptrace};
}

// Programs whose set-user-ID or set-group-ID the kernel ignored: with no_new_privs, which a filter needs, and
// under a tracer that could not gain them itself (bprm_fill_uid and cap_bprm_creds_from_file).
std::set<std::string> without_their_rights(const Trace& trace) {
  std::set<std::string> found;
  if (trace.backend == "ebpf" || (trace.backend == "ptrace" && ::geteuid() == 0)) return found;
  for (const TraceGroup& group : trace.groups) {
    struct stat file {};
    if (group.program.empty() || ::stat(group.program.c_str(), &file) != 0) continue;
    const bool user = (file.st_mode & S_ISUID) != 0 && file.st_uid != ::geteuid();
    const bool other =
        (file.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && file.st_gid != ::getegid();
    if (user || other) found.insert(group.program);
  }
  return found;
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace

std::optional<TraceBackend> trace_backend_from(std::string_view text) {
  for (const auto& one : kBackends) {
    if (one.text == text) return one.backend;
  }
  return std::nullopt;
}

Result<TraceRun> trace(const TraceOptions& options) {
  if (auto good = check(options); !good) return tl::unexpected(good.error());
  live::Command command;
  if (options.pid == 0) {
    if (auto found = live::find_command(options.command, command); !found)
      return tl::unexpected(found.error());
  }
  live::Tracing tracing{options, options.pid == 0 ? &command : nullptr,
                        [&options](const TraceProgress& progress) {
                          if (options.on_progress) options.on_progress(progress);
                        }};
  const auto note = [&](const std::string& text) {
    if (options.on_note) options.on_note(text);
  };
  const auto backends = candidates(options);
  for (size_t i = 0; i < backends.size(); ++i) {
    auto run = by_backend(backends[i], tracing);
    // Unsupported comes before the command was started.
    if (!run && run.error().code == Code::Unsupported && i + 1 < backends.size()) {
      note(fmt::format("the backend {} cannot be had: {}", name_of(backends[i]), run.error().message));
      continue;
    }
    if (!run) return run;
    run->trace.command = options.command;
    const std::string line =
        options.command.empty() ? fmt::format("process {}", options.pid) : joined(options.command);
    for (TraceGroup& group : run->trace.groups) {
      for (auto& [key, count] : group.calls) count.first_seen = line;
    }
    for (const std::string& program : without_their_rights(run->trace)) {
      note(fmt::format("{} is a setuid or setgid program: under the backend {} it ran without its rights",
                       program, run->trace.backend));
    }
    return run;
  }
  return fail(Code::Unsupported, "there is no backend");
}

}  // namespace stile
