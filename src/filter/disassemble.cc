// SPDX-License-Identifier: Apache-2.0
//
// Programs for people: what each instruction does, with the names of architectures, system calls and actions.
#include <cstring>

#include <fmt/format.h>

#include <stile/filter.h>

#include "arch/syscalls.h"
#include "filter/known.h"
#include "filter/lines.h"
#include "filter/opcodes.h"
#include "filter/problem.h"

namespace stile {
namespace filter {
namespace {

// Small numbers read better in decimal, addresses and flags in hexadecimal.
std::string plain(uint32_t k) {
  return k < 10 ? fmt::format("{}", k) : fmt::format("{:#x}", k);
}

std::string arch_words(uint32_t audit_arch) {
  std::string names;
  for (const arch::ArchInfo& info : arch::all_archs()) {
    if (info.audit_arch == audit_arch) names += (names.empty() ? "" : ", ") + std::string(info.name);
  }
  return names.empty() ? fmt::format("{:#x}", audit_arch) : fmt::format("{:#x} ({})", audit_arch, names);
}

std::string name_on(uint32_t audit_arch, uint32_t number) {
  const auto id = arch::arch_by_audit(audit_arch, number);
  const auto name = id ? arch::syscall_name(*id, number) : std::nullopt;
  return name ? std::string(*name) : std::string();
}

// "14 (rt_sigprocmask)"; where several architectures are possible and differ, "4 (x86_64 stat, i386 write)".
std::string number_words(uint32_t number, const Known& known, bool never_tests_arch) {
  std::vector<uint32_t> arches = known.arches;
  if (known.any_arch && never_tests_arch) arches = {kAuditX86_64};
  std::string names;
  bool same = !known.any_arch;
  for (const uint32_t audit_arch : arches) {
    const std::string name = name_on(audit_arch, number);
    same = same && name == name_on(arches.front(), number);
    const auto id = arch::arch_by_audit(audit_arch, number);
    if (!name.empty())
      names += fmt::format("{}{} {}", names.empty() ? "" : ", ", arch::arch_info(*id).name, name);
  }
  if (same && !names.empty()) names = name_on(arches.front(), number);
  const std::string shown = number < 0x10000 ? fmt::format("{}", number) : fmt::format("{:#x}", number);
  if (number == kX32Bit && names == "read") return shown + " (x32)";  // the bit itself, x32's first number
  return names.empty() ? shown : fmt::format("{} ({})", shown, names);
}

bool is_big_endian(const Known& known) {
  if (known.any_arch || known.arches.empty()) return false;
  for (const uint32_t audit_arch : known.arches) {
    if (!filter::is_big_endian(audit_arch)) return false;
  }
  return true;
}

std::string word_name(uint32_t offset, const Known& known) {
  if (offset == kOffsetNumber) return "nr";
  if (offset == kOffsetArch) return "arch";
  if (offset % 4 != 0 || offset >= kDataSize) return fmt::format("word at {:#x}", offset);
  const char* half = (offset % 8 != 0) != is_big_endian(known) ? "high" : "low";
  if (offset < kOffsetArgs) return fmt::format("instruction_pointer ({} half)", half);
  return fmt::format("args[{}] ({} half)", (offset - kOffsetArgs) / 8, half);
}

std::string operand(const Instruction& insn, const Known& known, bool never_tests_arch) {
  if ((insn.code & 0x08) != 0) return "X";
  if (known.a == Held{Held::Word, kOffsetArch} && insn.code == kJumpEqK) return arch_words(insn.k);
  if (known.a == Held{Held::Word, kOffsetNumber} && insn.code != kJumpSetK) {
    return number_words(insn.k, known, never_tests_arch);
  }
  return plain(insn.k);
}

std::string branch_words(const Instruction& insn, size_t index, const std::string& right) {
  const size_t on_true = index + 1 + insn.jt;
  const size_t on_false = index + 1 + insn.jf;
  if (on_true == on_false) return fmt::format("goto {:04}", on_true);
  // One that falls through where it holds reads better the other way round.
  const bool negate = insn.jt == 0;
  std::string test;
  switch (insn.code & 0xf0) {
    case 0x10:
      test = fmt::format("A {} {}", negate ? "!=" : "==", right);
      break;
    case 0x20:
      test = fmt::format("A {} {}", negate ? "<=" : ">", right);
      break;
    case 0x30:
      test = fmt::format("A {} {}", negate ? "<" : ">=", right);
      break;
    default:
      test = negate ? fmt::format("!(A & {})", right) : fmt::format("A & {}", right);
      break;
  }
  if (negate) return fmt::format("if {} goto {:04}", test, on_false);
  if (insn.jf == 0) return fmt::format("if {} goto {:04}", test, on_true);
  return fmt::format("if {} goto {:04} else {:04}", test, on_true, on_false);
}

std::string return_words(uint32_t value) {
  const uint32_t data = value & kRetDataMask;
  const std::string unused =
      data == 0 ? std::string() : fmt::format(" (with {:#x}, which has no meaning)", data);
  switch (value & kRetActionMask) {
    case kRetAllow:
      return data == 0 ? "ALLOW" : fmt::format("ALLOW (with {:#x}: not cached)", data);
    case kRetErrno: {
      const uint32_t number = std::min(data, kMaxErrno);
      const char* name = strerrorname_np(static_cast<int>(number));
      return name == nullptr || number == 0 ? fmt::format("ERRNO({})", number)
                                            : fmt::format("ERRNO({} {})", number, name);
    }
    case kRetKillProcess:
      return "KILL_PROCESS" + unused;
    case kRetKillThread:
      return "KILL_THREAD" + unused;
    case kRetTrap:
      return fmt::format("TRAP({})", data);
    case kRetTrace:
      return fmt::format("TRACE({})", data);
    case kRetLog:
      return "LOG" + unused;
    case kRetUserNotif:
      return "USER_NOTIF" + unused;
    default:
      return fmt::format("{:#010x} (no such action: KILL_PROCESS)", value);
  }
}

const char* arithmetic(uint16_t code) {
  switch (code & 0xf7) {
    case kAddK:
      return "+=";
    case kSubK:
      return "-=";
    case kMulK:
      return "*=";
    case kDivK:
      return "/=";
    case kOrK:
      return "|=";
    case kAndK:
      return "&=";
    case kLshK:
      return "<<=";
    case kRshK:
      return ">>=";
    case kXorK:
      return "^=";
    case 0x94:
      return "%=";
    default:
      return nullptr;
  }
}

std::string words(const Instruction& insn, size_t index, const Known& known, bool never_tests_arch) {
  switch (insn.code) {
    case kLoadImm:
      return fmt::format("A = {}", plain(insn.k));
    case kLoadAbs:
      return fmt::format("A = {}", word_name(insn.k, known));
    case kLoadMem:
      return fmt::format("A = M[{}]", insn.k);
    case kLoadLen:
      return "A = 64 (the length of seccomp_data)";
    case kLoadXImm:
      return fmt::format("X = {}", plain(insn.k));
    case kLoadXMem:
      return fmt::format("X = M[{}]", insn.k);
    case kLoadXLen:
      return "X = 64 (the length of seccomp_data)";
    case kStore:
      return fmt::format("M[{}] = A", insn.k);
    case kStoreX:
      return fmt::format("M[{}] = X", insn.k);
    case kNeg:
      return "A = -A";
    case kTax:
      return "X = A";
    case kTxa:
      return "A = X";
    case kJump:
      return fmt::format("goto {:04}", index + 1 + size_t{insn.k});
    case kReturnK:
      return "return " + return_words(insn.k);
    case kReturnA:
      return "return A";
    case kJumpEqK:
    case kJumpEqX:
    case kJumpGtK:
    case kJumpGtX:
    case kJumpGeK:
    case kJumpGeX:
    case kJumpSetK:
    case kJumpSetX:
      return branch_words(insn, index, operand(insn, known, never_tests_arch));
    default:
      break;
  }
  const char* sign = (insn.code & 0xff07) == 0x04 ? arithmetic(insn.code) : nullptr;
  if (sign != nullptr) return fmt::format("A {} {}", sign, (insn.code & 0x08) != 0 ? "X" : plain(insn.k));
  return fmt::format("unknown code {:#04x}", insn.code);
}

}  // namespace

std::vector<std::string> describe_instructions(std::span<const Instruction> program) {
  const std::vector<Known> known = find_known(program);
  bool tests_arch = false;
  for (const Instruction& insn : program)
    tests_arch = tests_arch || (insn.code == kLoadAbs && insn.k == kOffsetArch);
  std::vector<std::string> lines;
  for (size_t i = 0; i < program.size(); ++i) {
    lines.push_back(words(program[i], i, known[i], !tests_arch));
    if (!known[i].reached) lines.back() += "  ; never reached";
  }
  return lines;
}

}  // namespace filter

std::string disassemble(std::span<const Instruction> program, const DisassembleOptions& options) {
  std::vector<std::string> lines = filter::describe_instructions(program);
  for (const filter::Problem& problem : filter::find_problems(program))
    lines[problem.index] += "  ; refused: " + problem.what;
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Instruction& insn = program[i];
    out += fmt::format("{:04}: ", i);
    if (options.bytes)
      out += fmt::format("{:#04x} {:#04x} {:#04x} {:#010x}  ", insn.code, insn.jt, insn.jf, insn.k);
    out += lines[i] + "\n";
  }
  if (program.empty()) out += "; refused: the program is empty\n";
  if (program.size() > kMaxInstructions) {
    out += fmt::format("; refused: {} instructions, the kernel takes {}\n", program.size(), kMaxInstructions);
  }
  return out;
}

}  // namespace stile
