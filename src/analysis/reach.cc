// SPDX-License-Identifier: Apache-2.0
#include "analysis/reach.h"

#include <algorithm>
#include <deque>

#include <elf.h>

#include "analysis/no_return.h"
#include "runtime/go_types.h"

namespace stile::analysis {

namespace {

class Walk {
 public:
  Walk(const Program& program, const References& references)
      : program_(program), references_(references), no_return_(program) {
    const size_t count = program.functions.size();
    reach_.liveness.reachable.resize(count);
    reach_.liveness.escaped.resize(count);
    reach_.liveness.rooted.resize(count);
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
    reach_.liveness.escaped[id] = reach_.liveness.rooted[id] = true;
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
        if (edge.kind == EdgeKind::Fall && no_return_.falls_after_last_call(edge)) continue;
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
      if (!slot.imported) root_pointer(slot.address, slot.value);
    }
    for (const Object& object : program_.objects) {
      if (object.image.position_independent()) continue;
      for (const elf::Segment& segment : object.image.segments()) {
        const Bytes bytes = object.image.at(segment.address);
        if (segment.executable) continue;
        for (uint64_t at = (8 - segment.address % 8) % 8; bytes.holds(at, 8); at += 8) {
          const uint64_t value = load<uint64_t>(bytes.data() + at);
          if (value != 0 && !in_function_table(object, segment.address + at)) root_pointer(segment.address + at, value);
        }
      }
    }
  }

  // A Go func value is a pointer to a read-only cell that holds the code's address. The cell is an object of its own, so
  // it counts when something names it: code does by a Closure edge, data by a pointer to it.
  bool is_cell(uint64_t address) const {
    const Object* object = program_.object_of(address);
    return object != nullptr && object->go && object->go->moduledata &&
           object->go->moduledata->types.contains(address - object->bias);
  }

  void root_pointer(uint64_t at, uint64_t value) {
    if (!program_.executable(value)) {
      if (value % 8 != 0 || !is_cell(value)) return;
      const auto code = program_.read<uint64_t>(value);
      if (code && program_.executable(*code)) root(program_.function_at(*code), RootKind::Data, Via::Data);
      return;
    }
    if (is_cell(at)) return;
    // A pointer into the middle is a jump table's entry; it is entered from its own function.
    root(program_.function_at(value), RootKind::Data, Via::Data);
  }

  // Go's function table held absolute addresses before Go 1.18: they describe code, nothing calls through them.
  bool in_function_table(const Object& object, uint64_t address) const {
    if (!object.go) return false;
    const go::Pclntab& table = object.go->functions;
    return table.layout() <= go::PclntabLayout::Go116 && address >= table.address() &&
           address < table.address() + table.records_size();
  }

  void root_exports() {
    for (const Object& object : program_.objects) {
      if (!object.all_exports) continue;
      for (const elf::Symbol& symbol : object.image.dynamic_symbols()) {
        if (symbol.defined() && symbol.type == STT_FUNC) root(program_.function_at(symbol.value + object.bias), RootKind::Library);
      }
    }
  }

  void root_go_tables() {
    for (uint32_t i = 0; i < program_.objects.size(); ++i) {
      const Object& object = program_.objects[i];
      if (!object.go) continue;
      const auto& moduledata = object.go->moduledata;
      if (moduledata && !moduledata->types.empty()) {
        root_methods(object);
        root_itabs(object);
        drain();
      }
      keep_all_go(i);
      drain();
    }
  }

  // Go's linker has dropped what nothing can reach, with the same knowledge as is left in the file and more. What it kept
  // and the walk did not find is kept here too.
  void keep_all_go(uint32_t object) {
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      if (!program_.functions[id].is_go || program_.functions[id].object != object || reach_.liveness.reachable[id]) continue;
      reach_.root_kind[id] = RootKind::Table;
      Arrival arrival;
      arrival.via = Via::Method;
      arrive(id, arrival);
    }
  }

  void root_methods(const Object& object) {
    const auto is_start = [&](uint64_t address) { return program_.function_at(address + object.bias) != kNoFunction; };
    for (const go::Method& method : go::find_methods(object.image, *object.go->moduledata, is_start)) {
      for (const uint64_t code : {method.interface_code, method.direct_code}) {
        if (code != 0) root(program_.function_at(code + object.bias), RootKind::Table, Via::Method);
      }
    }
  }

  // An itab holds its interface, its type, a hash, and one function pointer a method.
  void root_itabs(const Object& object) {
    const go::Moduledata& data = *object.go->moduledata;
    const auto pointers_from = [&](uint64_t address, uint64_t end) {
      for (uint64_t at = address; at + 8 <= end; at += 8) {
        const uint64_t value = object.image.read<uint64_t>(at).value_or(0);
        const FunctionId id = program_.function_at(value);
        if (id != kNoFunction) root(id, RootKind::Table, Via::Itab);
      }
    };
    pointers_from(data.itabs.start, data.itabs.end);
    for (uint64_t at = data.itab_pointers.start; at + 8 <= data.itab_pointers.end; at += 8) {
      const uint64_t itab = object.image.read<uint64_t>(at).value_or(0) - object.bias;
      // The interface type says how many methods it has: after its 48-byte head and package path comes the slice of them.
      const uint64_t interface = object.image.read<uint64_t>(itab).value_or(0) - object.bias;
      const uint64_t count = object.image.read<uint64_t>(interface + 48 + 8 + 8).value_or(0);
      constexpr uint64_t kMostMethods = 4096;
      pointers_from(itab + 24, itab + 24 + 8 * std::min(count, kMostMethods));
    }
  }

  const Program& program_;
  const References& references_;
  NoReturn no_return_;
  Reach reach_;
  std::deque<FunctionId> work_;
};

}  // namespace

Reach find_reachable(const Program& program, const References& references) { return Walk(program, references).run(); }

}  // namespace stile::analysis
