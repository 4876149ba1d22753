// SPDX-License-Identifier: Apache-2.0
#include "filter/known.h"

#include <algorithm>
#include <iterator>

namespace stile::filter {
namespace {

void join(Held& into, const Held& other) {
  if (into != other) into = {};
}

void join(Known& into, const Known& other) {
  if (!into.reached) {
    into = other;
    return;
  }
  join(into.a, other.a);
  join(into.x, other.x);
  for (size_t i = 0; i < kMemoryWords; ++i) join(into.memory[i], other.memory[i]);
  if (into.any_arch) return;
  std::vector<uint32_t> both;
  std::set_union(into.arches.begin(), into.arches.end(), other.arches.begin(), other.arches.end(),
                 std::back_inserter(both));
  into.any_arch = other.any_arch || both.size() > kMaxKnownArches;
  into.arches = into.any_arch ? std::vector<uint32_t>() : std::move(both);
}

void step(Known& known, const Instruction& insn) {
  const bool in_memory = insn.k < kMemoryWords;
  switch (insn.code) {
    case kLoadImm:
      known.a = {Held::Constant, insn.k};
      break;
    case kLoadAbs:
      known.a = {Held::Word, insn.k};
      break;
    case kLoadLen:
      known.a = {Held::Constant, kDataSize};
      break;
    case kLoadMem:
      known.a = in_memory ? known.memory[insn.k] : Held{};
      break;
    case kLoadXImm:
      known.x = {Held::Constant, insn.k};
      break;
    case kLoadXLen:
      known.x = {Held::Constant, kDataSize};
      break;
    case kLoadXMem:
      known.x = in_memory ? known.memory[insn.k] : Held{};
      break;
    case kStore:
      if (in_memory) known.memory[insn.k] = known.a;
      break;
    case kStoreX:
      if (in_memory) known.memory[insn.k] = known.x;
      break;
    case kTax:
      known.x = known.a;
      break;
    case kTxa:
      known.a = known.x;
      break;
    default:
      known.a = {};  // arithmetic, or something unknown
  }
}

// What a test for one architecture leaves; false when nothing does.
bool narrow(Known& known, const Instruction& insn, bool taken) {
  if (insn.code != kJumpEqK || known.a != Held{Held::Word, kOffsetArch}) return true;
  if (taken) {
    const bool possible =
        known.any_arch || std::binary_search(known.arches.begin(), known.arches.end(), insn.k);
    known.any_arch = false;
    known.arches = {insn.k};
    return possible;
  }
  if (known.any_arch) return true;
  std::erase(known.arches, insn.k);
  return !known.arches.empty();
}

}  // namespace

std::vector<Known> find_known(std::span<const Instruction> program) {
  std::vector<Known> all(program.size());
  if (!all.empty()) all[0].reached = true;
  const auto flow = [&](size_t target, const Known& known) {
    if (target < all.size()) join(all[target], known);
  };
  // Jumps lead forward, so all ways to an instruction have been seen when its turn comes.
  for (size_t i = 0; i < program.size(); ++i) {
    if (!all[i].reached || is_return(program[i].code)) continue;
    const Instruction& insn = program[i];
    if (insn.code == kJump) {
      flow(i + 1 + size_t{insn.k}, all[i]);
    } else if (is_branch(insn.code)) {
      for (const bool taken : {true, false}) {
        Known after = all[i];
        if (narrow(after, insn, taken)) flow(i + 1 + (taken ? insn.jt : insn.jf), after);
      }
    } else {
      Known after = all[i];
      step(after, insn);
      flow(i + 1, after);
    }
  }
  return all;
}

}  // namespace stile::filter
