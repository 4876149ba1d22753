// SPDX-License-Identifier: Apache-2.0
#include "analysis/numbers.h"

#include <algorithm>

namespace stile::analysis {

arch::ArchId table_of(SiteKind kind) {
  return kind == SiteKind::Syscall ? arch::ArchId::X86_64 : arch::ArchId::I386;
}

Numbers find_numbers(const Program& program, const References& references, const Reach& reach) {
  Numbers numbers;
  ValueSolver solver(program, references, reach.liveness);
  for (const Site& site : references.sites) {
    if (!reach.liveness.reachable[site.function]) continue;
    ++numbers.sites;
    const Answer answer = solver.number_at(site);
    const auto wrappers = std::make_shared<const std::vector<FunctionId>>(answer.wrappers);
    for (const Found& found : answer.found) {
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
