// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr) return;
  std::map<std::string, std::string> seen;
  for (const Entry& entry : subject.document->entries) {
    for (size_t i = 0; i < entry.names.size(); ++i) {
      const std::string key =
          entry.names[i] + " " + entry.action + " " + std::to_string(entry.error) + " " + entry.condition;
      const std::string place = subject.document->name_place(entry, i);
      const auto [first, fresh] = seen.emplace(key, place);
      if (!fresh)
        report.add_at(place, entry.names[i],
                      fmt::format("{} stands at {} already", entry.names[i], first->second),
                      "take one of them out");
    }
  }
}

}  // namespace

extern const Check kDuplicate = {
    {"duplicate", Severity::Note, "a call is listed twice in the same words",
     "One of the two does nothing. Whoever changes the other believes to have changed the profile."},
    run,
    false};

}  // namespace stile::linting
