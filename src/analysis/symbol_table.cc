// SPDX-License-Identifier: Apache-2.0
#include "analysis/symbol_table.h"

#include <elf.h>

namespace stile::analysis {

namespace {

bool local_visibility(const elf::Symbol& symbol) {
  return symbol.visibility == STV_HIDDEN || symbol.visibility == STV_INTERNAL;
}

// What no other object can bind to is left out: hidden symbols, sections, places without a value.
bool exported(const elf::Symbol& symbol) {
  if (!symbol.defined() || symbol.binding == STB_LOCAL || symbol.name.empty() || local_visibility(symbol)) return false;
  if (symbol.value == 0 && symbol.section != SHN_ABS && symbol.type != STT_TLS) return false;
  switch (symbol.type) {
    case STT_NOTYPE:
    case STT_OBJECT:
    case STT_FUNC:
    case STT_COMMON:
    case STT_TLS:
    case STT_GNU_IFUNC: return true;
    default: return false;
  }
}

}  // namespace

SymbolTable::SymbolTable(const std::vector<Object>& objects) : objects_(objects) {
  for (uint32_t i = 0; i < objects.size(); ++i) {
    const auto& symbols = objects[i].image.dynamic_symbols();
    for (uint32_t k = 0; k < symbols.size(); ++k) {
      if (exported(symbols[k])) exports_[symbols[k].name].push_back({i, k});
    }
  }
}

const elf::Symbol& SymbolTable::symbol_of(const Export& one) const {
  return objects_[one.object].image.dynamic_symbols()[one.index];
}

const SymbolTable::Export* SymbolTable::match(const Export* begin, const Export* end, const elf::Symbol& wanted) const {
  const Export* newer = nullptr;  // the one default version above the first
  unsigned newer_count = 0;
  for (const Export* one = begin; one != end; ++one) {
    const elf::Symbol& symbol = symbol_of(*one);
    if (!wanted.version.empty()) {
      // The version that is wanted, or one without a name that is not hidden. A file without versions has all symbols at index 1.
      if (symbol.version == wanted.version || (symbol.version.empty() && !symbol.hidden_version)) return one;
      continue;
    }
    // Who asks for no version was linked before there were any: the first there was fits, or a later one if there is no choice.
    if (symbol.version_index <= 2) return one;
    if (!symbol.hidden_version) {
      newer = one;
      ++newer_count;
    }
  }
  return newer_count == 1 ? newer : nullptr;
}

std::optional<SymbolTable::Definition> SymbolTable::search(const std::vector<Export>& exports, const elf::Symbol& wanted,
                                                           std::optional<size_t> only, std::optional<size_t> except) const {
  const Export* fallback = nullptr;
  const Export* const end = exports.data() + exports.size();
  for (const Export* one = exports.data(); one != end;) {
    const Export* next = one;
    while (next != end && next->object == one->object) ++next;
    if ((!only || one->object == *only) && one->object != except) {
      if (const Export* found = match(one, next, wanted)) return Definition{found->object, &symbol_of(*found)};
      if (fallback == nullptr) fallback = one;
    }
    one = next;
  }
  if (fallback == nullptr || only) return std::nullopt;
  return Definition{fallback->object, &symbol_of(*fallback)};
}

std::optional<SymbolTable::Definition> SymbolTable::find(const elf::Symbol& wanted, size_t from) const {
  // Nobody else can have these: local, hidden, protected; and symbol 0, which stands for the object's own base.
  if (wanted.binding == STB_LOCAL || local_visibility(wanted)) return Definition{from, &wanted};
  if (wanted.visibility == STV_PROTECTED && wanted.defined()) return Definition{from, &wanted};
  const auto it = exports_.find(wanted.name);
  if (it != exports_.end()) {
    // The program's own definitions come first anyway.
    if (objects_[from].image.binds_to_itself() && from != 0) {
      if (const auto own = search(it->second, wanted, from, std::nullopt)) return own;
    }
    if (const auto found = search(it->second, wanted, std::nullopt, std::nullopt)) return found;
  }
  if (wanted.defined()) return Definition{from, &wanted};
  return std::nullopt;
}

std::optional<SymbolTable::Definition> SymbolTable::find_to_copy(const elf::Symbol& wanted, size_t from) const {
  const auto it = exports_.find(wanted.name);
  return it == exports_.end() ? std::nullopt : search(it->second, wanted, std::nullopt, from);
}

}  // namespace stile::analysis
