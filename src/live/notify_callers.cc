// SPDX-License-Identifier: Apache-2.0
#include "live/notify_callers.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "arch/syscalls.h"
#include "live/tracee.h"

namespace stile::live {

namespace {

// Beyond this everything is looked up again: threads that were killed are never heard of.
constexpr size_t kMostThreads = 1 << 16;

}  // namespace

NotifyCallers::NotifyCallers(TraceCounts& counts) : counts_(counts) {
  constexpr struct {
    std::string_view name;
    Kind kind;
  } kNames[] = {{"execve", Kind::Executes}, {"execveat", Kind::Executes}, {"exit", Kind::Ends},
                {"exit_group", Kind::Ends}, {"seccomp", Kind::Seccomp},   {"prctl", Kind::Prctl}};
  for (const arch::ArchInfo& arch : arch::all_archs()) {
    for (const auto& one : kNames) {
      if (const auto number = arch::syscall_number(arch.id, one.name))
        kinds_[uint64_t{arch.audit_arch} << 32 | *number] = one.kind;
    }
  }
}

NotifyCallers::Kind NotifyCallers::kind_of(const TraceCounts::Call& call) const {
  const auto known = kinds_.find(uint64_t{call.audit_arch} << 32 | call.number);
  return known == kinds_.end() ? Kind::Other : known->second;
}

bool NotifyCallers::loads_filter(const TraceCounts::Call& call, const Arguments& args) const {
  switch (kind_of(call)) {
    case Kind::Seccomp:
      return args[0] == SECCOMP_SET_MODE_FILTER && args[2] != 0;
    case Kind::Prctl:
      return args[0] == PR_SET_SECCOMP && args[1] == SECCOMP_MODE_FILTER && args[2] != 0;
    default:
      return false;
  }
}

void NotifyCallers::forget(int pid) {
  std::erase_if(threads_, [pid](const auto& one) { return one.second.pid == pid; });
}

void NotifyCallers::executes(int tid) {
  const auto known = threads_.find(tid);
  if (known == threads_.end()) return;
  const int pid = known->second.pid;
  forget(pid);
}

uint32_t NotifyCallers::group_of(int tid, const TraceCounts::Call& call) {
  if (threads_.size() >= kMostThreads) threads_.clear();
  auto [at, fresh] = threads_.try_emplace(tid);
  if (fresh || counts_.by() == TraceBy::Comm) {
    Thread& thread = at->second;
    if (fresh) {
      const auto status = thread_status(tid);
      thread.pid = status ? status->tgid : tid;
    }
    TraceCounts::Group group;
    group.program = program_of(tid);
    if (main_.empty()) main_ = group.program;
    group.main = group.program == main_;
    group.pid = thread.pid;
    group.tid = tid;
    if (counts_.by() != TraceBy::Executable) group.comm = comm_of(tid);
    thread.group = counts_.group(group);
  }
  const Thread thread = at->second;
  switch (kind_of(call)) {
    case Kind::Executes:
      executes(tid);
      break;
    case Kind::Ends:
      threads_.erase(tid);
      break;
    default:
      break;
  }
  return thread.group;
}

}  // namespace stile::live
