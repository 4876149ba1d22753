// SPDX-License-Identifier: Apache-2.0
#include "live/notify_keeper.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/system.h"

namespace stile::live {

KeptRequest::KeptRequest(size_t bytes)
    : bytes_(bytes),
      memory_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
  if (memory_ == MAP_FAILED) memory_ = nullptr;
}

KeptRequest::~KeptRequest() {
  if (memory_ != nullptr) ::munmap(memory_, bytes_);
}

bool next_request(int listener, void* request, bool poll_first) {
  pollfd state{listener, POLLIN, 0};
  if (poll_first) {
    while (::poll(&state, 1, -1) < 0 && errno == EINTR) {
    }
    if ((state.revents & POLLIN) == 0) return false;
  }
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) == 0) return true;
  // ENOENT: the thread was killed before it could be looked at, or there is none any more.
  return ::poll(&state, 1, 0) == 0 || (state.revents & POLLIN) != 0;
}

void let_through(int listener, void* response, unsigned long long id) {
  auto* answer = static_cast<seccomp_notif_resp*>(response);
  answer->id = id;
  answer->val = 0;
  answer->error = 0;
  answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  while (::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer) != 0 && errno == EINTR) {
  }
}

namespace {

constexpr size_t kMostBytes = 4096;  // of the kernel's structures; they have some eighty today

// The keeper's life. It is a copy of a process that may have had threads: no locks, no memory of the heap.
[[noreturn]] void keep(int listener, int tracer, void* request, size_t request_bytes) {
  alignas(8) static char response[kMostBytes];
  // Out of the way of a terminal's signals, and of everything that waits for a pipe to be closed.
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setsid();
  if (::chdir("/") != 0) ::_exit(1);
  ::prctl(PR_SET_NAME, "stile-keeper");
  const int low = ::fcntl(listener, F_DUPFD, 3), watch = ::fcntl(tracer, F_DUPFD, 3);
  if (low < 0 || watch < 0 || ::dup2(low, 0) < 0 || ::dup2(watch, 1) < 0) ::_exit(1);
  ::syscall(SYS_close_range, 2u, ~0u, 0u);

  pollfd waits[2] = {{0, 0, 0}, {1, POLLIN, 0}};
  for (;;) {
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) ::_exit(1);
    if ((waits[0].revents & (POLLHUP | POLLERR)) != 0) ::_exit(0);
    if ((waits[1].revents & POLLIN) != 0) break;
  }
  // The call that the tracer was looking at.
  const auto* last = static_cast<const seccomp_notif*>(request);
  if (last->id != 0) let_through(0, response, last->id);
  for (;;) {
    std::memset(request, 0, request_bytes);
    if (!next_request(0, request, true)) ::_exit(0);
    if (last->id != 0) let_through(0, response, last->id);
  }
}

}  // namespace

bool start_keeper(int listener, const KeptRequest& request, size_t request_bytes, size_t response_bytes) {
  if (request.get() == nullptr || response_bytes > kMostBytes) return false;
  const Descriptor tracer(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!tracer) return false;
  // A child's child, so that nobody has to wait for it; without a signal for the one in between.
  const long between = ::syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr);
  if (between == 0) {
    const long keeper = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (keeper == 0) keep(listener, tracer.get(), request.get(), request_bytes);
    ::_exit(keeper < 0 ? 1 : 0);
  }
  if (between < 0) return false;
  int status = 0;
  while (::waitpid(static_cast<pid_t>(between), &status, __WALL) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace stile::live
