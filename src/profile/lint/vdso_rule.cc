// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  for (const std::string_view call : {"clock_gettime", "gettimeofday", "time", "getcpu", "clock_getres"}) {
    const std::string name(call);
    if (!subject.listed(name) || subject.allowed(name)) continue;
    report.add(name, fmt::format("{} is restricted, and the vDSO answers it without asking the kernel", name),
               fmt::format("stile edit PROFILE --allow {} -i", name));
  }
}

}  // namespace

extern const Check kVdsoRule = {{"vdso-rule", Severity::Note, "a rule on a call that the vDSO answers",
                                 "The vDSO reads the clock in user space; no system call is made, so no rule "
                                 "applies as long as it serves."},
                                run,
                                false};

}  // namespace stile::linting
