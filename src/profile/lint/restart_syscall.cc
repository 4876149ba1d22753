// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.has_profile || subject.allowed("restart_syscall")) return;
  for (const std::string_view name : {"nanosleep", "clock_nanosleep", "futex", "poll"}) {
    if (!subject.allowed(std::string(name))) continue;
    return report.add(
        "restart_syscall",
        fmt::format("{} is allowed and restart_syscall is not: a wait that is interrupted by a stop "
                    "cannot go on",
                    name),
        "stile edit PROFILE --allow restart_syscall -i");
  }
}

}  // namespace

extern const Check kRestartSyscall = {
    {"restart-syscall", Severity::Warning, "waiting calls are allowed and restart_syscall is not",
     "The kernel resumes a wait that was stopped (SIGSTOP, a debugger, a frozen container) by this call: the "
     "program then fails at random times."},
    run,
    false};

}  // namespace stile::linting
