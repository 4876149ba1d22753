// SPDX-License-Identifier: Apache-2.0
#include "analysis/no_return.h"

#include <vector>

#include "arch/effects.h"

namespace stile::analysis {

using arch::Step;

bool NoReturn::never_returns(uint64_t address, unsigned depth) {
  const uint64_t key = address << 4 | depth;
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  known_[key] = false;  // a cycle: take it that it returns
  return known_[key] = ends_inside(address, depth);
}

bool NoReturn::falls_after_last_call(const Edge& fall) {
  const Function& function = program_.functions[fall.from];
  const uint64_t at = function.start + fall.offset;
  const arch::Effect effect = arch::effect_of(program_.code(function).from(fall.offset), at);
  if (effect.step != Step::Call || !effect.has_target) return false;
  const FunctionId callee = program_.function_at(effect.target);
  return callee != kNoFunction && never_returns(callee);
}

bool NoReturn::ends_inside(uint64_t address, unsigned depth) {
  constexpr uint64_t kLongest = 4096;  // bytes; helpers that only panic or abort are short
  const FunctionId id = program_.function_holding(address);
  if (id == kNoFunction) return false;
  const Function& function = program_.functions[id];
  if (function.end - function.start > kLongest) return false;
  const Bytes code = program_.code(function);
  std::vector<bool> seen(code.size());
  std::vector<uint64_t> work{address - function.start};
  const auto leads_to = [&](uint64_t target) {  // false: out of the function, to something that may return
    if (target >= function.start && target < function.end) {
      work.push_back(target - function.start);
      return true;
    }
    return depth > 0 && never_returns(target, depth - 1);
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
    // Code that switches stacks (runtime.morestack, mcall) comes back by a way that cannot be seen here.
    if (effect.dst == arch::kRsp && effect.stack_lost && effect.a.kind == arch::Source::Memory) return false;
    if (effect.step == Step::Jump && !effect.has_target) return false;
    if ((effect.step == Step::Jump || effect.step == Step::Branch) && !leads_to(effect.target)) return false;
    if (effect.step == Step::Jump) continue;
    if (effect.step == Step::Call && program_.ends_at(function, function.start + at + effect.length)) continue;
    if (effect.step == Step::Call && effect.has_target && depth > 0) {
      if (never_returns(effect.target, depth - 1)) continue;
    }
    work.push_back(at + effect.length);
  }
  return true;
}

}  // namespace stile::analysis
