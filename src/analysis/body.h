// SPDX-License-Identifier: Apache-2.0
//
// One function decoded in full: what each instruction does, who can come before it, and where the stack pointer stands.
// Built on demand, only for functions that enter the kernel or pass on a system call number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "analysis/program.h"
#include "analysis/references.h"
#include "arch/effects.h"

namespace stile::analysis {

constexpr int64_t kUnknownOffset = INT64_MIN;

struct BodyInsn {
  arch::Effect effect;
  uint32_t offset = 0;                    // from the function's start
  int64_t stack = kUnknownOffset;         // rsp before it, relative to rsp at the function's entry
  int64_t frame = kUnknownOffset;         // rbp before it, likewise, where it is a frame pointer
  bool reachable = false;                 // from the entry, inside the function
  bool entered_from_outside = false;      // at a place other than the start, or in a way that could not be followed
};

struct Body {
  FunctionId id = kNoFunction;
  uint64_t start = 0;
  std::vector<BodyInsn> insns;
  std::vector<uint32_t> predecessors;     // grouped by instruction
  std::vector<uint32_t> first;            // predecessors of i: [first[i], first[i+1])
  std::vector<int64_t> escaped_stack;     // stack addresses (relative to entry rsp) that leave through a register

  std::vector<std::pair<uint32_t, uint32_t>> edges;  // (from, to), sorted

  template <typename Visit>
  void for_each_successor(uint32_t i, Visit visit) const {
    for (auto it = std::lower_bound(edges.begin(), edges.end(), std::pair<uint32_t, uint32_t>{i, 0});
         it != edges.end() && it->first == i; ++it) {
      visit(it->second);
    }
  }
  bool has_successors(uint32_t i) const {
    const auto it = std::lower_bound(edges.begin(), edges.end(), std::pair<uint32_t, uint32_t>{i, 0});
    return it != edges.end() && it->first == i;
  }

  uint64_t address(uint32_t i) const { return start + insns[i].offset; }
  // The instruction that starts at an address, or -1.
  int64_t index_of(uint64_t address) const;
  // Where a memory operand lies on the stack, relative to entry rsp; kUnknownOffset if it cannot be told without asking
  // for register values.
  int64_t stack_slot(uint32_t i, const arch::Memory& memory) const;
};

// `never_returns` says of a direct callee that control does not come back from it.
Body build_body(const Program& program, const References& references, FunctionId id,
                const std::function<bool(FunctionId)>& never_returns);

}  // namespace stile::analysis
