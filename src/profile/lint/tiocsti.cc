// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include "profile/witness.h"

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

constexpr int64_t kTiocsti = 0x5412;  // include/uapi/asm-generic/ioctls.h

void run(const Subject& subject, Report& report) {
  if (!subject.has_profile) return;
  const Decision said = subject.said("ioctl");
  if (said.empty()) return;
  // A list for one program that allows ioctl as a whole says nothing about terminals; one with conditions, or
  // for everybody, does.
  if (said.size() == 1 && !subject.is_general() && !subject.is_denylist()) return;
  Condition rest = Condition::always();
  for (const Case& one : said) {
    if (lets_through(one.action)) {
      const auto open = satisfiable(rest && one.when && (arg32(1) == kTiocsti));
      if (open && *open) {
        const uint64_t value = (**open).witness[1];
        const bool upper = value > 0xffffffff;
        return report.add_as(
            said.size() > 1 ? Severity::Warning : Severity::Note, "ioctl",
            upper ? fmt::format("TIOCSTI is refused by a 64-bit comparison, and {:#x} is let through: the "
                                "kernel looks at 32 bits",
                                value)
                  : "TIOCSTI is let through: characters can be put into the terminal",
            "stile edit PROFILE --set 'ioctl=errno if arg1:32 == TIOCSTI' --set ioctl=allow -i");
      }
    }
    rest = rest && !one.when;
  }
}

}  // namespace

extern const Check kTiocsti = {
    {"tiocsti", Severity::Note, "ioctl lets TIOCSTI through",
     "It puts characters into the terminal as if typed: a program leaves its sandbox by typing into the "
     "shell that started it (CVE-2016-7545, CVE-2019-10063)."},
    run,
    false};

}  // namespace stile::linting
