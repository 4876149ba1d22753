// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <stile/filter.h>

#include "filter/symbolic.h"

namespace stile::filter {

// What a program does with one system call.
struct Decision {
  Action action;            // when no case applies
  std::vector<Case> cases;  // no two hold at once
  bool operator==(const Decision&) const = default;
};

// Joins the ways through a program into conditions on whole arguments: a pair of tests on both halves becomes
// one on 64 bits. Limit error when they are too many to be brought together.
Result<Decision> decision_from(const std::vector<Leaf>& leaves, bool big_endian);

}  // namespace stile::filter
