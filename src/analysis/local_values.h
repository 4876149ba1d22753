// SPDX-License-Identifier: Apache-2.0
//
// The backward search inside one function. It ends at constants and at what the caller provides.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "analysis/body.h"
#include "analysis/value_set.h"

namespace stile::analysis {

// What the search needs to know about the world outside the function.
struct Surroundings {
  const Program& program;
  // Values a global variable of `width` bytes at a program address can hold.
  std::function<ValueSet(uint64_t address, unsigned width, uint64_t asked_at)> global;
  // Values of `width` bytes at a Frame pointer.
  std::function<ValueSet(const Value& frame, unsigned width, uint64_t asked_at)> frame_memory;
  // Whether a callee, of which no table says how large its arguments are, writes the caller's stack at rsp + offset.
  std::function<bool(FunctionId callee, int64_t offset)> writes_argument;
  // What all searches may still cost together, in instructions looked at, and how many wait for each other now. One
  // search has bounds of its own; only a file made for it comes near these.
  mutable uint64_t work_left = UINT64_MAX;
  mutable unsigned depth = 0;
  bool spend(uint64_t work) const {
    work_left -= std::min(work_left, work);
    return work_left != 0;
  }
};

class LocalSearch {
 public:
  LocalSearch(const Body& body, const Surroundings& world) : body_(body), world_(world) {}

  // The values of a register, or of `width` bytes on the stack at entry-rsp + slot, just before instruction i.
  ValueSet reg_before(uint32_t i, arch::Reg reg);
  ValueSet slot_before(uint32_t i, int64_t slot, unsigned width);
  // The values of a register just after instruction i, which must not be a jump.
  ValueSet reg_after(uint32_t i, arch::Reg reg);
  // What instruction i, a store, leaves in the `width` bytes that begin `offset` bytes into its destination.
  ValueSet stored_by(uint32_t i, int64_t offset, unsigned width);
  // The values an operand of instruction i has, or that stand in memory at an address value.
  ValueSet operand_at(uint32_t i, const arch::Operand& operand, unsigned width);
  ValueSet memory_at(uint32_t i, const ValueSet& addresses, unsigned width);

 private:
  struct Question {
    uint32_t i;
    arch::Reg reg;  // kNoReg: a stack slot
    int64_t slot;   // the slot; for a vector register the offset of the bytes asked for
    unsigned width;
    bool operator==(const Question&) const = default;
  };
  struct Open {
    Question question;
    bool arithmetic;  // the answer is computed with, so a cycle through it need not end
  };

  ValueSet search(const Question& question);
  // Adds what instruction i makes of the asked-for place. False: it leaves it alone, look further back.
  bool defines(uint32_t i, const Question& question, ValueSet& result);
  bool defines_reg(uint32_t i, arch::Reg reg, ValueSet& result);
  bool defines_vector(uint32_t i, const Question& question, ValueSet& result);
  Value vector_from_outside(uint32_t i, arch::Reg reg) const;
  bool defines_slot(uint32_t i, int64_t slot, unsigned width, ValueSet& result);
  bool call_overwrites_slot(uint32_t i, int64_t slot) const;
  ValueSet address_of(uint32_t i, const arch::Memory& memory);
  ValueSet computed(uint32_t i);
  // What the branch `from` says about a register where it leads to `to`: je behind `cmp reg, constant`.
  std::optional<uint64_t> implied(uint32_t from, uint32_t to, arch::Reg reg) const;
  bool written_through(const Value& place, unsigned width);
  bool private_slot(int64_t slot) const;
  Value unknown(Doubt doubt, uint32_t i) const { return Value::unknown(doubt, body_.address(i)); }

  const Body& body_;
  const Surroundings& world_;
  std::vector<Open> open_;
  uint64_t work_ = 0;
};

}  // namespace stile::analysis
