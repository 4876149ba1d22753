// SPDX-License-Identifier: Apache-2.0
#include "analysis/globals.h"

#include <algorithm>

#include "arch/effects.h"
#include "arch/x86_64_decode.h"

namespace stile::analysis {

namespace {

// How far before a variable an address still may be the start of the object it is part of.
constexpr uint64_t kObjectReach = 64;

}  // namespace

GlobalUses GlobalIndex::uses_of(uint64_t address, unsigned width) const {
  GlobalUses uses;
  const uint64_t lowest = address > kObjectReach ? address - kObjectReach : 0;
  const uint64_t highest = address + width;
  // A RIP-relative displacement counts from the end of the instruction, up to eight bytes after the displacement.
  for (const Object& object : program_.objects) {
    for (const elf::Segment& segment : object.image.segments()) {
      if (!segment.executable) continue;
      const Bytes bytes = object.image.at(segment.address);
      const uint64_t base = segment.address + object.bias;
      for (uint64_t at = 0; at + 4 <= bytes.size(); ++at) {
        const auto displacement = static_cast<uint64_t>(static_cast<int64_t>(load<int32_t>(bytes.data() + at)));
        const uint64_t target = base + at + 4 + displacement;
        if (target + 8 - lowest > highest - lowest + 8 && displacement - lowest >= highest - lowest) continue;
        const FunctionId function = program_.function_holding(base + at);
        if (function != kNoFunction) look_at(function, base + at, address, width, uses);
      }
    }
  }
  // Pointers to it in data.
  const auto points_here = [&](uint64_t value) { return value >= lowest && value < highest; };
  for (const Program::Slot& slot : program_.slots) uses.escapes |= points_here(slot.value);
  for (const Object& object : program_.objects) {
    if (object.image.position_independent()) continue;
    for (const elf::Segment& segment : object.image.segments()) {
      if (segment.executable) continue;
      const Bytes bytes = object.image.at(segment.address);
      for (uint64_t at = (8 - segment.address % 8) % 8; bytes.holds(at, 8); at += 8) {
        uses.escapes |= points_here(load<uint64_t>(bytes.data() + at));
      }
    }
  }
  const auto before = [](const GlobalStore& a, const GlobalStore& b) { return a.address < b.address; };
  std::sort(uses.stores.begin(), uses.stores.end(), before);
  uses.stores.erase(std::unique(uses.stores.begin(), uses.stores.end(),
                                [](const GlobalStore& a, const GlobalStore& b) { return a.address == b.address; }),
                    uses.stores.end());
  return uses;
}

// Finds the instruction whose bytes hold the displacement at `near`, and what it does with the variable.
void GlobalIndex::look_at(FunctionId id, uint64_t near, uint64_t address, unsigned width, GlobalUses& uses) const {
  const Function& function = program_.functions[id];
  const Bytes code = program_.code(function);
  for (uint64_t at = 0; at < code.size() && function.start + at <= near;) {
    const arch::Insn shape = arch::decode(code.data() + at, code.end());
    const uint64_t length = std::max<uint64_t>(shape.length, 1);
    if (function.start + at + length <= near || shape.length == 0) {
      at += length;
      continue;
    }
    const arch::Effect effect = arch::effect_of(code.from(at), function.start + at);
    const uint64_t lowest = address > kObjectReach ? address - kObjectReach : 0;
    if (effect.stores && effect.store.base == arch::kNoReg && !effect.store.segment) {
      const auto store = static_cast<uint64_t>(effect.store.displacement);
      const bool overlaps = store < address + width && (store + effect.store_width > address || effect.store_unbounded);
      const bool indexed = effect.store.index != arch::kNoReg && store <= address + width && store >= lowest;
      if (overlaps || indexed) uses.stores.push_back({id, function.start + at});
    }
    for (const arch::Operand* operand : {&effect.a, &effect.b, &effect.value}) {
      if (operand->kind != arch::Source::Address && operand->kind != arch::Source::Constant) continue;
      const auto value = operand->kind == arch::Source::Address ? static_cast<uint64_t>(operand->memory.displacement)
                                                                : static_cast<uint64_t>(operand->constant);
      if (operand->kind == arch::Source::Address && operand->memory.base != arch::kNoReg) continue;
      if (value >= lowest && value < address + width) uses.escapes = true;
    }
    return;
  }
}

}  // namespace stile::analysis
