// SPDX-License-Identifier: Apache-2.0
//
// Tracing by ptrace(2): every call stops its thread twice. Slow, and it works everywhere, for processes that
// run already too.
//
// waitpid is asked for the tracing thread's own children alone (__WNOTHREAD), which is why that is a thread
// of its own: other children of the process are left to whoever started them. A small child, the bell, wakes
// it: nothing else ends a waitpid without signals to handlers that are not ours.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/ptrace_tracer.h"
#include "live/trace_start.h"

namespace stile::live {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// A child whose end is the signal.
class Bell {
 public:
  // To be made by the thread that is to be woken.
  Result<void> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      return fail(Code::Io, fmt::format("no pipe can be made: {}", std::strerror(errno)));
    const Descriptor theirs(ends[0]);
    cord_ = Descriptor(ends[1]);
    pid_ = static_cast<int>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (pid_ < 0) return fail(Code::Io, fmt::format("no process can be made: {}", std::strerror(errno)));
    if (pid_ == 0) {
      ::close(ends[1]);
      char byte;
      while (::read(ends[0], &byte, 1) < 0 && errno == EINTR) {
      }
      ::_exit(0);
    }
    return {};
  }
  int pid() const { return pid_; }
  // By any thread.
  void ring() {
    if (!rung_.exchange(true)) cord_ = Descriptor();
  }
  bool rung() const { return rung_; }

 private:
  int pid_ = -1;
  Descriptor cord_;
  std::atomic<bool> rung_{false};
};

struct Shared {
  Bell bell;
  std::atomic<int> pidfd{-1};  // of the command while it runs
  std::atomic<bool> finished{false};
  Descriptor done{::eventfd(0, EFD_CLOEXEC)};
  Descriptor ready{::eventfd(0, EFD_CLOEXEC)};  // the bell hangs
};

void tell(const Descriptor& event) {
  const uint64_t one = 1;
  while (::write(event.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

// What the tracing thread does.
Result<TraceRun> work(const Tracing& tracing, const SignalsHeld& signals, Shared& shared) {
  if (auto made = shared.bell.make(); !made) {
    tell(shared.ready);
    return tl::unexpected(made.error());
  }
  tell(shared.ready);
  PtraceTracer tracer(tracing.options.by, tracing.options.args);
  Started started;
  if (tracing.command != nullptr) {
    auto child = start_command(*tracing.command, signals.before());
    if (!child) return tl::unexpected(child.error());
    started = std::move(*child);
    if (auto seized = tracer.seize_command(started.pid); !seized) {
      started.gate = Descriptor();
      wait_for(started.pidfd.get());
      return tl::unexpected(seized.error());
    }
    shared.pidfd = started.pidfd.get();
    started.let_go();
  } else if (auto seized = tracer.seize_process(tracing.options.pid); !seized) {
    return tl::unexpected(seized.error());
  }
  const uint64_t start = now();
  uint64_t told = start;
  while (tracer.threads() != 0) {
    int status = 0;
    const pid_t tid = ::waitpid(-1, &status, __WALL | __WNOTHREAD);
    if (tid < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (tid == shared.bell.pid()) break;
    tracer.event(tid, status);
    if (tracer.command_status()) shared.pidfd = -1;
    const uint64_t time = tracer.last_time();
    if (tracing.options.on_progress && time - told >= kSecond) {
      told = time;
      tracing.progress(tracer.counts().progress());
    }
  }
  TraceRun run;
  run.trace = tracer.counts().finish();
  run.trace.backend = "ptrace";
  run.trace.nanoseconds = now() - start;
  run.status = tracer.command_status().value_or(0);
  shared.pidfd = -1;
  if (tracing.command != nullptr && started.shared->get()->failed == Stage::Exec &&
      started.shared->get()->error != ENOEXEC) {
    return tl::unexpected(exec_error(tracing.command->path, started.shared->get()->error));
  }
  return run;
}

}  // namespace

Result<TraceRun> trace_by_ptrace(const Tracing& tracing) {
  const SignalsHeld signals;
  Shared shared;
  Result<TraceRun> result = fail(Code::Io, "the tracing thread did not start");
  std::thread thread([&] {
    result = work(tracing, signals, shared);
    shared.finished = true;
    tell(shared.done);
  });
  uint64_t count = 0;
  while (::read(shared.ready.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
  const uint64_t start = now();
  const uint64_t limit = tracing.options.stop_after;
  while (!shared.finished) {
    timespec time{};
    const timespec* wait = nullptr;
    if (limit != 0 && !shared.bell.rung()) {
      const uint64_t passed = now() - start;
      const uint64_t left = passed < limit ? limit - passed : 0;
      time = {static_cast<time_t>(left / kSecond), static_cast<long>(left % kSecond)};
      wait = &time;
    }
    pollfd waits[2] = {{signals.fd(), POLLIN, 0}, {shared.done.get(), POLLIN, 0}};
    const int ready = ::ppoll(waits, 2, wait, nullptr);
    if (ready == 0) shared.bell.ring();
    if (ready > 0 && (waits[0].revents & POLLIN) != 0 && signals.take(shared.pidfd)) shared.bell.ring();
  }
  thread.join();
  shared.bell.ring();
  if (shared.bell.pid() > 0) ::waitpid(shared.bell.pid(), nullptr, __WALL);
  return result;
}

}  // namespace stile::live
