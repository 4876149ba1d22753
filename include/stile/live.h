// SPDX-License-Identifier: Apache-2.0
//
// The part that touches the kernel: loads filters, confines paths, runs commands under a profile, asks what this kernel can do.
// Everything else in the library is pure.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <stile/filter.h>
#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

// --- loading ---

struct LoadOptions {
  bool no_new_privs = true;   // set PR_SET_NO_NEW_PRIVS first; without it CAP_SYS_ADMIN is needed
  bool all_threads = true;    // SECCOMP_FILTER_FLAG_TSYNC: every thread of the process, or none (since 3.17)
  bool log = false;           // SECCOMP_FILTER_FLAG_LOG: actions other than allow are logged (4.14)
  bool spec_allow = false;    // SECCOMP_FILTER_FLAG_SPEC_ALLOW: no speculative-store-bypass mitigation (4.17)
  bool listener = false;      // SECCOMP_FILTER_FLAG_NEW_LISTENER: returns a descriptor for Notify (5.0)
  bool wait_killable = false; // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, with listener (5.19)
};

// Installs a filter in the calling process, for good. Gives the listener's descriptor (close-on-exec, the caller closes it), or -1 without
// `listener`. Errors: Malformed (validate() refuses it), Unsupported (a kernel without seccomp, filters, an action or a flag: says which
// and since when), Io with the reason in plain words: EACCES (neither no_new_privs nor CAP_SYS_ADMIN), EBUSY (a listener is there
// already), ENOMEM (all filters together are too long), threads that could not be synchronised (their ids). After an error no filter is
// installed; no_new_privs may be set.
Result<int> load(std::span<const Instruction> program, const LoadOptions& options = {});

// seccomp(2)'s strict mode for the calling thread: read, write, exit and rt_sigreturn are left, all else is SIGKILL. Note what that excludes:
// exit_group, so returning from main(), exit() and _exit() of the C library all kill the thread; leave with strict_exit().
Result<void> enter_strict_mode();
// exit(2) itself, not exit_group(2): ends the calling thread alone.
[[noreturn]] void strict_exit(int status);

// Confines the calling thread and what it starts to these paths, by Landlock (since 5.13), and sets no_new_privs. Access that this kernel's
// Landlock does not know (see Kernel::landlock_abi) is not restricted, nor is what descriptors that are open already allow. Without rules
// nothing is done. Errors: Usage (a path that is not absolute), Unsupported, Io (a path that cannot be opened, with its name).
Result<void> restrict_paths(std::span<const PathRule> rules);

// --- this machine ---

// One thing a kernel can or cannot do.
struct Capability {
  std::string name;    // "seccomp-filter", "action-errno", "tsync", "user-notification", "landlock", "bitmap-cache", ...
  bool available = false;
  bool needed = true;  // stile's main work needs it; the others make some commands better
  std::string detail;  // in plain words what was found, and what it is for; what to do when it is missing
};

struct Kernel {
  std::string release;      // uname -r
  std::string arch;         // stile's name of the machine
  int landlock_abi = 0;     // 0 = none
  std::vector<Capability> capabilities;
};
// Looks, changes nothing that lasts: what has to be tried is tried in a child.
Kernel probe_kernel();

// --- running ---

// A refusal, as run() reports it.
struct Refusal {
  int pid = 0;               // thread id of the caller
  std::string command;       // its comm
  Event event;
  std::string call;          // "openat(AT_FDCWD, \"/etc/shadow\", O_RDONLY)": decoded as far as it can be
  Action action;             // what the profile says
  std::vector<Frame> stack;  // the caller, innermost first, as far as it could be found; may be empty. Addresses lie inside the call
                             // instruction. A frame whose `via` is "perhaps" was found by looking through the stack and may be a left-over
  std::string note;          // in RunStatus: a sentence when the verdict was not given exactly as the kernel would have; mostly empty
  uint64_t count = 1;        // how often the same call from the same place, when reported at the end
};

struct RunOptions {
  std::vector<std::string> command;   // argv; argv[0] is looked up in PATH
  bool log_only = false;              // refuse nothing; report what would have been
  bool report = false;                // enforce, and report each refusal as it happens
  // Once per distinct call and place, from the thread that runs run(). A place is the instruction that enters the kernel and, for Go,
  // the nearest caller outside the packages that wrap system calls.
  std::function<void(const Refusal&)> on_refusal;
  // What was done beside what was asked for, a sentence each: execve was let through so that the command can start; a verdict was not
  // given exactly as the kernel would have.
  std::function<void(const std::string&)> on_note;
};

struct RunStatus {
  int status = 0;            // what the shell would say: exit status, or 128 + signal
  uint64_t refused = 0;      // all refusals, with log_only or report
  std::vector<Refusal> refusals;  // the distinct ones with their counts, most frequent first
};

// Runs a command under a profile and waits for it: Landlock rules, no_new_privs, filter, exec. Unprivileged. SIGHUP, SIGINT, SIGQUIT, SIGTERM,
// SIGUSR1 and SIGUSR2 that somebody sends to the caller (not those of a terminal, which reach both) are passed on.
// With log_only or report it waits until all that the command started has ended too, since the filter needs its supervisor; one of those
// signals after the command itself has ended makes it stop waiting, and what is refused from then on answers ENOSYS. The
// filter is in force before execve, so a profile that refuses execve gets one more rule, see on_note; with log_only or report only the
// first execve is let through instead.
// Errors: those of compile, load and restrict_paths; for a command that cannot be executed see exec_status().
Result<RunStatus> run(const Profile& profile, const RunOptions& options);
// The same for a ready-made program (raw BPF), with Landlock rules beside it.
Result<RunStatus> run(std::span<const Instruction> program, const RunOptions& options, std::span<const PathRule> paths = {});

// Becomes the command instead of waiting for it: comes back only with an error. When it is the execution itself that failed the filter is
// in force by then. log_only and report are a Usage error here.
Error exec_under(const Profile& profile, const RunOptions& options);
Error exec_under(std::span<const Instruction> program, const RunOptions& options, std::span<const PathRule> paths = {});

// What a command such as env(1) exits with after an error of run() or exec_under(): 127 when the command was not found, 126 when it could
// not be executed, 125 otherwise.
int exec_status(const Error& error);

// --- looking at processes ---

// The filters a process runs under, newest first (PTRACE_SECCOMP_GET_FILTER, since 4.4). Stops the process for a moment and lets it go on.
// Needs CAP_SYS_ADMIN in the initial user namespace, a kernel with CONFIG_CHECKPOINT_RESTORE, and a caller that is under no filter
// itself. Errors: Io with the reason in plain words. No filter: an empty vector.
Result<std::vector<Program>> filters_of(int pid);

}  // namespace stile
