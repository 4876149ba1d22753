// SPDX-License-Identifier: Apache-2.0
#include "analysis/reach.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <elf.h>

#include "analysis/data_liveness.h"
#include "analysis/gates.h"
#include "analysis/no_return.h"
#include "base/parallel.h"
#include "runtime/glibc.h"
#include "runtime/go_types.h"

namespace stile::analysis {

namespace {

class Walk {
 public:
  Walk(const Program& program, const References& references, unsigned threads, PhaseOfWalk phase)
      : program_(program), references_(references), threads_(threads), phase_(std::move(phase)), no_return_(program), gates_(program, references),
        data_(program, references, [this](FunctionId id, FunctionId by, uint32_t offset) { take(id, by, offset); }) {
    const size_t count = program.functions.size();
    reach_.liveness.reachable.resize(count);
    reach_.liveness.escaped.resize(count);
    reach_.liveness.rooted.resize(count);
    reach_.arrival.resize(count);
    reach_.root_kind.resize(count);
    behind_.resize(glibc::gates().size());
    open_.resize(glibc::gates().size());
    if (phase_.all != nullptr) open_ = phase_.all->open_gates;
  }

  // Breadth first from each kind of root in turn. The order decides nothing but which path is shown: the Go runtime's own
  // needs as its own, then everything else from main where there is a way from main.
  Reach run() {
    find_runtime();
    root_entries();
    drain(/*inside_runtime=*/true);
    if (phase_.phase != Phase::Start) root_main();
    if (phase_.start != nullptr) take_over_from_start();
    drain();
    resume();
    drain();
    root_data();
    drain();
    root_exports();
    drain();
    root_itabs();
    drain();
    root_go_tables();
    drain();
    for (const QuietFunction& quiet : gates_.quiet()) {
      if (!open_[quiet.gate]) reach_.quiet.push_back(quiet);
    }
    reach_.open_gates = open_;
    reach_.reachable_count = static_cast<uint64_t>(
        std::count(reach_.liveness.reachable.begin(), reach_.liveness.reachable.end(), true));
    return std::move(reach_);
  }

 private:
  void arrive(FunctionId id, Arrival arrival) {
    if (id == kNoFunction) return;
    if (gates_.opens_any(id)) open_gates(id, arrival.from);
    if (reach_.liveness.reachable[id]) return;
    if (const uint8_t gate = gates_.before(id); gate != Gates::kNone && !open_[gate]) {
      behind_[gate].emplace_back(id, arrival);
      return;
    }
    reach_.liveness.reachable[id] = true;
    reach_.arrival[id] = arrival;
    work_.push_back(id);
  }

  // What waited in front of a gate goes through once it opens.
  void open_gates(FunctionId id, FunctionId by) {
    for (uint8_t gate = 0; gate < open_.size(); ++gate) {
      if (open_[gate] || !gates_.opens(gate, id, by)) continue;
      open_[gate] = true;
      for (const auto& [waiting, arrival] : std::exchange(behind_[gate], {})) arrive(waiting, arrival);
    }
  }

  void root(FunctionId id, RootKind kind, Via via = Via::Root) {
    if (id == kNoFunction) return;
    reach_.liveness.escaped[id] = reach_.liveness.rooted[id] = true;
    if (!reach_.liveness.reachable[id]) reach_.root_kind[id] = kind;
    Arrival arrival;
    arrival.via = via;
    arrive(id, arrival);
  }

  // Data that is used holds the function's address.
  void take(FunctionId id, FunctionId by, uint32_t offset) {
    if (taking_over_) return root(id, RootKind::Kept, Via::Data);
    if (by == kNoFunction) return root(id, is_initialiser(id) ? RootKind::Initialiser : RootKind::Data, Via::Data);
    if (id == kNoFunction) return;
    reach_.liveness.escaped[id] = reach_.liveness.rooted[id] = true;
    arrive(id, {by, offset, Via::Edge, EdgeKind::Data});
  }

  void drain(bool inside_runtime = false) {
    while (!work_.empty()) {
      const FunctionId id = work_.front();
      work_.pop_front();
      data_.mark_named_by(id);
      for (auto it = std::lower_bound(phase_.called_by.begin(), phase_.called_by.end(), std::pair<FunctionId, FunctionId>{id, 0});
           it != phase_.called_by.end() && it->first == id; ++it) {
        root(it->second, RootKind::Kept);
      }
      for (const Edge& edge : references_.from(id)) {
        if (edge.kind == EdgeKind::Fall && no_return_.falls_after_last_call(edge)) continue;
        if (edge.to == phase_.over && takes_address(edge.kind)) continue;
        if (takes_address(edge.kind) && !edge.interior) {
          reach_.liveness.escaped[edge.to] = true;
        }
        if (inside_runtime && !in_runtime_[edge.to] && program_.functions[id].is_go) {
          postponed_.push_back(&edge);
        } else {
          arrive(edge.to, {id, edge.offset, Via::Edge, edge.kind});
        }
      }
    }
  }

  void resume() {
    for (const Edge* edge : postponed_) arrive(edge->to, {edge->from, edge->offset, Via::Edge, edge->kind});
    postponed_.clear();
  }

  // The packages every Go program carries: runtime and what lies below it.
  void find_runtime() {
    in_runtime_.resize(program_.functions.size());
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      const Function& function = program_.functions[id];
      if (!function.is_go) continue;
      const std::string_view name = program_.objects[function.object].go->functions.name(function.name);
      in_runtime_[id] = name.starts_with("runtime.") || name.starts_with("internal/runtime/") ||
                        name.starts_with("runtime/internal/") || name.starts_with("_rt0_");
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
      if (symbol.type == STT_FUNC && symbol.name == "main") root(program_.function_at(symbol.value + program_.objects[0].bias), RootKind::Main);
    }
  }

  void root_entries() {
    for (const Program::Initialiser& one : program_.initialisers) {
      const FunctionId id = program_.function_holding(one.address);
      if (id == kNoFunction || (phase_.phase == Phase::Start && !one.before_entry) || (phase_.phase == Phase::Main && !one.after_entry)) continue;
      const bool library = program_.objects[program_.functions[id].object].is_library;
      root(id, library ? RootKind::Library : RootKind::Runtime);
    }
    for (const uint64_t address : program_.resolvers) root(program_.function_holding(address), RootKind::Library);
    // Executable memory before the first known function of a range may be entered in ways nobody recorded.
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      if (program_.functions[id].opens_range) root(id, RootKind::Data);
    }
  }

  // Pointers to code that stand in data which may be reached by anything.
  void root_data() {
    for (const FunctionId id : references_.data.code) {
      root(id, is_initialiser(id) ? RootKind::Initialiser : RootKind::Data, Via::Data);
    }
    data_.mark_roots(arrays_of_other_phase());
  }

  // Arrays of initialisers that run in the other phase; the dynamic linker alone reads them. Finalisers run at the end.
  DataLiveness::Ranges arrays_of_other_phase() const {
    DataLiveness::Ranges ranges;
    const auto leave_out = [&](const Object& object, std::pair<uint64_t, uint64_t> array) {
      const uint64_t start = array.first + object.bias;
      if (array.second != 0 && array.second < UINT64_MAX - start) ranges.emplace_back(start, start + array.second);
    };
    for (const Object& object : program_.objects) {
      if (phase_.phase == Phase::Main && object.starts_first) leave_out(object, object.image.initialiser_array());
      if (phase_.phase != Phase::Start) continue;
      if (!object.starts_first) leave_out(object, object.image.initialiser_array());
      leave_out(object, object.image.finaliser_array());
    }
    return ranges;
  }

  // Data that code of the start names may have been put anywhere by it.
  void take_over_from_start() {
    taking_over_ = true;
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      if (phase_.start->liveness.reachable[id]) data_.mark_named_by(id);
    }
    taking_over_ = false;
    for (const FunctionId id : phase_.kept) root(id, RootKind::Kept);
  }

  // Package initialisers stand in tables that runtime.main works through. Names tell them from other pointers in data, which
  // matters for what is shown alone.
  bool is_initialiser(FunctionId id) const {
    if (id == kNoFunction || !program_.functions[id].is_go) return false;
    const std::string_view name = program_.objects[program_.functions[id].object].go->functions.name(program_.functions[id].name);
    const size_t at = name.rfind(".init");
    return at != name.npos && (at + 5 == name.size() || name[at + 5] == '.');
  }

  void root_exports() {
    for (const Object& object : program_.objects) {
      if (!object.all_exports || phase_.phase == Phase::Start) continue;
      for (const elf::Symbol& symbol : object.image.dynamic_symbols()) {
        if (symbol.defined() && symbol.type == STT_FUNC) root(program_.function_at(symbol.value + object.bias), RootKind::Library);
      }
    }
  }

  void root_go_tables() {
    for (uint32_t i = 0; i < program_.objects.size(); ++i) {
      const Object& object = program_.objects[i];
      if (!object.go || (phase_.phase == Phase::Start && !object.starts_first)) continue;
      const auto& moduledata = object.go->moduledata;
      if (moduledata && !moduledata->types.empty()) {
        root_methods(object);
        drain();
      }
      keep_all_go(i);
      drain();
    }
  }

  // Go's linker has dropped what nothing can reach, with the same knowledge as is left in the file and more. What it kept
  // and the walk did not find is kept here too.
  void keep_all_go(uint32_t object) {
    reach_.limit = "Go's linker has already left out what nothing can reach, so all Go code in the file counts";
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      if (!program_.functions[id].is_go || program_.functions[id].object != object || reach_.liveness.reachable[id]) continue;
      reach_.root_kind[id] = RootKind::Table;
      Arrival arrival;
      arrival.via = Via::Method;
      arrive(id, arrival);
    }
  }

  // Interface tables that code names have been walked through on the way; the runtime knows all of them.
  void root_itabs() {
    for (const auto& [address, methods] : program_.itabs) {
      const Object* object = program_.object_of(address);
      if (phase_.phase == Phase::Start && (object == nullptr || !object->starts_first)) continue;
      for (const uint64_t method : methods) root(program_.function_at(method), RootKind::Table, Via::Itab);
    }
  }

  void root_methods(const Object& object) {
    const auto is_start = [&](uint64_t address) { return program_.function_at(address + object.bias) != kNoFunction; };
    const go::Range types = object.go->moduledata->types;
    constexpr uint64_t kPiece = 1 << 20;
    std::vector<std::vector<go::Method>> pieces((types.end - types.start) / kPiece + 1);
    parallel_for(pieces.size(), threads_, [&](size_t i) {
      pieces[i] = go::find_methods(object.image, *object.go->moduledata, is_start, i * kPiece, (i + 1) * kPiece);
    });
    for (const auto& piece : pieces) {
      for (const go::Method& method : piece) {
        for (const uint64_t code : {method.interface_code, method.direct_code}) {
          if (code != 0) root(program_.function_at(code + object.bias), RootKind::Table, Via::Method);
        }
      }
    }
  }

  const Program& program_;
  const References& references_;
  unsigned threads_;
  PhaseOfWalk phase_;
  bool taking_over_ = false;
  NoReturn no_return_;
  Gates gates_;
  std::vector<std::vector<std::pair<FunctionId, Arrival>>> behind_;  // by gate: what waits in front of it
  std::vector<bool> open_;                                           // by gate
  DataLiveness data_;
  Reach reach_;
  std::deque<FunctionId> work_;
  std::vector<bool> in_runtime_;
  std::vector<const Edge*> postponed_;
};

}  // namespace

Reach find_reachable(const Program& program, const References& references, unsigned threads, const PhaseOfWalk& phase) {
  return Walk(program, references, threads, phase).run();
}

}  // namespace stile::analysis
