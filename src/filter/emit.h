// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stile/filter.h>

#include "filter/graph.h"

namespace stile::filter {

// The graph as a program, of any length. A word is loaded again only where a way leads that has another in
// the accumulator.
Program emit(const Graph& graph, NodeId root);

}  // namespace stile::filter
