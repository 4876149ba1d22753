// SPDX-License-Identifier: Apache-2.0
#include "analysis/local_values.h"

#include <algorithm>

namespace stile::analysis {

namespace {

using arch::Compute;
using arch::Effect;
using arch::kNoReg;
using arch::Operand;
using arch::Reg;
using arch::Source;
using arch::Step;

constexpr uint64_t kMostWork = 400000;  // instructions looked at for one question
constexpr size_t kDeepest = 64;         // questions that wait for each other
constexpr unsigned kDeepestOfAll = 400; // the same over all functions: each takes a few KiB of stack
// rbx, rbp, rsp, r12 to r15: System V x86-64 psABI, section 3.2.1.
constexpr uint16_t kCalleeSaved = 1u << 3 | 1u << 4 | 1u << 5 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15;

uint64_t mask_of(unsigned width) { return width >= 8 ? UINT64_MAX : (uint64_t{1} << (width * 8)) - 1; }

Value narrowed(Value value, unsigned width) {
  if (value.kind == Value::Constant) value.number &= mask_of(width);
  return value;
}

}  // namespace

ValueSet LocalSearch::reg_before(uint32_t i, Reg reg) { return search({i, reg, 0, 8}); }

ValueSet LocalSearch::slot_before(uint32_t i, int64_t slot, unsigned width) { return search({i, kNoReg, slot, width}); }

ValueSet LocalSearch::reg_after(uint32_t i, Reg reg) {
  ValueSet result;
  return defines_reg(i, reg, result) ? result : reg_before(i, reg);
}

ValueSet LocalSearch::stored_by(uint32_t i, int64_t offset, unsigned width) {
  const Effect& effect = body_.insns[i].effect;
  const bool inside = !effect.store_unbounded && offset >= 0 && offset + static_cast<int64_t>(width) <= effect.store_width;
  if (!inside) return ValueSet(unknown(Doubt::Memory, i));
  if (effect.value.kind == Source::Register && arch::is_vector(effect.value.reg)) {
    return search({i, effect.value.reg, offset, width});
  }
  return offset == 0 ? operand_at(i, effect.value, width) : ValueSet(unknown(Doubt::Memory, i));
}

// Walks back over all ways to instruction i until something defines the place.
ValueSet LocalSearch::search(const Question& question) {
  ValueSet result;
  for (size_t depth = 0; depth < open_.size(); ++depth) {
    if (!(open_[depth].question == question)) continue;
    // The answer depends on itself. Through copies alone that adds nothing; through arithmetic it could be anything.
    for (size_t k = depth; k < open_.size(); ++k) {
      if (open_[k].arithmetic) result.add(unknown(Doubt::Computed, question.i));
    }
    return result;
  }
  const bool affordable = world_.depth < kDeepestOfAll && work_ <= kMostWork && world_.spend(16 + body_.insns.size() / 64);
  if (open_.size() >= kDeepest || !affordable) return ValueSet(unknown(Doubt::Budget, question.i));
  work_ += 16;  // a question costs more than a step
  open_.push_back({question, false});
  ++world_.depth;

  std::vector<bool> seen(body_.insns.size());
  std::vector<uint32_t> work;
  const auto arrive_before = [&](uint32_t i) {
    if (body_.insns[i].entered_from_outside) result.add(unknown(Doubt::UnknownEntry, i));
    if (i == 0) {
      Value value;
      if (arch::is_vector(question.reg)) {
        result.add(vector_from_outside(0, question.reg));
      } else if (question.reg != kNoReg) {
        value.kind = question.reg == arch::kRsp ? Value::Stack : Value::EntryReg;
        value.reg = question.reg == arch::kRsp ? kNoReg : question.reg;
        result.add(value);
      } else if (question.slot >= 8) {
        value.kind = Value::EntrySlot;
        value.slot = question.slot;
        result.add(value);
      } else {
        result.add(unknown(Doubt::Memory, 0));  // a local nobody wrote
      }
    }
    for (uint32_t k = body_.first[i]; k < body_.first[i + 1]; ++k) {
      const uint32_t before = body_.predecessors[k];
      if (!body_.insns[before].reachable) continue;
      if (const auto value = implied(before, i, question.reg)) {
        result.add(Value::constant(*value));
        continue;
      }
      if (seen[before]) continue;
      seen[before] = true;
      work.push_back(before);
    }
  };
  if (!body_.insns[question.i].reachable) {
    result.add(unknown(Doubt::UnknownEntry, question.i));
  } else {
    arrive_before(question.i);
  }
  while (!work.empty() && result.size() < ValueSet::kMost) {
    if (++work_ > kMostWork || !world_.spend(1 + result.size() / 64)) {
      result.add(unknown(Doubt::Budget, question.i));
      break;
    }
    const uint32_t i = work.back();
    work.pop_back();
    if (!defines(i, question, result)) arrive_before(i);
  }
  if (result.size() >= ValueSet::kMost) result.add(unknown(Doubt::Budget, question.i));
  open_.pop_back();
  --world_.depth;
  return result;
}

std::optional<uint64_t> LocalSearch::implied(uint32_t from, uint32_t to, Reg reg) const {
  const Effect& branch = body_.insns[from].effect;
  if (reg == kNoReg || arch::is_vector(reg) || from == 0 || (!branch.if_equal && !branch.if_not_equal)) return std::nullopt;
  const Effect& compare = body_.insns[from - 1].effect;
  // Of a number only the lower half counts, so comparing that is enough for the question itself, not for one on the way.
  const unsigned needed = open_.size() == 1 ? 4 : 8;
  if (compare.compared != reg || compare.compared_width < needed) return std::nullopt;
  // Both ways lead to the same place: nothing is said. Something else may jump between the two: neither.
  const bool taken = branch.has_target && body_.address(to) == branch.target;
  const bool next = to == from + 1;
  if (taken == next || taken != branch.if_equal) return std::nullopt;
  const bool only_compare = body_.first[from + 1] - body_.first[from] == 1 && !body_.insns[from].entered_from_outside;
  if (!only_compare || body_.predecessors[body_.first[from]] != from - 1) return std::nullopt;
  return static_cast<uint64_t>(compare.compared_with) & mask_of(compare.compared_width);
}

// Go's register convention keeps xmm15 zero in all compiled code (cmd/compile/abi-internal.md).
Value LocalSearch::vector_from_outside(uint32_t i, Reg reg) const {
  const bool zero = reg == arch::kVector + 15 && world_.program.functions[body_.id].is_go;
  return zero ? Value::constant(0) : unknown(Doubt::Computed, i);
}

bool LocalSearch::defines_vector(uint32_t i, const Question& question, ValueSet& result) {
  const Effect& effect = body_.insns[i].effect;
  if (effect.step == Step::Call) {
    result.add(vector_from_outside(i, question.reg));
    return true;
  }
  if (effect.vector_dst != question.reg) return false;
  const Operand& source = effect.vector_source;
  if (source.kind == Source::Constant) {
    result.add(Value::constant(0));
  } else if (source.kind == Source::Register) {
    result.add(search({i, source.reg, question.slot, question.width}));
  } else if (source.kind == Source::Memory && !source.memory.segment) {
    arch::Memory memory = source.memory;
    memory.displacement += question.slot;
    result.add(memory_at(i, address_of(i, memory), question.width));
  } else {
    result.add(unknown(Doubt::Computed, i));
  }
  return true;
}

bool LocalSearch::defines(uint32_t i, const Question& question, ValueSet& result) {
  if (arch::is_vector(question.reg)) return defines_vector(i, question, result);
  return question.reg != kNoReg ? defines_reg(i, question.reg, result)
                                : defines_slot(i, question.slot, question.width, result);
}

bool LocalSearch::defines_reg(uint32_t i, Reg reg, ValueSet& result) {
  const Effect& effect = body_.insns[i].effect;
  if (effect.step == Step::Call) {
    if (reg == arch::kRsp) return false;
    const FunctionId callee = effect.has_target ? world_.program.function_at(effect.target) : kNoFunction;
    const bool go = callee != kNoFunction ? world_.program.functions[callee].is_go
                                          : world_.program.functions[body_.id].is_go;
    // Go's own conventions save nothing for the caller but rsp (and the fixed registers, which hold no numbers).
    if (!go && (kCalleeSaved >> reg & 1) != 0) return false;
    result.add(unknown(Doubt::CallResult, i));
    return true;
  }
  if ((effect.clobbers >> reg & 1) != 0) {
    result.add(unknown(Doubt::Computed, i));
    return true;
  }
  if (reg == arch::kRsp && (effect.stack_delta != 0 || effect.stack_lost)) {
    const int64_t stack = body_.insns[i].stack;
    result.add(stack == kUnknownOffset || effect.stack_lost ? unknown(Doubt::Computed, i)
                                                            : Value::stack(stack + effect.stack_delta));
    return true;
  }
  if (effect.dst != reg) return false;
  result.add(computed(i));
  return true;
}

// The new value of effect.dst.
ValueSet LocalSearch::computed(uint32_t i) {
  const Effect& effect = body_.insns[i].effect;
  const bool plain_copy = effect.compute == Compute::Copy || effect.compute == Compute::Either;
  const bool was_arithmetic = !open_.empty() && open_.back().arithmetic;
  const bool moves_address = effect.a.kind == Source::Address;
  if (!open_.empty() && (!plain_copy || effect.width < 4 || moves_address)) open_.back().arithmetic = true;

  const unsigned source_width = effect.source_width != 0 ? effect.source_width : effect.width;
  const ValueSet a = operand_at(i, effect.a, source_width);
  ValueSet result;
  switch (effect.compute) {
    case Compute::Copy:
      for (const Value& value : a) {
        const bool cut = source_width < 4 && value.kind != Value::Constant && value.kind != Value::Unknown &&
                         effect.a.kind != Source::Memory;
        result.add(cut ? unknown(Doubt::Computed, i) : narrowed(value, source_width));
      }
      break;
    case Compute::SignExtend:
      for (Value value : a) {
        if (value.kind == Value::Constant) {
          const unsigned shift = 64 - source_width * 8;
          value.number = static_cast<uint64_t>(static_cast<int64_t>(value.number << shift) >> shift) & mask_of(effect.width);
        } else if (source_width < 4 && value.kind != Value::Unknown) {
          value = unknown(Doubt::Computed, i);
        }
        result.add(value);
      }
      break;
    case Compute::Either:
      for (const Value& value : a) result.add(narrowed(value, source_width));
      for (const Value& value : reg_before(i, effect.dst)) result.add(narrowed(value, effect.width));
      break;
    default: {
      const ValueSet b = operand_at(i, effect.b, effect.width);
      if (!world_.spend(a.size() * b.size())) {
        result.add(unknown(Doubt::Budget, i));
        break;
      }
      for (const Value& x : a) {
        for (const Value& y : b) {
          Value value = x;
          if (x.kind == Value::Unknown || y.kind != Value::Constant) {
            value = x.kind == Value::Unknown ? x : y.kind == Value::Unknown ? y : unknown(Doubt::Computed, i);
          } else if (effect.compute == Compute::Add || effect.compute == Compute::Sub) {
            const uint64_t step = effect.compute == Compute::Add ? y.number : uint64_t{0} - y.number;
            if (x.kind == Value::EntryMemory) {
              value = unknown(Doubt::Computed, i);
            } else {
              value.number += step;
            }
          } else if (x.kind != Value::Constant) {
            value = unknown(Doubt::Computed, i);
          } else {
            switch (effect.compute) {
              case Compute::And: value.number &= y.number; break;
              case Compute::Or: value.number |= y.number; break;
              case Compute::Xor: value.number ^= y.number; break;
              case Compute::ShiftLeft: value.number = y.number < 64 ? value.number << y.number : 0; break;
              case Compute::ShiftRight: value.number = y.number < 64 ? value.number >> y.number : 0; break;
              default: value = unknown(Doubt::Computed, i); break;
            }
          }
          result.add(narrowed(value, effect.width));
          if (result.size() > ValueSet::kMost) break;
        }
      }
    }
  }
  // A write of 8 or 16 bits keeps the rest of the register.
  if (effect.width < 4) {
    ValueSet merged;
    for (const Value& old : reg_before(i, effect.dst)) {
      for (const Value& low : result) {
        if (old.kind == Value::Constant && low.kind == Value::Constant) {
          merged.add(Value::constant((old.number & ~mask_of(effect.width)) | low.number));
        } else {
          merged.add(unknown(Doubt::Computed, i));
        }
      }
    }
    result = merged;
  }
  if (!open_.empty()) open_.back().arithmetic = was_arithmetic;
  return result;
}

ValueSet LocalSearch::operand_at(uint32_t i, const Operand& operand, unsigned width) {
  ValueSet result;
  switch (operand.kind) {
    case Source::Constant: result.add(narrowed(Value::constant(static_cast<uint64_t>(operand.constant)), width)); break;
    case Source::Register:
      for (const Value& value : reg_before(i, operand.reg)) result.add(narrowed(value, width));
      break;
    case Source::Address: return address_of(i, operand.memory);
    case Source::Memory:
      if (operand.memory.segment) {
        result.add(unknown(Doubt::Memory, i));
      } else {
        result = memory_at(i, address_of(i, operand.memory), width);
      }
      break;
    case Source::None: result.add(unknown(Doubt::Computed, i)); break;
  }
  return result;
}

ValueSet LocalSearch::address_of(uint32_t i, const arch::Memory& memory) {
  ValueSet result;
  if (memory.absolute()) return ValueSet(Value::constant(static_cast<uint64_t>(memory.displacement)));
  if (const int64_t slot = body_.stack_slot(i, memory); slot != kUnknownOffset) return ValueSet(Value::stack(slot));
  ValueSet base(Value::constant(0));
  if (memory.base != kNoReg) base = reg_before(i, memory.base);
  ValueSet index(Value::constant(0));
  if (memory.index != kNoReg) index = reg_before(i, memory.index);
  if (!world_.spend(base.size() * index.size())) return ValueSet(unknown(Doubt::Budget, i));
  for (const Value& x : base) {
    for (const Value& y : index) {
      Value value = x;
      if (y.kind == Value::Constant && x.kind != Value::EntryMemory) {
        value.number += y.number * memory.scale + static_cast<uint64_t>(memory.displacement);
        if (x.kind == Value::Unknown) value = x;
      } else if (x.kind == Value::Constant && memory.scale == 1 && y.kind != Value::EntryMemory) {
        value = y;
        value.number += x.number + static_cast<uint64_t>(memory.displacement);
        if (y.kind == Value::Unknown) value = unknown(Doubt::Table, i);
      } else {
        value = unknown(y.kind != Value::Constant && memory.index != kNoReg ? Doubt::Table : Doubt::Memory, i);
      }
      result.add(value);
      if (result.size() > ValueSet::kMost) return ValueSet(unknown(Doubt::Budget, i));
    }
  }
  return result;
}

ValueSet LocalSearch::memory_at(uint32_t i, const ValueSet& addresses, unsigned width) {
  ValueSet result;
  for (const Value& address : addresses) {
    switch (address.kind) {
      case Value::Constant: result.add(world_.global(address.number, width, body_.address(i))); break;
      case Value::Stack: result.add(slot_before(i, static_cast<int64_t>(address.number), width)); break;
      case Value::EntryReg:
      case Value::EntrySlot: {
        Value value = address;
        if (written_through(address, width)) result.add(unknown(Doubt::Memory, i));
        value.kind = Value::EntryMemory;
        value.width = static_cast<uint8_t>(width);
        result.add(value);
        break;
      }
      case Value::Frame: result.add(world_.frame_memory(address, width, body_.address(i))); break;
      case Value::EntryMemory: result.add(unknown(Doubt::Memory, i)); break;
      case Value::Unknown:
        result.add(Value::unknown(address.doubt == Doubt::Table ? Doubt::Table : Doubt::Memory, body_.address(i)));
        break;
    }
  }
  return result;
}

// Whether the function itself stores to what stands at a parameter plus an offset, through the same parameter.
bool LocalSearch::written_through(const Value& place, unsigned width) {
  for (uint32_t i = 0; i < body_.insns.size(); ++i) {
    const Effect& effect = body_.insns[i].effect;
    if (!effect.stores || effect.store.segment || effect.store.absolute() || !body_.insns[i].reachable) continue;
    if (effect.store.base == arch::kRsp || body_.stack_slot(i, effect.store) != kUnknownOffset) continue;
    for (const Value& other : address_of(i, effect.store)) {
      if (other.kind != place.kind || other.reg != place.reg || other.slot != place.slot) continue;
      const auto distance = static_cast<int64_t>(other.number - place.number);
      if (effect.store_unbounded || (distance < static_cast<int64_t>(width) && distance + effect.store_width > 0)) return true;
    }
  }
  return false;
}

// Whether the slot can only be written by instructions that name it: no address at or below it has left through a
// register. (An object on the stack reaches upwards from its address, a local one not beyond the return address at 0.)
bool LocalSearch::private_slot(int64_t slot) const {
  for (const int64_t escaped : body_.escaped_stack) {
    if (escaped > slot) break;
    if (slot < 8 || escaped >= 8 || escaped == INT32_MIN) return false;
  }
  return true;
}

// A callee owns the stack area its arguments and results lie in, which starts at the caller's rsp.
bool LocalSearch::call_overwrites_slot(uint32_t i, int64_t slot) const {
  const int64_t stack = body_.insns[i].stack;
  if (stack == kUnknownOffset) return true;
  const int64_t inside = slot - stack;
  if (inside < 0) return true;
  const Effect& effect = body_.insns[i].effect;
  const FunctionId callee = effect.has_target ? world_.program.function_at(effect.target) : kNoFunction;
  const Program& program = world_.program;
  if (callee != kNoFunction && program.functions[callee].is_go) {
    const Function& function = program.functions[callee];
    const auto bytes = program.objects[function.object].go->functions.argument_bytes(function.name);
    return bytes ? inside < static_cast<int64_t>(*bytes) : world_.writes_argument(callee, inside);
  }
  // Compiled C never reads an outgoing argument back; a Go closure may have results there.
  return callee == kNoFunction && program.functions[body_.id].is_go && inside < 256;
}

bool LocalSearch::defines_slot(uint32_t i, int64_t slot, unsigned width, ValueSet& result) {
  const Effect& effect = body_.insns[i].effect;
  const bool is_private = private_slot(slot);
  if (effect.step == Step::Call) {
    if (is_private && !call_overwrites_slot(i, slot)) return false;
    result.add(unknown(Doubt::Memory, i));
    return true;
  }
  if (effect.step == Step::EnterKernel && !is_private) {
    result.add(unknown(Doubt::Memory, i));  // it may write through an address it was given, or leave what was there
    return false;
  }
  if (!effect.stores) return false;
  int64_t at = body_.stack_slot(i, effect.store);
  if (at == kUnknownOffset && !is_private && effect.store.base != kNoReg && !effect.store.segment) {
    // An address of this slot has been taken: ask whether the store goes through it.
    const ValueSet places = address_of(i, effect.store);
    if (places.size() == 1 && places.begin()->kind == Value::Stack) at = static_cast<int64_t>(places.begin()->number);
    const bool elsewhere = std::all_of(places.begin(), places.end(),
                                       [](const Value& place) { return place.kind == Value::Constant; });
    if (elsewhere && !places.empty()) return false;
  }
  if (at == kUnknownOffset) {
    // Through a pointer. With rsp or rbp in it, it is some slot; otherwise it can reach only what has escaped.
    const bool through_stack = effect.store.base == arch::kRsp ||
                               (effect.store.base == arch::kRbp && body_.insns[i].frame != kUnknownOffset);
    if (effect.store.absolute() || effect.store.segment || (is_private && !through_stack)) return false;
    if (through_stack && effect.store.index != kNoReg) {
      arch::Memory base = effect.store;
      base.index = kNoReg;
      const int64_t lowest = body_.stack_slot(i, base);
      if (is_private && lowest != kUnknownOffset && lowest > slot + static_cast<int64_t>(width)) return false;
    }
    result.add(unknown(Doubt::Memory, i));
    return true;
  }
  const int64_t end = at + effect.store_width;
  if (effect.store_unbounded ? at >= slot + static_cast<int64_t>(width)
                             : end <= slot || at >= slot + static_cast<int64_t>(width)) {
    return false;
  }
  result.add(stored_by(i, slot - at, width));
  return true;
}

}  // namespace stile::analysis
