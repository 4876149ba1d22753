// SPDX-License-Identifier: Apache-2.0
//
// Counts system calls inside the kernel, by the programs of ebpf_programs.h. x86-64 only; Linux 5.15 and
// later with BTF.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <stile/trace.h>

#include "live/ebpf_programs.h"
#include "live/system.h"
#include "live/trace_counts.h"

namespace stile::live {

class Ebpf {
 public:
  // Loads everything and begins. Unsupported with the reason where this kernel or this user cannot.
  static Result<std::unique_ptr<Ebpf>> start(const bpf::Shape& shape);

  // Counts what this process does once it has executed another program.
  Result<void> follow_child(int pidfd);
  // Counts what this process, which runs `program`, does from now on.
  Result<void> follow_process(int pid, const std::string& program);
  // It has ended: its number may become another's.
  void forget_process(int pid);

  // Threads that are followed and have not ended.
  uint64_t live() const;
  TraceProgress progress() const;
  // Stops counting and gives what there is, with what was lost.
  Result<TraceCounts> collect();

 private:
  Result<void> make_maps();
  Result<void> load();
  // Runs a program for each task of the machine. What it wrote.
  Result<std::string> for_all_tasks(const Descriptor& program) const;
  bpf::Shared shared() const;
  template <typename Key, typename Value>
  Result<std::vector<std::pair<Key, Value>>> all(int map) const;

  bpf::Shape shape_;
  bpf::Maps maps_;
  std::vector<Descriptor> owned_;
  std::vector<Descriptor> programs_;
  std::vector<Descriptor> links_;
  Descriptor look_, last_look_;
};

}  // namespace stile::live
