// SPDX-License-Identifier: Apache-2.0
//
// Tracing by a filter that asks (seccomp_unotify(2)): each call of interest wakes us, is counted and let
// through. Needs no privileges. It tells that a call begins and nothing of its end. Limits: no_new_privs is
// set, so setuid programs run as they are; a filter of the program's own that refuses a call hides it.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
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
#include "live/notify_keeper.h"
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

struct Sizes {
  size_t request = 0, response = 0;
};

// A newer kernel's structures may be larger than ours.
Result<Sizes> structure_sizes() {
  seccomp_notif_sizes sizes{};
  if (seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
    return fail(Code::Unsupported,
                fmt::format("this kernel gives no notifications: {}", std::strerror(errno)));
  }
  return Sizes{std::max<size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)),
               std::max<size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp))};
}

// Answers in a thread of its own. That thread goes on for what still runs when the tracing ends before it
// does, counting nothing any more: so it shares this.
class Listener {
 public:
  Listener(const Tracing& tracing, const Started& started, Descriptor fd, Sizes sizes, bool wait_killable)
      : tracing_(&tracing),
        started_(&started),
        fd_(std::move(fd)),
        sizes_(sizes),
        request_(sizes.request),
        response_(sizes.response / 8 + 1),
        wait_killable_(wait_killable),
        // Since 6.11 a thread that waits for a notification is woken when nobody is left to give one; before,
        // poll(2) has to be asked each time, which doubles the cost.
        poll_first_(kernel_release() < std::pair(6, 11)),
        counts_(tracing.options.by) {}

  Result<void> prepare();
  // Until all that is under the filter has ended, or leave() was called: counts nothing any more then, and
  // touches nothing of the caller's.
  void serve_all();
  // What was counted up to now.
  Trace leave();
  int done() const { return done_.get(); }

 private:
  void serve();
  void count(const seccomp_notif& notification);

  std::mutex mutex_;        // for what follows
  const Tracing* tracing_;  // null: left
  const Started* started_;
  Descriptor fd_;
  Sizes sizes_;
  KeptRequest request_;
  std::vector<uint64_t> response_;
  bool wait_killable_;
  bool poll_first_;
  Descriptor done_{::eventfd(0, EFD_CLOEXEC)};
  int served_step_ = 0;
  TraceCounts counts_;
  NotifyCallers callers_{counts_};
  Refusals fresh_;
  bool hidden_ = false;
  uint64_t told_ = now();
};

Result<void> Listener::prepare() {
  if (request_.get() == nullptr) return fail(Code::Io, "no memory to share");
  // Runs the answered thread on this CPU at once: halves the cost. Since 6.6.
  ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  if (!start_keeper(fd_.get(), request_, sizes_.request, sizes_.response))
    return fail(Code::Io, fmt::format("no process can be made: {}", std::strerror(errno)));
  return {};
}

void Listener::count(const seccomp_notif& notification) {
  const auto tid = static_cast<int>(notification.pid);
  // Our own calls that start the command.
  const int step = started_->shared->get()->step;
  if (tid == started_->pid && step > served_step_) {
    served_step_ = step;
    callers_.executes(tid);
    return;
  }
  if (tid == started_->pid && started_->shared->get()->failed != Stage::None) return;
  Event event;
  event.number = static_cast<uint32_t>(notification.data.nr);
  event.arch = notification.data.arch;
  event.instruction_pointer = notification.data.instruction_pointer;
  std::copy(std::begin(notification.data.args), std::end(notification.data.args), event.args.begin());
  const TraceCounts::Call call{event.arch, event.number};
  const uint32_t group = callers_.group_of(tid, call);
  counts_.enter(group, call);
  hidden_ |= callers_.loads_filter(call, event.args);
  if (tracing_->options.args) counts_.arguments(group, call, event.args);
  if (tracing_->options.baseline == nullptr || !tracing_->options.on_new) return;
  const uint64_t id = notification.id;
  const Refusal* fresh = fresh_.add(tid, event, {ActionKind::Notify, 0}, [&] {
    uint64_t copy = id;
    return ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &copy) == 0;
  });
  if (fresh != nullptr) tracing_->options.on_new(*fresh);
}

void Listener::serve() {
  auto* request = static_cast<seccomp_notif*>(request_.get());
  if (request->id == 0) return;  // withdrawn
  const std::scoped_lock lock(mutex_);
  if (tracing_ == nullptr) return let_through(fd_.get(), response_.data(), request->id);
  bool valid = true;
  if (!wait_killable_) {
    // A signal restarts the call, and it comes again.
    uint64_t id = request->id;
    valid = ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
  }
  if (valid) count(*request);
  let_through(fd_.get(), response_.data(), request->id);
  if (!tracing_->options.on_progress) return;
  const uint64_t time = now();
  if (time - told_ < kSecond) return;
  told_ = time;
  tracing_->progress(counts_.progress());
}

void Listener::serve_all() {
  for (;;) {
    std::memset(request_.get(), 0, sizes_.request);  // the kernel wants zeroes
    if (!next_request(fd_.get(), request_.get(), poll_first_)) break;
    serve();
  }
  const uint64_t one = 1;
  while (::write(done_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

Trace Listener::leave() {
  const std::scoped_lock lock(mutex_);
  tracing_ = nullptr;
  Trace trace = counts_.finish();
  trace.hidden = hidden_;
  return trace;
}

// The command's status. Leaves when all has ended, or somebody asks for the end after the command's.
int watch(const std::shared_ptr<Listener>& listener, const Started& started, const SignalsHeld& signals) {
  std::thread server([listener] { listener->serve_all(); });
  std::optional<int> status;
  bool listening = true;
  while (listening || !status) {
    pollfd waits[3] = {{listening ? listener->done() : -1, POLLIN, 0},
                       {signals.fd(), POLLIN, 0},
                       {status ? -1 : started.pidfd.get(), POLLIN, 0}};
    if (::poll(waits, 3, -1) < 0 && errno != EINTR) break;
    if (waits[0].revents != 0) listening = false;
    if ((waits[1].revents & POLLIN) != 0 && signals.take(status ? -1 : started.pidfd.get())) break;
    if (waits[2].revents != 0) status = wait_for(started.pidfd.get()).value_or(0);
  }
  if (listening)
    server.detach();
  else
    server.join();
  return status.value_or(0);
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
  const auto sizes = structure_sizes();
  if (!sizes) return tl::unexpected(sizes.error());
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
  Descriptor listener(progress->listener);
  if (!listener) {
    wait_for(pidfd);
    Error error = launch_error(how);
    if (progress->failed != Stage::Exec)
      error.code = Code::Unsupported;  // nothing ran: another backend may do
    return tl::unexpected(error);
  }
  const auto work = std::make_shared<Listener>(tracing, started, std::move(listener), *sizes, wait_killable);
  if (auto ready = work->prepare(); !ready) {
    ::kill(started.pid, SIGKILL);
    wait_for(pidfd);
    return tl::unexpected(ready.error());
  }
  const uint64_t start = now();
  TraceRun run;
  run.status = watch(work, started, signals);
  run.trace = work->leave();
  if (progress->failed == Stage::Exec && progress->error != ENOEXEC) return tl::unexpected(launch_error(how));
  run.trace.backend = "notify";
  run.trace.results = run.trace.times = false;
  run.trace.complete = options.baseline == nullptr;
  run.trace.nanoseconds = now() - start;
  return run;
}

}  // namespace stile::live
