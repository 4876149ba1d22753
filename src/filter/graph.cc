// SPDX-License-Identifier: Apache-2.0
#include "filter/graph.h"

#include <cstddef>

namespace stile::filter {
namespace {

constexpr NodeId kEmpty = ~NodeId{0};

size_t hash_of(const Node& node) {
  constexpr uint64_t kFibonacci = 0x9e3779b97f4a7c15U;
  uint64_t hash = uint64_t{node.mask} << 32 | node.k;
  hash *= kFibonacci;
  hash ^= (uint64_t{node.yes} << 32 | node.no) + (hash >> 31);
  hash *= kFibonacci;
  hash ^= uint64_t{node.word} << 8 | static_cast<uint64_t>(node.ask);
  hash *= kFibonacci;
  return static_cast<size_t>(hash >> 20);
}

}  // namespace

Graph::Graph() : slots_(512, kEmpty) {
  nodes_.reserve(256);
}

NodeId Graph::returns(uint32_t value) {
  Node node;
  node.k = value;
  return find_or_add(node);
}

NodeId Graph::asks(Ask ask, uint8_t word, uint32_t mask, uint32_t k, NodeId yes, NodeId no) {
  if (yes == no) return yes;
  return find_or_add({ask, word, mask, k, yes, no});
}

NodeId Graph::find_or_add(const Node& node) {
  if (nodes_.size() * 2 >= slots_.size()) grow();
  const size_t last = slots_.size() - 1;
  size_t at = hash_of(node) & last;
  while (slots_[at] != kEmpty) {
    if (nodes_[slots_[at]] == node) return slots_[at];
    at = (at + 1) & last;
  }
  slots_[at] = static_cast<NodeId>(nodes_.size());
  nodes_.push_back(node);
  return slots_[at];
}

void Graph::grow() {
  slots_.assign(slots_.size() * 2, kEmpty);
  const size_t last = slots_.size() - 1;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    size_t at = hash_of(nodes_[id]) & last;
    while (slots_[at] != kEmpty) at = (at + 1) & last;
    slots_[at] = id;
  }
}

size_t Graph::reachable(NodeId root) const {
  std::vector<bool> seen(nodes_.size());
  std::vector<NodeId> todo = {root};
  size_t count = 0;
  while (!todo.empty()) {
    const NodeId id = todo.back();
    todo.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    ++count;
    if (is_return(id)) continue;
    todo.push_back(nodes_[id].yes);
    todo.push_back(nodes_[id].no);
  }
  return count;
}

}  // namespace stile::filter
