// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include "arch/syscalls.h"

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr) return;
  for (const Entry& entry : subject.document->entries) {
    for (size_t i = 0; i < entry.names.size(); ++i) {
      const std::string& name = entry.names[i];
      if (arch::is_syscall_name(name)) continue;
      const std::string_view near = arch::nearest_name(name, arch::all_names());
      report.add_at(subject.document->name_place(entry, i), name.substr(0, 64),
                    fmt::format("no system call is called '{}': it is left out", name.substr(0, 64)),
                    near.empty() ? "take the name out" : fmt::format("did you mean {}?", near));
    }
  }
}

}  // namespace

extern const Check kUnknownName = {
    {"unknown-name", Severity::Warning, "no kernel has a call of this name",
     "Container runtimes leave the name out without a word: what was meant is not in the filter."},
    run,
    false};

}  // namespace stile::linting
