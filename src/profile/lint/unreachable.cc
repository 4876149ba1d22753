// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include "profile/witness.h"

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  for (const auto& [name, rule] : subject.profile.rules) {
    Condition rest = Condition::always();
    for (const Case& one : rule.cases) {
      const auto left = satisfiable(rest && one.when);
      if (left && !*left) {
        report.add(name,
                   fmt::format("'{} if {}' is never reached", to_string(one.action), to_string(one.when)),
                   "take it out, or put it before the conditions that cover it");
      }
      rest = rest && !one.when;
    }
  }
}

}  // namespace

extern const Check kUnreachable = {
    {"unreachable", Severity::Warning, "a condition can never decide",
     "Earlier conditions of the same call decide all that it is for, or nothing meets it at all."},
    run,
    false};

}  // namespace stile::linting
