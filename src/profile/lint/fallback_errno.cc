// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

struct Pair {
  std::string_view newer, older;
};
constexpr Pair kPairs[] = {{"faccessat2", "faccessat"},
                           {"openat2", "openat"},
                           {"close_range", "close"},
                           {"statx", "newfstatat"},
                           {"fchmodat2", "fchmodat"},
                           {"epoll_pwait2", "epoll_pwait"},
                           {"clock_gettime64", "clock_gettime"}};

void run(const Subject& subject, Report& report) {
  if (!subject.is_general() || subject.is_denylist() || !subject.profile.written_for.empty()) return;
  for (const Pair& pair : kPairs) {
    const std::string newer(pair.newer), older(pair.older);
    for (const Case& one : subject.said(newer)) {
      if (lets_through(one.action) || one.action == Action{ActionKind::Errno, ENOSYS}) continue;
      if (!subject.may_be_allowed(older)) break;
      report.add(
          newer,
          fmt::format("{} answers {}, so that nobody falls back to {}", newer, to_string(one.action), older),
          fmt::format("stile edit PROFILE --set {}=errno:ENOSYS -i, or --allow {}", newer, newer));
      break;
    }
  }
}

}  // namespace

extern const Check kFallbackErrno = {
    {"fallback-errno", Severity::Note, "newer calls answer an error that programs do not fall back on",
     "C libraries try the newer call first and use the older one on ENOSYS alone. A general profile with an "
     "EPERM default breaks them."},
    run,
    false};

}  // namespace stile::linting
