// SPDX-License-Identifier: Apache-2.0
//
// A profile with all its names turned into numbers, once and fast: what compile() works on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <stile/profile.h>

#include "arch/syscalls.h"
#include "filter/numbers.h"

namespace stile::filter {

struct NumberedRule {
  uint32_t number;
  uint32_t rule;  // index into Resolved::rules
};

struct Table {
  arch::ArchId id;
  std::vector<NumberedRule> calls;  // sorted by number, each once
};

struct Resolved {
  std::vector<const std::pair<const std::string, Rule>*> rules;  // in the profile's order
  std::vector<Table> tables;                                     // what the filter answers for, by ArchId
  arch::ArchId own;                                              // the profile's own
  std::optional<arch::KernelVersion> written_for;
};

// Usage error for architectures, names and releases that do not exist, with the nearest that does.
Result<Resolved> resolve(const Profile& profile);

}  // namespace stile::filter
