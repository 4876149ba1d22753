// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  const auto about = [&](const std::string& name, ActionKind kind) {
    if (kind == ActionKind::Trace) {
      report.add(name, "the action trace answers ENOSYS when no tracer is attached",
                 name.empty() ? "stile edit PROFILE --default-action errno -i"
                              : fmt::format("stile edit PROFILE --drop {} -i", name));
    } else if (kind == ActionKind::Notify) {
      report.add(name,
                 "the action notify asks a supervisor, who sees arguments that can still change: no security "
                 "boundary",
                 name.empty() ? "stile edit PROFILE --default-action errno -i"
                              : fmt::format("stile edit PROFILE --drop {} -i", name));
    }
  };
  if (!subject.has_profile) return;
  about("", subject.profile.otherwise.kind);
  for (const auto& [name, rule] : subject.profile.rules) {
    std::set<ActionKind> kinds = {rule.action.kind};
    for (const Case& one : rule.cases) kinds.insert(one.action.kind);
    if (rule.action == subject.profile.otherwise) kinds.erase(rule.action.kind);
    for (const ActionKind kind : kinds) about(name, kind);
  }
}

}  // namespace

extern const Check kNeedsSupervisor = {
    {"needs-supervisor", Severity::Warning, "an action needs a process outside that answers",
     "Without a tracer, trace answers ENOSYS; without a listener, notify does. What a supervisor reads of "
     "memory can change before the call is made, so it is no boundary."},
    run,
    false};

}  // namespace stile::linting
