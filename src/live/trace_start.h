// SPDX-License-Identifier: Apache-2.0
//
// What the tracing backends have in common: a command that waits to be let go, signals that are passed on, a
// status.
#pragma once

#include <csignal>

#include <functional>
#include <memory>

#include <stile/trace.h>

#include "live/command.h"
#include "live/system.h"

namespace stile::live {

// Memory shared with a child until it executes the command.
class SharedMemory {
 public:
  SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();
  Progress* get() const { return progress_; }

 private:
  Progress* progress_ = nullptr;
};

// Blocks forwarded_signals() in this thread, and receives them. The mask it found comes back in the end.
class SignalsHeld {
 public:
  SignalsHeld();
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld();
  int fd() const { return fd_.get(); }
  const sigset_t& before() const { return before_; }
  // Takes one. True: it asks for the end of tracing. With a command that runs (`pidfd` not -1) it is passed
  // on instead, if somebody sent it: a terminal sends its own to the command as well.
  bool take(int pidfd) const;

 private:
  sigset_t before_{};
  Descriptor fd_;
};

// A child that executes the command as soon as it is let go. Its calls up to then are no business of the
// trace.
struct Started {
  int pid = 0;
  Descriptor pidfd;
  Descriptor gate;  // one byte lets it go; closed, it ends
  std::unique_ptr<SharedMemory> shared;
  void let_go() const;
};
Result<Started> start_command(const Command& command, const sigset_t& mask);

// What a shell would say of a child that has ended; nothing if somebody else took its status.
std::optional<int> shell_status(const siginfo_t& info);
std::optional<int> wait_for(int pidfd);

// What a backend is asked to do, checked, with the command found.
struct Tracing {
  const TraceOptions& options;
  const Command* command = nullptr;                    // null: options.pid
  std::function<void(const TraceProgress&)> progress;  // as options.on_progress, or does nothing
};

Result<TraceRun> trace_by_ebpf(const Tracing& tracing);
Result<TraceRun> trace_by_ptrace(const Tracing& tracing);
Result<TraceRun> trace_by_notification(const Tracing& tracing);

// Nanoseconds of a clock that only goes forward.
uint64_t now();

}  // namespace stile::live
