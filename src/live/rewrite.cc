// SPDX-License-Identifier: Apache-2.0
#include "live/rewrite.h"

#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

namespace stile::live {

bool lets_through(Action action) {
  return action.kind == ActionKind::Allow || action.kind == ActionKind::Log;
}

Result<Program> notify_instead(std::span<const Instruction> program) {
  Program changed(program.begin(), program.end());
  for (size_t i = 0; i < changed.size(); ++i) {
    if (changed[i].code == (BPF_RET | BPF_A)) {
      return fail(Code::Unsupported,
                  "the program returns a computed value, so what it refuses cannot be reported as it happens",
                  fmt::format("instruction {}", i), "run it without reports");
    }
    if (changed[i].code == (BPF_RET | BPF_K) && !lets_through(action_of(changed[i].k))) {
      changed[i].k = SECCOMP_RET_USER_NOTIF;
    }
  }
  return changed;
}

Result<Program> allow_first(std::span<const Instruction> program, uint32_t arch, uint32_t number) {
  constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS, kEqual = BPF_JMP | BPF_JEQ | BPF_K;
  Program changed = {
      {kLoad, 0, 0, 4},                            // seccomp_data.arch
      {kEqual, 0, 3, arch},                        //
      {kLoad, 0, 0, 0},                            // seccomp_data.nr
      {kEqual, 0, 1, number},                      //
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},  //
  };
  // A program starts with 0 in A. Every real one begins with a load, and the kernel's bitmap cache knows no
  // other kind of load.
  if (program.empty() || program.front().code != kLoad) changed.push_back({BPF_LD | BPF_IMM, 0, 0, 0});
  if (program.size() > kMaxInstructions - changed.size()) {
    return fail(
        Code::Limit,
        fmt::format(
            "the program has {} instructions, which leaves no room for a rule that lets the command start",
            program.size()),
        {},
        fmt::format("allow execve in the profile; a program has at most {} instructions", kMaxInstructions));
  }
  changed.insert(changed.end(), program.begin(), program.end());
  return changed;
}

}  // namespace stile::live
