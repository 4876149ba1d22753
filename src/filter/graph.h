// SPDX-License-Identifier: Apache-2.0
//
// A filter as a graph of decisions, before it becomes instructions. Equal nodes are one node, so what is
// decided alike is there once, whichever calls or architectures lead to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stile::filter {

using NodeId = uint32_t;

enum class Ask : uint8_t {
  Return,   // no question: `k` is what the filter returns
  Equal,    // (word & mask) == k
  AtLeast,  // (word & mask) >= k
  AnyBit,   // (word & k) != 0; mask is all ones
};

struct Node {
  Ask ask = Ask::Return;
  uint8_t word = 0;  // of seccomp_data, counted in 32 bits: offset / 4
  uint32_t mask = ~uint32_t{0};
  uint32_t k = 0;
  NodeId yes = 0;
  NodeId no = 0;
  bool operator==(const Node&) const = default;
};

inline constexpr uint8_t kWordNumber = 0;
inline constexpr uint8_t kWordArch = 1;

class Graph {
 public:
  Graph();
  NodeId returns(uint32_t value);
  // Gives `yes` itself when both ways lead to the same.
  NodeId asks(Ask ask, uint8_t word, uint32_t mask, uint32_t k, NodeId yes, NodeId no);

  const Node& operator[](NodeId id) const { return nodes_[id]; }
  bool is_return(NodeId id) const { return nodes_[id].ask == Ask::Return; }
  size_t size() const { return nodes_.size(); }

  // The number of nodes that can be reached.
  size_t reachable(NodeId root) const;

 private:
  NodeId find_or_add(const Node& node);
  void grow();

  std::vector<Node> nodes_;
  std::vector<NodeId> slots_;  // open addressing, a power of two
};

}  // namespace stile::filter
