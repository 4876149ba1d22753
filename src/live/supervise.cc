// SPDX-License-Identifier: Apache-2.0
//
// The supervisor must never keep a caught thread waiting for something that needs that thread: it reads
// memory and /proc, which does not, and it answers each call before it looks at the next.
#include "live/supervise.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/refusals.h"
#include "live/rewrite.h"
#include "live/verdict.h"

namespace stile::live {

namespace {

class Supervisor {
 public:
  Supervisor(const Supervised& supervised, const RunOptions& options) : s_(supervised), options_(options) {}

  Result<RunStatus> run();

 private:
  bool prepare();
  void reap();
  bool forward();
  void serve();
  void decide(const seccomp_notif& notification);
  bool is_start(const Event& event);
  void respond(uint64_t id, int error, uint32_t flags);
  bool still_waiting(uint64_t id) const {
    return ::ioctl(s_.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
  }

  const Supervised& s_;
  const RunOptions& options_;
  RunStatus result_;
  bool ended_ = false;  // the command itself
  bool lost_ = false;   // and nobody knows how
  int served_step_ = 0;
  Verdicts verdicts_;
  Refusals refusals_;
  // A newer kernel's structures may be larger than ours.
  std::vector<uint64_t> request_, response_;
};

bool Supervisor::prepare() {
  seccomp_notif_sizes sizes{};
  if (seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) return false;
  request_.resize(std::max<size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)) / 8 + 1);
  response_.resize(std::max<size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)) / 8 + 1);
  // Runs the answered thread on this CPU at once, which halves the cost of a refusal. Since 6.6; without it
  // all works as well.
  ::ioctl(s_.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  return true;
}

// The command's own status. By pidfd, so that stops of threads that are held for a moment are not taken for
// it.
void Supervisor::reap() {
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(3) /* P_PIDFD */, static_cast<id_t>(s_.pidfd), &info, WEXITED) != 0) {
    if (errno == EINTR) return;
    lost_ = true;
  }
  ended_ = true;
  if (lost_) return;
  if (info.si_code == CLD_EXITED) {
    result_.status = info.si_status;
  } else {
    const bool instead = info.si_status == SIGKILL && verdicts_.killed_for_sigsys(s_.pid);
    result_.status = 128 + (instead ? SIGSYS : info.si_status);
  }
}

// False: there is nobody left to pass it to, and whoever sent it wants us to end.
bool Supervisor::forward() {
  signalfd_siginfo info{};
  if (::read(s_.signals, &info, sizeof info) != sizeof info) return true;
  if (ended_) return false;
  // A terminal's signals (SI_KERNEL) go to its whole foreground group, the command included.
  if (info.ssi_code <= 0) ::syscall(SYS_pidfd_send_signal, s_.pidfd, info.ssi_signo, nullptr, 0);
  return true;
}

// Whether this is one of our own calls that start the command. One that the filter does not refuse is never
// seen here, so what is seen after it is the command's.
bool Supervisor::is_start(const Event& event) {
  const int step = s_.progress->step;
  if (step <= served_step_ || step > static_cast<int>(s_.starts.size())) return false;
  const Event& start = s_.starts[static_cast<size_t>(step) - 1];
  const auto verdict = emulate(s_.original, start);
  if (event.number != start.number || event.args[0] != start.args[0] || !verdict ||
      lets_through(verdict->action))
    return false;
  served_step_ = step;
  return true;
}

void Supervisor::respond(uint64_t id, int error, uint32_t flags) {
  std::fill(response_.begin(), response_.end(), 0);
  auto* response = reinterpret_cast<seccomp_notif_resp*>(response_.data());
  response->id = id;
  response->error = error;
  response->flags = flags;
  // ENOENT: the thread was killed meanwhile.
  while (::ioctl(s_.listener, SECCOMP_IOCTL_NOTIF_SEND, response) != 0 && errno == EINTR) {
  }
}

void Supervisor::serve() {
  std::fill(request_.begin(), request_.end(), 0);  // the kernel wants zeroes
  auto* request = reinterpret_cast<seccomp_notif*>(request_.data());
  // Fails with ENOENT when the thread was killed before it could be looked at.
  if (::ioctl(s_.listener, SECCOMP_IOCTL_NOTIF_RECV, request) == 0) decide(*request);
}

void Supervisor::decide(const seccomp_notif& notification) {
  const uint64_t id = notification.id;
  const auto tid = static_cast<int>(notification.pid);
  const auto go_on = [&] { respond(id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE); };
  // Without WAIT_KILLABLE_RECV a signal restarts the call, and it comes again.
  if (!s_.wait_killable && !still_waiting(id)) return;

  Event event;
  event.number = static_cast<uint32_t>(notification.data.nr);
  event.arch = notification.data.arch;
  event.instruction_pointer = notification.data.instruction_pointer;
  std::copy(std::begin(notification.data.args), std::end(notification.data.args), event.args.begin());
  if (tid == s_.pid && is_start(event)) return go_on();
  if (verdicts_.is_ordered_exit(tid, event)) return go_on();
  const auto verdict = emulate(s_.original, event);
  const Action action = verdict ? verdict->action : kill_process();
  Refusal* fresh = refusals_.add(tid, event, action, [&] { return still_waiting(id); });
  if (options_.log_only) {
    if (fresh != nullptr && options_.on_refusal) options_.on_refusal(*fresh);
    return go_on();
  }
  // Told before the verdict is carried out: what the program says about it comes after.
  if (fresh != nullptr && options_.on_refusal) options_.on_refusal(*fresh);
  Caught caught{tid, event, [&] { return still_waiting(id); }, [&](int error) { respond(id, error, 0); }};
  std::string note = verdicts_.give(caught, action);
  if (fresh == nullptr || note.empty()) return;
  if (options_.on_note) options_.on_note(fmt::format("{}: {}", fresh->call, note));
  fresh->note = std::move(note);
}

Result<RunStatus> Supervisor::run() {
  bool listening = s_.listener >= 0;
  if (listening && !prepare()) {
    return fail(Code::Unsupported,
                fmt::format("this kernel gives no notifications: {}", std::strerror(errno)));
  }
  while (!ended_ || (listening && s_.last_exit_is_told)) {
    pollfd waits[3] = {{s_.signals, POLLIN, 0},
                       {ended_ ? -1 : s_.pidfd, POLLIN, 0},
                       {listening ? s_.listener : -1, POLLIN, 0}};
    if (::poll(waits, 3, -1) < 0) {
      if (errno == EINTR) continue;
      return fail(Code::Io, fmt::format("cannot wait for the command: {}", std::strerror(errno)));
    }
    if ((waits[2].revents & POLLIN) != 0) serve();
    if ((waits[2].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 && (waits[2].revents & POLLIN) == 0)
      listening = false;
    if ((waits[0].revents & POLLIN) != 0 && !forward()) break;
    if (waits[1].revents != 0) reap();
  }
  if (lost_) {
    return fail(Code::Io, "the command's status was taken by another part of this process", {},
                "do not ignore SIGCHLD or wait for all children while run() works");
  }
  result_.refused = refusals_.total();
  result_.refusals = refusals_.take();
  return std::move(result_);
}

}  // namespace

sigset_t forwarded_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) ::sigaddset(&set, signal);
  return set;
}

Result<RunStatus> supervise(const Supervised& supervised, const RunOptions& options) {
  return Supervisor(supervised, options).run();
}

}  // namespace stile::live
