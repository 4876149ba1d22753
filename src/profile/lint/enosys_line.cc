// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <fmt/format.h>
#include "arch/syscalls.h"

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

constexpr size_t kMany = 4;

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr || !subject.is_general() || subject.is_denylist()) return;
  if (subject.profile.otherwise == Action{ActionKind::Errno, ENOSYS}) return;
  const auto own = arch::arch_by_name(subject.profile.arch);
  if (!own) return;
  std::set<uint32_t> numbers;
  for (const auto& [name, rule] : subject.profile.rules) {
    if (const auto number = arch::syscall_number(*own, name)) numbers.insert(*number);
  }
  if (numbers.size() < 2) return;
  const uint32_t highest = *numbers.rbegin(), before = *std::next(numbers.rbegin());
  size_t between = 0;
  for (const arch::Syscall& call : arch::all_syscalls(*own))
    between += call.number > before && call.number < highest;
  if (between < kMany) return;
  const std::string name(arch::syscall_name(*own, highest).value_or(""));
  report.add(
      name,
      fmt::format(
          "{} ({}) is far above the next listed call: {} unlisted ones between answer {} where runc would "
          "have said ENOSYS",
          name, highest, between, to_string(subject.profile.otherwise)),
      "give the calls between a rule too: stile edit PROFILE --set NAME=errno:ENOSYS -i");
}

}  // namespace

extern const Check kEnosysLine = {
    {"enosys-line", Severity::Note, "one new call moves the line from which on runc answers ENOSYS",
     "runc answers ENOSYS to numbers above the highest one a profile lists, and the default below it. A "
     "single new call turns ENOSYS into the default for all below."},
    run,
    false};

}  // namespace stile::linting
