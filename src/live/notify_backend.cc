// SPDX-License-Identifier: Apache-2.0
//
// Tracing by a filter that asks (seccomp_unotify(2)): each call of interest wakes us, is counted and let
// through. Needs no privileges. It tells that a call begins and nothing of its end. Limits: no_new_privs is
// set, so setuid programs run as they are; a filter of the program's own that refuses a call hides it; when
// the tracer is killed each call of interest answers ENOSYS.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/syscalls.h"
#include "live/notify_callers.h"
#include "live/refusals.h"
#include "live/rewrite.h"
#include "live/supervise.h"
#include "live/trace_start.h"

namespace stile::live {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// All calls of all tables.
Program notify_always() {
  return {{/* BPF_RET | BPF_K */ 0x06, 0, 0, return_value({ActionKind::Notify, 0})}};
}

// What the baseline allows passes, all else asks.
Result<Program> notify_beyond(const Profile& baseline) {
  const Action ask{ActionKind::Notify, 0};
  const auto changed = [&](Action action) {
    return lets_through(action) ? Action{ActionKind::Allow, 0} : ask;
  };
  Profile asking = baseline;
  asking.otherwise = changed(baseline.otherwise);
  asking.bad_arch = changed(baseline.bad_arch);
  asking.written_for.clear();
  asking.paths.clear();
  for (auto& [name, rule] : asking.rules) {
    rule.action = changed(rule.action);
    for (Case& one : rule.cases) one.action = changed(one.action);
  }
  return compile(asking);
}

class Listener {
 public:
  Listener(const Tracing& tracing, const Started& started, int fd, bool wait_killable)
      : tracing_(tracing),
        started_(started),
        fd_(fd),
        wait_killable_(wait_killable),
        counts_(tracing.options.by) {}

  Result<void> prepare();
  // Until all that is under the filter has ended.
  void run(const SignalsHeld& signals);
  Trace finish() { return counts_.finish(); }
  std::optional<int> status() const { return status_; }

 private:
  bool serve();
  void serve_all();
  void told_what_was_counted();
  void count(const seccomp_notif& notification);

  const Tracing& tracing_;
  const Started& started_;
  int fd_;
  bool wait_killable_;
  int served_step_ = 0;
  std::optional<int> status_;
  TraceCounts counts_;
  NotifyCallers callers_{counts_};
  Refusals fresh_;
  uint64_t told_ = now();
  std::vector<uint64_t> request_, response_;
};

Result<void> Listener::prepare() {
  seccomp_notif_sizes sizes{};
  if (seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
    return fail(Code::Unsupported,
                fmt::format("this kernel gives no notifications: {}", std::strerror(errno)));
  }
  // A newer kernel's structures may be larger than ours.
  request_.resize(std::max<size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)) / 8 + 1);
  response_.resize(std::max<size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)) / 8 + 1);
  // Runs the answered thread on this CPU at once: halves the cost. Since 6.6.
  ::ioctl(fd_, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  return {};
}

void Listener::count(const seccomp_notif& notification) {
  const auto tid = static_cast<int>(notification.pid);
  // Our own calls that start the command.
  const int step = started_.shared->get()->step;
  if (tid == started_.pid && step > served_step_) {
    served_step_ = step;
    callers_.executes(tid);
    return;
  }
  if (tid == started_.pid && started_.shared->get()->failed != Stage::None) return;
  Event event;
  event.number = static_cast<uint32_t>(notification.data.nr);
  event.arch = notification.data.arch;
  event.instruction_pointer = notification.data.instruction_pointer;
  std::copy(std::begin(notification.data.args), std::end(notification.data.args), event.args.begin());
  const TraceCounts::Call call{event.arch, event.number};
  const uint32_t group = callers_.group_of(tid, call);
  counts_.enter(group, call);
  if (tracing_.options.args) counts_.arguments(group, call, event.args);
  if (tracing_.options.baseline == nullptr || !tracing_.options.on_new) return;
  const uint64_t id = notification.id;
  const Refusal* fresh = fresh_.add(tid, event, {ActionKind::Notify, 0}, [&] {
    uint64_t copy = id;
    return ::ioctl(fd_, SECCOMP_IOCTL_NOTIF_ID_VALID, &copy) == 0;
  });
  if (fresh != nullptr) tracing_.options.on_new(*fresh);
}

// False: there is nobody left who could ask.
bool Listener::serve() {
  std::fill(request_.begin(), request_.end(), 0);  // the kernel wants zeroes
  auto* request = reinterpret_cast<seccomp_notif*>(request_.data());
  if (::ioctl(fd_, SECCOMP_IOCTL_NOTIF_RECV, request) != 0) {
    // ENOENT: the thread was killed before it could be looked at, or there is none any more.
    pollfd state{fd_, POLLIN, 0};
    return ::poll(&state, 1, 0) == 0 || (state.revents & POLLIN) != 0;
  }
  bool valid = true;
  if (!wait_killable_) {
    // A signal restarts the call, and it comes again.
    uint64_t id = request->id;
    valid = ::ioctl(fd_, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
  }
  if (valid) count(*request);
  std::fill(response_.begin(), response_.end(), 0);
  auto* response = reinterpret_cast<seccomp_notif_resp*>(response_.data());
  response->id = request->id;
  response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  while (::ioctl(fd_, SECCOMP_IOCTL_NOTIF_SEND, response) != 0 && errno == EINTR) {
  }
  return true;
}

void Listener::told_what_was_counted() {
  const uint64_t time = now();
  if (time - told_ < kSecond) return;
  told_ = time;
  tracing_.progress(counts_.progress());
}

void Listener::serve_all() {
  while (serve()) told_what_was_counted();
}

void Listener::run(const SignalsHeld& signals) {
  // Since 6.11 a thread that waits for a notification is woken when nobody is left to give one; then one
  // thread can wait for that alone, without asking poll(2) each time, which halves the cost.
  const bool own_thread = kernel_release() >= std::pair(6, 11);
  const Descriptor done(::eventfd(0, EFD_CLOEXEC));
  std::thread server;
  if (own_thread) {
    server = std::thread([&] {
      serve_all();
      const uint64_t one = 1;
      while (::write(done.get(), &one, sizeof one) < 0 && errno == EINTR) {
      }
    });
  }
  const int watched = own_thread ? done.get() : fd_;
  bool listening = true;
  while (listening || !status_) {
    pollfd waits[3] = {{listening ? watched : -1, POLLIN, 0},
                       {signals.fd(), POLLIN, 0},
                       {status_ ? -1 : started_.pidfd.get(), POLLIN, 0}};
    if (::poll(waits, 3, -1) < 0 && errno != EINTR) break;
    if (waits[0].revents != 0) {
      listening = !own_thread && (waits[0].revents & POLLIN) != 0;
      if (listening) {
        serve();
        told_what_was_counted();
      }
    }
    // A filter cannot be taken away, and without its listener the calls of what still runs would fail:
    // signals end nothing here.
    if ((waits[1].revents & POLLIN) != 0) signals.take(status_ ? -1 : started_.pidfd.get());
    if (waits[2].revents != 0) status_ = wait_for(started_.pidfd.get()).value_or(0);
  }
  if (server.joinable()) server.join();
}

}  // namespace

Result<TraceRun> trace_by_notification(const Tracing& tracing) {
  const TraceOptions& options = tracing.options;
  auto program =
      options.baseline != nullptr ? notify_beyond(*options.baseline) : Result<Program>(notify_always());
  if (!program) return tl::unexpected(program.error());
  if (!filter_flag_available(SECCOMP_FILTER_FLAG_NEW_LISTENER) || kernel_release() < std::pair(5, 9)) {
    return fail(Code::Unsupported,
                "notifications: this kernel has none, or does not tell when nobody is left to give them", {},
                "Linux 5.9 and later can");
  }
  const SignalsHeld signals;
  Started started;
  started.shared = std::make_unique<SharedMemory>();
  Progress* progress = started.shared->get();
  if (progress == nullptr) return fail(Code::Io, fmt::format("no memory to share: {}", std::strerror(errno)));
  const bool wait_killable = filter_flag_available(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  Launch how;
  how.command = tracing.command;
  how.program = *program;
  how.filter_flags =
      SECCOMP_FILTER_FLAG_NEW_LISTENER | (wait_killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0);
  how.mask = signals.before();
  how.progress = progress;
  // With one table of descriptors the listener that the child gets is ours too; execve gives the command a
  // copy without it.
  int pidfd = -1;
  const unsigned long flags = SIGCHLD | CLONE_PIDFD | CLONE_FILES;
  const long pid = ::syscall(SYS_clone, flags, nullptr, &pidfd, nullptr, nullptr);
  if (pid == 0) {
    launch(how);
    ::_exit(127);
  }
  if (pid < 0) return fail(Code::Io, fmt::format("no process can be made: {}", std::strerror(errno)));
  started.pid = static_cast<int>(pid);
  started.pidfd = Descriptor(pidfd);
  // Its memory is watched: it has no call left to send word with.
  while (progress->loaded == 0 && progress->failed == Stage::None) {
    pollfd ended{pidfd, POLLIN, 0};
    if (::poll(&ended, 1, 0) != 0) break;
    ::sched_yield();
  }
  const Descriptor listener(progress->listener);
  if (!listener) {
    wait_for(pidfd);
    Error error = launch_error(how);
    if (progress->failed != Stage::Exec)
      error.code = Code::Unsupported;  // nothing ran: another backend may do
    return tl::unexpected(error);
  }
  Listener work(tracing, started, listener.get(), wait_killable);
  if (auto ready = work.prepare(); !ready) {
    ::kill(started.pid, SIGKILL);
    wait_for(pidfd);
    return tl::unexpected(ready.error());
  }
  const uint64_t start = now();
  work.run(signals);
  if (progress->failed == Stage::Exec && progress->error != ENOEXEC) return tl::unexpected(launch_error(how));
  TraceRun run;
  run.trace = work.finish();
  run.trace.backend = "notify";
  run.trace.results = run.trace.times = false;
  run.trace.complete = options.baseline == nullptr;
  run.trace.nanoseconds = now() - start;
  run.status = work.status().value_or(0);
  return run;
}

}  // namespace stile::live
