// SPDX-License-Identifier: Apache-2.0
#include "live/trace_start.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sched.h>

#include "live/supervise.h"

namespace stile::live {

SharedMemory::SharedMemory() {
  void* memory = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) progress_ = new (memory) Progress;
}

SharedMemory::~SharedMemory() {
  if (progress_ != nullptr) ::munmap(progress_, sizeof(Progress));
}

SignalsHeld::SignalsHeld() {
  const sigset_t set = forwarded_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  fd_ = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalsHeld::~SignalsHeld() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool SignalsHeld::take(int pidfd) const {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return false;
  if (pidfd < 0) return info.ssi_signo != SIGUSR1 && info.ssi_signo != SIGUSR2;
  // SI_KERNEL is above 0: a terminal's.
  if (info.ssi_code <= 0) ::syscall(SYS_pidfd_send_signal, pidfd, info.ssi_signo, nullptr, 0);
  return false;
}

void Started::let_go() const {
  while (::write(gate.get(), "", 1) < 0 && errno == EINTR) {
  }
}

namespace {

[[noreturn]] void wait_and_execute(const Command& command, const sigset_t& mask, const int (&pipe)[2],
                                   Progress& progress) {
  ::close(pipe[1]);
  char byte;
  ssize_t got;
  while ((got = ::read(pipe[0], &byte, 1)) < 0 && errno == EINTR) {
  }
  if (got != 1) ::_exit(125);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ++progress.step;
  ::execve(command.path.c_str(), command.argv.data(), environ);
  progress.error = errno;
  progress.failed = Stage::Exec;
  if (errno == ENOEXEC) {
    ::execve("/bin/sh", command.shell_argv.data(), environ);
  }
  ::_exit(127);
}

}  // namespace

Result<Started> start_command(const Command& command, const sigset_t& mask) {
  Started started;
  started.shared = std::make_unique<SharedMemory>();
  int pipe[2];
  if (started.shared->get() == nullptr || ::pipe2(pipe, O_CLOEXEC) != 0) {
    return fail(Code::Io, fmt::format("the command cannot be prepared: {}", std::strerror(errno)));
  }
  const Descriptor mine(pipe[0]);
  started.gate = Descriptor(pipe[1]);
  int pidfd = -1;
  const unsigned long flags = SIGCHLD | CLONE_PIDFD;
  const long pid = ::syscall(SYS_clone, flags, nullptr, &pidfd, nullptr, nullptr);
  if (pid == 0) wait_and_execute(command, mask, pipe, *started.shared->get());
  if (pid < 0) return fail(Code::Io, fmt::format("no process can be made: {}", std::strerror(errno)));
  started.pid = static_cast<int>(pid);
  started.pidfd = Descriptor(pidfd);
  return started;
}

std::optional<int> shell_status(const siginfo_t& info) {
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

std::optional<int> wait_for(int pidfd) {
  siginfo_t info{};
  while (::waitid(static_cast<idtype_t>(3) /* P_PIDFD */, static_cast<id_t>(pidfd), &info, WEXITED) != 0) {
    if (errno != EINTR) return std::nullopt;
  }
  return shell_status(info);
}

uint64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace stile::live
