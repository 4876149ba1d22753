// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr) return;
  size_t chosen = 0;
  const Entry* first = nullptr;
  for (const Entry& entry : subject.document->entries) {
    if (!entry.chosen) continue;
    ++chosen;
    if (first == nullptr) first = &entry;
  }
  if (first == nullptr && !subject.document->mapped) return;
  report.add_at(
      first != nullptr ? first->place : "/archMap", "",
      chosen > 0
          ? fmt::format("{} entries with includes or excludes: plain OCI runtimes allow them to everybody",
                        chosen)
          : std::string("archMap: plain OCI runtimes do not read it"),
      "for runc or crun alone: stile merge PROFILE --format oci -o FILE");
}

}  // namespace

extern const Check kDockerFields = {
    {"docker-fields", Severity::Note, "members that only docker and podman understand",
     "runc and crun ignore includes, excludes and archMap: given to them directly, every entry holds for "
     "everybody."},
    run,
    false};

}  // namespace stile::linting
