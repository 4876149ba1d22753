// SPDX-License-Identifier: Apache-2.0
//
// The instructions before a filter that let a program install it by itself, and again in what it executes.
#include <array>

#include <fmt/format.h>

#include <stile/embed.h>

#include "base/bytes.h"

namespace stile {
namespace {

// include/uapi/linux/bpf_common.h
constexpr uint16_t kLoadWord = 0x20, kLoadConstant = 0x00, kJumpEqual = 0x15, kReturn = 0x06;
constexpr uint16_t kClassMask = 0x07, kClassLoad = 0x00;
// Offsets in struct seccomp_data, include/uapi/linux/seccomp.h.
constexpr uint32_t kNumber = 0, kArch = 4, kArgument0 = 16, kArgument1 = 24, kArgument2 = 32;
constexpr uint32_t kAuditX86_64 = 0xc000003e, kAuditI386 = 0x40000003;
constexpr uint32_t kPrctl = 157, kSeccomp = 317, kSetNoNewPrivs = 38, kSetModeFilter = 1, kTsync = 1;
constexpr uint32_t kAllow = 0x7fff0000, kErrno = 0x00050000;

// Kernels use errno numbers up to 133 and, inside, 512 to 531; MAX_ERRNO is 4095.
constexpr uint16_t kFirstAnswer = 1024, kAnswers = 3000;

// FNV-1a. It need not withstand anybody: who can install filters before the program starts can do whatever he
// likes with it.
uint64_t hash(const Program& program) {
  uint64_t value = 0xcbf29ce484222325;
  for (const char c : to_bytes(program)) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return value;
}

bool goes_through(const Program& program, uint32_t arch, uint32_t number) {
  auto verdict = emulate(program, {.number = number, .arch = arch});
  if (!verdict || verdict->loads_arguments) return true;  // it depends: take the wider answer
  const ActionKind kind = verdict->action.kind;
  return kind == ActionKind::Allow || kind == ActionKind::Log || kind == ActionKind::Trace;
}

// Whether another program can come to run under the filter: execve and execveat of each table x86-64 has.
bool can_execute(const Program& program) {
  constexpr uint32_t kX32 = 0x40000000;
  return goes_through(program, kAuditX86_64, 59) || goes_through(program, kAuditX86_64, 322) ||
         goes_through(program, kAuditX86_64, kX32 | 520) || goes_through(program, kAuditX86_64, kX32 | 545) ||
         goes_through(program, kAuditI386, 11) || goes_through(program, kAuditI386, 358);
}

// Instructions by label, so that no jump is counted by hand. Jumps go forward, `rest` is the first behind all
// of them.
class Assembler {
 public:
  void load(uint32_t offset) { add({kLoadWord, 0, 0, offset}); }
  void set(uint32_t value) { add({kLoadConstant, 0, 0, value}); }
  void give(uint32_t verdict) { add({kReturn, 0, 0, verdict}); }
  // Goes on when equal, else to the label.
  void unless(uint32_t value, int label) {
    jumps_.emplace_back(program_.size(), label);
    add({kJumpEqual, 0, 0, value});
  }
  void mark(int label) { labels_[static_cast<size_t>(label)] = program_.size(); }
  Program finish() {
    for (const auto& [at, label] : jumps_) {
      program_[at].jf = static_cast<uint8_t>(labels_[static_cast<size_t>(label)] - at - 1);
    }
    return program_;
  }

 private:
  void add(Instruction instruction) { program_.push_back(instruction); }
  Program program_;
  std::vector<std::pair<size_t, int>> jumps_;
  std::array<size_t, 4> labels_{};
};

Program prologue(SelfKey key, bool with_exec, bool accumulator_counts) {
  enum { kRest, kNotPrctl, kNotTheQuestion };
  // The number comes first and the architecture where it matters: the kernel walks these instructions for each number of each table when
  // the filter is installed (seccomp_cache_prepare_bitmap, kernel/seccomp.c), and nearly all leave after two of them.
  Assembler code;
  code.load(kNumber);
  code.unless(kPrctl, kNotPrctl);
  code.load(kArch);
  code.unless(kAuditX86_64, kRest);
  code.load(kArgument0);
  code.unless(kSetNoNewPrivs, kRest);
  code.load(kArgument2);
  code.unless(static_cast<uint32_t>(key.key), kNotTheQuestion);
  code.load(kArgument2 + 4);
  code.unless(static_cast<uint32_t>(key.key >> 32), kNotTheQuestion);
  code.give(kErrno | key.answer);
  code.mark(kNotTheQuestion);
  if (with_exec) code.give(kAllow);
  code.mark(kNotPrctl);
  if (with_exec) {
    code.unless(kSeccomp, kRest);
    code.load(kArch);
    code.unless(kAuditX86_64, kRest);
    code.load(kArgument0);
    code.unless(kSetModeFilter, kRest);
    code.load(kArgument1);
    code.unless(kTsync, kRest);
    code.give(kAllow);
  }
  code.mark(kRest);
  if (accumulator_counts) code.set(0);
  return code.finish();
}

}  // namespace

SelfKey self_key(const Program& program) {
  const uint64_t key = hash(program);
  // Zero is the kernel's own third argument.
  return {key == 0 ? 1 : key, static_cast<uint16_t>(kFirstAnswer + key % kAnswers)};
}

Result<Program> self_aware(const Program& program) {
  if (auto valid = validate(program); !valid) return tl::unexpected(valid.error());
  for (const Instruction& instruction : program) {
    const bool gives = (instruction.code & kClassMask) == kReturn;
    if (gives && action_of(instruction.k).kind == ActionKind::Notify) {
      return fail(
          Code::Usage,
          "the filter asks a supervisor (notify), and a program that installs its own filter has none", {},
          "use stile run, or another action");
    }
  }
  // A program begins with zero in its accumulator (bpf_convert_filter, net/core/filter.c), and may count on it.
  const bool loads_first = (program.front().code & kClassMask) == kClassLoad;
  Program whole = prologue(self_key(program), can_execute(program), !loads_first);
  if (whole.size() + program.size() > kMaxInstructions) {
    return fail(Code::Limit, fmt::format("the filter has {} instructions, and {} more are needed to embed "
                                         "it: more than the {} a kernel takes",
                                         program.size(), whole.size(), kMaxInstructions));
  }
  whole.insert(whole.end(), program.begin(), program.end());
  return whole;
}

}  // namespace stile
