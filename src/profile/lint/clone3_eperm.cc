// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.has_profile || !subject.may_be_allowed("clone")) return;
  for (const Case& one : subject.said("clone3")) {
    if (lets_through(one.action) || one.action == Action{ActionKind::Errno, ENOSYS}) continue;
    return report.add(
        "clone3",
        fmt::format("clone is allowed and clone3 answers {}: C libraries do not fall back to clone",
                    to_string(one.action)),
        "stile edit PROFILE --set clone3=errno:ENOSYS -i");
  }
}

}  // namespace

extern const Check kClone3Eperm = {
    {"clone3-eperm", Severity::Error, "clone3 is refused with something other than ENOSYS",
     "C libraries fall back to clone on ENOSYS and on nothing else: with any other answer no thread or "
     "process can be started (glibc since 2.34)."},
    run,
    false};

}  // namespace stile::linting
