// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr) return;
  std::map<std::string, const Entry*> plain;
  for (const Entry& entry : subject.document->entries) {
    if (!entry.args.empty() || entry.chosen || entry.action == subject.document->default_action) continue;
    for (const std::string& name : entry.names) plain.emplace(name, &entry);
  }
  for (const Entry& entry : subject.document->entries) {
    if (entry.args.empty()) continue;
    for (size_t i = 0; i < entry.names.size(); ++i) {
      const auto other = plain.find(entry.names[i]);
      if (other == plain.end()) continue;
      report.add_at(subject.document->name_place(entry, i), entry.names[i],
                    fmt::format("the condition on {} is never asked: {} decides it without one",
                                entry.names[i], other->second->place),
                    "take the name out of one of them");
    }
  }
}

}  // namespace

extern const Check kVoidCondition = {
    {"void-condition", Severity::Warning, "a condition is void since the call is also listed without one",
     "In container runtimes an entry without conditions decides alone, wherever it stands in the file."},
    run,
    false};

}  // namespace stile::linting
