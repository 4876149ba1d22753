// SPDX-License-Identifier: Apache-2.0
#include "analysis/gates.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

#include <elf.h>

#include "runtime/glibc.h"

namespace stile::analysis {

namespace {

// What a function may be called by, as the library exports it.
using Exports = std::unordered_map<FunctionId, std::vector<std::string_view>>;

Exports exports_of(const Program& program, uint32_t object) {
  Exports exports;
  for (const elf::Symbol& symbol : program.objects[object].image.dynamic_symbols()) {
    if (!symbol.defined() || (symbol.type != STT_FUNC && symbol.type != STT_GNU_IFUNC)) continue;
    const FunctionId id = program.function_at(symbol.value + program.objects[object].bias);
    if (id != kNoFunction) exports[id].push_back(symbol.name);
  }
  return exports;
}

bool any_of(const std::vector<std::string_view>& names, std::span<const std::string_view> wanted) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return std::find(wanted.begin(), wanted.end(), name) != wanted.end(); });
}

// Functions whose addresses stand in data: who calls those cannot be told.
std::set<FunctionId> held_by_data(const Program& program, const References& references) {
  std::set<FunctionId> held(references.data.code.begin(), references.data.code.end());
  for (const Program::Slot& slot : program.slots) {
    if (!slot.imported && program.executable(slot.value)) held.insert(program.function_at(slot.value));
  }
  return held;
}

// Whether all ways to an internal function start at `entrances`, over other internal functions.
bool only_entered_by(const Program& program, const References& references, const Exports& exports, const std::set<FunctionId>& held,
                     FunctionId candidate, std::span<const std::string_view> entrances) {
  const uint32_t object = program.functions[candidate].object;
  std::vector<FunctionId> work{candidate};
  std::set<FunctionId> seen{candidate};
  while (!work.empty()) {
    const FunctionId id = work.back();
    work.pop_back();
    if (held.contains(id)) return false;
    for (const uint32_t index : references.to(id)) {
      const Edge& edge = references.edges[index];
      if (edge.from == id) continue;
      if (program.functions[edge.from].object != object) return false;
      const auto exported = exports.find(edge.from);
      if (exported != exports.end()) {
        if (!any_of(exported->second, entrances)) return false;
      } else if (seen.insert(edge.from).second) {
        work.push_back(edge.from);
      }
    }
  }
  return true;
}

// Internal functions that lead to one of the exported `targets`, or that one of them leads to.
std::set<FunctionId> next_to(const Program& program, const References& references, const Exports& exports, uint32_t object,
                             std::span<const std::string_view> targets, bool callers) {
  std::set<FunctionId> found;
  const auto add = [&](FunctionId id) {
    if (program.functions[id].object == object && !exports.contains(id)) found.insert(id);
  };
  for (const auto& [id, names] : exports) {
    if (!any_of(names, targets)) continue;
    if (callers) {
      for (const uint32_t index : references.to(id)) add(references.edges[index].from);
    } else {
      for (const Edge& edge : references.from(id)) add(edge.to);
    }
  }
  return found;
}

}  // namespace

Gates::Gates(const Program& program, const References& references) {
  for (uint32_t object = 0; object < program.objects.size(); ++object) {
    // A library that anything may call has no gates.
    if (!glibc::is_library(program.objects[object].image) || program.objects[object].all_exports) continue;
    before_.assign(program.functions.size(), kNone);
    opens_.assign(program.functions.size(), 0);
    look_at(object, program, references);
    return;
  }
}

bool Gates::opens(uint8_t gate, FunctionId function, FunctionId by) const {
  if (opens_.empty() || (opens_[function] >> gate & 1) == 0) return false;
  return std::none_of(quiet_.begin(), quiet_.end(),
                      [&](const QuietFunction& quiet) { return quiet.gate == gate && quiet.function == by; });
}

void Gates::look_at(uint32_t object, const Program& program, const References& references) {
  const Exports exports = exports_of(program, object);
  const std::set<FunctionId> held = held_by_data(program, references);
  for (uint8_t i = 0; i < glibc::gates().size(); ++i) {
    const glibc::Gate& gate = glibc::gates()[i];
    for (const auto& [id, names] : exports) {
      const bool part = !gate.exports.empty() && std::all_of(names.begin(), names.end(), [&](std::string_view name) {
        return name.starts_with(gate.exports);
      });
      if (part) before_[id] = i;
      if (any_of(names, gate.openers)) opens_[id] |= static_cast<uint8_t>(1u << i);
    }
    for (const FunctionId id : next_to(program, references, exports, object, gate.leads_to, /*callers=*/true)) {
      if (only_entered_by(program, references, exports, held, id, gate.entrances)) before_[id] = i;
    }
    if (gate.calls.empty()) continue;
    for (const auto& [id, names] : exports) {
      if (any_of(names, gate.entrances)) quiet_.push_back({id, i});
    }
    for (const FunctionId id : next_to(program, references, exports, object, gate.entrances, /*callers=*/false)) {
      if (only_entered_by(program, references, exports, held, id, gate.entrances)) quiet_.push_back({id, i});
    }
  }
}

}  // namespace stile::analysis
