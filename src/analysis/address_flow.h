// SPDX-License-Identifier: Apache-2.0
//
// Where an address goes once code has taken it: forward from the instruction, through copies, spills, globals and
// parameters, until it is called, written through, or lost from sight.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "analysis/body.h"
#include "analysis/globals.h"
#include "analysis/program.h"

namespace stile::analysis {

struct AddressUse {
  FunctionId function;
  uint64_t address;  // of the instruction
  int64_t offset;    // stores: of the destination from the address
};

struct AddressFlow {
  bool confined = true;             // every use was seen; false: it may be used anywhere, in any way
  std::vector<AddressUse> calls;    // indirect calls and jumps to it
  std::vector<AddressUse> stores;   // instructions that write memory through it
};

class AddressTracker {
 public:
  // `body_of` may return null: too large to look at. `globals` finds the readers of variables an address is kept in.
  AddressTracker(const Program& program, std::function<const Body*(FunctionId)> body_of, const GlobalIndex& globals)
      : program_(program), body_of_(std::move(body_of)), globals_(globals) {}

  // Follows what the instruction at `address` in `function` puts into a register.
  AddressFlow follow(FunctionId function, uint64_t address);
  // What the last of these took, in instructions looked at.
  uint64_t cost() const { return cost_ + seen_.size(); }

 private:
  struct Place {
    FunctionId function;
    uint32_t i;     // holds before this instruction
    arch::Reg reg;
    auto operator<=>(const Place&) const = default;
  };
  void hold_after(const Body& body, uint32_t i, arch::Reg reg);
  void step(const Body& body, const Place& place);
  // Reads of the register by instruction i; false if one of them cannot be followed.
  bool uses(const Body& body, uint32_t i, arch::Reg reg);
  bool kept_in_slot(const Body& body, int64_t slot);
  bool kept_in_global(uint64_t variable);
  bool goes_to(uint64_t target, arch::Reg reg);
  bool enters(FunctionId callee, arch::Reg reg);
  bool is_argument(FunctionId callee, bool caller_is_go, arch::Reg reg) const;

  const Program& program_;
  std::function<const Body*(FunctionId)> body_of_;
  const GlobalIndex& globals_;
  AddressFlow flow_;
  uint64_t cost_ = 0;
  std::set<Place> seen_;
  std::vector<Place> work_;
  std::set<uint64_t> globals_seen_;
  std::set<std::pair<FunctionId, int64_t>> slots_seen_;
};

}  // namespace stile::analysis
