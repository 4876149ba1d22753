// SPDX-License-Identifier: Apache-2.0
#include "analysis/phases.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analysis/address_flow.h"
#include "analysis/body.h"
#include "analysis/globals.h"
#include "analysis/no_return.h"
#include "analysis/numbers.h"

namespace stile {
namespace analysis {
namespace {

// A thread that an initialiser starts runs on when the program's own code begins. It comes to a function whose address the start has
// taken, and ends in the one that made it (clone(2): the child never returns from there, for its stack is new). A process
// that an initialiser forks comes to the entry point by itself. Nothing: the thread may begin anywhere.
std::optional<std::vector<FunctionId>> where_threads_begin(const Program& program, const References& references, const Reach& all,
                                                           const Reach& start) {
  std::vector<FunctionId> functions;
  const Numbers numbers = find_numbers(program, references, start, all.liveness);
  if (!numbers.unknown.empty()) return std::nullopt;  // any call, so perhaps one of these
  for (const auto& [key, requests] : numbers.calls) {
    const auto name = arch::syscall_name(key.arch, key.number);
    if (!name || (*name != "clone" && *name != "clone3")) continue;
    for (const Request& request : requests) {
      // Through a function for any system call it comes back to whoever asked for it.
      if (request.found.function != request.site.function) return std::nullopt;
      functions.push_back(request.site.function);
    }
  }
  return functions;
}

// What the start has done with the addresses of functions that its code takes.
class Leavings {
 public:
  Leavings(const Program& program, const References& references, const Reach& start)
      : program_(program), references_(references), start_(start), globals_(program, references), no_return_(program),
        tracker_(program, [this](FunctionId id) { return body_of(id); }, globals_) {}

  void find(PhaseOfWalk& phase) {
    phase.over = dl_main();
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      if (!start_.liveness.reachable[id]) continue;
      for (const Edge& edge : references_.from(id)) {
        if (takes_address(edge.kind) && edge.to != phase.over) follow(edge, phase);
      }
    }
    std::sort(phase.called_by.begin(), phase.called_by.end());
  }

 private:
  // glibc's dynamic linker begins with _dl_start, the first function that its entry point calls. It passes the address of one function,
  // dl_main, as the second argument to another that calls it once (elf/rtld.c: _dl_start_final, sysdeps/x86_64/dl-machine.h:
  // RTLD_START). Auditors are loaded as if by that address (dlmopen_doit), which does not call it.
  FunctionId dl_main() const {
    for (const Object& object : program_.objects) {
      const FunctionId entry = object.is_interpreter ? program_.function_at(object.image.entry() + object.bias) : kNoFunction;
      if (entry == kNoFunction) continue;
      for (const Edge& call : references_.from(entry)) {
        if (call.kind == EdgeKind::Call) return only_second_argument_of(call.to);
      }
    }
    return kNoFunction;
  }

  FunctionId only_second_argument_of(FunctionId id) const {
    constexpr uint8_t kLeaRsi[] = {0x48, 0x8d, 0x35};  // lea function(%rip), %rsi
    FunctionId only = kNoFunction;
    for (const Edge& edge : references_.from(id)) {
      const Bytes code = program_.at(program_.functions[id].start + edge.offset);
      if (edge.kind != EdgeKind::Address || !code.holds(0, 3) || !std::equal(std::begin(kLeaRsi), std::end(kLeaRsi), code.data())) continue;
      if (only != kNoFunction && only != edge.to) return kNoFunction;
      only = edge.to;
    }
    return only;
  }

  // Where it is only passed on to be called, it is called again only by whoever does that.
  void follow(const Edge& edge, PhaseOfWalk& phase) {
    if (edge.kind == EdgeKind::Address && work_ < kMostWork) {
      const AddressFlow flow = tracker_.follow(edge.from, program_.functions[edge.from].start + edge.offset);
      work_ += tracker_.cost() + 1;
      if (flow.confined) {
        for (const AddressUse& call : flow.calls) phase.called_by.emplace_back(call.function, edge.to);
        return;
      }
    }
    phase.kept.push_back(edge.to);
  }

  const Body* body_of(FunctionId id) {
    const auto [it, missing] = bodies_.try_emplace(id);
    const Function& function = program_.functions[id];
    if (missing && function.end - function.start <= kLargestBody && work_ < kMostWork) {
      work_ += function.end - function.start;
      it->second = std::make_unique<Body>(
          build_body(program_, references_, id, [this](FunctionId callee) { return no_return_.never_returns(callee); }));
    }
    return it->second.get();
  }

  static constexpr uint64_t kMostWork = 20'000'000;  // instructions looked at; beyond, every address counts as kept
  static constexpr uint64_t kLargestBody = 1 << 18;  // bytes

  const Program& program_;
  const References& references_;
  const Reach& start_;
  GlobalIndex globals_;
  NoReturn no_return_;
  std::unordered_map<FunctionId, std::unique_ptr<Body>> bodies_;
  AddressTracker tracker_;
  uint64_t work_ = 0;
};

Reach nothing(const Program& program) {
  Reach reach;
  const size_t count = program.functions.size();
  reach.liveness = {std::vector<bool>(count), std::vector<bool>(count), std::vector<bool>(count)};
  reach.arrival.resize(count);
  reach.root_kind.resize(count);
  reach.limit = "linked statically: nothing runs before the program's entry point";
  return reach;
}

Reach undivided(const Reach& all, const char* why) {
  Reach reach = all;
  reach.limit = why;
  return reach;
}

}  // namespace
}  // namespace analysis

std::string_view to_string(Phase phase) {
  return phase == Phase::Start ? "start" : phase == Phase::Main ? "main" : "all";
}

std::optional<Phase> phase_from(std::string_view text) {
  for (const Phase phase : {Phase::All, Phase::Start, Phase::Main}) {
    if (text == to_string(phase)) return phase;
  }
  return std::nullopt;
}

namespace analysis {

Reach reach_in_phase(const Program& program, const References& references, const Reach& all, Phase phase, unsigned threads) {
  if (phase == Phase::All) return all;
  if (program.starter == Program::Starter::Unknown) {
    return undivided(all, "what starts it is not known, so its start and the rest cannot be told apart");
  }
  if (program.starter == Program::Starter::Kernel) return phase == Phase::Start ? nothing(program) : all;
  Reach start = find_reachable(program, references, threads, {Phase::Start, &all, nullptr});
  if (phase == Phase::Start) return start;
  auto goes_on = where_threads_begin(program, references, all, start);
  if (!goes_on) return undivided(all, "a library may start threads by itself before the program's entry point: what the start needs counts too");
  PhaseOfWalk main{Phase::Main, &all, &start, std::move(*goes_on), {}, kNoFunction};
  Leavings(program, references, start).find(main);
  return find_reachable(program, references, threads, main);
}

}  // namespace analysis
}  // namespace stile
