// SPDX-License-Identifier: Apache-2.0
#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.is_denylist()) return;
  const bool log = subject.profile.otherwise.kind == ActionKind::Log;
  const std::string place = subject.document == nullptr ? "" : "/defaultAction";
  if (log) {
    return report.add_at(place, "", "unlisted calls are logged and made: right for a trial, no protection",
                         "stile edit PROFILE --default-action errno -i");
  }
  report.add_at(place, "", "unlisted calls are allowed: list what is needed instead of what is not",
                "stile profile PROGRAM lists what a program needs");
}

}  // namespace

extern const Check kDenylist = {
    {"denylist", Severity::Warning, "calls that nobody listed are let through",
     "Every call the kernel gains is allowed from then on, and so is each other way to do what is refused."},
    run,
    false};

}  // namespace stile::linting
