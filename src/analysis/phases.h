// SPDX-License-Identifier: Apache-2.0
//
// What a process needs before its program's entry point, and what remains from there on.
#pragma once

#include "analysis/reach.h"

namespace stile::analysis {

// `all`: what the walk over the whole process found. Where the two phases cannot be told apart, each is the whole, and Reach::limit
// says why.
Reach reach_in_phase(const Program& program, const References& references, const Reach& all, Phase phase, unsigned threads);

}  // namespace stile::analysis
