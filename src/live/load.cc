// SPDX-License-Identifier: Apache-2.0
//
// seccomp(2): a program becomes this process's filter. Every way it can fail is told apart, because "Invalid
// argument" helps nobody.
#include <cerrno>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stile/live.h>

#include "live/system.h"

namespace stile {

namespace {

struct Named {
  uint32_t value;
  const char* name;
  const char* since;
};

constexpr Named kActions[] = {
    {SECCOMP_RET_KILL_PROCESS, "kill-process", "4.14"},
    {SECCOMP_RET_KILL_THREAD, "kill-thread", "3.5"},
    {SECCOMP_RET_TRAP, "trap", "3.5"},
    {SECCOMP_RET_ERRNO, "errno", "3.5"},
    {SECCOMP_RET_USER_NOTIF, "notify", "5.0"},
    {SECCOMP_RET_TRACE, "trace", "3.5"},
    {SECCOMP_RET_LOG, "log", "4.14"},
    {SECCOMP_RET_ALLOW, "allow", "3.5"},
};

constexpr Named kFlags[] = {
    {SECCOMP_FILTER_FLAG_TSYNC, "a filter for all threads (TSYNC)", "3.17"},
    {SECCOMP_FILTER_FLAG_LOG, "logging (LOG)", "4.14"},
    {SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SPEC_ALLOW", "4.17"},
    {SECCOMP_FILTER_FLAG_NEW_LISTENER, "a listener (NEW_LISTENER)", "5.0"},
    {SECCOMP_FILTER_FLAG_TSYNC_ESRCH, "a listener together with all threads (TSYNC_ESRCH)", "5.7"},
    {SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "wait_killable (WAIT_KILLABLE_RECV)", "5.19"},
};

unsigned flags_of(const LoadOptions& options) {
  unsigned flags = 0;
  if (options.all_threads) flags |= SECCOMP_FILTER_FLAG_TSYNC;
  if (options.log) flags |= SECCOMP_FILTER_FLAG_LOG;
  if (options.spec_allow) flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (options.listener) flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  // With both, the return value cannot be a descriptor and a thread id.
  if (options.listener && options.all_threads) flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  if (options.wait_killable) flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return flags;
}

// A kernel kills the process for an action it does not know, so this is asked before, not left to the first
// call.
Result<void> actions_known(std::span<const Instruction> program) {
  constexpr uint16_t kReturnConstant = 0x06;  // BPF_RET | BPF_K
  std::set<uint32_t> wanted;
  for (const Instruction& instruction : program) {
    if (instruction.code == kReturnConstant) wanted.insert(instruction.k & SECCOMP_RET_ACTION_FULL);
  }
  for (const Named& action : kActions) {
    if (!wanted.contains(action.value) || live::action_available(action.value)) continue;
    // Before 4.14 the question itself is unknown, and so are the actions that came with it or later.
    const bool old = std::string_view(action.since) == "3.5";
    if (errno == EINVAL && old) continue;
    return fail(Code::Unsupported, fmt::format("this kernel does not know the action {}", action.name), {},
                fmt::format("Linux {} and later do; choose another action", action.since));
  }
  return {};
}

Error thread_error(long thread) {
  Error error{Code::Io, "", "", "load the filter before threads load filters of their own"};
  error.message =
      thread > 0
          ? fmt::format("not all threads could be given the filter: thread {} has one of its own", thread)
          : "not all threads could be given the filter: one has a filter of its own";
  return error;
}

Error explain(int error, unsigned flags, const LoadOptions& options, size_t length) {
  switch (error) {
    case ENOSYS:
      return {Code::Unsupported, "this kernel has no seccomp(2)", "",
              "Linux 3.17 and later have it, with CONFIG_SECCOMP_FILTER"};
    case EACCES:
      return {Code::Io,
              "a filter may be loaded only with no_new_privs or CAP_SYS_ADMIN, and this process has neither",
              "", "set LoadOptions::no_new_privs"};
    case EBUSY:
      return {Code::Io, "a filter of this process has a listener already, and there can be one alone", "",
              "load the filter without a listener"};
    case ENOMEM:
      return {Code::Io,
              fmt::format("this program of {} instructions and the filters loaded before it are together too "
                          "long, or there is no memory",
                          length),
              "", "the kernel takes 32768 instructions in all, each earlier filter counting 4 more"};
    case EFAULT:
      return {Code::Io, "the kernel could not read the program", "", ""};
    case ESRCH:
      if (options.listener) return thread_error(0);
      break;
    case EINVAL:
      for (const Named& flag : kFlags) {
        if ((flags & flag.value) != 0 && !live::filter_flag_available(flag.value)) {
          return {Code::Unsupported, fmt::format("this kernel does not have {}", flag.name), "",
                  fmt::format("Linux {} and later do", flag.since)};
        }
      }
      if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL) {
        return {Code::Unsupported, "this kernel was built without seccomp", "",
                "it needs CONFIG_SECCOMP and CONFIG_SECCOMP_FILTER"};
      }
      return {
          Code::Unsupported, "the kernel does not take the filter, though it knows all that was asked for",
          "",
          "a thread in strict mode cannot have a filter; a kernel without CONFIG_SECCOMP_FILTER takes none"};
    default:
      break;
  }
  return {Code::Io, fmt::format("the filter could not be loaded: {}", std::strerror(error)), "", ""};
}

}  // namespace

Result<int> load(std::span<const Instruction> program, const LoadOptions& options) {
  if (auto valid = validate(program); !valid) return tl::unexpected(valid.error());
  if (options.wait_killable && !options.listener) {
    return fail(Code::Usage, "wait_killable is about the listener's calls and means nothing without one", {},
                "set LoadOptions::listener too");
  }
  if (auto known = actions_known(program); !known) return tl::unexpected(known.error());
  if (options.no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail(Code::Unsupported, fmt::format("no_new_privs cannot be set: {}", std::strerror(errno)), {},
                "Linux 3.5 and later have it");
  }
  const unsigned flags = flags_of(options);
  const long answer = live::set_filter(program, flags);
  if (answer < 0) return tl::unexpected(explain(errno, flags, options, program.size()));
  if (options.listener) return static_cast<int>(answer);
  if (answer > 0) return tl::unexpected(thread_error(answer));
  return -1;
}

Result<void> enter_strict_mode() {
  if (live::seccomp(SECCOMP_SET_MODE_STRICT, 0, nullptr) == 0) return {};
  const int error = errno;
  if (error == ENOSYS)
    return fail(Code::Unsupported, "this kernel has no seccomp(2)", {}, "Linux 3.17 and later have it");
  if (error == EINVAL && ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2) {
    return fail(Code::Io, "this thread has a filter, and strict mode cannot follow one", {},
                "enter strict mode instead");
  }
  if (error == EINVAL)
    return fail(Code::Unsupported, "this kernel was built without seccomp", {}, "it needs CONFIG_SECCOMP");
  return fail(Code::Io, fmt::format("strict mode could not be entered: {}", std::strerror(error)));
}

void strict_exit(int status) {
  for (;;) ::syscall(SYS_exit, status);
}

}  // namespace stile
