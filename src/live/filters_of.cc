// SPDX-License-Identifier: Apache-2.0
//
// Reading the filters of another process, as checkpoint/restore does (kernel/seccomp.c, seccomp_get_filter).
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <linux/filter.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <stile/live.h>

namespace stile {

namespace {

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

Error refused(int pid, const char* what, int number) {
  std::string hint;
  if (number == ESRCH) hint = "there is no such process";
  if (number == EPERM) hint = "root is needed, and nobody else may trace the process at the time";
  if (number == EACCES) hint = "CAP_SYS_ADMIN is needed, and stile must be under no filter itself";
  if (number == EIO || number == EINVAL) hint = "this kernel was built without CONFIG_CHECKPOINT_RESTORE";
  return {Code::Io, fmt::format("{}: {}", what, std::strerror(number)), fmt::format("process {}", pid), hint};
}

// Seized and stopped for as long as this lives. Seizing, unlike attaching, sends no SIGSTOP that others could see.
class Stopped {
 public:
  explicit Stopped(int pid) : pid_(pid) {}
  ~Stopped() {
    if (seized_) ptrace(PTRACE_DETACH, pid_, nullptr, static_cast<unsigned long>(signal_));
  }
  Result<void> stop() {
    if (ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) != 0) return tl::unexpected(refused(pid_, "cannot be traced", errno));
    seized_ = true;
    if (ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) != 0) return tl::unexpected(refused(pid_, "cannot be stopped", errno));
    int status = 0;
    while (waitpid(pid_, &status, __WALL) != pid_) {
      if (errno != EINTR) return tl::unexpected(refused(pid_, "cannot be waited for", errno));
    }
    if (!WIFSTOPPED(status)) {
      seized_ = false;
      return fail(Code::Io, "has ended", fmt::format("process {}", pid_));
    }
    // A signal that came first is not lost: it goes on to the process with the detachment.
    if (status >> 16 == 0) signal_ = WSTOPSIG(status);
    return {};
  }

 private:
  int pid_;
  bool seized_ = false;
  int signal_ = 0;
};

}  // namespace

Result<std::vector<Program>> filters_of(int pid) {
  Stopped process(pid);
  if (auto stopped = process.stop(); !stopped) return tl::unexpected(stopped.error());
  std::vector<Program> filters;
  for (unsigned long index = 0;; ++index) {
    const long length = ptrace(static_cast<__ptrace_request>(PTRACE_SECCOMP_GET_FILTER), pid, index, nullptr);
    if (length < 0 && errno == ENOENT) break;  // no more of them
    // EINVAL for the first: the process runs under no filter (strict mode, or none).
    if (length < 0 && index == 0 && errno == EINVAL) break;
    if (length < 0) return tl::unexpected(refused(pid, "its filters cannot be read", errno));
    Program program(static_cast<size_t>(length));
    static_assert(sizeof(Instruction) == sizeof(sock_filter));
    const long got = ptrace(static_cast<__ptrace_request>(PTRACE_SECCOMP_GET_FILTER), pid, index, program.data());
    if (got != length) return tl::unexpected(refused(pid, "its filters cannot be read", got < 0 ? errno : EIO));
    filters.push_back(std::move(program));
  }
  return filters;
}

}  // namespace stile
