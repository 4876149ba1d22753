// SPDX-License-Identifier: Apache-2.0
//
// Gives a refused call the outcome the filter would have given it, from outside.
//
// errno: the supervisor's answer. kill-process: SIGSYS to the calling thread, which takes it before it runs
// another instruction; where the program catches, ignores or blocks SIGSYS, which the kernel would override,
// SIGKILL. kill-thread: the thread is made to call exit(2). trap: SIGSYS with the siginfo that the kernel
// would have sent. The last two by ptrace(2), for a moment. trace and notify: ENOSYS, as for a filter without
// a tracer or supervisor.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include <stile/filter.h>

namespace stile::live {

struct Caught {
  int tid = 0;
  Event event;
  // Whether the thread is still the one that made the call, and not a later one with its id.
  std::function<bool()> waiting;
  // Ends the wait of the thread with this result: 0 or a negative errno. May find it gone, which does no
  // harm.
  std::function<void(int)> answer;
};

class Verdicts {
 public:
  // Carries out `action` on the caught call and answers it. Gives a sentence where the outcome is not exactly
  // the kernel's.
  std::string give(const Caught& caught, Action action);

  // Whether this is the exit(2) of a thread that was told to end itself, which has to be let through.
  bool is_ordered_exit(int tid, const Event& event);
  // Processes that were ended by SIGKILL in place of SIGSYS: for the status of the command itself.
  bool killed_for_sigsys(int tgid) const { return killed_.contains(tgid); }

 private:
  std::string kill_process(const Caught& caught);
  std::string kill_thread(const Caught& caught);
  std::string trap(const Caught& caught, uint16_t data);

  std::set<int> condemned_;  // threads
  std::set<int> killed_;     // processes
};

}  // namespace stile::live
