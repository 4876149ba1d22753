// SPDX-License-Identifier: Apache-2.0
#include "analysis/values.h"

#include <algorithm>
#include <memory>
#include <set>

#include "analysis/address_flow.h"
#include "analysis/globals.h"
#include "analysis/local_values.h"
#include "analysis/no_return.h"

namespace stile::analysis {

namespace {

using arch::kNoReg;
using arch::Reg;
using arch::Step;

constexpr uint64_t kLargestBody = 1 << 20;  // bytes; no compiler writes a function this long
constexpr size_t kMostBodies = 20000;       // kept decoded at once
constexpr size_t kDeepest = 48;             // callers of callers
// Bounds that only a file made to reach them reaches: the instructions that all decoded functions hold together, and what
// all questions, and one of them, may cost (see Surroundings::work_left).
constexpr size_t kMostInsns = 4 << 20;
constexpr uint64_t kMostWork = 200'000'000, kMostWorkForOne = 20'000'000;

}  // namespace

class ValueSolver::Impl {
  struct Collected {
    std::set<Found> found;
    std::set<Unknown> unknown;
    std::set<FunctionId> wrappers;
    std::set<Value> pointers;  // Frame values: no numbers, but something to read them through
    bool partial = false;  // met a question that is still open: complete only together with its answer
    void add(const Collected& other) {
      found.insert(other.found.begin(), other.found.end());
      unknown.insert(other.unknown.begin(), other.unknown.end());
      wrappers.insert(other.wrappers.begin(), other.wrappers.end());
      pointers.insert(other.pointers.begin(), other.pointers.end());
    }
  };

 public:
  Impl(const Program& program, const References& references, const Liveness& liveness)
      : program_(program),
        references_(references),
        liveness_(liveness),
        globals_(program, references),
        tracker_(program, [this](FunctionId id) { return body_of(id); }, globals_),
        no_return_(program),
        never_returns_([this](FunctionId id) { return no_return_.never_returns(id); }),
        world_{program, [this](uint64_t address, unsigned width, uint64_t at) { return global(address, width, at); },
               [this](const Value& frame, unsigned width, uint64_t at) { return frame_memory(frame, width, at); },
               [this](FunctionId callee, int64_t offset) { return writes_argument(callee, offset); }} {}

  Answer register_at(const Site& site, Reg reg, uint64_t mask) {
    Collected collected;
    const uint64_t granted = std::min(work_left_, kMostWorkForOne);
    world_.work_left = granted;
    if (const Body* body = body_of(site.function)) {
      const int64_t index = body->index_of(site.address);
      if (index < 0) {
        collected.unknown.insert({Doubt::UnknownEntry, site.function, site.address});
      } else {
        LocalSearch search(*body, world_);
        const ValueSet values = search.reg_before(static_cast<uint32_t>(index), reg);
        settle(values, site.function, site.address, collected);
      }
    } else {
      collected.unknown.insert({Doubt::Budget, site.function, site.address});
    }
    work_left_ -= granted - world_.work_left;
    return answer_of(std::move(collected), mask);
  }

  Answer argument_of(FunctionId function, Reg reg) {
    Collected collected;
    const uint64_t granted = std::min(work_left_, kMostWorkForOne);
    world_.work_left = granted;
    Value parameter;
    parameter.kind = Value::EntryReg;
    parameter.reg = reg;
    from_callers(function, parameter, collected);
    work_left_ -= granted - world_.work_left;
    return answer_of(std::move(collected), UINT64_MAX);
  }

 private:
  Answer answer_of(Collected collected, uint64_t mask) {
    for (const Value& pointer : collected.pointers) {
      collected.unknown.insert({Doubt::Computed, program_.function_holding(pointer.address), pointer.address});
    }
    Answer answer;
    for (Found found : collected.found) {
      found.value &= mask;
      answer.found.push_back(found);
    }
    std::sort(answer.found.begin(), answer.found.end());
    answer.found.erase(std::unique(answer.found.begin(), answer.found.end()), answer.found.end());
    answer.unknown.assign(collected.unknown.begin(), collected.unknown.end());
    answer.wrappers.assign(collected.wrappers.begin(), collected.wrappers.end());
    return answer;
  }

  struct Key {
    FunctionId function;
    Value asked;
    bool through_memory;
    auto operator<=>(const Key&) const = default;
  };

  // While it lives, values are asked for that stood in memory, where they may have been put in another phase.
  class ThroughMemory {
   public:
    explicit ThroughMemory(bool& flag) : flag_(flag), before_(flag) { flag = true; }
    ~ThroughMemory() { flag_ = before_; }
    ThroughMemory(const ThroughMemory&) = delete;
    ThroughMemory& operator=(const ThroughMemory&) = delete;

   private:
    bool& flag_;
    bool before_;
  };

  const Body* body_of(FunctionId id) {
    if (const auto it = bodies_.find(id); it != bodies_.end()) return it->second.get();
    const Function& function = program_.functions[id];
    const uint64_t size = function.end - function.start;
    if (size > kLargestBody || bodies_.size() >= kMostBodies || insns_ > kMostInsns || !world_.spend(size)) return nullptr;
    auto body = std::make_unique<Body>(build_body(program_, references_, id, never_returns_));
    insns_ += body->insns.size();
    return bodies_.emplace(id, std::move(body)).first->second.get();
  }

  Found found_of(const Value& value, FunctionId function, uint64_t address) const {
    if (value.address == 0) return {value.number, function, address};
    const FunctionId chosen_in = program_.function_holding(value.address);
    return {value.number, chosen_in == kNoFunction ? function : chosen_in, value.address};
  }

  static Value frame_of(const Value& stack, uint64_t address) {
    Value frame = stack;
    frame.kind = Value::Frame;
    frame.address = address;
    return frame;
  }

  static void add_to(ValueSet& values, const Collected& collected) {
    for (const Found& found : collected.found) {
      if (values.size() >= ValueSet::kMost) return values.add(Value::unknown(Doubt::Budget, found.address));
      Value value = Value::constant(found.value);
      value.address = found.address;
      values.add(value);
    }
    for (const Value& pointer : collected.pointers) values.add(pointer);
    for (const Unknown& unknown : collected.unknown) values.add(Value::unknown(unknown.doubt, unknown.address));
  }

  // What stands in another function's frame when it makes the call that let a pointer to it out.
  ValueSet frame_memory(const Value& frame, unsigned width, uint64_t asked_at) {
    const ThroughMemory memory(through_memory_);
    const FunctionId function = program_.function_holding(frame.address);
    const Body* body = function == kNoFunction ? nullptr : body_of(function);
    const int64_t index = body == nullptr ? -1 : body->index_of(frame.address);
    if (index < 0) return ValueSet(Value::unknown(Doubt::Memory, asked_at));
    LocalSearch search(*body, world_);
    Collected collected;
    settle(search.slot_before(static_cast<uint32_t>(index), static_cast<int64_t>(frame.number), width), function,
           frame.address, collected);
    ValueSet result;
    add_to(result, collected);
    if (written_later(*body, static_cast<uint32_t>(index), static_cast<int64_t>(frame.number), width)) {
      result.add(Value::unknown(Doubt::Memory, asked_at));
    }
    return result;
  }

  // Whether the function itself may write the slot after instruction i.
  static bool written_later(const Body& body, uint32_t i, int64_t slot, unsigned width) {
    std::vector<bool> seen(body.insns.size());
    std::vector<uint32_t> work{i};
    while (!work.empty()) {
      const uint32_t at = work.back();
      work.pop_back();
      body.for_each_successor(at, [&](uint32_t to) {
        if (!seen[to]) work.push_back(to);
        seen[to] = true;
      });
    }
    for (uint32_t at = 0; at < body.insns.size(); ++at) {
      const arch::Effect& effect = body.insns[at].effect;
      if (!seen[at] || !effect.stores) continue;
      const int64_t where = body.stack_slot(at, effect.store);
      if (where != kUnknownOffset && where < slot + static_cast<int64_t>(width) &&
          (effect.store_unbounded || where + effect.store_width > slot)) {
        return true;
      }
    }
    return false;
  }

  bool writes_argument(FunctionId callee, int64_t offset) {
    const Body* body = body_of(callee);
    if (body == nullptr) return true;
    const int64_t slot = offset + 8;  // the call pushes the return address
    for (uint32_t i = 0; i < body->insns.size(); ++i) {
      const arch::Effect& effect = body->insns[i].effect;
      if (!effect.stores) continue;
      const int64_t at = body->stack_slot(i, effect.store);
      if (at != kUnknownOffset && at <= slot + 7 && (effect.store_unbounded || at + effect.store_width > slot)) return true;
    }
    return false;
  }

  // Turns what one function's search found into final values: constants stand, parameters go to the callers.
  void settle(const ValueSet& values, FunctionId function, uint64_t address, Collected& out) {
    for (const Value& value : values) {
      switch (value.kind) {
        case Value::Constant: out.found.insert(found_of(value, function, address)); break;
        case Value::Stack: out.pointers.insert(frame_of(value, address)); break;
        case Value::Frame: out.pointers.insert(value); break;
        case Value::Unknown: out.unknown.insert({value.doubt, function, value.address}); break;
        case Value::EntryReg:
        case Value::EntrySlot:
        case Value::EntryMemory: from_callers(function, value, out); break;
      }
    }
  }

  void from_callers(FunctionId function, const Value& asked, Collected& out) {
    const Key key{function, asked, through_memory_};
    if (const auto it = answered_.find(key); it != answered_.end()) {
      world_.spend(it->second.found.size() + it->second.unknown.size());
      return out.add(it->second);
    }
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
        if (takes_address(edge.kind)) continue;
        if (edge.interior) continue;  // seen as an entry from outside by whoever walks the body
        called = true;
        if (!liveness_.now.empty() && !through_memory_ && !liveness_.now[edge.from]) continue;
        if (!world_.spend(16)) {
          mine.unknown.insert({Doubt::Budget, function, start});
          break;
        }
        ask_caller(edge, asked, mine);
      }
      if (liveness_.escaped[function]) {
        if (!ask_indirect_callers(function, asked, mine)) mine.unknown.insert({Doubt::IndirectCallers, function, start});
      } else if (!called) {
        mine.unknown.insert({Doubt::NoCaller, function, start});
      }
    }
    open_.erase(key);
    world_.spend(mine.found.size() + mine.unknown.size());
    out.add(mine);
    if (mine.partial) {
      out.partial = !open_.empty();
    }
    if (!mine.partial || open_.empty()) answered_.emplace(key, std::move(mine));
  }

  // The calls through a pointer, where the function's address can be followed from each place that takes it.
  bool ask_indirect_callers(FunctionId function, const Value& asked, Collected& out) {
    if (liveness_.rooted[function]) return false;
    std::set<std::pair<uint64_t, FunctionId>> callers;
    for (const uint32_t index : references_.to(function)) {
      const Edge& edge = references_.edges[index];
      if (!liveness_.reachable[edge.from] || edge.interior) continue;
      if (edge.kind == EdgeKind::Closure || edge.kind == EdgeKind::Interface) return false;
      if (edge.kind != EdgeKind::Address) continue;
      const AddressFlow flow = tracker_.follow(edge.from, program_.functions[edge.from].start + edge.offset);
      if (!world_.spend(tracker_.cost()) || !flow.confined) return false;
      for (const AddressUse& call : flow.calls) callers.emplace(call.address, call.function);
    }
    for (const auto& [address, caller] : callers) {
      const Body* body = body_of(caller);
      const int64_t index = body == nullptr ? -1 : body->index_of(address);
      if (index < 0) return false;
      const bool call = body->insns[static_cast<size_t>(index)].effect.step == Step::Call;
      ask_caller({caller, function, static_cast<uint32_t>(address - body->start), call ? EdgeKind::Call : EdgeKind::Jump, false},
                 asked, out);
    }
    return true;
  }

  // A parameter plus a constant was asked for: adds the constant to what the caller passes.
  static ValueSet moved(const ValueSet& values, const Value& asked) {
    if (asked.kind == Value::EntryMemory) return values;
    ValueSet result;
    for (Value value : values) {
      if (value.kind != Value::Unknown && value.kind != Value::EntryMemory) value.number += asked.number;
      result.add(value);
    }
    return result;
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
    if (index < 0) {
      out.unknown.insert({Doubt::UnknownEntry, edge.from, at});
      return;
    }
    const auto i = static_cast<uint32_t>(index);
    if (!body->insns[i].reachable) return;  // behind a call that never returns
    if (edge.kind == EdgeKind::Fall) {
      if (no_return_.falls_after_last_call(edge)) return;
      // Control runs on from the last instruction: registers are as it leaves them.
      const ValueSet after = asked.kind == Value::EntryReg ? search.reg_after(i, asked.reg)
                                                           : ValueSet(Value::unknown(Doubt::UnknownEntry, at));
      settle(moved(after, asked), edge.from, at, out);
      return;
    }
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
        ValueSet places;
        for (Value pointer : pointers) {
          if (pointer.kind != Value::Unknown) pointer.number += asked.number;
          places.add(pointer);
        }
        values = search.memory_at(i, places, asked.width);
      }
    }
    settle(moved(values, asked), edge.from, at, out);
  }

  // All stores to a global, and what it holds at the start.
  ValueSet global(uint64_t address, unsigned width, uint64_t asked_at) {
    const ThroughMemory memory(through_memory_);
    const auto key = std::make_pair(address, width);
    if (const auto it = global_answers_.find(key); it != global_answers_.end()) return it->second;
    ValueSet result;
    // Reading near address zero faults (vm.mmap_min_addr): a null pointer brings no value.
    if (address < 65536) return {};
    if (!program_.mapped(address)) return ValueSet(Value::unknown(Doubt::Memory, asked_at));
    result.add(initial_value(address, width, asked_at));
    if (program_.writable(address)) {
      if (!world_.spend(globals_.cost())) return ValueSet(Value::unknown(Doubt::Budget, asked_at));
      // Asked again on the way to its own answer, it is unknown: an answer in the making may still grow.
      global_answers_[key] = ValueSet(Value::unknown(Doubt::Memory, asked_at));
      GlobalUses uses = globals_.uses_of(address, width);
      if (uses.escapes) {
        result.add(Value::unknown(Doubt::Memory, asked_at));
      } else {
        add_stores_through(uses, asked_at, result);
      }
      for (const GlobalStore& store : uses.stores) {
        if (result.size() >= ValueSet::kMost || !world_.spend(16)) {
          result.add(Value::unknown(Doubt::Budget, asked_at));
          break;
        }
        add_store(store, address, width, asked_at, result);
      }
    }
    return global_answers_[key] = result;
  }

  // Addresses of the variable that code holds: where they are only written through, those writes are all there are.
  void add_stores_through(GlobalUses& uses, uint64_t asked_at, ValueSet& result) {
    for (const Mention& held : uses.held) {
      if (!liveness_.reachable[held.function]) continue;
      const AddressFlow flow = tracker_.follow(held.function, held.instruction);
      if (!world_.spend(tracker_.cost()) || !flow.confined) {
        result.add(Value::unknown(Doubt::Memory, asked_at));
        return;
      }
      for (const AddressUse& store : flow.stores) {
        uses.stores.push_back({store.function, store.address, held.address + static_cast<uint64_t>(store.offset)});
      }
    }
  }

  void add_store(const GlobalStore& store, uint64_t address, unsigned width, uint64_t asked_at, ValueSet& result) {
    if (!liveness_.reachable[store.function]) return;
    const Body* body = body_of(store.function);
    const int64_t index = body == nullptr ? -1 : body->index_of(store.address);
    if (index < 0) {
      result.add(Value::unknown(Doubt::Memory, asked_at));
      return;
    }
    const arch::Effect& effect = body->insns[static_cast<size_t>(index)].effect;
    if (!effect.stores || effect.store.index != kNoReg || effect.store.segment) {
      result.add(Value::unknown(Doubt::Memory, store.address));
      return;
    }
    const bool before = !effect.store_unbounded && store.destination + effect.store_width <= address;
    if (before || store.destination >= address + width) return;
    LocalSearch search(*body, world_);
    Collected collected;
    const auto offset = static_cast<int64_t>(address - store.destination);
    settle(search.stored_by(static_cast<uint32_t>(index), offset, width), store.function, store.address, collected);
    add_to(result, collected);
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
  AddressTracker tracker_;
  NoReturn no_return_;
  std::function<bool(FunctionId)> never_returns_;
  Surroundings world_;
  std::unordered_map<FunctionId, std::unique_ptr<Body>> bodies_;
  std::map<Key, Collected> answered_;
  std::set<Key> open_;
  bool through_memory_ = false;
  uint64_t work_left_ = kMostWork;
  size_t insns_ = 0;
  std::map<std::pair<uint64_t, unsigned>, ValueSet> global_answers_;
};

ValueSolver::ValueSolver(const Program& program, const References& references, const Liveness& liveness)
    : impl_(std::make_unique<Impl>(program, references, liveness)) {}

ValueSolver::~ValueSolver() = default;

// The kernel looks at eax alone (arch/x86/entry/common.c).
Answer ValueSolver::number_at(const Site& site) { return impl_->register_at(site, arch::kRax, UINT32_MAX); }
Answer ValueSolver::argument_at(const Site& site, arch::Reg reg) { return impl_->register_at(site, reg, UINT64_MAX); }
Answer ValueSolver::argument_of(FunctionId function, arch::Reg reg) { return impl_->argument_of(function, reg); }

}  // namespace stile::analysis
