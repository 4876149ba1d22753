// SPDX-License-Identifier: Apache-2.0
//
// Runs filters as the kernel does: classic BPF is translated to eBPF there (bpf_convert_filter,
// net/core/filter.c), so this is the meaning after that translation. Registers and memory start at 0, all
// arithmetic is unsigned 32-bit, shifts by a register use its low five bits, and a division by a register
// that holds 0 ends the program with the value 0 (kill the thread).
#include <array>
#include <cstring>

#include <stile/filter.h>

#include "filter/opcodes.h"

namespace stile {
namespace {

using namespace filter;

uint32_t load_word(const Event& event, uint32_t offset) {
  if (offset == kOffsetNumber) return event.number;
  if (offset == kOffsetArch) return event.arch;
  const uint64_t wide =
      offset < kOffsetArgs ? event.instruction_pointer : event.args[(offset - kOffsetArgs) / 8];
  const bool second = offset % 8 != 0;
  return static_cast<uint32_t>(second != is_big_endian(event.arch) ? wide >> 32 : wide);
}

struct Machine {
  uint32_t a = 0;
  uint32_t x = 0;
  std::array<uint32_t, kMemoryWords> memory{};
  bool stopped = false;  // by a division by 0
};

// Loads, stores and arithmetic.
void step(Machine& m, const Instruction& insn, const Event& event) {
  const uint32_t k = insn.k;
  switch (insn.code) {
    case kLoadImm:
      m.a = k;
      break;
    case kLoadAbs:
      m.a = load_word(event, k);
      break;
    case kLoadMem:
      m.a = m.memory[k];
      break;
    case kLoadLen:
      m.a = kDataSize;
      break;
    case kLoadXImm:
      m.x = k;
      break;
    case kLoadXMem:
      m.x = m.memory[k];
      break;
    case kLoadXLen:
      m.x = kDataSize;
      break;
    case kStore:
      m.memory[k] = m.a;
      break;
    case kStoreX:
      m.memory[k] = m.x;
      break;
    case kAddK:
      m.a += k;
      break;
    case kAddX:
      m.a += m.x;
      break;
    case kSubK:
      m.a -= k;
      break;
    case kSubX:
      m.a -= m.x;
      break;
    case kMulK:
      m.a *= k;
      break;
    case kMulX:
      m.a *= m.x;
      break;
    case kDivK:
      m.a /= k;
      break;  // validate() refuses 0
    case kDivX:
      m.stopped = m.x == 0;
      if (!m.stopped) m.a /= m.x;
      break;
    case kOrK:
      m.a |= k;
      break;
    case kOrX:
      m.a |= m.x;
      break;
    case kAndK:
      m.a &= k;
      break;
    case kAndX:
      m.a &= m.x;
      break;
    case kLshK:
      m.a <<= k;
      break;  // validate() refuses 32 and more
    case kLshX:
      m.a <<= m.x & 31;
      break;
    case kRshK:
      m.a >>= k;
      break;
    case kRshX:
      m.a >>= m.x & 31;
      break;
    case kNeg:
      m.a = 0 - m.a;
      break;
    case kXorK:
      m.a ^= k;
      break;
    case kXorX:
      m.a ^= m.x;
      break;
    case kTax:
      m.x = m.a;
      break;
    case kTxa:
      m.a = m.x;
      break;
    default:
      break;
  }
}

bool is_taken(const Machine& m, const Instruction& insn) {
  switch (insn.code) {
    case kJumpEqK:
      return m.a == insn.k;
    case kJumpEqX:
      return m.a == m.x;
    case kJumpGtK:
      return m.a > insn.k;
    case kJumpGtX:
      return m.a > m.x;
    case kJumpGeK:
      return m.a >= insn.k;
    case kJumpGeX:
      return m.a >= m.x;
    case kJumpSetK:
      return (m.a & insn.k) != 0;
    case kJumpSetX:
      return (m.a & m.x) != 0;
    default:
      return false;
  }
}

}  // namespace

Result<Verdict> emulate(std::span<const Instruction> program, const Event& event) {
  if (auto valid = validate(program); !valid) return tl::unexpected(valid.error());
  Machine machine;
  Verdict verdict;
  // Jumps lead forward and stay inside, and the last instruction returns: this ends.
  for (size_t i = 0;; ++i) {
    const Instruction& insn = program[i];
    verdict.path.push_back(static_cast<uint16_t>(i));
    if (insn.code == kLoadAbs && insn.k >= kOffsetPointer) verdict.loads_arguments = true;
    if (is_return(insn.code)) {
      verdict.value = insn.code == kReturnK ? insn.k : machine.a;
      break;
    }
    if (insn.code == kJump) {
      i += insn.k;
    } else if (is_branch(insn.code)) {
      i += is_taken(machine, insn) ? insn.jt : insn.jf;
    } else {
      step(machine, insn, event);
      if (machine.stopped) break;  // verdict.value is 0
    }
  }
  verdict.steps = static_cast<uint32_t>(verdict.path.size());
  verdict.action = action_of(verdict.value);
  return verdict;
}

bool is_constant_allow(std::span<const Instruction> program, uint32_t arch, uint32_t number) {
  // The bitmap ends at the machine's largest number, so x32 has none.
  if (arch == kAuditX86_64 && number >= kX32Bit) return false;
  if (!validate(program)) return false;
  uint32_t a = 0;
  for (size_t i = 0;; ++i) {
    const Instruction& insn = program[i];
    switch (insn.code) {
      case kLoadAbs:
        if (insn.k != kOffsetNumber && insn.k != kOffsetArch) return false;
        a = insn.k == kOffsetNumber ? number : arch;
        break;
      case kReturnK:
        return insn.k == kRetAllow;
      case kJump:
        i += insn.k;
        break;
      case kJumpEqK:
        i += a == insn.k ? insn.jt : insn.jf;
        break;
      case kJumpGtK:
        i += a > insn.k ? insn.jt : insn.jf;
        break;
      case kJumpGeK:
        i += a >= insn.k ? insn.jt : insn.jf;
        break;
      case kJumpSetK:
        i += (a & insn.k) != 0 ? insn.jt : insn.jf;
        break;
      case kAndK:
        a &= insn.k;
        break;
      default:
        return false;
    }
  }
}

}  // namespace stile
