// SPDX-License-Identifier: Apache-2.0
#include "analysis/values.h"

#include <algorithm>
#include <memory>
#include <set>

#include "analysis/globals.h"
#include "analysis/local_values.h"

namespace stile::analysis {

namespace {

using arch::kNoReg;
using arch::Reg;
using arch::Step;

constexpr uint64_t kLargestBody = 1 << 20;  // bytes; no compiler writes a function this long
constexpr size_t kMostBodies = 20000;       // kept decoded at once
constexpr size_t kDeepest = 48;             // callers of callers

}  // namespace

class ValueSolver::Impl {
 public:
  Impl(const Program& program, const References& references, const Liveness& liveness)
      : program_(program),
        references_(references),
        liveness_(liveness),
        globals_(program, references),
        never_returns_([this](FunctionId id) { return never_returns(id); }),
        world_{program, [this](uint64_t address, unsigned width, uint64_t at) { return global(address, width, at); }} {}

  Answer number_at(const Site& site) {
    Collected collected;
    if (const Body* body = body_of(site.function)) {
      const int64_t index = body->index_of(site.address);
      if (index < 0) {
        collected.unknown.insert({Doubt::UnknownEntry, site.function, site.address});
      } else {
        LocalSearch search(*body, world_);
        const ValueSet values = search.reg_before(static_cast<uint32_t>(index), arch::kRax);
        settle(values, site.function, site.address, collected);
      }
    } else {
      collected.unknown.insert({Doubt::Budget, site.function, site.address});
    }
    Answer answer;
    for (Found found : collected.found) {
      found.value &= UINT32_MAX;  // the kernel looks at eax alone (arch/x86/entry/common.c)
      answer.found.push_back(found);
    }
    std::sort(answer.found.begin(), answer.found.end());
    answer.found.erase(std::unique(answer.found.begin(), answer.found.end()), answer.found.end());
    answer.unknown.assign(collected.unknown.begin(), collected.unknown.end());
    answer.wrappers.assign(collected.wrappers.begin(), collected.wrappers.end());
    return answer;
  }

 private:
  struct Collected {
    std::set<Found> found;
    std::set<Unknown> unknown;
    std::set<FunctionId> wrappers;
    bool partial = false;  // met a question that is still open: complete only together with its answer
    void add(const Collected& other) {
      found.insert(other.found.begin(), other.found.end());
      unknown.insert(other.unknown.begin(), other.unknown.end());
      wrappers.insert(other.wrappers.begin(), other.wrappers.end());
    }
  };
  using Key = std::pair<FunctionId, Value>;

  const Body* body_of(FunctionId id) {
    if (const auto it = bodies_.find(id); it != bodies_.end()) return it->second.get();
    const Function& function = program_.functions[id];
    if (function.end - function.start > kLargestBody || bodies_.size() >= kMostBodies) return nullptr;
    auto body = std::make_unique<Body>(build_body(program_, references_, id, never_returns_));
    return bodies_.emplace(id, std::move(body)).first->second.get();
  }

  // Whether every way through a function ends before a return or a jump out of it. Ways out that are not understood count
  // as returns. Looks into callees a few levels deep: that is how far Go's panic helpers are stacked.
  bool never_returns(FunctionId id, unsigned depth = 4) {
    const auto key = std::make_pair(id, depth);
    if (const auto it = no_return_.find(key); it != no_return_.end()) return it->second;
    no_return_[key] = false;  // a cycle: take it that it returns
    return no_return_[key] = ends_inside(id, depth);
  }

  bool ends_inside(FunctionId id, unsigned depth) {
    constexpr uint64_t kLongest = 4096;  // bytes; helpers that only panic are short
    const Function& function = program_.functions[id];
    if (function.end - function.start > kLongest) return false;
    const Bytes code = program_.code(function);
    std::vector<bool> seen(code.size());
    std::vector<uint64_t> work{0};
    const auto leads_to = [&](uint64_t target) {  // false: out of the function, to something that may return
      if (target >= function.start && target < function.end) {
        work.push_back(target - function.start);
        return true;
      }
      const FunctionId callee = program_.function_at(target);
      return callee != kNoFunction && depth > 0 && never_returns(callee, depth - 1);
    };
    while (!work.empty()) {
      const uint64_t at = work.back();
      work.pop_back();
      if (at >= code.size()) return false;  // runs off its end
      if (seen[at]) continue;
      seen[at] = true;
      const arch::Effect effect = arch::effect_of(code.from(at), function.start + at);
      if (effect.length == 0 || effect.step == Step::Return) return false;
      if (effect.step == Step::Stop) continue;
      if (effect.step == Step::Jump && !effect.has_target) return false;
      if ((effect.step == Step::Jump || effect.step == Step::Branch) && !leads_to(effect.target)) return false;
      if (effect.step == Step::Jump) continue;
      if (effect.step == Step::Call && effect.has_target && depth > 0) {
        const FunctionId callee = program_.function_at(effect.target);
        if (callee != kNoFunction && never_returns(callee, depth - 1)) continue;
      }
      work.push_back(at + effect.length);
    }
    return true;
  }

  // Turns what one function's search found into final values: constants stand, parameters go to the callers.
  void settle(const ValueSet& values, FunctionId function, uint64_t address, Collected& out) {
    for (const Value& value : values) {
      switch (value.kind) {
        case Value::Constant: out.found.insert({value.number, function, address}); break;
        case Value::Stack: out.unknown.insert({Doubt::Computed, function, address}); break;
        case Value::Unknown: out.unknown.insert({value.doubt, function, value.address}); break;
        case Value::EntryReg:
        case Value::EntrySlot:
        case Value::EntryMemory: from_callers(function, value, out); break;
      }
    }
  }

  void from_callers(FunctionId function, const Value& asked, Collected& out) {
    const Key key{function, asked};
    if (const auto it = answered_.find(key); it != answered_.end()) return out.add(it->second);
    if (!open_.insert(key).second) {
      out.partial = true;  // recursion: its other callers say all there is
      return;
    }
    Collected mine;
    mine.wrappers.insert(function);
    const uint64_t start = program_.functions[function].start;
    if (open_.size() > kDeepest) {
      mine.unknown.insert({Doubt::Budget, function, start});
    } else {
      bool called = false;
      for (const uint32_t index : references_.to(function)) {
        const Edge& edge = references_.edges[index];
        if (!liveness_.reachable[edge.from]) continue;
        if (edge.kind == EdgeKind::Address || edge.kind == EdgeKind::Closure) continue;
        if (edge.interior) continue;  // seen as an entry from outside by whoever walks the body
        called = true;
        ask_caller(edge, asked, mine);
      }
      if (liveness_.escaped[function]) {
        mine.unknown.insert({Doubt::IndirectCallers, function, start});
      } else if (!called) {
        mine.unknown.insert({Doubt::NoCaller, function, start});
      }
    }
    open_.erase(key);
    out.add(mine);
    if (mine.partial) {
      out.partial = !open_.empty();
    }
    if (!mine.partial || open_.empty()) answered_.emplace(key, std::move(mine));
  }

  void ask_caller(const Edge& edge, const Value& asked, Collected& out) {
    const Function& caller = program_.functions[edge.from];
    const uint64_t at = caller.start + edge.offset;
    const Body* body = body_of(edge.from);
    if (body == nullptr) {
      out.unknown.insert({Doubt::Budget, edge.from, at});
      return;
    }
    LocalSearch search(*body, world_);
    int64_t index = body->index_of(at);
    if (edge.kind == EdgeKind::Fall) {
      // Runs off the end: what holds after the last instruction holds here. Asked before it, as it is a plain one.
      out.unknown.insert({Doubt::UnknownEntry, edge.from, at});
      return;
    }
    if (index < 0) {
      out.unknown.insert({Doubt::UnknownEntry, edge.from, at});
      return;
    }
    const auto i = static_cast<uint32_t>(index);
    if (!body->insns[i].reachable) return;  // behind a call that never returns
    const bool pushes_return = edge.kind == EdgeKind::Call;
    ValueSet values;
    const auto slot_in_caller = [&](int64_t slot) -> int64_t {
      const int64_t stack = body->insns[i].stack;
      return stack == kUnknownOffset ? kUnknownOffset : stack + slot - (pushes_return ? 8 : 0);
    };
    const auto entry_slot = [&](int64_t slot, unsigned width) {
      const int64_t mapped = slot_in_caller(slot);
      return mapped == kUnknownOffset ? ValueSet(Value::unknown(Doubt::Memory, at)) : search.slot_before(i, mapped, width);
    };
    switch (asked.kind) {
      case Value::EntryReg: values = search.reg_before(i, asked.reg); break;
      case Value::EntrySlot: values = entry_slot(asked.slot, 8); break;
      default: {
        ValueSet pointers = asked.reg != kNoReg ? search.reg_before(i, asked.reg) : entry_slot(asked.slot, 8);
        ValueSet moved;
        for (Value pointer : pointers) {
          if (pointer.kind != Value::Unknown) pointer.number += asked.number;
          moved.add(pointer);
        }
        values = search.memory_at(i, moved, asked.width);
      }
    }
    ValueSet shifted;
    for (Value value : values) {
      if (asked.kind != Value::EntryMemory && value.kind != Value::Unknown && value.kind != Value::EntryMemory) {
        value.number += asked.number;
      }
      shifted.add(value);
    }
    settle(shifted, edge.from, at, out);
  }

  // All stores to a global, and what it holds at the start.
  ValueSet global(uint64_t address, unsigned width, uint64_t asked_at) {
    const auto key = std::make_pair(address, width);
    if (const auto it = global_answers_.find(key); it != global_answers_.end()) return it->second;
    ValueSet result;
    if (!program_.mapped(address)) return ValueSet(Value::unknown(Doubt::Memory, asked_at));
    result.add(initial_value(address, width, asked_at));
    if (program_.writable(address)) {
      global_answers_[key] = result;  // a global computed from itself
      const GlobalUses uses = globals_.uses_of(address, width);
      if (uses.escapes) result.add(Value::unknown(Doubt::Memory, asked_at));
      for (const GlobalStore& store : uses.stores) {
        if (!liveness_.reachable[store.function]) continue;
        const Body* body = body_of(store.function);
        const int64_t index = body == nullptr ? -1 : body->index_of(store.address);
        if (index < 0) {
          result.add(Value::unknown(Doubt::Memory, asked_at));
          continue;
        }
        const arch::Effect& effect = body->insns[static_cast<size_t>(index)].effect;
        if (!effect.stores || effect.store_unbounded || !effect.store.absolute() ||
            static_cast<uint64_t>(effect.store.displacement) != address || effect.store_width < width) {
          result.add(Value::unknown(Doubt::Memory, store.address));
          continue;
        }
        LocalSearch search(*body, world_);
        Collected collected;
        settle(search.operand_at(static_cast<uint32_t>(index), effect.value, width), store.function, store.address,
               collected);
        for (const Found& found : collected.found) result.add(Value::constant(found.value));
        for (const Unknown& unknown : collected.unknown) result.add(Value::unknown(unknown.doubt, unknown.address));
      }
    }
    return global_answers_[key] = result;
  }

  Value initial_value(uint64_t address, unsigned width, uint64_t asked_at) const {
    std::optional<uint64_t> word;
    switch (width) {
      case 8: word = program_.read<uint64_t>(address); break;
      case 4: word = program_.read<uint32_t>(address); break;
      case 2: word = program_.read<uint16_t>(address); break;
      case 1: word = program_.read<uint8_t>(address); break;
      default: break;
    }
    return word ? Value::constant(*word) : Value::unknown(Doubt::Memory, asked_at);
  }

  const Program& program_;
  const References& references_;
  const Liveness& liveness_;
  GlobalIndex globals_;
  std::function<bool(FunctionId)> never_returns_;
  Surroundings world_;
  std::unordered_map<FunctionId, std::unique_ptr<Body>> bodies_;
  std::map<std::pair<FunctionId, unsigned>, bool> no_return_;
  std::map<Key, Collected> answered_;
  std::set<Key> open_;
  std::map<std::pair<uint64_t, unsigned>, ValueSet> global_answers_;
};

ValueSolver::ValueSolver(const Program& program, const References& references, const Liveness& liveness)
    : impl_(std::make_unique<Impl>(program, references, liveness)) {}

ValueSolver::~ValueSolver() = default;

Answer ValueSolver::number_at(const Site& site) { return impl_->number_at(site); }

}  // namespace stile::analysis
