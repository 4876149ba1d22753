// SPDX-License-Identifier: Apache-2.0
//
// What each of the 2^32 numbers of a system call table leads to, as pieces.
#pragma once

#include <vector>

#include "filter/graph.h"
#include "filter/resolve.h"
#include "filter/search.h"

namespace stile::filter {

// What one rule has become.
struct RuleNode {
  NodeId node = 0;
  float weight = 1;
};

// Where numbers go that no rule speaks of.
struct Unlisted {
  NodeId known = 0;  // the default
  NodeId later = 0;  // came after the profile's kernel
};

// All numbers from 0 to the largest, as if this table were the only one. `rules` in step with
// Resolved::rules.
std::vector<Piece> number_map(const Resolved& resolved, const Table& table,
                              const std::vector<RuleNode>& rules, Unlisted unlisted);

// Of the numbers from `first` to `last` what `map` says, of the others what `otherwise` says.
std::vector<Piece> overlay(const std::vector<Piece>& otherwise, const std::vector<Piece>& map, uint32_t first,
                           uint32_t last);

// The piece that the number lies in.
const Piece& piece_at(const std::vector<Piece>& map, uint32_t number);

}  // namespace stile::filter
