// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

constexpr int64_t kEperm = 1;  // what an errno action without errnoRet answers

void run(const Subject& subject, Report& report) {
  if (subject.document != nullptr) {
    for (const Entry& entry : subject.document->entries) {
      const bool same = entry.action == subject.document->default_action &&
                        (entry.error < 0 ? kEperm : entry.error) ==
                            (subject.document->default_error < 0 ? kEperm : subject.document->default_error);
      if (same && !entry.names.empty()) {
        report.add_at(entry.place, entry.names[0],
                      fmt::format("{}: the entry has the default action and is left out",
                                  entry.names.size() == 1 ? entry.names[0]
                                                          : fmt::format("{} and {} more", entry.names[0],
                                                                        entry.names.size() - 1)),
                      "take the entry out, or give it another action");
      }
    }
    return;
  }
  for (const auto& [name, rule] : subject.profile.rules) {
    if (!rule.cases.empty() || rule.action != subject.profile.otherwise ||
        !subject.profile.written_for.empty())
      continue;
    report.add(name, fmt::format("{} gets what every unlisted call gets ({})", name, to_string(rule.action)),
               "take the rule out");
  }
}

}  // namespace

extern const Check kSameAsDefault = {
    {"same-as-default", Severity::Note, "a rule says what the default says",
     "Container runtimes leave it out. It does nothing, now or when the default changes."},
    run,
    false};

}  // namespace stile::linting
