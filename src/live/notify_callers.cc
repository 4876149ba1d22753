// SPDX-License-Identifier: Apache-2.0
#include "live/notify_callers.h"

#include "arch/syscalls.h"
#include "live/tracee.h"

namespace stile::live {

namespace {

enum class Kind { Other, Executes, Ends };

// Calls after which a thread is not what it was.
Kind kind_of(const TraceCounts::Call& call) {
  const auto arch = arch::arch_by_audit(call.audit_arch, call.number);
  const auto name = arch ? arch::syscall_name(*arch, call.number) : std::nullopt;
  if (!name) return Kind::Other;
  if (*name == "execve" || *name == "execveat") return Kind::Executes;
  if (*name == "exit" || *name == "exit_group") return Kind::Ends;
  return Kind::Other;
}

// Beyond this everything is looked up again: threads that were killed are never heard of.
constexpr size_t kMostThreads = 1 << 16;

}  // namespace

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
    case Kind::Other:
      break;
  }
  return thread.group;
}

}  // namespace stile::live
