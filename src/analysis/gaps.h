// SPDX-License-Identifier: Apache-2.0
//
// What the analysis does not know, as sentences with a place and a remedy.
#pragma once

#include <vector>

#include <stile/profile.h>

#include "analysis/generated_code.h"
#include "analysis/numbers.h"
#include "analysis/reach.h"

namespace stile::analysis {

// All gaps of an analysed program, in a fixed order. `generated`: what find_generated_code gives.
std::vector<Gap> find_gaps(const Program& program, const References& references, const Reach& reach, const Numbers& numbers,
                          const std::vector<Found>& generated);

}  // namespace stile::analysis
