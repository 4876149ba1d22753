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

  // A child that will execute the command: counted from then on. If the tracer dies the command is killed, as
  // nobody could let it go on.
  Result<void> seize_command(int pid);
  // All threads of a process. They go on if the tracer dies.
  Result<void> seize_process(int pid);

  // What waitpid gave.
  void event(int tid, int status);
  // Lets all go. Those of a process that was seized are free when the calling thread ends, those of a command
  // as they come to a stop, for which they are asked.
  void leave();

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
  bool leaving_ = false;
  int command_ = 0;
  std::optional<int> status_;
  uint64_t time_ = 0;
  std::string main_program_;
  std::unordered_map<int, Thread> threads_;
};

}  // namespace stile::live
