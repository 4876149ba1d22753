// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

// One number that is the sign extension of an int below 0, or such an int without it.
bool negative_int(const Test& test) {
  if (test.mask != kWhole) return false;
  for (const Range& range : test.in) {
    if (range.first != range.last) continue;
    if (range.first >= 0xffffffff80000000 && range.first < kWhole) return true;
    if (range.first >= 0x80000000 && range.first <= 0xffffffff) return true;
  }
  return false;
}

void run(const Subject& subject, Report& report) {
  for (const auto& [name, rule] : subject.profile.rules) {
    for (const Case& one : rule.cases) {
      const Test* found = nullptr;
      for (const auto& alternative : one.when.any) {
        for (const Test& test : alternative) {
          if (negative_int(test)) found = &test;
        }
      }
      if (found == nullptr) continue;
      report.add(
          name,
          fmt::format(
              "argument {} of {} is compared with a negative int as 64 bits; only its low 32 bits are sure",
              found->arg, name),
          fmt::format("stile edit PROFILE --set '{}={} if arg{}:s32 == VALUE' -i", name,
                      to_string(one.action), found->arg));
      break;
    }
  }
}

}  // namespace

extern const Check kSignOfArgument = {
    {"sign-of-argument", Severity::Note, "an int is compared with a negative number as 64 bits",
     "The upper half of an int argument is whatever the caller left in the register: AT_FDCWD arrives as "
     "0xffffff9c, as 0xffffffffffffff9c, or with other upper bits."},
    run,
    false};

}  // namespace stile::linting
