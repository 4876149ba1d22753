// SPDX-License-Identifier: Apache-2.0
//
// The threads under ptrace(2), and what their stops mean. One thread does all of it: the kernel lets no
// other.
#pragma once

#include <optional>
#include <unordered_map>

#include <stile/trace.h>

#include "live/trace_counts.h"

namespace stile::live {

class PtraceTracer {
 public:
  PtraceTracer(TraceBy by, bool args) : counts_(by), args_(args) {}

  // All that is seized goes on when the calling thread ends, wherever it is, and no call is disturbed: the
  // kernel lets go what stands still for a tracer that is gone (exit_ptrace in kernel/ptrace.c).

  // A child that will execute the command: counted from then on.
  Result<void> seize_command(int pid);
  // All threads of a process.
  Result<void> seize_process(int pid);

  // What waitpid gave.
  void event(int tid, int status);

  size_t threads() const { return threads_.size(); }
  std::optional<int> command_status() const { return status_; }
  const TraceCounts& counts() const { return counts_; }
  // When the last event came.
  uint64_t last_time() const { return time_; }

 private:
  struct Thread {
    int pid = 0;
    uint32_t group = 0;
    std::string program;
    bool main = false;
    bool counted = false;  // it has executed the command
    bool in_call = false;
    bool claimed = true;  // false: it came before its parent said what it is
    TraceCounts::Call call;
    uint64_t start = 0;
  };

  Thread& thread(int tid);
  void stopped(int tid, Thread& thread, int signal, int event);
  void system_call(int tid, Thread& thread);
  void begins(int tid, Thread& thread, const TraceCounts::Call& call, const Arguments& args);
  void is_born(int tid, const Thread& parent);
  void executes(int tid, Thread& thread);
  void set_group(int tid, Thread& thread);
  void go_on(int tid, int signal);
  void listen(int tid);

  TraceCounts counts_;
  bool args_;
  int command_ = 0;
  std::optional<int> status_;
  uint64_t time_ = 0;
  std::string main_program_;
  std::unordered_map<int, Thread> threads_;
};

}  // namespace stile::live
