// SPDX-License-Identifier: Apache-2.0
//
// Alternatives of a condition brought to fewer and simpler ones that mean the same.
#pragma once

#include <optional>
#include <vector>

#include <stile/condition.h>

namespace stile {

using Alternative = std::vector<Test>;
using Alternatives = std::vector<Alternative>;

// Makes one test of those of one argument and mask, drops tests that always hold, sorts. False: it can never
// hold, and is left half done.
bool settle(Alternative& alternative);

// The normal form, see normalise() in condition.h; nothing when that would be too much work.
std::optional<Alternatives> simplify(Alternatives alternatives);

}  // namespace stile
