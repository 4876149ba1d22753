// SPDX-License-Identifier: Apache-2.0
//
// What a rule makes of the arguments, as a graph of decisions.
#pragma once

#include <utility>
#include <vector>

#include <stile/condition.h>

#include "filter/graph.h"

namespace stile::filter {

// Conditions in the order they are looked at, each with the node it leads to.
using Decisions = std::vector<std::pair<Condition, NodeId>>;

// The node that finds the first condition that holds; `otherwise` when none does. Conditions are in normal
// form. Tests each argument once on any way through the graph where that takes a bounded amount of work, else
// one alternative after the other.
NodeId rule_graph(Graph& graph, const Decisions& decisions, NodeId otherwise, bool big_endian);

// The word of seccomp_data that holds the low or high half of an argument.
constexpr uint8_t argument_word(uint8_t arg, bool high, bool big_endian) {
  return static_cast<uint8_t>(4 + 2 * arg + (high != big_endian ? 1 : 0));
}

}  // namespace stile::filter
