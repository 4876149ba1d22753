// SPDX-License-Identifier: Apache-2.0
#include "arch/constants.h"

#include <algorithm>

#include "arch/syscall_tables.h"

namespace stile::arch {

std::optional<uint64_t> constant(std::string_view name) {
  const auto at = std::lower_bound(tables::constant_names.begin(), tables::constant_names.end(), name);
  if (at == tables::constant_names.end() || *at != name) return std::nullopt;
  return tables::constant_values[static_cast<size_t>(at - tables::constant_names.begin())];
}

std::span<const std::string_view> constant_names() {
  return tables::constant_names;
}

}  // namespace stile::arch
