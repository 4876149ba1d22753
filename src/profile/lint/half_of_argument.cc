// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

struct Wide {
  std::string_view call;
  uint8_t arg;
};
// unsigned long, size_t, loff_t and pointers in the kernel's SYSCALL_DEFINE of the call, where the value
// means something.
constexpr Wide kWide[] = {{"clone", 0},   {"unshare", 0},  {"ptrace", 0}, {"mmap", 0},  {"mmap", 1},
                          {"mremap", 3},  {"mprotect", 1}, {"prctl", 1},  {"prctl", 2}, {"fcntl", 2},
                          {"ioctl", 2},   {"mount", 3},    {"read", 2},   {"write", 2}, {"ftruncate", 1},
                          {"pread64", 3}, {"pwrite64", 3}};

void run(const Subject& subject, Report& report) {
  for (const auto& [name, rule] : subject.profile.rules) {
    for (const Wide& wide : kWide) {
      if (wide.call != name) continue;
      for (const Case& one : rule.cases) {
        bool half = false;
        for (const auto& alternative : one.when.any) {
          for (const Test& test : alternative)
            half = half || (test.arg == wide.arg && test.mask == 0xffffffff);
        }
        if (!half) continue;
        report.add(
            name,
            fmt::format("argument {} of {} has 64 bits and only the low 32 are compared", wide.arg, name),
            fmt::format("compare arg{} instead of arg{}:32", wide.arg, wide.arg));
        break;
      }
    }
  }
}

}  // namespace

extern const Check kHalfOfArgument = {
    {"half-of-argument", Severity::Warning, "only half of a 64-bit argument is looked at",
     "The kernel reads all of it: a caller sets bits in the upper half, and the rule takes the value for "
     "another."},
    run,
    false};

}  // namespace stile::linting
