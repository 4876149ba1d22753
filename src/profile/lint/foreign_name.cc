// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include "arch/syscalls.h"

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr || subject.document->mapped || subject.document->architectures.empty())
    return;
  if (subject.is_general()) return;  // lists for any machine name calls of all of them
  for (const Entry& entry : subject.document->entries) {
    for (size_t i = 0; i < entry.names.size(); ++i) {
      const std::string& name = entry.names[i];
      if (!arch::is_syscall_name(name) || entry.chosen) continue;
      bool here = false;
      for (const std::string& table : subject.tables) {
        const auto id = arch::arch_by_name(table);
        here = here || (id && arch::syscall_number(*id, name));
      }
      if (here) continue;
      report.add_at(subject.document->name_place(entry, i), name,
                    fmt::format("{} does not exist on {}", name, fmt::join(subject.tables, ", ")),
                    fmt::format("stile edit PROFILE --drop {} -i", name));
    }
  }
}

}  // namespace

extern const Check kForeignName = {
    {"foreign-name", Severity::Note, "a call that none of the architectures has",
     "The name is right and the call does not exist on any architecture the profile lists: the rule does "
     "nothing."},
    run,
    false};

}  // namespace stile::linting
