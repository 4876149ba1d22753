// SPDX-License-Identifier: Apache-2.0
//
// The parent's side of a command under a filter: waits for it, passes signals on, and answers what the filter
// asks.
#pragma once

#include <csignal>

#include <array>

#include <stile/live.h>

#include "live/command.h"
#include "live/system.h"

namespace stile::live {

// The signals that are passed on to the command.
sigset_t forwarded_signals();

struct Supervised {
  int pid = 0;  // the command
  int pidfd = -1;
  int signals = -1;                // signalfd of forwarded_signals(), which are blocked
  int listener = -1;               // of the filter, or -1
  bool wait_killable = false;      // the filter was loaded with WAIT_KILLABLE_RECV
  bool last_exit_is_told = false;  // the listener hangs up when nobody is left under the filter (since 5.9)
  std::span<const Instruction> original;  // what the program was before notify_instead
  Progress* progress = nullptr;
  // The calls that start the command, by step - 1: execve, execve of a shell, exit_group. See Progress::step.
  std::array<Event, 3> starts;
};

// Gives when the command has ended and, with a listener, all it started. Exit status as a shell tells it.
Result<RunStatus> supervise(const Supervised& supervised, const RunOptions& options);

}  // namespace stile::live
