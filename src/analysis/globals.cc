// SPDX-License-Identifier: Apache-2.0
#include "analysis/globals.h"

#include <algorithm>
#include <set>

#include "arch/effects.h"

namespace stile::analysis {

namespace {

// How far before a variable an address still may be the start of the object it is part of, and within which distance
// nothing speaks against it.
constexpr uint64_t kObjectReach = 65536, kNear = 64;

}  // namespace

uint64_t GlobalIndex::cost() const { return references_.variables.size() / 8; }

GlobalUses GlobalIndex::uses_of(uint64_t address, unsigned width) const {
  GlobalUses uses;
  std::vector<Mention> mentions;
  const uint64_t lowest = address > kObjectReach ? address - kObjectReach : 0;
  const uint64_t highest = address + width;
  for (const VariableReference& reference : references_.variables) {
    if (reference.target - lowest < highest - lowest) look_at(reference, address, width, uses, mentions);
  }
  program_.release_code();
  const std::vector<DataPointer>& pointers = references_.data.variables;
  for (auto it = std::lower_bound(pointers.begin(), pointers.end(), lowest,
                                  [](const DataPointer& pointer, uint64_t value) { return pointer.value < value; });
       it != pointers.end() && it->value < highest; ++it) {
    mentions.push_back({it->value, true, kNoFunction, 0});
  }
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
// reaches over it. Where a symbol says how far that object goes, it decides. Otherwise: code that works on an object names
// several of its fields, so an earlier address that is held counts if some function names both it and this variable, unless
// it lies further off and another held address, where another object would begin, lies between.
std::vector<Mention> GlobalIndex::held_over(uint64_t address, unsigned width,
                                            const std::vector<Mention>& mentions) const {
  const auto names_variable = [&](const Mention& mention) {
    return mention.address >= address && mention.address < address + width;
  };
  const auto symbol = symbol_over(address);
  std::set<FunctionId> named_by;
  uint64_t last_held = 0;
  for (const Mention& mention : mentions) {
    if (names_variable(mention)) named_by.insert(mention.function);
    if (mention.held && mention.address < address) last_held = std::max(last_held, mention.address);
  }
  std::vector<Mention> result;
  for (const Mention& held : mentions) {
    if (!held.held) continue;
    bool counts = names_variable(held);
    if (symbol) {
      counts |= held.address >= symbol->first && held.address < symbol->second;
    } else if (held.function != kNoFunction && held.address < address) {
      const bool nothing_between = held.address == last_held || address - held.address <= kNear;
      counts |= nothing_between && named_by.contains(held.function);
    }
    if (counts) result.push_back(held);
  }
  return result;
}

std::optional<std::pair<uint64_t, uint64_t>> GlobalIndex::symbol_over(uint64_t address) const {
  const Object* object = program_.object_of(address);
  if (object == nullptr) return std::nullopt;
  const uint64_t local = address - object->bias;
  const auto& variables = object->image.variables();
  auto it = std::upper_bound(variables.begin(), variables.end(), std::pair<uint64_t, uint64_t>{local, UINT64_MAX});
  if (it == variables.begin()) return std::nullopt;
  --it;
  if (local - it->first >= it->second) return std::nullopt;
  return std::make_pair(it->first + object->bias, it->first + it->second + object->bias);
}

// What one instruction does with the variable, or with an address near it.
void GlobalIndex::look_at(const VariableReference& reference, uint64_t address, unsigned width, GlobalUses& uses,
                          std::vector<Mention>& mentions) const {
  const Function& function = program_.functions[reference.function];
  const FunctionId id = reference.function;
  const uint64_t at = function.start + reference.offset;
  const arch::Effect effect = arch::effect_of(program_.code(function).from(reference.offset), at);
  const uint64_t lowest = address > kObjectReach ? address - kObjectReach : 0;
  if (effect.stores && !effect.store.segment) {
    const auto store = static_cast<uint64_t>(effect.store.displacement);
    const bool absolute = effect.store.absolute();
    // With a register added it may reach anything behind the address it names.
    const bool overlaps = absolute ? store < address + width && (store + effect.store_width > address || effect.store_unbounded)
                                   : store <= address + width && store >= lowest;
    if (absolute || overlaps) mentions.push_back({store, false, id, at});
    if (overlaps) uses.stores.push_back({id, at, store});
  }
  for (const arch::Operand* operand : {&effect.a, &effect.b, &effect.value, &effect.through, &effect.vector_source}) {
    if (operand->kind == arch::Source::None || operand->kind == arch::Source::Register) continue;
    const bool memory = operand->kind == arch::Source::Memory;
    const auto value = operand->kind == arch::Source::Constant ? static_cast<uint64_t>(operand->constant)
                                                               : static_cast<uint64_t>(operand->memory.displacement);
    if (operand->kind != arch::Source::Constant && !operand->memory.absolute()) continue;
    if (value >= lowest && value < address + width) mentions.push_back({value, !memory, id, at});
    const uint64_t reach = operand == &effect.vector_source ? 64 : 8;  // a read that begins before may reach over it
    if (memory && value < address + width && value + reach > address) uses.reads.push_back({id, at, value});
  }
}

}  // namespace stile::analysis
