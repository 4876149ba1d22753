// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.has_profile || subject.allowed("clock_gettime") || subject.said("clock_gettime").empty())
    return;
  for (const std::string_view name :
       {"gettimeofday", "time", "clock_nanosleep", "nanosleep", "timer_create", "timerfd_create"}) {
    if (!subject.allowed(std::string(name))) continue;
    return report.add(
        "clock_gettime",
        fmt::format("{} is allowed and clock_gettime is not: it works only while the vDSO serves it", name),
        "stile edit PROFILE --allow clock_gettime -i");
  }
}

}  // namespace

extern const Check kVdsoFallback = {
    {"vdso-fallback", Severity::Warning, "clock_gettime is missing where time matters",
     "The vDSO answers it without a system call, until the clock source changes or the machine is a virtual "
     "one that has none: then it fails at once."},
    run,
    false};

}  // namespace stile::linting
