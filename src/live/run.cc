// SPDX-License-Identifier: Apache-2.0
//
// run() and exec_under(): from a profile to a process that lives under it.
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <stile/live.h>

#include "arch/syscalls.h"
#include "live/command.h"
#include "live/rewrite.h"
#include "live/supervise.h"
#include "live/system.h"

namespace stile {

namespace {

using live::Descriptor;
using live::Progress;

// Everything that can be got ready, and can fail, before there is a filter.
struct Prepared {
  live::Command command;
  Program original;  // what decides
  Program loaded;    // what the kernel gets: the same, or with notifications, or with a rule for execve
  Descriptor ruleset;
};

// The calls by which the command starts, or does not, as the filter will see them.
Event own_call(std::string_view name) {
  Event event;
  event.arch = live::machine_audit_arch();
  const auto arch = arch::arch_by_audit(event.arch, 0);
  event.number = arch ? arch::syscall_number(*arch, name).value_or(0) : 0;
  return event;
}

Event start_of(const live::Command& command) {
  Event event = own_call("execve");
  event.args[0] = reinterpret_cast<uint64_t>(command.path.c_str());
  event.args[1] = reinterpret_cast<uint64_t>(command.argv.data());
  event.args[2] = reinterpret_cast<uint64_t>(environ);
  return event;
}

Event shell_start_of(const live::Command& command) {
  Event event = start_of(command);
  event.args[0] = reinterpret_cast<uint64_t>(live::kShell);
  event.args[1] = reinterpret_cast<uint64_t>(command.shell_argv.data());
  return event;
}

Event exit_of_failed_start() {
  Event event = own_call("exit_group");
  event.args[0] = 127;
  return event;
}

Result<void> prepare(std::span<const Instruction> program, const RunOptions& options,
                     std::span<const PathRule> paths, Prepared& prepared) {
  if (auto valid = validate(program); !valid) return valid;
  if (auto found = live::find_command(options.command, prepared.command); !found) return found;
  auto ruleset = live::landlock_ruleset(paths);
  if (!ruleset) return tl::unexpected(ruleset.error());
  prepared.ruleset = std::move(*ruleset);
  prepared.original.assign(program.begin(), program.end());
  if (options.log_only || options.report) {
    auto changed = live::notify_instead(program);
    if (!changed) return tl::unexpected(changed.error());
    prepared.loaded = std::move(*changed);
    return {};
  }
  prepared.loaded = prepared.original;
  const Event start = start_of(prepared.command);
  const auto verdict = emulate(program, start);
  if (!verdict) return tl::unexpected(verdict.error());
  if (live::lets_through(verdict->action)) return {};
  auto changed = live::allow_first(program, start.arch, start.number);
  if (!changed) return tl::unexpected(changed.error());
  prepared.loaded = std::move(*changed);
  if (options.on_note) {
    options.on_note(
        fmt::format("the profile answers execve with {}, and the filter is there before the command starts: "
                    "execve is allowed "
                    "in addition, to the command as well",
                    to_string(verdict->action)));
  }
  return {};
}

// Shared with the child until it executes the command.
class SharedProgress {
 public:
  SharedProgress() {
    void* memory =
        ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) progress_ = new (memory) Progress;
  }
  SharedProgress(const SharedProgress&) = delete;
  SharedProgress& operator=(const SharedProgress&) = delete;
  ~SharedProgress() {
    if (progress_ != nullptr) ::munmap(progress_, sizeof(Progress));
  }
  Progress* get() { return progress_; }

 private:
  Progress* progress_ = nullptr;
};

// Blocks the forwarded signals while the command runs.
class BlockedSignals {
 public:
  BlockedSignals() {
    const sigset_t set = live::forwarded_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
};

bool has_ended(int pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

// Until the child has its filter, or has failed. It cannot send word, as its filter may refuse every call, so
// its memory is watched.
void wait_for_filter(int pid, const Progress& progress) {
  for (unsigned tries = 0; progress.loaded == 0 && progress.failed == live::Stage::None; ++tries) {
    if (tries < 200) {
      ::sched_yield();
      continue;
    }
    if (has_ended(pid)) return;
    const timespec pause{0, 50'000};
    ::nanosleep(&pause, nullptr);
  }
}

Result<RunStatus> start(Prepared& prepared, const RunOptions& options) {
  const bool reports = options.log_only || options.report;
  SharedProgress shared;
  if (shared.get() == nullptr)
    return fail(Code::Io, fmt::format("no memory to share: {}", std::strerror(errno)));
  live::Launch launch;
  launch.command = &prepared.command;
  launch.program = prepared.loaded;
  launch.ruleset = prepared.ruleset.get();
  launch.progress = shared.get();
  bool wait_killable = false;
  if (reports) {
    if (!live::filter_flag_available(SECCOMP_FILTER_FLAG_NEW_LISTENER) ||
        live::kernel_release() < std::pair(5, 5)) {
      return fail(Code::Unsupported, "this kernel cannot report refusals to a supervisor", {},
                  "Linux 5.5 and later can; run without reports");
    }
    wait_killable = live::filter_flag_available(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    launch.filter_flags =
        SECCOMP_FILTER_FLAG_NEW_LISTENER | (wait_killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0);
  }
  const BlockedSignals blocked;
  launch.mask = blocked.before();
  const sigset_t forwarded = live::forwarded_signals();
  const Descriptor signals(::signalfd(-1, &forwarded, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return fail(Code::Io, fmt::format("signals cannot be received: {}", std::strerror(errno)));

  // With one table of descriptors the listener that the child gets is ours too; execve gives the command a
  // copy without it.
  int pidfd = -1;
  const unsigned long flags = SIGCHLD | CLONE_PIDFD | (reports ? CLONE_FILES : 0);
  const long pid = ::syscall(SYS_clone, flags, nullptr, &pidfd, nullptr, nullptr);
  if (pid == 0) {
    live::launch(launch);
    shared.get()->step = 3;  // the way out, too, passes the filter
    ::_exit(127);
  }
  if (pid < 0) return fail(Code::Io, fmt::format("no process can be made: {}", std::strerror(errno)));
  const Descriptor child(pidfd);
  if (!child || live::kernel_release() < std::pair(5, 4)) {
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
    return fail(Code::Unsupported, "this kernel cannot wait for a process by descriptor", {},
                "Linux 5.4 and later can; use exec_under()");
  }
  if (reports) wait_for_filter(static_cast<int>(pid), *shared.get());
  const Descriptor listener(shared.get()->listener);

  live::Supervised supervised;
  supervised.pid = static_cast<int>(pid);
  supervised.pidfd = pidfd;
  supervised.signals = signals.get();
  supervised.listener = listener.get();
  supervised.wait_killable = wait_killable;
  supervised.last_exit_is_told = live::kernel_release() >= std::pair(5, 9);
  supervised.original = prepared.original;
  supervised.progress = shared.get();
  supervised.starts = {start_of(prepared.command), shell_start_of(prepared.command), exit_of_failed_start()};
  auto status = live::supervise(supervised, options);
  if (!status) {
    ::kill(static_cast<int>(pid), SIGKILL);
    ::waitpid(static_cast<int>(pid), nullptr, 0);
    return status;
  }
  if (shared.get()->failed != live::Stage::None || shared.get()->loaded == 0)
    return tl::unexpected(live::launch_error(launch));
  return status;
}

}  // namespace

Result<RunStatus> run(std::span<const Instruction> program, const RunOptions& options,
                      std::span<const PathRule> paths) {
  Prepared prepared;
  if (auto ready = prepare(program, options, paths, prepared); !ready) return tl::unexpected(ready.error());
  return start(prepared, options);
}

Result<RunStatus> run(const Profile& profile, const RunOptions& options) {
  const auto program = compile(profile);
  if (!program) return tl::unexpected(program.error());
  return run(*program, options, profile.paths);
}

Error exec_under(std::span<const Instruction> program, const RunOptions& options,
                 std::span<const PathRule> paths) {
  if (options.log_only || options.report) {
    return {Code::Usage, "reports need a process that waits for the command", "", "use run()"};
  }
  Prepared prepared;
  if (auto ready = prepare(program, options, paths, prepared); !ready) return ready.error();
  Progress progress;
  live::Launch launch;
  launch.command = &prepared.command;
  launch.program = prepared.loaded;
  launch.ruleset = prepared.ruleset.get();
  launch.progress = &progress;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &launch.mask);
  live::launch(launch);
  return live::launch_error(launch);
}

Error exec_under(const Profile& profile, const RunOptions& options) {
  const auto program = compile(profile);
  if (!program) return program.error();
  return exec_under(*program, options, profile.paths);
}

}  // namespace stile
