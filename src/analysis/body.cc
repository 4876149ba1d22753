// SPDX-License-Identifier: Apache-2.0
#include "analysis/body.h"

#include <algorithm>

namespace stile::analysis {

namespace {

using arch::Effect;
using arch::Source;
using arch::Step;

constexpr size_t kMostTableReads = 1 << 20;  // in one function, and ways from its indirect jumps through its tables

class Builder {
 public:
  Builder(const Program& program, const References& references, FunctionId id,
          const std::function<bool(FunctionId)>& never_returns)
      : program_(program), references_(references), function_(program.functions[id]), never_returns_(never_returns) {
    body_.id = id;
    body_.start = function_.start;
  }

  Body build() {
    decode();
    find_table_targets();
    connect();
    mark_entries();
    if (track_stack()) {
      // Some calls were shown not to return: once more without what seemed to follow them.
      for (BodyInsn& insn : body_.insns) {
        insn.stack = insn.frame = kUnknownOffset;
        insn.reachable = insn.entered_from_outside = false;
      }
      connect();
      mark_entries();
      track_stack();
    }
    find_escapes();
    return std::move(body_);
  }

 private:
  void decode() {
    const Bytes code = program_.code(function_);
    constexpr uint64_t kUsualLength = 4, kMostReserved = 4096;
    body_.insns.reserve(std::min(code.size() / kUsualLength + 1, kMostReserved));
    for (uint64_t at = 0; at < code.size();) {
      BodyInsn insn;
      insn.offset = static_cast<uint32_t>(at);
      insn.effect = arch::effect_of(code.from(at), function_.start + at);
      if (insn.effect.length == 0) {
        insn.effect.length = 1;  // not code: step over it, let nothing flow through
        insn.effect.step = Step::Stop;
      }
      at += insn.effect.length;
      body_.insns.push_back(insn);
    }
  }

  // Jump tables: words or 32-bit offsets in read-only data that lead back into this function. Every indirect jump may
  // take every entry of every table the function names.
  void find_table_targets() {
    const bool indirect = std::any_of(body_.insns.begin(), body_.insns.end(), [](const BodyInsn& insn) {
      return insn.effect.step == Step::Jump && !insn.effect.has_target;
    });
    if (!indirect) return;
    table_reads_ = 0;
    for (const BodyInsn& insn : body_.insns) {
      for (const arch::Operand* operand : {&insn.effect.a, &insn.effect.b, &insn.effect.through}) {
        if (operand->kind != Source::Address && operand->kind != Source::Memory) continue;
        const arch::Memory& memory = operand->memory;
        if (memory.segment || memory.base != arch::kNoReg) continue;
        read_table(static_cast<uint64_t>(memory.displacement));
      }
    }
    std::sort(table_targets_.begin(), table_targets_.end());
    table_targets_.erase(std::unique(table_targets_.begin(), table_targets_.end()), table_targets_.end());
    const auto jumps = static_cast<size_t>(std::count_if(body_.insns.begin(), body_.insns.end(), [](const BodyInsn& insn) {
      return insn.effect.step == Step::Jump && !insn.effect.has_target;
    }));
    tables_lost_ = table_reads_ > kMostTableReads || jumps * table_targets_.size() > kMostTableReads;
    if (tables_lost_) table_targets_.clear();
  }

  void read_table(uint64_t table) {
    if (!program_.mapped(table) || program_.executable(table)) return;
    const auto collect = [&](auto entry) {
      for (size_t i = 0; table_reads_ <= kMostTableReads; ++i, ++table_reads_) {
        const std::optional<uint64_t> target = entry(i);
        if (!target || *target < function_.start || *target >= function_.end) break;
        const int64_t index = body_.index_of(*target);
        if (index >= 0) table_targets_.push_back(static_cast<uint32_t>(index));
      }
    };
    collect([&](size_t i) { return program_.read<uint64_t>(table + i * 8); });
    collect([&](size_t i) -> std::optional<uint64_t> {
      const auto offset = program_.read<uint32_t>(table + i * 4);
      if (!offset) return std::nullopt;
      return table + static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(*offset)));
    });
  }

  bool returns(const Effect& effect) const {
    if (!effect.has_target) return true;
    const FunctionId callee = program_.function_at(effect.target);
    return callee == kNoFunction || !never_returns_(callee);
  }

  template <typename Visit>
  void successors(uint32_t i, Visit visit) const {
    const Effect& effect = body_.insns[i].effect;
    const auto next = [&] {
      if (i + 1 < body_.insns.size()) visit(i + 1);
    };
    const auto target = [&] {
      const int64_t index = body_.index_of(effect.target);
      if (effect.has_target && index >= 0) visit(static_cast<uint32_t>(index));
    };
    switch (effect.step) {
      case Step::Plain:
      case Step::EnterKernel: next(); break;
      case Step::Call:
        if (returns(effect) && !std::binary_search(ends_.begin(), ends_.end(), i)) next();
        break;
      case Step::Branch:
        next();
        target();
        break;
      case Step::Jump:
        target();
        if (!effect.has_target) {
          for (const uint32_t entry : table_targets_) visit(entry);
        }
        break;
      case Step::Return:
      case Step::Stop: break;
    }
  }

  void connect() {
    std::vector<std::pair<uint32_t, uint32_t>> pairs;  // (to, from)
    for (uint32_t i = 0; i < body_.insns.size(); ++i) {
      successors(i, [&](uint32_t to) { pairs.emplace_back(to, i); });
    }
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    body_.first.assign(body_.insns.size() + 1, 0);
    body_.predecessors.clear();
    for (const auto& pair : pairs) ++body_.first[pair.first + 1];
    for (size_t i = 0; i < body_.insns.size(); ++i) body_.first[i + 1] += body_.first[i];
    for (const auto& pair : pairs) body_.predecessors.push_back(pair.second);
    for (auto& pair : pairs) std::swap(pair.first, pair.second);
    std::sort(pairs.begin(), pairs.end());
    body_.edges = std::move(pairs);
  }

  void flood(uint32_t from) {
    std::vector<uint32_t> work{from};
    while (!work.empty()) {
      const uint32_t i = work.back();
      work.pop_back();
      if (body_.insns[i].reachable) continue;
      body_.insns[i].reachable = true;
      successors(i, [&](uint32_t to) { work.push_back(to); });
    }
  }

  // Filler between blocks and behind calls that never return.
  static bool padding(const Effect& effect) {
    return effect.step == Step::Stop || (effect.step == Step::Plain && effect.dst == arch::kNoReg && !effect.stores &&
                                         effect.clobbers == 0 && effect.stack_delta == 0);
  }

  // hlt faults in user mode; compilers put nothing behind it that another place jumps to. Behind ud2 a landing pad may stand.
  static bool is_hlt(const Effect& effect) { return effect.step == Step::Stop && effect.length == 1; }

  // What nothing inside the function leads to is entered in a way this pass cannot see: a landing pad, a table it could
  // not read, a block that the runtime resumes at. Filler is dead, and so is what stands behind hlt.
  void mark_entries() {
    if (body_.insns.empty()) return;
    flood(0);
    if (tables_lost_) {  // its jumps may lead anywhere
      for (BodyInsn& insn : body_.insns) insn.reachable = insn.entered_from_outside = true;
      return;
    }
    const auto range = std::equal_range(
        references_.interior.begin(), references_.interior.end(), InteriorEntry{body_.id, 0},
        [](const InteriorEntry& a, const InteriorEntry& b) { return a.function < b.function; });
    for (auto it = range.first; it != range.second; ++it) {
      const int64_t index = body_.index_of(it->target);
      if (index < 0) continue;
      body_.insns[static_cast<size_t>(index)].entered_from_outside = true;
      flood(static_cast<uint32_t>(index));
    }
    bool dead = false;
    for (uint32_t i = 1; i < body_.insns.size(); ++i) {
      const BodyInsn& before = body_.insns[i - 1];
      const bool falls = before.effect.step == Step::Plain || before.effect.step == Step::Branch;
      dead = !body_.insns[i].reachable && ((dead && falls) || (before.reachable && is_hlt(before.effect)));
      if (dead || body_.insns[i].reachable || padding(body_.insns[i].effect)) continue;
      body_.insns[i].entered_from_outside = true;
      flood(i);
    }
  }

  // The join that control would reach behind a call, past filler; -1 if the code there belongs to the call alone.
  int64_t join_behind(uint32_t call) const {
    for (uint32_t i = call + 1; i < body_.insns.size(); ++i) {
      if (body_.first[i + 1] - body_.first[i] > 1 || body_.insns[i].entered_from_outside) return i;
      if (!padding(body_.insns[i].effect)) return -1;
    }
    return -1;
  }

  struct StackState {
    int64_t stack, frame;
  };

  // Forward: rsp and rbp relative to rsp at entry. Places that two ways reach with different values become unknown, but
  // where one of the two ways comes from behind a call, the difference shows that the call never returns: compiled code
  // has one stack depth at each place. True if such calls were found; they are in ends_ then.
  bool track_stack() {
    if (body_.insns.empty()) return false;
    std::vector<uint8_t> seen(body_.insns.size());
    std::vector<uint32_t> work, behind_calls;
    const auto arrive = [&](uint32_t i, StackState state) {
      if (i == 0 && seen[0] != 0) return;  // the convention fixes it: rsp points at the return address
      BodyInsn& insn = body_.insns[i];
      if (seen[i] == 0) {
        seen[i] = 1;
        insn.stack = state.stack;
        insn.frame = state.frame;
        work.push_back(i);
        return;
      }
      bool changed = false;
      if (insn.stack != state.stack && insn.stack != kUnknownOffset) insn.stack = kUnknownOffset, changed = true;
      if (insn.frame != state.frame && insn.frame != kUnknownOffset) insn.frame = kUnknownOffset, changed = true;
      if (changed) work.push_back(i);
    };
    for (uint32_t i = 1; i < body_.insns.size(); ++i) {
      if (body_.insns[i].entered_from_outside) arrive(i, {kUnknownOffset, kUnknownOffset});
    }
    arrive(0, {0, kUnknownOffset});
    bool found = false;
    for (size_t next_call = 0; !work.empty() || next_call < behind_calls.size();) {
      if (work.empty()) {
        const uint32_t call = behind_calls[next_call++];
        const int64_t join = join_behind(call);
        const int64_t stack = body_.insns[call].stack;
        if (join >= 0 && seen[static_cast<size_t>(join)] != 0) {
          const int64_t other = body_.insns[static_cast<size_t>(join)].stack;
          if (stack != kUnknownOffset && other != kUnknownOffset && stack != other) {
            ends_.insert(std::lower_bound(ends_.begin(), ends_.end(), call), call);
            found = true;
            continue;
          }
        }
        arrive(call + 1, after(call));
        continue;
      }
      const uint32_t i = work.back();
      work.pop_back();
      if (body_.insns[i].effect.step == Step::Call && join_behind(i) >= 0) {
        successors(i, [&](uint32_t) { behind_calls.push_back(i); });
        continue;
      }
      const StackState state = after(i);
      successors(i, [&](uint32_t to) { arrive(to, state); });
    }
    return found;
  }

  // Where rsp and rbp stand after instruction i.
  StackState after(uint32_t i) const {
    const BodyInsn& insn = body_.insns[i];
    const Effect& effect = insn.effect;
    StackState state{insn.stack, insn.frame};
    if (effect.stack_lost) {
      // leave: rsp = rbp, pop rbp. mov rsp, rbp: the same without the pop.
      const bool leave = effect.clobbers == (1u << arch::kRbp | 1u << arch::kRsp);
      const bool from_frame = leave || (effect.dst == arch::kRsp && effect.a.kind == Source::Register &&
                                        effect.a.reg == arch::kRbp && effect.compute == arch::Compute::Copy);
      const bool from_frame_lea = effect.dst == arch::kRsp && effect.a.kind == Source::Address &&
                                  effect.a.memory.base == arch::kRbp && effect.a.memory.index == arch::kNoReg;
      const int64_t extra = leave ? 8 : from_frame_lea ? effect.a.memory.displacement : 0;
      const bool known = (from_frame || from_frame_lea) && insn.frame != kUnknownOffset;
      state.stack = known ? insn.frame + extra : kUnknownOffset;
    } else if (state.stack != kUnknownOffset) {
      state.stack += effect.stack_delta;
    }
    if (effect.dst == arch::kRbp || (effect.clobbers >> arch::kRbp & 1) != 0) {
      state.frame = kUnknownOffset;
      if (effect.a.kind == Source::Register && effect.a.reg == arch::kRsp && effect.width == 8 &&
          effect.compute == arch::Compute::Copy) {
        state.frame = insn.stack;
      } else if (effect.a.kind == Source::Address && effect.a.memory.base == arch::kRsp &&
                 effect.a.memory.index == arch::kNoReg && insn.stack != kUnknownOffset) {
        state.frame = insn.stack + effect.a.memory.displacement;
      }
    }
    return state;
  }

  void find_escapes() {
    for (uint32_t i = 0; i < body_.insns.size(); ++i) {
      const BodyInsn& insn = body_.insns[i];
      const Effect& effect = insn.effect;
      const bool to_frame_register = effect.dst == arch::kRsp || effect.dst == arch::kRbp;
      for (const arch::Operand* operand : {&effect.a, &effect.value}) {
        if (operand == &effect.a && to_frame_register) continue;
        if (operand->kind == Source::Address && (operand->memory.base == arch::kRsp || operand->memory.base == arch::kRbp)) {
          arch::Memory memory = operand->memory;
          memory.index = arch::kNoReg;
          // Go functions compare an address below rsp with the stack's limit; nothing lives there.
          if (function_.is_go && memory.base == arch::kRsp && memory.displacement < 0) continue;
          const int64_t slot = body_.stack_slot(i, memory);
          if (slot != kUnknownOffset) body_.escaped_stack.push_back(slot);
          if (slot == kUnknownOffset && memory.base == arch::kRsp) body_.escaped_stack.push_back(INT32_MIN);
        } else if (operand->kind == Source::Register && operand->reg == arch::kRsp &&
                   !(operand == &effect.a && effect.dst == arch::kNoReg)) {
          body_.escaped_stack.push_back(insn.stack == kUnknownOffset ? INT32_MIN : insn.stack);
        } else if (operand->kind == Source::Register && operand->reg == arch::kRbp && insn.frame != kUnknownOffset &&
                   !(operand == &effect.value && effect.stack_delta != 0)) {
          body_.escaped_stack.push_back(insn.frame);
        }
      }
    }
    std::sort(body_.escaped_stack.begin(), body_.escaped_stack.end());
  }

  const Program& program_;
  const References& references_;
  const Function& function_;
  const std::function<bool(FunctionId)>& never_returns_;
  Body body_;
  std::vector<uint32_t> table_targets_;
  size_t table_reads_ = 0;
  bool tables_lost_ = false;  // too much to follow
  std::vector<uint32_t> ends_;  // calls that do not return, sorted
};

}  // namespace

int64_t Body::index_of(uint64_t address) const {
  if (address < start) return -1;
  const uint64_t offset = address - start;
  auto it = std::lower_bound(insns.begin(), insns.end(), offset,
                             [](const BodyInsn& insn, uint64_t value) { return insn.offset < value; });
  return it != insns.end() && it->offset == offset ? it - insns.begin() : -1;
}

int64_t Body::stack_slot(uint32_t i, const arch::Memory& memory) const {
  if (memory.segment || memory.index != arch::kNoReg) return kUnknownOffset;
  const int64_t base = memory.base == arch::kRsp   ? insns[i].stack
                       : memory.base == arch::kRbp ? insns[i].frame
                                                   : kUnknownOffset;
  return base == kUnknownOffset ? kUnknownOffset : base + memory.displacement;
}

Body build_body(const Program& program, const References& references, FunctionId id,
                const std::function<bool(FunctionId)>& never_returns) {
  return Builder(program, references, id, never_returns).build();
}

}  // namespace stile::analysis
