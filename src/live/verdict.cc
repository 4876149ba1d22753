// SPDX-License-Identifier: Apache-2.0
#include "live/verdict.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/syscalls.h"
#include "live/tracee.h"

namespace stile::live {

namespace {

constexpr uint64_t bit_of(int signal) {
  return uint64_t{1} << (signal - 1);
}

int signal_thread(int tgid, int tid, int signal) {
  return static_cast<int>(::syscall(SYS_tgkill, tgid, tid, signal));
}

// The general registers of x86-64 as PTRACE_GETREGS gives them to a 64-bit tracer, for 32-bit programs too
// (struct user_regs_struct, arch/x86/include/asm/user_64.h). Other machines refuse that request.
struct Registers {
  uint64_t r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss,
      fs_base, gs_base, ds, es, fs, gs;
};

// Holds a thread that waits for its supervisor: attached, stopped as soon as it leaves the system call and
// before it runs any instruction of the program.
class Hold {
 public:
  explicit Hold(const Caught& caught) : tid_(caught.tid) {
    attached_ = seized_ = ::ptrace(PTRACE_SEIZE, tid_, nullptr, nullptr) == 0;
    if (!seized_) return;
    ::ptrace(PTRACE_INTERRUPT, tid_, nullptr, nullptr);
    caught.answer(0);
    stopped_ = wait(nullptr);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() {
    if (attached_) ::ptrace(PTRACE_DETACH, tid_, nullptr, nullptr);
  }

  // False: it cannot be traced, and still waits for its answer.
  bool seized() const { return seized_; }
  // False, when seized: it has ended.
  bool stopped() const { return stopped_; }

  bool registers(Registers* registers) const {
    return ::ptrace(PTRACE_GETREGS, tid_, nullptr, registers) == 0;
  }
  bool set_registers(Registers registers) const {
    return ::ptrace(PTRACE_SETREGS, tid_, nullptr, &registers) == 0;
  }
  // Lets the thread run on with this signal and stops holding it.
  void detach(int signal) {
    ::ptrace(PTRACE_DETACH, tid_, nullptr, static_cast<long>(signal));
    attached_ = false;
  }
  // Runs until the thread is about to be given `signal`; signals on the way are passed on.
  bool run_to_signal(int signal) {
    int passed = 0;
    for (int tries = 0; tries < 100; ++tries) {
      if (::ptrace(PTRACE_CONT, tid_, nullptr, static_cast<long>(passed)) != 0) return false;
      int status = 0;
      if (!wait(&status)) return false;
      const bool event = status >> 16 != 0;  // PTRACE_EVENT_STOP: of a group, or a late one of ours
      if (!event && WSTOPSIG(status) == signal) return true;
      passed = event ? 0 : WSTOPSIG(status);
    }
    return false;
  }

 private:
  // False when the thread has ended.
  bool wait(int* status) {
    int got = 0;
    for (;;) {
      const pid_t who = ::waitpid(tid_, &got, __WALL);
      if (who < 0 && errno == EINTR) continue;
      if (who != tid_ || !WIFSTOPPED(got)) {
        attached_ = false;
        return false;
      }
      if (status != nullptr) *status = got;
      return true;
    }
  }

  int tid_;
  bool seized_ = false;
  bool attached_ = false;
  bool stopped_ = false;
};

bool is_x86(uint32_t audit_arch) {
  return audit_arch == arch::arch_info(arch::ArchId::X86_64).audit_arch ||
         audit_arch == arch::arch_info(arch::ArchId::I386).audit_arch;
}

bool is_narrow(uint32_t audit_arch) {
  return audit_arch == arch::arch_info(arch::ArchId::I386).audit_arch;
}
uint32_t exit_number(uint32_t audit_arch) {
  return is_narrow(audit_arch) ? 1 : 60;
}

}  // namespace

std::string Verdicts::kill_process(const Caught& caught) {
  const auto status = thread_status(caught.tid);
  if (!caught.waiting()) {
    caught.answer(-EPERM);  // it has ended by itself
    return {};
  }
  if (!status) {
    // kill(2) takes the id of any thread for its process.
    killed_.insert(caught.tid);
    ::kill(caught.tid, SIGKILL);
    caught.answer(-EPERM);
    return "ended by SIGKILL, since /proc cannot be read";
  }
  const uint64_t special = status->blocked | status->ignored | status->caught;
  if ((special & bit_of(SIGSYS)) == 0 && signal_thread(status->tgid, caught.tid, SIGSYS) == 0) {
    caught.answer(-EPERM);
    return {};
  }
  killed_.insert(status->tgid);
  ::kill(status->tgid, SIGKILL);
  caught.answer(-EPERM);
  return "ended by SIGKILL, since the program handles or blocks SIGSYS";
}

std::string Verdicts::kill_thread(const Caught& caught) {
  // The last thread of a process takes the process with it (__seccomp_filter in kernel/seccomp.c).
  const auto status = thread_status(caught.tid);
  if (!status || !caught.waiting() || status->threads <= 1) return kill_process(caught);
  if (is_x86(caught.event.arch)) {
    Hold hold(caught);
    Registers registers{};
    if (hold.seized() && !hold.stopped()) return {};
    if (hold.stopped() && hold.registers(&registers)) {
      // Back to the instruction that entered the kernel (syscall, int 0x80 and sysenter's stand-in are two
      // bytes long), with exit(SIGSYS).
      registers.ip -= 2;
      registers.orig_ax = ~uint64_t{0};
      registers.ax = exit_number(caught.event.arch);
      (is_narrow(caught.event.arch) ? registers.bx : registers.di) = SIGSYS;
      condemned_.insert(caught.tid);
      if (hold.set_registers(registers)) return {};
      condemned_.erase(caught.tid);
    }
    if (hold.stopped()) {
      killed_.insert(status->tgid);
      ::kill(status->tgid, SIGKILL);
      return "the whole process was ended, not one thread";
    }
  }
  kill_process(caught);
  return "the whole process was ended, not one thread, since this thread cannot be traced";
}

bool Verdicts::is_ordered_exit(int tid, const Event& event) {
  // Any other call is that of a later thread with the same id.
  return condemned_.erase(tid) == 1 && is_x86(event.arch) && event.number == exit_number(event.arch);
}

std::string Verdicts::trap(const Caught& caught, uint16_t data) {
  const auto status = thread_status(caught.tid);
  // Without a handler, or with the signal blocked, the kernel kills (force_sig_info in kernel/signal.c).
  if (!status || !caught.waiting() || (status->caught & bit_of(SIGSYS)) == 0 ||
      (status->blocked & bit_of(SIGSYS)) != 0)
    return kill_process(caught);
  if (is_x86(caught.event.arch)) {
    Hold hold(caught);
    Registers registers{};
    if (hold.stopped() && hold.registers(&registers)) {
      // The registers are as before the call (syscall_rollback in arch/x86/include/asm/syscall.h).
      registers.ax = caught.event.number;
      registers.orig_ax = ~uint64_t{0};
      siginfo_t info{};
      info.si_signo = SIGSYS;
      info.si_code = 1;  // SYS_SECCOMP
      info.si_errno = data;
      info.si_call_addr = reinterpret_cast<void*>(caught.event.instruction_pointer);
      info.si_syscall = static_cast<int>(caught.event.number);
      info.si_arch = caught.event.arch;
      if (hold.set_registers(registers) && signal_thread(status->tgid, caught.tid, SIGSYS) == 0 &&
          hold.run_to_signal(SIGSYS) && ::ptrace(PTRACE_SETSIGINFO, caught.tid, nullptr, &info) == 0) {
        hold.detach(SIGSYS);
        return {};
      }
    }
    if (hold.seized() && !hold.stopped()) return {};
    if (hold.stopped()) return "SIGSYS was sent without its details";
  }
  signal_thread(status->tgid, caught.tid, SIGSYS);
  caught.answer(-ENOSYS);
  return "SIGSYS was sent without its details, since the program cannot be traced";
}

std::string Verdicts::give(const Caught& caught, Action action) {
  switch (action.kind) {
    case ActionKind::Errno:
      // The kernel clamps to MAX_ERRNO. errno 0 is a call that seems to succeed.
      caught.answer(-static_cast<int>(std::min<uint16_t>(action.data, 4095)));
      return {};
    case ActionKind::KillProcess:
      return kill_process(caught);
    case ActionKind::KillThread:
      return kill_thread(caught);
    case ActionKind::Trap:
      return trap(caught, action.data);
    default:
      caught.answer(-ENOSYS);
      return {};
  }
}

}  // namespace stile::live
