// SPDX-License-Identifier: Apache-2.0
//
// Which program, process and thread a notification comes from. Nothing tells of births, ends and executions
// here, so they are learnt from the calls themselves and from /proc.
#pragma once

#include <string>
#include <unordered_map>

#include "live/trace_counts.h"

namespace stile::live {

class NotifyCallers {
 public:
  explicit NotifyCallers(TraceCounts& counts);

  // The group of a thread that waits in a call.
  uint32_t group_of(int tid, const TraceCounts::Call& call);
  // It is about to execute something: what it is is looked up again when its process is heard of next.
  void executes(int tid);
  // Whether it loads a filter, unless the kernel refuses that.
  bool loads_filter(const TraceCounts::Call& call, const Arguments& args) const;

 private:
  // Calls after which a thread is not what it was.
  enum class Kind { Other, Executes, Ends, Seccomp, Prctl };
  Kind kind_of(const TraceCounts::Call& call) const;
  struct Thread {
    int pid = 0;
    uint32_t group = 0;
  };
  void forget(int pid);

  TraceCounts& counts_;
  std::unordered_map<uint64_t, Kind> kinds_;  // audit_arch << 32 | number
  std::unordered_map<int, Thread> threads_;
  std::string main_;  // the program that the command is
};

}  // namespace stile::live
