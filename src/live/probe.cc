// SPDX-License-Identifier: Apache-2.0
//
// What this kernel can do. Nothing is taken from its version where it can be tried; what has to be tried is
// tried in a child, because filters and no_new_privs stay.
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stile/live.h>

#include "arch/syscalls.h"
#include "live/system.h"

namespace stile {

namespace {

using live::Descriptor;

constexpr uint16_t kLoad = 0x20, kEqual = 0x15, kReturn = 0x06;  // BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K

// Runs in a child without its parent's threads or locks: only system calls in there. The child's exit status,
// -1 when it was killed.
template <typename Act>
int try_in_child(Act act) {
  const long pid = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) {
    ::syscall(SYS_exit_group, act());
    __builtin_unreachable();
  }
  if (pid < 0) return -1;
  int status = 0;
  while (::waitpid(static_cast<pid_t>(pid), &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool filter_works() {
  const Instruction allow[] = {{kReturn, 0, 0, SECCOMP_RET_ALLOW}};
  return try_in_child([&] {
           if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
           return live::set_filter(allow, 0) == 0 ? 0 : 2;
         }) == 0;
}

struct Notification {
  bool listener = false;
  bool delivered = false;
  bool goes_on = false;  // SECCOMP_USER_NOTIF_FLAG_CONTINUE
  bool sync_wake = false;
};

// A child that catches getppid(2) and answers its own child's. Bits of its exit status: what worked.
Notification try_notification() {
  const Instruction catches[] = {{kLoad, 0, 0, 0},
                                 {kEqual, 0, 1, SYS_getppid},
                                 {kReturn, 0, 0, SECCOMP_RET_USER_NOTIF},
                                 {kReturn, 0, 0, SECCOMP_RET_ALLOW}};
  const int bits = try_in_child([&] {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 0;
    const long listener = live::set_filter(catches, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (listener < 0) return 0;
    const long caller = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (caller == 0) {
      ::syscall(SYS_close, listener);
      ::syscall(SYS_exit_group, ::syscall(SYS_getppid) > 0 ? 1 : 0);
    }
    int worked = 1;
    pollfd wait{static_cast<int>(listener), POLLIN, 0};
    union {
      seccomp_notif request;
      char room[512];  // for what later kernels add
    } in{};
    union {
      seccomp_notif_resp response;
      char room[512];
    } out{};
    if (::ioctl(static_cast<int>(listener), SECCOMP_IOCTL_NOTIF_SET_FLAGS,
                SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0)
      worked |= 8;
    if (caller > 0 && ::poll(&wait, 1, 2000) == 1 &&
        ::ioctl(static_cast<int>(listener), SECCOMP_IOCTL_NOTIF_RECV, &in) == 0) {
      worked |= 2;
      out.response.id = in.request.id;
      out.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      int status = 0;
      if (::ioctl(static_cast<int>(listener), SECCOMP_IOCTL_NOTIF_SEND, &out) == 0 &&
          ::waitpid(static_cast<pid_t>(caller), &status, 0) == caller && WIFEXITED(status) &&
          WEXITSTATUS(status) == 1) {
        worked |= 4;
        return worked;
      }
    }
    if (caller > 0) ::kill(static_cast<pid_t>(caller), SIGKILL);
    return worked;
  });
  if (bits < 0) return {};
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

bool has_capability(unsigned number) {
  const std::string status = live::read_small_file("/proc/self/status");
  const size_t at = status.find("CapEff:");
  return at != std::string::npos && (std::strtoull(status.c_str() + at + 7, nullptr, 16) >> number & 1) != 0;
}

class Probe {
 public:
  Kernel look();

 private:
  void add(std::string name, bool available, bool needed, std::string detail) {
    kernel_.capabilities.push_back({std::move(name), available, needed, std::move(detail)});
  }
  void seccomp();
  void actions();
  void flags();
  void notification();
  void landlock();
  void bitmap();
  void tracing();

  Kernel kernel_;
};

void Probe::seccomp() {
  const int mode = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
  const std::string known = trimmed(live::read_small_file("/proc/sys/kernel/seccomp/actions_avail"));
  static constexpr const char* kModes[] = {"has no filter", "is in strict mode", "is under a filter already"};
  const bool present = mode >= 0;
  add("seccomp", present, true,
      present ? fmt::format("seccomp is there; this process {}{}{}",
                            mode <= 2 ? kModes[mode] : "is in a mode of its own",
                            known.empty() ? "" : "; actions the kernel lists: ", known)
              : "this kernel was built without seccomp (CONFIG_SECCOMP)");
  const bool works = filter_works();
  add("seccomp-filter", works, true,
      works ? "filters can be loaded without privileges (tried in a child)"
            : "no filter could be loaded in a child: the kernel lacks CONFIG_SECCOMP_FILTER, or a filter "
              "around this process refuses it");
  const bool privs = try_in_child([] { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : 1; }) == 0;
  add("no-new-privs", privs, true,
      privs
          ? "no_new_privs can be set: filters need no root, and set-user-id programs gain nothing under them"
          : "no_new_privs cannot be set: only root may load filters");
}

void Probe::actions() {
  struct Named {
    const char* name;
    uint32_t value;
    bool needed;
    const char* what;
  };
  static constexpr Named kActions[] = {
      {"kill-process", SECCOMP_RET_KILL_PROCESS, true, "ends the whole process (Linux 4.14)"},
      {"kill-thread", SECCOMP_RET_KILL_THREAD, true, "ends the calling thread"},
      {"trap", SECCOMP_RET_TRAP, true, "sends SIGSYS"},
      {"errno", SECCOMP_RET_ERRNO, true, "answers with an error"},
      {"notify", SECCOMP_RET_USER_NOTIF, false, "asks a supervisor (Linux 5.0): for run --explain and --log"},
      {"trace", SECCOMP_RET_TRACE, false, "asks a tracer"},
      {"log", SECCOMP_RET_LOG, false, "lets through and logs (Linux 4.14)"},
      {"allow", SECCOMP_RET_ALLOW, true, "lets through"},
  };
  for (const Named& action : kActions) {
    const bool there = live::action_available(action.value);
    add(fmt::format("action-{}", action.name), there, action.needed,
        fmt::format("{}: {}", there ? "the kernel knows it" : "the kernel does not know it", action.what));
  }
}

void Probe::flags() {
  const bool tsync = live::filter_flag_available(SECCOMP_FILTER_FLAG_TSYNC);
  add("tsync", tsync, true,
      tsync ? "a filter can be given to all threads at once"
            : "a filter reaches one thread alone: load it before threads are made");
  const bool log = live::filter_flag_available(SECCOMP_FILTER_FLAG_LOG);
  add("log-flag", log, false,
      log ? "refusals can be written to the audit log" : "refusals cannot be logged (Linux 4.14)");
  const bool listener = live::filter_flag_available(SECCOMP_FILTER_FLAG_NEW_LISTENER);
  add("listener", listener, false,
      listener ? "a filter can have a supervisor"
               : "a filter cannot have a supervisor (Linux 5.0): run --explain and --log do not work");
  const bool killable = live::filter_flag_available(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  add("wait-killable", killable, false,
      killable ? "a signal does not interrupt a call the supervisor looks at"
               : "a signal restarts a call the supervisor looks at (Linux 5.19): some work is done twice");
}

void Probe::notification() {
  const Notification found = try_notification();
  add("user-notification", found.delivered, false,
      found.delivered  ? "a child's call reached its supervisor"
      : found.listener ? "a child's call did not reach its supervisor"
                       : "no listener could be made: another filter around this process has one, or the "
                         "kernel is older than 5.0");
  add("notification-continue", found.goes_on, false,
      found.goes_on ? "a supervisor can let a call go on: run --log can refuse nothing"
                    : "a supervisor cannot let a call go on (Linux 5.5)");
  add("sync-wake-up", found.sync_wake, false,
      found.sync_wake ? "supervisor and program can take turns on one CPU: reports cost about half"
                      : "supervisor and program cannot take turns on one CPU (Linux 6.6): reports cost more");
}

void Probe::landlock() {
  errno = 0;
  kernel_.landlock_abi = live::landlock_abi();
  const int abi = kernel_.landlock_abi;
  std::string detail;
  if (abi > 0) {
    detail = fmt::format("Landlock ABI {}: path rules are enforced{}{}", abi,
                         abi >= 2 ? "" : "; renaming between directories is refused",
                         abi >= 3 ? "" : "; truncating a file is not restricted (ABI 3)");
  } else {
    detail = errno == EOPNOTSUPP
                 ? "Landlock is built in and switched off (add landlock to lsm= on the kernel's command line)"
                 : "no Landlock (Linux 5.13, CONFIG_SECURITY_LANDLOCK): path rules cannot be enforced";
  }
  add("landlock", abi > 0, false, detail);
}

void Probe::bitmap() {
  // No interface tells; /proc/PID/seccomp_cache does, where CONFIG_SECCOMP_CACHE_DEBUG is set.
  const bool shown = ::access("/proc/self/seccomp_cache", F_OK) == 0;
  const bool machine = kernel_.arch == "x86_64" || kernel_.arch == "arm64" || kernel_.arch == "riscv64" ||
                       kernel_.arch == "s390x" || kernel_.arch == "ppc64le" ||
                       kernel_.arch == "loongarch64" || kernel_.arch == "i386" || kernel_.arch == "arm";
  const bool there = shown || (machine && live::kernel_release() >= std::pair(5, 11));
  const char* how = shown ? "seen in /proc" : "by the kernel's release and machine";
  add("bitmap-cache", there, false,
      there ? fmt::format(
                  "calls that are always allowed are answered from a bitmap, without running the filter ({})",
                  how)
            : fmt::format("the filter runs on every call (a bitmap came with Linux 5.11; {})", how));
}

void Probe::tracing() {
  const bool btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  const bool call = ::syscall(SYS_bpf, -1, nullptr, 0) < 0 && errno != ENOSYS;
  // CAP_SYS_ADMIN 21, CAP_PERFMON 38, CAP_BPF 39 (include/uapi/linux/capability.h)
  const bool may = has_capability(21) || (has_capability(38) && has_capability(39));
  const std::string unprivileged =
      trimmed(live::read_small_file("/proc/sys/kernel/unprivileged_bpf_disabled"));
  add("bpf-tracing", call && btf && may, false,
      fmt::format(
          "{}; {}; {}{}", call ? "bpf(2) is there" : "no bpf(2)",
          btf ? "the kernel's types are in /sys/kernel/btf/vmlinux"
              : "no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)",
          may ? "this user may trace with it" : "tracing with it needs root, or CAP_BPF and CAP_PERFMON",
          unprivileged.empty() ? "" : fmt::format("; unprivileged_bpf_disabled is {}", unprivileged)));
  const std::string scope = trimmed(live::read_small_file("/proc/sys/kernel/yama/ptrace_scope"));
  const bool own = try_in_child([] {
                     const long pid = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
                     if (pid == 0) {
                       for (;;) ::pause();
                     }
                     const bool attached = ::syscall(SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, pid, 0, 0) == 0;
                     ::kill(static_cast<pid_t>(pid), SIGKILL);
                     ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
                     return attached ? 0 : 1;
                   }) == 0;
  add("ptrace", own, false,
      fmt::format("{}{}",
                  own ? "a child can be traced"
                      : "not even a child can be traced: trap and kill-thread are reported less exactly",
                  scope.empty() ? "" : fmt::format("; yama's ptrace_scope is {}", scope)));
  const bool spaces = try_in_child([] { return ::unshare(CLONE_NEWUSER) == 0 ? 0 : 1; }) == 0;
  add("user-namespaces", spaces, false,
      spaces ? "user namespaces can be made: rootless containers work"
             : "user namespaces cannot be made: rootless containers do not work");
}

Kernel Probe::look() {
  utsname name{};
  ::uname(&name);
  kernel_.release = name.release;
  const auto arch = arch::arch_by_name(name.machine);
  kernel_.arch = arch ? std::string(arch::arch_info(*arch).name) : name.machine;
  seccomp();
  actions();
  flags();
  notification();
  landlock();
  bitmap();
  tracing();
  return std::move(kernel_);
}

}  // namespace

Kernel probe_kernel() {
  return Probe().look();
}

}  // namespace stile
