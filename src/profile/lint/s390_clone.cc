// SPDX-License-Identifier: Apache-2.0
#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  const auto rule = subject.profile.rules.find("clone");
  if (rule == subject.profile.rules.end() ||
      (!subject.tables.contains("s390x") && !subject.tables.contains("s390")))
    return;
  for (const Case& one : rule->second.cases) {
    for (const auto& alternative : one.when.any) {
      for (const Test& test : alternative) {
        if (test.arg != 0) continue;
        return report.add("clone", "argument 0 of clone is the stack on s390; the flags are argument 1",
                          "stile edit PROFILE --set 'clone=allow if arg1 & 0x7e020000 == 0' -i, in a profile "
                          "for s390x alone");
      }
    }
  }
}

}  // namespace

extern const Check kS390Clone = {
    {"s390-clone", Severity::Error, "clone's flags are looked for in the wrong argument on s390",
     "There the flags are the second argument and the stack is the first (CONFIG_CLONE_BACKWARDS2): the rule "
     "compares a pointer."},
    run,
    false};

}  // namespace stile::linting
