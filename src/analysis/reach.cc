// SPDX-License-Identifier: Apache-2.0
#include "analysis/reach.h"

#include <algorithm>
#include <deque>

#include <elf.h>

namespace stile::analysis {

namespace {

class Walk {
 public:
  Walk(const Program& program, const References& references) : program_(program), references_(references) {
    const size_t count = program.functions.size();
    reach_.liveness.reachable.resize(count);
    reach_.liveness.escaped.resize(count);
    reach_.arrival.resize(count);
    reach_.root_kind.resize(count);
  }

  Reach run() {
    // Breadth first from each kind of root in turn, so that paths start at main where they can.
    root_main();
    drain();
    root_entries();
    drain();
    root_data();
    drain();
    root_exports();
    drain();
    root_go_tables();
    drain();
    reach_.reachable_count = static_cast<uint64_t>(
        std::count(reach_.liveness.reachable.begin(), reach_.liveness.reachable.end(), true));
    return std::move(reach_);
  }

 private:
  void arrive(FunctionId id, Arrival arrival) {
    if (id == kNoFunction || reach_.liveness.reachable[id]) return;
    reach_.liveness.reachable[id] = true;
    reach_.arrival[id] = arrival;
    work_.push_back(id);
  }

  void root(FunctionId id, RootKind kind, Via via = Via::Root) {
    if (id == kNoFunction) return;
    reach_.liveness.escaped[id] = true;
    if (reach_.liveness.reachable[id]) return;
    reach_.root_kind[id] = kind;
    Arrival arrival;
    arrival.via = via;
    arrive(id, arrival);
  }

  void drain() {
    while (!work_.empty()) {
      const FunctionId id = work_.front();
      work_.pop_front();
      for (const Edge& edge : references_.from(id)) {
        if ((edge.kind == EdgeKind::Address || edge.kind == EdgeKind::Closure) && !edge.interior) {
          reach_.liveness.escaped[edge.to] = true;
        }
        arrive(edge.to, {id, edge.offset, Via::Edge, edge.kind});
      }
    }
  }

  // The main function of a Go program, so that what it leads to is shown as coming from there.
  void root_main() {
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      const Function& function = program_.functions[id];
      if (!function.is_go || function.object != 0) continue;
      if (program_.objects[0].go->functions.name(function.name) == "main.main") root(id, RootKind::Main);
    }
    for (const elf::Symbol& symbol : program_.objects[0].image.symbols()) {
      if (symbol.type == STT_FUNC && symbol.name == "main") root(program_.function_at(symbol.value), RootKind::Main);
    }
  }

  void root_entries() {
    for (const uint64_t address : program_.initialisers) {
      const FunctionId id = program_.function_holding(address);
      if (id == kNoFunction) continue;
      const bool library = program_.objects[program_.functions[id].object].is_library;
      root(id, library ? RootKind::Library : RootKind::Runtime);
    }
    for (const uint64_t address : program_.resolvers) root(program_.function_holding(address), RootKind::Library);
    // Executable memory before the first known function of a range may be entered in ways nobody recorded.
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      const Function& function = program_.functions[id];
      if (function.is_go || function.name != UINT32_MAX) continue;
      const Object& object = program_.objects[function.object];
      const elf::Segment* segment = object.image.segment_of(function.start - object.bias);
      const bool first = segment != nullptr && segment->address + object.bias == function.start;
      if (first || (id > 0 && program_.functions[id - 1].is_go)) root(id, RootKind::Data);
    }
  }

  // Every pointer to code that stands in data: the data may be reached by anything.
  void root_data() {
    for (const Program::Slot& slot : program_.slots) {
      if (is_call_slot(slot.address)) continue;
      root_pointer(slot.value);
    }
    for (const Object& object : program_.objects) {
      if (object.image.position_independent()) continue;
      for (const elf::Segment& segment : object.image.segments()) {
        const Bytes bytes = object.image.at(segment.address);
        if (segment.executable) continue;
        for (uint64_t at = (8 - segment.address % 8) % 8; bytes.holds(at, 8); at += 8) {
          const uint64_t value = load<uint64_t>(bytes.data() + at);
          if (value != 0 && !in_function_table(object, segment.address + at)) root_pointer(value);
        }
      }
    }
  }

  void root_pointer(uint64_t value) {
    if (!program_.executable(value)) return;
    const FunctionId id = program_.function_holding(value);
    if (id == kNoFunction) return;
    // A pointer into the middle is a jump table's entry; it is entered from its own function.
    if (program_.functions[id].start != value) return;
    root(id, RootKind::Data, Via::Data);
  }

  // Slots that only calls and jumps of this program read: their edges are known, so they need not be roots.
  bool is_call_slot(uint64_t) const { return false; }

  // Tables of absolute function addresses before Go 1.18: they describe code, nothing calls through them.
  bool in_function_table(const Object& object, uint64_t address) const {
    if (!object.go) return false;
    const go::Pclntab& table = object.go->functions;
    return table.layout() <= go::PclntabLayout::Go116 && address >= table.address() &&
           address < table.address() + 16 * (table.size() + 8) + 64;
  }

  void root_exports() {
    for (const Object& object : program_.objects) {
      if (!object.all_exports) continue;
      for (const elf::Symbol& symbol : object.image.dynamic_symbols()) {
        if (symbol.defined() && symbol.type == STT_FUNC) root(program_.function_at(symbol.value + object.bias), RootKind::Library);
      }
    }
  }

  // Methods are found through tables of offsets that only the runtime reads: all of Go's code stays.
  void root_go_tables() {
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      if (!program_.functions[id].is_go || reach_.liveness.reachable[id]) continue;
      Arrival arrival;
      arrival.via = Via::Method;
      reach_.root_kind[id] = RootKind::Table;
      arrive(id, arrival);
    }
  }

  const Program& program_;
  const References& references_;
  Reach reach_;
  std::deque<FunctionId> work_;
};

}  // namespace

Reach find_reachable(const Program& program, const References& references) { return Walk(program, references).run(); }

}  // namespace stile::analysis
