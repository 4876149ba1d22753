// SPDX-License-Identifier: Apache-2.0
#include "analysis/numbers.h"

#include <algorithm>

#include "runtime/glibc.h"

namespace stile::analysis {

arch::ArchId table_of(SiteKind kind) {
  return kind == SiteKind::Syscall ? arch::ArchId::X86_64 : arch::ArchId::I386;
}

namespace {

// Whether what is known of the C library says that a function does not make a call in this program, although its code can.
bool not_made(const Program& program, const Reach& reach, FunctionId function, uint32_t number) {
  const auto name = arch::syscall_name(arch::ArchId::X86_64, number);
  if (!name) return false;
  if (program.objects[program.functions[function].object].is_interpreter && glibc::only_as_command(*name)) return true;
  return std::any_of(reach.quiet.begin(), reach.quiet.end(), [&](const QuietFunction& quiet) {
    const auto calls = glibc::gates()[quiet.gate].calls;
    return quiet.function == function && std::find(calls.begin(), calls.end(), *name) != calls.end();
  });
}

}  // namespace

Numbers find_numbers(const Program& program, const References& references, const Reach& reach, const Liveness& running) {
  Numbers numbers;
  Liveness liveness = running;
  if (&running != &reach.liveness) liveness.now = reach.liveness.reachable;
  ValueSolver solver(program, references, liveness);
  for (const Site& site : references.sites) {
    if (!reach.liveness.reachable[site.function]) continue;
    ++numbers.sites;
    const Answer answer = solver.number_at(site);
    const auto wrappers = std::make_shared<const std::vector<FunctionId>>(answer.wrappers);
    for (const Found& found : answer.found) {
      if (site.kind == SiteKind::Syscall && not_made(program, reach, found.function, static_cast<uint32_t>(found.value))) continue;
      numbers.calls[{table_of(site.kind), static_cast<uint32_t>(found.value)}].push_back({found, site, wrappers});
    }
    numbers.unknown.insert(numbers.unknown.end(), answer.unknown.begin(), answer.unknown.end());
    numbers.wrappers.insert(numbers.wrappers.end(), answer.wrappers.begin(), answer.wrappers.end());
  }
  const auto unique = [](auto& items) {
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
  };
  unique(numbers.unknown);
  unique(numbers.wrappers);
  return numbers;
}

}  // namespace stile::analysis
