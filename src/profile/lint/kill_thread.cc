// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.has_profile || (!subject.may_be_allowed("clone") && !subject.may_be_allowed("clone3"))) return;
  if (subject.profile.otherwise.kind == ActionKind::KillThread) {
    report.add_at(subject.document == nullptr ? "" : "/defaultAction", "",
                  "threads can be started, and an unlisted call kills the calling thread alone",
                  "stile edit PROFILE --default-action kill-process -i");
  }
  for (const auto& [name, rule] : subject.profile.rules) {
    bool kills = rule.action.kind == ActionKind::KillThread && rule.action != subject.profile.otherwise;
    for (const Case& one : rule.cases) kills = kills || one.action.kind == ActionKind::KillThread;
    if (kills) {
      report.add(name, fmt::format("threads can be started, and {} kills the calling thread alone", name),
                 fmt::format("stile edit PROFILE --set {}=kill-process -i", name));
    }
  }
}

}  // namespace

extern const Check kKillThread = {
    {"kill-thread", Severity::Warning, "a refused call kills one thread of many",
     "The others go on, often waiting for ever for a lock that the dead one held. The process as a whole "
     "should end, or get an error."},
    run,
    false};

}  // namespace stile::linting
