// SPDX-License-Identifier: Apache-2.0
//
// The tracer's side of the eBPF backend: it starts the counting, waits, and reads the counters once.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "live/ebpf.h"
#include "live/trace_start.h"

namespace stile::live {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

struct Watched {
  int pid = 0;
  int pidfd = -1;
  bool command = false;  // else a process that ran already
};

// Until all that is followed has ended, or the end is asked for. The command's status, if it has ended.
std::optional<int> watch(Ebpf& ebpf, const Watched& watched, const SignalsHeld& signals,
                         const Tracing& tracing) {
  const uint64_t start = now();
  uint64_t told = start;
  bool ended = false;
  std::optional<int> status;
  for (;;) {
    // The programs in the kernel wake nobody; what outlives the command is looked for now and then.
    if (ended && ebpf.live() == 0) return status;
    uint64_t wait = ended ? kSecond / 100 : kSecond;
    if (tracing.options.stop_after != 0) {
      const uint64_t passed = now() - start;
      if (passed >= tracing.options.stop_after) return status;
      wait = std::min(wait, tracing.options.stop_after - passed);
    }
    pollfd waits[2] = {{signals.fd(), POLLIN, 0}, {ended ? -1 : watched.pidfd, POLLIN, 0}};
    const timespec time{static_cast<time_t>(wait / kSecond), static_cast<long>(wait % kSecond)};
    if (::ppoll(waits, 2, &time, nullptr) < 0 && errno != EINTR) return status;
    if ((waits[0].revents & POLLIN) != 0 && signals.take(watched.command && !ended ? watched.pidfd : -1))
      return status;
    if (waits[1].revents != 0) {
      ended = true;
      if (watched.command)
        status = wait_for(watched.pidfd);
      else
        ebpf.forget_process(watched.pid);
    }
    if (tracing.options.on_progress && now() - told >= kSecond) {
      told = now();
      tracing.progress(ebpf.progress());
    }
  }
}

}  // namespace

Result<TraceRun> trace_by_ebpf(const Tracing& tracing) {
  const TraceOptions& options = tracing.options;
  const bpf::Shape shape{options.by, options.args, tracing.command == nullptr, options.times};
  auto ebpf = Ebpf::start(shape);
  if (!ebpf) return tl::unexpected(ebpf.error());
  const SignalsHeld signals;
  Watched watched;
  Started started;
  Descriptor other;
  if (tracing.command != nullptr) {
    auto child = start_command(*tracing.command, signals.before());
    if (!child) return tl::unexpected(child.error());
    started = std::move(*child);
    watched = {started.pid, started.pidfd.get(), true};
    if (auto done = (*ebpf)->follow_child(watched.pidfd); !done) {
      started.gate = Descriptor();
      wait_for(watched.pidfd);
      return tl::unexpected(done.error());
    }
    started.let_go();
  } else {
    other = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, options.pid, 0)));
    if (!other)
      return fail(Code::Io,
                  fmt::format("process {} cannot be watched: {}", options.pid, std::strerror(errno)));
    watched = {options.pid, other.get(), false};
    if (auto done = (*ebpf)->follow_process(options.pid, program_of(options.pid)); !done)
      return tl::unexpected(done.error());
  }
  const uint64_t start = now();
  const auto status = watch(**ebpf, watched, signals, tracing);
  const uint64_t took = now() - start;
  auto counts = (*ebpf)->collect();
  if (!counts) return tl::unexpected(counts.error());
  if (tracing.command != nullptr && started.shared->get()->failed == Stage::Exec &&
      started.shared->get()->error != ENOEXEC) {
    return tl::unexpected(exec_error(tracing.command->path, started.shared->get()->error));
  }
  TraceRun run;
  run.trace = counts->finish();
  run.trace.backend = "ebpf";
  run.trace.times = options.times != TraceTimes::None;
  run.trace.nanoseconds = took;
  run.status = status.value_or(0);
  return run;
}

}  // namespace stile::live
