// SPDX-License-Identifier: Apache-2.0
#include "filter/emit.h"

#include "filter/assembler.h"

namespace stile::filter {
namespace {

constexpr uint32_t kAll = ~uint32_t{0};

// A question can be entered at its load, behind it, or behind its mask, by what the accumulator holds
// already.
enum class Entry : uint8_t { Load, Mask, Test };

// How `to` is entered from a question that has its own word, masked, in the accumulator.
Entry entry_from(const Node& from, const Node& to) {
  if (from.word != to.word) return Entry::Load;
  if (from.mask == to.mask) return Entry::Test;
  return (to.mask & ~from.mask) == 0 ? Entry::Mask : Entry::Load;
}

class Emitter {
 public:
  explicit Emitter(const Graph& graph) : graph_(graph), states_(graph.size()) {}

  Program run(NodeId root) {
    order(root);
    states_[root].needs_load = true;
    for (const NodeId id : order_) {
      const Node& node = graph_[id];
      if (node.ask == Ask::Return) {
        states_[id].place[0] = code_.returns(node.k);
      } else {
        write(id, node);
      }
    }
    if (!graph_.is_return(root)) code_.go_on_at(place_of(root, Entry::Load));
    return code_.take();
  }

 private:
  struct State {
    bool seen = false;
    bool needs_load = false;
    bool needs_mask = false;
    Assembler::Place place[3] = {};  // by Entry
  };

  // Puts what can be reached into order_, what a question leads to before the question itself, and marks how
  // each is entered. With a stack of its own: a graph can be deeper than the machine's stack.
  void order(NodeId root) {
    struct Step {
      NodeId id;
      uint8_t done;
    };
    std::vector<Step> steps = {{root, 0}};
    states_[root].seen = true;
    while (!steps.empty()) {
      Step& step = steps.back();
      const Node& node = graph_[step.id];
      if (node.ask == Ask::Return || step.done == 2) {
        order_.push_back(step.id);
        steps.pop_back();
        continue;
      }
      const NodeId next = step.done++ == 0 ? node.no : node.yes;
      const Node& to = graph_[next];
      if (to.ask != Ask::Return) {
        const Entry entry = entry_from(node, to);
        if (entry == Entry::Load) states_[next].needs_load = true;
        if (entry == Entry::Mask) states_[next].needs_mask = true;
      }
      if (!states_[next].seen) {
        states_[next].seen = true;
        steps.push_back({next, 0});
      }
    }
  }

  Assembler::Place place_of(NodeId id, Entry entry) const {
    return states_[id].place[static_cast<size_t>(entry)];
  }

  Assembler::Place target(const Node& from, NodeId to) const {
    if (graph_.is_return(to)) return states_[to].place[0];
    return place_of(to, entry_from(from, graph_[to]));
  }

  void write(NodeId id, const Node& node) {
    Opcode code = kJumpEqK;
    if (node.ask == Ask::AtLeast) code = kJumpGeK;
    if (node.ask == Ask::AnyBit) code = kJumpSetK;
    State& state = states_[id];
    state.place[2] = code_.branch(code, node.k, target(node, node.yes), target(node, node.no));
    state.place[1] = state.place[2];
    if (node.mask != kAll && (state.needs_load || state.needs_mask)) {
      code_.mask(node.mask);
      state.place[1] = code_.here();
    }
    if (state.needs_load) {
      code_.load(node.word * 4U);
      state.place[0] = code_.here();
    }
  }

  const Graph& graph_;
  std::vector<State> states_;
  std::vector<NodeId> order_;
  Assembler code_;
};

}  // namespace

Program emit(const Graph& graph, NodeId root) {
  return Emitter(graph).run(root);
}

}  // namespace stile::filter
