// SPDX-License-Identifier: Apache-2.0
#include "analysis/globals.h"

#include <algorithm>

#include "arch/effects.h"
#include "arch/x86_64_decode.h"

namespace stile::analysis {

namespace {

// How far before a variable an address still may be the start of the object it is part of.
constexpr uint64_t kObjectReach = 64;

// Calls visit(at) for each offset at which the 32 bits, taken as a displacement from just behind them, lead to
// [first, last), and perhaps for some others. Looks at whole blocks, each four times at the four alignments, so that the
// compiler can do it with vector instructions.
template <typename Visit>
void find_displacements(Bytes bytes, uint64_t base, uint64_t first, uint64_t last, Visit visit) {
  constexpr uint64_t kBlock = 64;  // words
  const auto range = static_cast<uint32_t>(last - first);
  for (uint64_t start = 0; bytes.holds(start, 4); start += kBlock * 4) {
    for (uint64_t phase = 0; phase < 4; ++phase) {
      const uint64_t at = start + phase;
      if (!bytes.holds(at, 4)) break;
      const uint64_t count = std::min(kBlock, (bytes.size() - at) / 4);
      const auto skew = static_cast<uint32_t>(base + at + 4 - first);
      const uint8_t* p = bytes.data() + at;
      uint32_t hit = 0;
      for (uint32_t i = 0; i < count; ++i) hit |= load<uint32_t>(p + i * 4) + skew + i * 4 < range ? 1u : 0u;
      for (uint32_t i = 0; hit != 0 && i < count; ++i) {
        if (load<uint32_t>(p + i * 4) + skew + i * 4 < range) visit(at + i * 4);
      }
    }
  }
}

// The same for 32-bit constants that are themselves an address in [first, last).
template <typename Visit>
void find_constants(Bytes bytes, uint64_t first, uint64_t last, Visit visit) {
  constexpr uint64_t kBlock = 64;
  if (last > INT32_MAX) return;
  const auto range = static_cast<uint32_t>(last - first), skew = uint32_t{0} - static_cast<uint32_t>(first);
  for (uint64_t start = 0; bytes.holds(start, 4); start += kBlock * 4) {
    for (uint64_t phase = 0; phase < 4; ++phase) {
      const uint64_t at = start + phase;
      if (!bytes.holds(at, 4)) break;
      const uint64_t count = std::min(kBlock, (bytes.size() - at) / 4);
      const uint8_t* p = bytes.data() + at;
      uint32_t hit = 0;
      for (uint32_t i = 0; i < count; ++i) hit |= load<uint32_t>(p + i * 4) + skew < range ? 1u : 0u;
      for (uint32_t i = 0; hit != 0 && i < count; ++i) {
        if (load<uint32_t>(p + i * 4) + skew < range) visit(at + i * 4);
      }
    }
  }
}

}  // namespace

GlobalUses GlobalIndex::uses_of(uint64_t address, unsigned width) const {
  GlobalUses uses;
  std::vector<Mention> mentions;
  const uint64_t lowest = address > kObjectReach ? address - kObjectReach : 0;
  const uint64_t highest = address + width;
  // A RIP-relative displacement counts from the end of the instruction, up to eight bytes after the displacement.
  const uint64_t first = lowest - std::min<uint64_t>(lowest, 8);
  for (const Object& object : program_.objects) {
    for (const elf::Segment& segment : object.image.segments()) {
      if (!segment.executable) continue;
      const Bytes bytes = object.image.at(segment.address);
      const uint64_t base = segment.address + object.bias;
      const auto visit = [&](uint64_t at) {
        const FunctionId function = program_.function_holding(base + at);
        if (function != kNoFunction) look_at(function, base + at, address, width, uses, mentions);
      };
      find_displacements(bytes, base, first, highest, visit);
      if (!object.image.position_independent()) find_constants(bytes, lowest, highest, visit);
    }
  }
  program_.release_code();
  // Pointers to it in data.
  const auto hold = [&](uint64_t value) {
    if (value >= lowest && value < highest) mentions.push_back({value, true, kNoFunction, 0});
  };
  for (const Program::Slot& slot : program_.slots) {
    if (slot.value >= lowest && slot.value < highest && !in_moduledata(slot.address)) hold(slot.value);
  }
  for (const Object& object : program_.objects) {
    if (object.image.position_independent()) continue;
    for (const elf::Segment& segment : object.image.segments()) {
      if (segment.executable) continue;
      const Bytes bytes = object.image.at(segment.address);
      for (uint64_t at = (8 - segment.address % 8) % 8; bytes.holds(at, 8); at += 8) {
        const uint64_t value = load<uint64_t>(bytes.data() + at);
        if (value - lowest < highest - lowest && !in_moduledata(segment.address + at)) hold(value);
      }
    }
  }
  program_.release_data();
  uses.held = held_over(address, width, mentions);
  uses.escapes = std::any_of(uses.held.begin(), uses.held.end(),
                             [](const Mention& mention) { return mention.function == kNoFunction; });
  const auto unique = [](auto& items, auto key) {
    std::sort(items.begin(), items.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
    items.erase(std::unique(items.begin(), items.end(), [&](const auto& a, const auto& b) { return key(a) == key(b); }),
                items.end());
  };
  unique(uses.stores, [](const GlobalStore& store) { return store.address; });
  unique(uses.reads, [](const GlobalStore& read) { return read.address; });
  unique(uses.held, [](const Mention& mention) { return std::make_pair(mention.instruction, mention.address); });
  return uses;
}

// The addresses through which the variable may be written: its own, and that of an object which begins before it and
// reaches over it. Code that works on an object names several of its fields, so an earlier address that is held somewhere counts if
// some function names both that address and this variable. A symbol that begins here settles it.
std::vector<Mention> GlobalIndex::held_over(uint64_t address, unsigned width,
                                            const std::vector<Mention>& mentions) const {
  const auto names_variable = [&](const Mention& mention) {
    return mention.address >= address && mention.address < address + width;
  };
  const bool own_object = begins_object(address);
  std::vector<Mention> result;
  for (const Mention& held : mentions) {
    if (!held.held) continue;
    const bool with_it = std::any_of(mentions.begin(), mentions.end(), [&](const Mention& other) {
      return held.function != kNoFunction && other.function == held.function && names_variable(other);
    });
    if (names_variable(held) || (with_it && !own_object)) result.push_back(held);
  }
  return result;
}

bool GlobalIndex::begins_object(uint64_t address) const {
  const Object* object = program_.object_of(address);
  if (object == nullptr) return false;
  const auto& variables = object->image.variables();
  const auto it = std::lower_bound(variables.begin(), variables.end(), address - object->bias);
  return it != variables.end() && *it == address - object->bias;
}

// moduledata holds the bounds of sections, which are no pointers to the variables that stand there.
bool GlobalIndex::in_moduledata(uint64_t address) const {
  constexpr uint64_t kLargest = 1024;
  for (const Object& object : program_.objects) {
    if (!object.go || !object.go->moduledata) continue;
    const uint64_t start = object.go->moduledata->address + object.bias;
    if (address >= start && address < start + kLargest) return true;
  }
  return false;
}

// Finds the instruction whose bytes hold the displacement at `near`, and what it does with the variable.
void GlobalIndex::look_at(FunctionId id, uint64_t near, uint64_t address, unsigned width, GlobalUses& uses,
                          std::vector<Mention>& mentions) const {
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
      mentions.push_back({store, false, id, function.start + at});
      const bool overlaps = store < address + width && (store + effect.store_width > address || effect.store_unbounded);
      const bool indexed = effect.store.index != arch::kNoReg && store <= address + width && store >= lowest;
      if (overlaps || indexed) uses.stores.push_back({id, function.start + at, store});
    }
    for (const arch::Operand* operand : {&effect.a, &effect.b, &effect.value, &effect.through, &effect.vector_source}) {
      if (operand->kind == arch::Source::None || operand->kind == arch::Source::Register) continue;
      if (operand->kind != arch::Source::Constant && operand->memory.base != arch::kNoReg) continue;
      const auto value = operand->kind == arch::Source::Constant ? static_cast<uint64_t>(operand->constant)
                                                                 : static_cast<uint64_t>(operand->memory.displacement);
      if (value >= lowest && value < address + width) mentions.push_back({value, operand->kind != arch::Source::Memory, id, function.start + at});
      const uint64_t reach = operand == &effect.vector_source ? 64 : 8;  // a read that begins before may reach over it
      if (operand->kind == arch::Source::Memory && value < address + width && value + reach > address) {
        uses.reads.push_back({id, function.start + at, value});
      }
    }
    return;
  }
}

}  // namespace stile::analysis
