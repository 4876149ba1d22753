// SPDX-License-Identifier: Apache-2.0
//
// What the kernel loads and what it refuses. A program passes two checks, bpf_check_classic
// (net/core/filter.c) and seccomp_check_filter (kernel/seccomp.c), and is loaded when it passes both; the
// kernel says EINVAL alone, we say where and why. tests/live compares this with the running kernel on random
// programs.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <stile/filter.h>

#include "filter/opcodes.h"
#include "filter/problem.h"

namespace stile {
namespace filter {
namespace {

bool is_known(uint16_t code) {
  switch (code) {
    case kLoadImm:
    case kLoadAbs:
    case kLoadMem:
    case kLoadLen:
    case kLoadXImm:
    case kLoadXMem:
    case kLoadXLen:
    case kStore:
    case kStoreX:
    case kAddK:
    case kAddX:
    case kSubK:
    case kSubX:
    case kMulK:
    case kMulX:
    case kDivK:
    case kDivX:
    case kOrK:
    case kOrX:
    case kAndK:
    case kAndX:
    case kLshK:
    case kLshX:
    case kRshK:
    case kRshX:
    case kNeg:
    case kXorK:
    case kXorX:
    case kJump:
    case kJumpEqK:
    case kJumpEqX:
    case kJumpGtK:
    case kJumpGtX:
    case kJumpGeK:
    case kJumpGeX:
    case kJumpSetK:
    case kJumpSetX:
    case kReturnK:
    case kReturnA:
    case kTax:
    case kTxa:
      return true;
    default:
      return false;
  }
}

// What classic BPF has and seccomp leaves out deserves a reason of its own.
std::string unknown_code(uint16_t code) {
  const char* why = "not an instruction of classic BPF";
  switch (code) {
    case 0x94:
    case 0x9c:
      why = "MOD is classic BPF, but seccomp does not take it";
      break;
    case 0x28:
    case 0x30:
    case 0x40:
    case 0x48:
    case 0x50:
    case 0xb1:
      why = "seccomp takes loads of whole words at fixed places alone";
      break;
    default:
      break;
  }
  return fmt::format("operation code {:#04x}: {}", code, why);
}

// The checks that need nothing but the instruction and its place.
std::string check_one(const Instruction& insn, size_t index, size_t size) {
  if (!is_known(insn.code)) return unknown_code(insn.code);
  switch (insn.code) {
    case kLoadAbs:
      if (insn.k % 4 != 0) return fmt::format("load at offset {:#x}, which is no multiple of 4", insn.k);
      if (insn.k >= kDataSize)
        return fmt::format("load at offset {:#x}, beyond seccomp_data's {} bytes", insn.k, kDataSize);
      return {};
    case kDivK:
      return insn.k == 0 ? "division by the constant 0" : std::string();
    case kLshK:
    case kRshK:
      return insn.k >= 32 ? fmt::format("shift by {}, 31 is the most", insn.k) : std::string();
    case kLoadMem:
    case kLoadXMem:
    case kStore:
    case kStoreX:
      return insn.k >= kMemoryWords ? fmt::format("M[{}]: there are {} words of memory", insn.k, kMemoryWords)
                                    : std::string();
    case kJump:
      // The kernel's comparison is unsigned: a "negative" k is far beyond the end.
      return insn.k >= size - index - 1 ? fmt::format("jump by {} leads beyond the end", insn.k)
                                        : std::string();
    default:
      break;
  }
  if (is_branch(insn.code) && (index + 1 + insn.jt >= size || index + 1 + insn.jf >= size)) {
    return fmt::format("jump by {} leads beyond the end", std::max(insn.jt, insn.jf));
  }
  return {};
}

// check_load_and_stores: reading a word that some path has not written. As in the kernel what follows a
// return counts as reached by falling through it, so that dead code can make a program be refused.
size_t find_unset_read(std::span<const Instruction> program) {
  std::vector<uint16_t> written_at(program.size(),
                                   0xffff);  // bit i: M[i] is written on all jumps seen so far to here
  uint16_t written = 0;
  for (size_t i = 0; i < program.size(); ++i) {
    const Instruction& insn = program[i];
    written &= written_at[i];
    if (insn.code == kStore || insn.code == kStoreX) {
      written |= static_cast<uint16_t>(1u << insn.k);
    } else if (insn.code == kLoadMem || insn.code == kLoadXMem) {
      if ((written >> insn.k & 1) == 0) return i;
    } else if (insn.code == kJump) {
      written_at[i + 1 + insn.k] &= written;
      written = 0xffff;
    } else if (is_branch(insn.code)) {
      written_at[i + 1 + insn.jt] &= written;
      written_at[i + 1 + insn.jf] &= written;
      written = 0xffff;
    }
  }
  return program.size();
}

}  // namespace

std::vector<Problem> find_problems(std::span<const Instruction> program) {
  std::vector<Problem> problems;
  for (size_t i = 0; i < program.size(); ++i) {
    std::string what = check_one(program[i], i, program.size());
    if (!what.empty()) problems.push_back({i, std::move(what)});
  }
  if (!program.empty() && !is_return(program.back().code)) {
    if (problems.empty() || problems.back().index != program.size() - 1) {
      problems.push_back({program.size() - 1, "the last instruction is no return"});
    }
  }
  // Only meaningful, and only safe, when all jumps stay inside.
  if (problems.empty()) {
    const size_t unset = find_unset_read(program);
    if (unset != program.size()) {
      problems.push_back(
          {unset, fmt::format("M[{}] is read, and not written on every way here", program[unset].k)});
    }
  }
  return problems;
}

}  // namespace filter

Result<void> validate(std::span<const Instruction> program) {
  if (program.empty()) return fail(Code::Malformed, "the program is empty");
  if (program.size() > kMaxInstructions) {
    return fail(Code::Malformed,
                fmt::format("{} instructions, the kernel takes {}", program.size(), kMaxInstructions),
                fmt::format("instruction {}", kMaxInstructions));
  }
  const std::vector<filter::Problem> problems = filter::find_problems(program);
  if (problems.empty()) return {};
  return fail(Code::Malformed, problems.front().what, fmt::format("instruction {}", problems.front().index));
}

}  // namespace stile
