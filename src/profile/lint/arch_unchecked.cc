// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include "arch/syscalls.h"

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  // By what is decided, so that a raw program is judged by what it does.
  for (const arch::ArchInfo& info : arch::all_archs()) {
    bool answered = false;
    for (const std::string& table : subject.tables) {
      const auto id = arch::arch_by_name(table);
      answered = answered || (id && arch::arch_info(*id).audit_arch == info.audit_arch);
    }
    if (answered) continue;
    for (const arch::Syscall& call : arch::all_syscalls(info.id)) {
      if (!lets_through(subject.decide(Event{call.number, info.audit_arch, 0, {}}))) continue;
      return report.add(
          "",
          fmt::format("{} of {} is let through: the filter does not look at the architecture", call.name,
                      info.name),
          subject.input.program.empty()
              ? "say bad_arch_action kill-process in the profile"
              : "compare seccomp_data.arch first and kill what is foreign, as programs of stile compile do");
    }
  }
}

}  // namespace

extern const Check kArchUnchecked = {
    {"arch-unchecked", Severity::Error, "calls by another architecture are let through",
     "System call numbers mean something else there: a number that is harmless on one table is execve on "
     "another, so the rules are dodged."},
    run,
    true};

}  // namespace stile::linting
