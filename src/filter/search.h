// SPDX-License-Identifier: Apache-2.0
//
// One word of seccomp_data decides between many ways to go on: the cheapest tree of comparisons that finds
// the way.
#pragma once

#include <vector>

#include "filter/graph.h"

namespace stile::filter {

// All values from `first` to the next piece's first, or to the largest value, lead to `node`.
struct Piece {
  uint32_t first = 0;
  NodeId node = 0;
  float weight = 1;  // how often, relative to the others
};

// The node that finds the piece that (word & mask) lies in. The first piece begins at 0; pieces stand in
// ascending order. `pieces` is used up. Time n log n for n pieces, when weights do not differ beyond a factor
// of a million.
NodeId search(Graph& graph, uint8_t word, uint32_t mask, std::vector<Piece>& pieces);

}  // namespace stile::filter
