// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr) return;
  for (const Entry& entry : subject.document->entries) {
    for (const Comparison& one : entry.args) {
      if (one.op != "SCMP_CMP_LT" && one.op != "SCMP_CMP_LE" && one.op != "SCMP_CMP_GT" &&
          one.op != "SCMP_CMP_GE")
        continue;
      return report.add_at(
          entry.place + "/args", entry.names.empty() ? "" : entry.names[0],
          fmt::format("{} on argument {}: right only where the runtime has libseccomp 2.6.1 or newer", one.op,
                      one.arg),
          "update libseccomp, or list the values with SCMP_CMP_EQ");
    }
  }
}

}  // namespace

extern const Check kWideComparison = {
    {"wide-comparison", Severity::Note, "less-than and greater-than comparisons need a recent libseccomp",
     "libseccomp before 2.4.0 compiled 64-bit ones wrongly (CVE-2019-9893), and before 2.6.1 some still "
     "(GHSA-4q85-33p6-j5g6)."},
    run,
    false};

}  // namespace stile::linting
