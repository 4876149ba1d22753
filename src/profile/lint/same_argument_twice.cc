// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr) return;
  for (const Entry& entry : subject.document->entries) {
    std::set<unsigned> seen;
    for (const Comparison& one : entry.args) {
      if (seen.insert(one.arg).second) continue;
      report.add_at(
          entry.place + "/args", entry.names.empty() ? "" : entry.names[0],
          fmt::format("argument {} is compared twice: one of the comparisons is enough, not both", one.arg),
          fmt::format("stile edit PROFILE --set '{}=allow if arg{} in {{A..B}}' -i",
                      entry.names.empty() ? "NAME" : entry.names[0], one.arg));
      break;
    }
  }
}

}  // namespace

extern const Check kSameArgumentTwice = {
    {"same-argument-twice", Severity::Error, "one entry compares an argument twice",
     "Container runtimes make each comparison a rule of its own then: any one of them is enough, and a range "
     "from a to b allows everything."},
    run,
    false};

}  // namespace stile::linting
