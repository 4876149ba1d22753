// SPDX-License-Identifier: Apache-2.0
//
// What the backward search computes with: constants, addresses on the stack, what came in from the caller, or nothing known.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "analysis/values.h"
#include "arch/effects.h"

namespace stile::analysis {

struct Value {
  enum Kind : uint8_t {
    Constant,    // number
    Stack,       // the address entry-rsp + number
    Frame,       // the same in another function's frame: as it stands at the instruction at `address`
    EntryReg,    // what `reg` held at entry, + number
    EntrySlot,   // what stood on the stack at entry-rsp + slot, + number
    EntryMemory, // what stands in memory at (EntryReg or EntrySlot pointer + number), `width` bytes
    Unknown,
  };
  Kind kind = Unknown;
  arch::Reg reg = arch::kNoReg;  // EntryReg; EntryMemory through a register
  uint8_t width = 8;             // EntryMemory
  Doubt doubt = Doubt::Computed; // Unknown
  int64_t slot = 0;              // EntrySlot; EntryMemory through a stack parameter (reg == kNoReg)
  uint64_t number = 0;           // Constant, offsets
  uint64_t address = 0;          // Unknown, Frame: the instruction; Constant: where it was chosen, 0 = here

  auto operator<=>(const Value&) const = default;

  static Value constant(uint64_t number) {
    Value value;
    value.kind = Constant;
    value.number = number;
    return value;
  }
  static Value unknown(Doubt doubt, uint64_t address) {
    Value value;
    value.doubt = doubt;
    value.address = address;
    return value;
  }
  static Value stack(int64_t offset) {
    Value value;
    value.kind = Stack;
    value.number = static_cast<uint64_t>(offset);
    return value;
  }
};

// A small set without repetitions.
class ValueSet {
 public:
  static constexpr size_t kMost = 600;  // more distinct values than there are system calls is no answer

  void add(const Value& value) {
    if (std::find(values_.begin(), values_.end(), value) == values_.end()) values_.push_back(value);
  }
  void add(const ValueSet& other) {
    for (const Value& value : other.values_) add(value);
  }
  bool empty() const { return values_.empty(); }
  size_t size() const { return values_.size(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }
  ValueSet() = default;
  explicit ValueSet(const Value& value) { values_.push_back(value); }

 private:
  std::vector<Value> values_;
};

}  // namespace stile::analysis
