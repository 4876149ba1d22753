// SPDX-License-Identifier: Apache-2.0
#include "analysis/address_flow.h"

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

constexpr size_t kMostPlaces = 20000;
constexpr uint64_t kMostWork = 20'000'000;  // instructions and references looked at besides

// Parameter registers in order. System V x86-64 psABI 3.2.3; Go: src/cmd/compile/abi-internal.md.
constexpr Reg kCArguments[] = {arch::kRdi, arch::kRsi, arch::kRdx, arch::kRcx, arch::kR8, 9};
constexpr Reg kGoArguments[] = {arch::kRax, arch::kRbx, arch::kRcx, arch::kRdi, arch::kRsi, arch::kR8, 9, 10, arch::kR11};

bool is_register(const Operand& operand, Reg reg) { return operand.kind == Source::Register && operand.reg == reg; }

bool mentions(const arch::Memory& memory, Reg reg) { return memory.base == reg || memory.index == reg; }

}  // namespace

AddressFlow AddressTracker::follow(FunctionId function, uint64_t address) {
  flow_ = {};
  cost_ = 0;
  seen_.clear();
  work_.clear();
  globals_seen_.clear();
  slots_seen_.clear();
  const Body* body = body_of_(function);
  const int64_t index = body == nullptr ? -1 : body->index_of(address);
  if (index < 0) {
    flow_.confined = false;
    return flow_;
  }
  const auto i = static_cast<uint32_t>(index);
  const Effect& effect = body->insns[i].effect;
  const bool plain = effect.compute == Compute::Copy && effect.width == 8 && !arch::is_vector(effect.dst) &&
                     (effect.a.kind == Source::Address || effect.a.kind == Source::Constant);
  const bool low_half = effect.compute == Compute::Copy && effect.width == 4 && effect.a.kind == Source::Constant;
  if (effect.dst == kNoReg || !(plain || low_half)) {
    flow_.confined = false;
    return flow_;
  }
  hold_after(*body, i, effect.dst);
  while (!work_.empty() && flow_.confined) {
    const Place place = work_.back();
    work_.pop_back();
    step(*body_of_(place.function), place);
    if (seen_.size() > kMostPlaces) flow_.confined = false;
  }
  return flow_;
}

void AddressTracker::hold_after(const Body& body, uint32_t i, Reg reg) {
  const Step step = body.insns[i].effect.step;
  if (i + 1 == body.insns.size() && step != Step::Jump && step != Step::Return && step != Step::Stop) {
    // Runs off the end, into whatever stands there.
    const Function& function = program_.functions[body.id];
    if (!goes_to(function.end, reg) && step != Step::Call) flow_.confined = false;
  }
  body.for_each_successor(i, [&](uint32_t to) {
    const Place place{body.id, to, reg};
    if (seen_.insert(place).second) work_.push_back(place);
  });
}

void AddressTracker::step(const Body& body, const Place& place) {
  const Effect& effect = body.insns[place.i].effect;
  const Reg reg = place.reg;
  const bool go = program_.functions[body.id].is_go;
  if (!uses(body, place.i, reg)) {
    flow_.confined = false;
    return;
  }
  if (effect.step == Step::Call) {
    const FunctionId callee = effect.has_target ? program_.function_at(effect.target) : kNoFunction;
    const bool c_call = callee != kNoFunction ? !program_.functions[callee].is_go : !go;
    // A compiler that knows the callee may keep a value in any register the callee leaves alone (gcc -fipa-ra).
    if (c_call && reg != arch::kRax) hold_after(body, place.i, reg);
    return;
  }
  if (effect.dst == reg && effect.width >= 4) return;
  if ((effect.clobbers >> reg & 1) != 0) return;
  hold_after(body, place.i, reg);
}

bool AddressTracker::is_argument(FunctionId callee, bool caller_is_go, Reg reg) const {
  if (callee == kNoFunction ? !caller_is_go : !program_.functions[callee].is_go) {
    return std::find(std::begin(kCArguments), std::end(kCArguments), reg) != std::end(kCArguments);
  }
  const auto it = std::find(std::begin(kGoArguments), std::end(kGoArguments), reg);
  if (it == std::end(kGoArguments)) return false;
  if (callee == kNoFunction) return true;
  // A Go function reserves stack to spill each register it takes: that says how many it takes at most.
  const Function& function = program_.functions[callee];
  const auto bytes = program_.objects[function.object].go->functions.argument_bytes(function.name);
  return !bytes || *bytes >= 8 * (static_cast<uint32_t>(it - std::begin(kGoArguments)) + 1);
}

// Control leaves the function for an address, at the start or in the middle of another (a cold part, and back).
bool AddressTracker::goes_to(uint64_t target, Reg reg) {
  const FunctionId id = program_.function_holding(target);
  const Body* body = id == kNoFunction ? nullptr : body_of_(id);
  const int64_t index = body == nullptr ? -1 : body->index_of(target);
  if (index < 0) return false;
  const Place place{id, static_cast<uint32_t>(index), reg};
  if (seen_.insert(place).second) work_.push_back(place);
  return true;
}

bool AddressTracker::enters(FunctionId callee, Reg reg) {
  const Body* body = body_of_(callee);
  if (body == nullptr || body->insns.empty()) return false;
  const Place place{callee, 0, reg};
  if (seen_.insert(place).second) work_.push_back(place);
  return true;
}

bool AddressTracker::uses(const Body& body, uint32_t i, Reg reg) {
  const Effect& effect = body.insns[i].effect;
  const bool go = program_.functions[body.id].is_go;
  switch (effect.step) {
    case Step::Call:
    case Step::Jump: {
      if (is_register(effect.through, reg)) {
        flow_.calls.push_back({body.id, body.address(i), 0});
        return true;
      }
      if (effect.through.kind == Source::Memory && mentions(effect.through.memory, reg)) return true;  // reads a target
      if (effect.has_target && body.index_of(effect.target) >= 0 && effect.step == Step::Jump) return true;
      if (effect.has_target && effect.step == Step::Jump) return goes_to(effect.target, reg);
      const FunctionId callee = effect.has_target ? program_.function_at(effect.target) : kNoFunction;
      if (!is_argument(callee, go, reg)) return true;
      if (callee != kNoFunction) return enters(callee, reg);
      return effect.step == Step::Jump && !effect.has_target && body.has_successors(i);  // a jump table
    }
    case Step::Branch: {
      return body.index_of(effect.target) >= 0 || goes_to(effect.target, reg);
    }
    case Step::Return: {
      const auto end = go ? std::end(kGoArguments) : std::begin(kGoArguments) + 1;  // C returns in rax
      return std::find(std::begin(kGoArguments), end, reg) == end && reg != arch::kRdx;
    }
    case Step::EnterKernel: {
      // The kernel may write through what it is given (read, fstat, ...): rdi, rsi, rdx, r10, r8, r9 carry arguments, and
      // rbx, rcx, rbp those of the i386 entries, which, unlike syscall, do not leave rbx intact.
      constexpr Reg kKernelArguments[] = {arch::kRdi, arch::kRsi, arch::kRdx, 10, arch::kR8, 9, arch::kRbx, arch::kRcx, arch::kRbp};
      const bool i386 = (effect.clobbers >> arch::kRbx & 1) != 0;
      const auto end = i386 ? std::end(kKernelArguments) : std::begin(kKernelArguments) + 6;
      return std::find(std::begin(kKernelArguments), end, reg) == end;
    }
    case Step::Stop: return true;
    case Step::Plain: break;
  }
  if ((effect.reads >> reg & 1) != 0) return false;  // by an instruction that is not modelled
  if (effect.stores) {
    if (effect.store.index == reg) return false;
    if (effect.store.base == reg) flow_.stores.push_back({body.id, body.address(i), effect.store.displacement});
    if (is_register(effect.value, reg)) {
      if (effect.store_width != 8) return false;
      const int64_t slot = body.stack_slot(i, effect.store);
      if (slot != kUnknownOffset) return kept_in_slot(body, slot);
      return effect.store.absolute() && kept_in_global(static_cast<uint64_t>(effect.store.displacement));
    }
  }
  if (effect.dst == kNoReg) return true;  // comparisons
  for (const Operand* operand : {&effect.a, &effect.b}) {
    if (operand->kind == Source::Address && mentions(operand->memory, reg)) return false;
    if (operand->kind == Source::Memory && operand->memory.index == reg) return false;
    if (!is_register(*operand, reg)) continue;
    if (effect.compute != Compute::Copy || effect.width != 8) return false;
    hold_after(body, i, effect.dst);
  }
  return true;
}

// Everything that reads a stack slot the address was put into.
bool AddressTracker::kept_in_slot(const Body& body, int64_t slot) {
  if (!slots_seen_.emplace(body.id, slot).second) return true;
  cost_ += body.insns.size();
  if (cost_ > kMostWork) return false;
  for (const int64_t escaped : body.escaped_stack) {
    if (escaped <= slot) return false;
  }
  for (uint32_t i = 0; i < body.insns.size(); ++i) {
    const Effect& effect = body.insns[i].effect;
    const auto reads = [&](const Operand& operand) {
      if (operand.kind != Source::Memory) return false;
      const int64_t at = body.stack_slot(i, operand.memory);
      const bool through_stack = operand.memory.base == arch::kRsp || operand.memory.base == arch::kRbp;
      return at == kUnknownOffset ? through_stack && !operand.memory.segment : at > slot - 8 && at < slot + 8;
    };
    if (reads(effect.through)) flow_.calls.push_back({body.id, body.address(i), 0});
    if (reads(effect.b) || reads(effect.value) || reads(effect.vector_source)) return false;
    if (!reads(effect.a)) continue;
    if (effect.compute != Compute::Copy || effect.width != 8 || body.stack_slot(i, effect.a.memory) != slot) return false;
    hold_after(body, i, effect.dst);
  }
  return true;
}

// Everything that reads a variable the address was put into.
bool AddressTracker::kept_in_global(uint64_t variable) {
  if (!globals_seen_.insert(variable).second) return true;
  cost_ += globals_.cost();
  if (cost_ > kMostWork) return false;
  const GlobalUses uses = globals_.uses_of(variable, 8);
  if (uses.escapes) return false;
  for (const GlobalStore& read : uses.reads) {
    const Body* body = body_of_(read.function);
    const int64_t index = body == nullptr ? -1 : body->index_of(read.address);
    if (index < 0) return false;
    const auto i = static_cast<uint32_t>(index);
    const Effect& effect = body->insns[i].effect;
    if (read.destination + 8 <= variable && effect.vector_source.kind == Source::None) continue;
    if (read.destination < variable && effect.dst != kNoReg && read.destination + effect.width <= variable) continue;
    const auto names = [&](const Operand& operand) {
      return operand.kind == Source::Memory && operand.memory.absolute() &&
             static_cast<uint64_t>(operand.memory.displacement) == variable;
    };
    if (names(effect.through)) {
      flow_.calls.push_back({body->id, body->address(i), 0});
    } else if (names(effect.a) && effect.compute == Compute::Copy && effect.width == 8 && effect.dst != kNoReg) {
      hold_after(*body, i, effect.dst);
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace stile::analysis
