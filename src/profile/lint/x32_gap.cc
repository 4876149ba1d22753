// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include "arch/syscalls.h"

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.tables.contains("x86_64")) return;
  std::vector<std::string_view> through;
  for (const arch::Syscall& call : arch::all_syscalls(arch::ArchId::X86_64)) {
    const uint32_t audit = arch::arch_info(arch::ArchId::X86_64).audit_arch;
    if (lets_through(subject.decide(Event{call.number, audit, 0, {}}))) continue;
    // A few x32 numbers differ; those below 512 are the same but for the bit.
    const auto other = arch::syscall_number(arch::ArchId::X32, call.name);
    if (other && lets_through(subject.decide(Event{*other, audit, 0, {}}))) through.push_back(call.name);
  }
  if (through.empty()) return;
  const size_t shown = std::min<size_t>(through.size(), 5);
  report.add(
      std::string(through[0]),
      fmt::format("refused on x86_64 and let through by their x32 numbers: {}{}",
                  fmt::join(through.begin(), through.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                  through.size() > shown ? fmt::format(" and {} more", through.size() - shown) : ""),
      "refuse all numbers from 0x40000000 on; stile compile does so for a profile without x32");
}

}  // namespace

extern const Check kX32Gap = {
    {"x32-gap", Severity::Error, "a refused call is let through under its x32 number",
     "x32 shares its architecture value with x86_64 and sets bit 30 of the number. A filter that compares "
     "numbers only refuses one of the two."},
    run,
    true};

}  // namespace stile::linting
