// SPDX-License-Identifier: Apache-2.0
//
// From what a program needs to a policy, in this order: the program's own calls, what the kernel does on its
// behalf, what the container runtime needs, then the edits somebody asked for; at last how clone3 is refused.
#include <algorithm>
#include <cerrno>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stile/analyze.h>
#include <stile/nearest.h>
#include <stile/syscalls.h>

#include "arch/syscalls.h"

namespace stile {
namespace {

constexpr const char* kNative = "x86_64";

void add_once(std::vector<std::string>& sorted, const std::vector<std::string>& more) {
  for (const std::string& text : more) {
    const auto place = std::lower_bound(sorted.begin(), sorted.end(), text);
    if (place == sorted.end() || *place != text) sorted.insert(place, text);
  }
}

void add_evidence(Rule& rule, Evidence evidence) {
  if (std::find(rule.because.begin(), rule.because.end(), evidence) != rule.because.end()) return;
  rule.because.push_back(std::move(evidence));
}

void add_use(Profile& profile, const SyscallUse& use) {
  Rule& rule = profile.rules[use.name];
  rule.sites += use.sites;
  add_once(rule.packages, use.packages);
  add_once(rule.brought_by, use.brought_by);
  add_once(rule.arches, {use.arch});
  for (const Evidence& evidence : use.because) add_evidence(rule, evidence);
}

void add_reason(Profile& profile, std::string_view name, const std::string& arch, EvidenceKind kind,
                std::string note) {
  Rule& rule = profile.rules[std::string(name)];
  add_once(rule.arches, {arch});
  add_evidence(rule, Evidence{kind, {}, {}, std::move(note)});
}

// Calls that the kernel continues by way of restart_syscall(2) after a stop signal, a ptrace stop or the
// freezer, being those that return -ERESTART_RESTARTBLOCK: kernel/time/hrtimer.c, posix-timers.c and
// alarmtimer.c, kernel/futex/waitwake.c, fs/select.c (poll).
constexpr std::string_view kRestarted[] = {
    "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "futex", "futex_time64", "poll",
};
// Other calls that wait for a given time. They end with EINTR or start anew under their own number
// (-ERESTARTNOHAND, -ERESTARTSYS). They count all the same: restart_syscall cannot do anything that the
// interrupted call could not.
constexpr std::string_view kPerhapsRestarted[] = {
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "futex_wait",      "futex_waitv", "ppoll",
    "select",     "pselect6",    "io_getevents", "rt_sigtimedwait", "semtimedop",  "recvmmsg",
};

void add_kernels_own(Profile& profile, const std::string& arch) {
  const auto allowed_here = [&](std::string_view name) {
    const auto rule = profile.rules.find(std::string(name));
    return rule != profile.rules.end() && std::find(rule->second.arches.begin(), rule->second.arches.end(),
                                                    arch) != rule->second.arches.end();
  };
  const auto first_of = [&](auto& names) -> std::string_view {
    const auto found = std::find_if(std::begin(names), std::end(names), allowed_here);
    return found == std::end(names) ? std::string_view() : *found;
  };
  std::string_view sleeper = first_of(kRestarted);
  if (sleeper.empty()) sleeper = first_of(kPerhapsRestarted);
  if (!sleeper.empty()) {
    add_reason(profile, "restart_syscall", arch, EvidenceKind::Kernel,
               fmt::format("the kernel resumes an interrupted {} through it", sleeper));
  }
  const std::string_view sigreturn = "rt_sigreturn";
  if (!allowed_here(sigreturn)) {
    add_reason(profile, sigreturn, arch, EvidenceKind::Kernel,
               "a signal handler returns by it, from code that need not lie in the program");
  }
  // The legacy frame of 32-bit code, for handlers installed without SA_SIGINFO (arch/x86/kernel/signal_32.c).
  if (arch == "i386" && !allowed_here("sigreturn")) {
    add_reason(profile, "sigreturn", arch, EvidenceKind::Kernel,
               "a signal handler of 32-bit code returns by it");
  }
  for (const std::string_view name : {"exit", "exit_group"}) {
    if (allowed_here(name)) continue;
    add_reason(profile, name, arch, EvidenceKind::Kernel,
               "every process ends by it or by a signal: refusing it makes nothing safer and can only hang "
               "or crash");
  }
}

Result<void> add_container_runtime(Profile& profile, const ProfileOptions& options) {
  const auto base = arch::runtime_base(options.runtime, options.no_new_privs);
  if (!base) {
    const std::vector<std::string> known = container_runtimes();
    const std::string near = nearest(options.runtime, known);
    return fail(Code::Usage, fmt::format("no container runtime is called '{}'", options.runtime), {},
                near.empty() ? fmt::format("one of {}", fmt::join(known, ", "))
                             : fmt::format("did you mean {}?", near));
  }
  for (const arch::RuntimeCall& call : *base) {
    add_reason(
        profile, call.name, kNative, EvidenceKind::ContainerRuntime,
        fmt::format("{}{} calls it between loading the filter and starting the program ({})", options.runtime,
                    options.no_new_privs ? " with no-new-privileges" : "", call.note));
  }
  return {};
}

// The tables among `arches` that have the name.
std::vector<std::string> tables_with(std::string_view name, const std::set<std::string>& arches) {
  std::vector<std::string> found;
  for (const std::string& arch : arches) {
    const auto id = arch::arch_by_name(arch);
    if (id && arch::syscall_number(*id, name)) found.push_back(arch);
  }
  return found;
}

Result<void> edit(Profile& profile, const ProfileOptions& options, const std::set<std::string>& arches) {
  for (const std::string& word : options.allow) {
    auto names = expand_syscalls(word);
    if (!names) return tl::unexpected(names.error());
    size_t added = 0;
    for (const std::string& name : *names) {
      for (const std::string& arch : tables_with(name, arches)) {
        add_reason(profile, name, arch, EvidenceKind::Human,
                   word == name ? "asked for by name" : fmt::format("asked for with {}", word));
        ++added;
      }
    }
    if (added == 0) {
      return fail(Code::Usage, fmt::format("'{}' names no system call of {}", word, fmt::join(arches, ", ")));
    }
  }
  for (const std::string& word : options.drop) {
    auto names = expand_syscalls(word);
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) profile.rules.erase(name);
  }
  return {};
}

// Whether an unlisted clone3 is answered with something that a C library takes for a final no. They fall back
// to clone on ENOSYS and on nothing else (glibc sysdeps/unix/sysv/linux/clone-internal.c), and a filter
// cannot look at clone3's flags.
bool clone3_needs_enosys(const Profile& profile) {
  switch (profile.otherwise.kind) {
    case ActionKind::Errno:
      return profile.otherwise.data != ENOSYS;
    case ActionKind::KillProcess:
    case ActionKind::KillThread:
    case ActionKind::Trap:
      return true;
    default:
      return false;
  }
}

void refuse_clone3_gently(Profile& profile, const std::set<std::string>& arches) {
  if (profile.rules.contains("clone3") || !clone3_needs_enosys(profile)) return;
  Rule& rule = profile.rules["clone3"];
  rule.action = {ActionKind::Errno, ENOSYS};
  rule.arches = tables_with("clone3", arches);
  add_evidence(rule,
               Evidence{EvidenceKind::Kernel,
                        {},
                        {},
                        "refused with ENOSYS: on that answer alone the C libraries fall back to clone"});
}

// As one would write them, the default ones left out, so that equal policies say equal things.
std::vector<std::string> spelled_out(const ProfileOptions& options) {
  std::vector<std::string> all;
  const ProfileOptions usual;
  if (options.otherwise != usual.otherwise) all.push_back("--default-action=" + to_string(options.otherwise));
  if (options.runtime != usual.runtime || options.no_new_privs) {
    all.push_back("--runtime=" + options.runtime + (options.no_new_privs ? ",no-new-privs" : ""));
  }
  for (const std::string& word : options.allow) all.push_back("--allow=" + word);
  for (const std::string& word : options.drop) all.push_back("--drop=" + word);
  return all;
}

}  // namespace

Result<Profile> make_profile(const Analysis& analysis, const ProfileOptions& options) {
  Profile profile;
  profile.arch = kNative;
  profile.otherwise = options.otherwise;
  profile.gaps = analysis.gaps;
  profile.origin = analysis.origin;
  profile.origin.options = spelled_out(options);

  std::set<std::string> arches = {kNative};
  for (const SyscallUse& use : analysis.syscalls) {
    arches.insert(use.arch);
    add_use(profile, use);
  }
  if (auto done = add_container_runtime(profile, options); !done) return tl::unexpected(done.error());
  for (const std::string& arch : arches) add_kernels_own(profile, arch);
  if (auto done = edit(profile, options, arches); !done) return tl::unexpected(done.error());
  refuse_clone3_gently(profile, arches);
  return profile;
}

}  // namespace stile
