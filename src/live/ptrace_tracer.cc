// SPDX-License-Identifier: Apache-2.0
//
// ptrace(2) tells the rules: PTRACE_SEIZE, stops, group-stops, execve under ptrace.
#include "live/ptrace_tracer.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <set>

#include <dirent.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/trace_start.h"
#include "live/tracee.h"

namespace stile::live {

namespace {

constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                          PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

// C libraries declare ptrace() each in their own way.
long request(long what, int tid, uintptr_t address, uintptr_t data) {
  return ::syscall(SYS_ptrace, what, tid, address, data);
}

Error refused(int pid, int error) {
  std::string hint;
  if (error == EPERM) {
    hint =
        "another tracer is attached, or it belongs to somebody else, or kernel.yama.ptrace_scope forbids it: "
        "root can in the last two cases";
  }
  return {Code::Unsupported,
          fmt::format("ptrace: process {} cannot be traced: {}", pid, std::strerror(error)), "", hint};
}

std::set<int> threads_of(int pid) {
  std::set<int> found;
  DIR* directory = ::opendir(fmt::format("/proc/{}/task", pid).c_str());
  if (directory == nullptr) return found;
  while (const dirent* entry = ::readdir(directory)) {
    int tid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    const auto [stop, error] = std::from_chars(entry->d_name, end, tid);
    if (error == std::errc() && stop == end) found.insert(tid);
  }
  ::closedir(directory);
  return found;
}

}  // namespace

Result<void> PtraceTracer::seize_command(int pid) {
  if (request(PTRACE_SEIZE, pid, 0, kOptions) != 0) return tl::unexpected(refused(pid, errno));
  command_ = pid;
  Thread one;
  one.pid = pid;
  threads_[pid] = std::move(one);
  return {};
}

Result<void> PtraceTracer::seize_process(int pid) {
  main_program_ = program_of(pid);
  Thread like;
  like.pid = pid;
  like.program = main_program_;
  like.main = like.counted = true;
  // Until a look finds no new one: threads that are not seized yet go on making others.
  bool fresh = true;
  int error = ESRCH;
  while (fresh) {
    fresh = false;
    for (const int tid : threads_of(pid)) {
      if (threads_.contains(tid)) continue;
      if (request(PTRACE_SEIZE, tid, 0, kOptions) != 0) {
        // Seized by being born of one that is, or gone.
        if (errno != ESRCH && threads_.empty()) error = errno;
        continue;
      }
      fresh = true;
      threads_[tid] = like;
      set_group(tid, threads_[tid]);
      request(PTRACE_INTERRUPT, tid, 0, 0);
    }
  }
  if (threads_.empty()) return tl::unexpected(refused(pid, error));
  return {};
}

void PtraceTracer::set_group(int tid, Thread& thread) {
  if (!thread.counted) return;
  thread.group = counts_.group({thread.program, thread.main, thread.pid, tid, comm_of(tid)});
}

void PtraceTracer::go_on(int tid, int signal) {
  // ESRCH: killed meanwhile, which waitpid will tell.
  request(PTRACE_SYSCALL, tid, 0, static_cast<uintptr_t>(signal));
}

void PtraceTracer::listen(int tid) {
  request(PTRACE_LISTEN, tid, 0, 0);
}

PtraceTracer::Thread& PtraceTracer::thread(int tid) {
  const auto [at, fresh] = threads_.try_emplace(tid);
  if (fresh) {
    at->second.claimed = false;
    at->second.pid = tid;
  }
  return at->second;
}

void PtraceTracer::event(int tid, int status) {
  time_ = now();
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    threads_.erase(tid);
    if (tid == command_) status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return;
  }
  if (!WIFSTOPPED(status)) return;
  Thread& one = thread(tid);
  stopped(tid, one, WSTOPSIG(status), status >> 16);
}

void PtraceTracer::stopped(int tid, Thread& thread, int signal, int event) {
  if (signal == (SIGTRAP | 0x80)) {
    system_call(tid, thread);
    return go_on(tid, 0);
  }
  switch (event) {
    case 0:
      return go_on(tid, signal);  // on its way to the program
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE: {
      unsigned long child = 0;
      if (request(PTRACE_GETEVENTMSG, tid, 0, reinterpret_cast<uintptr_t>(&child)) == 0) {
        const Thread parent = thread;  // the map may move it
        is_born(static_cast<int>(child), parent);
      }
      return go_on(tid, 0);
    }
    case PTRACE_EVENT_EXEC: {
      unsigned long former = 0;
      if (request(PTRACE_GETEVENTMSG, tid, 0, reinterpret_cast<uintptr_t>(&former)) == 0 &&
          static_cast<int>(former) != tid) {
        // A thread that is not the first executes: it takes the first one's number, whose own end nobody is
        // told.
        const auto mover = threads_.find(static_cast<int>(former));
        if (mover != threads_.end()) {
          const Thread moved = mover->second;
          threads_.erase(mover);
          threads_[tid] = moved;
        }
      }
      executes(tid, threads_[tid]);
      return go_on(tid, 0);
    }
    case PTRACE_EVENT_STOP:
      if (!thread.claimed) return;  // until its parent has told
      if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
        return listen(tid);
      return go_on(tid, 0);
    default:
      return go_on(tid, 0);
  }
}

void PtraceTracer::is_born(int tid, const Thread& parent) {
  const bool waits = threads_.contains(tid);  // it stopped before its parent did
  Thread child;
  const auto status = thread_status(tid);
  child.pid = status ? status->tgid : tid;
  child.program = parent.program;
  child.main = parent.main;
  child.counted = parent.counted;
  child.group = parent.group;
  threads_[tid] = child;
  set_group(tid, threads_[tid]);
  if (waits) go_on(tid, 0);
}

void PtraceTracer::executes(int tid, Thread& thread) {
  // The call belongs to the program that made it.
  if (thread.in_call && thread.counted) counts_.leave(thread.group, thread.call, false, time_ - thread.start);
  thread.in_call = false;
  const bool first = !thread.counted;
  thread.pid = tid;
  thread.program = program_of(tid);
  if (first) main_program_ = thread.program;
  thread.counted = true;
  thread.main = thread.program == main_program_;
  set_group(tid, thread);
}

void PtraceTracer::begins(int tid, Thread& thread, const TraceCounts::Call& call, const Arguments& args) {
  // A thread's name may have changed.
  if (counts_.by() == TraceBy::Comm) set_group(tid, thread);
  thread.call = call;
  thread.in_call = true;
  counts_.enter(thread.group, call);
  if (args_) counts_.arguments(thread.group, call, args);
}

void PtraceTracer::system_call(int tid, Thread& thread) {
  if (!thread.counted) return;
  __ptrace_syscall_info info{};
  if (request(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, reinterpret_cast<uintptr_t>(&info)) <= 0) return;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    Arguments args{};
    std::copy(std::begin(info.entry.args), std::end(info.entry.args), args.begin());
    begins(tid, thread, {info.arch, static_cast<uint32_t>(info.entry.nr)}, args);
    thread.start = now();
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    if (thread.in_call)
      counts_.leave(thread.group, thread.call, info.exit.is_error != 0, time_ - thread.start);
    thread.in_call = false;
  }
}

}  // namespace stile::live
