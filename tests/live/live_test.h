// SPDX-License-Identifier: Apache-2.0
//
// What the tests of filters in this kernel share. Nothing can be unloaded, so every test forks or runs
// another program.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <stile/live.h>

namespace stile {
inline constexpr uint32_t kX86 = 0xc000003e;  // AUDIT_ARCH_X86_64
inline constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS, kEqual = BPF_JMP | BPF_JEQ | BPF_K,
                          kReturn = BPF_RET | BPF_K;

// These calls get these answers, all others `rest`. Written by hand, to test the loader and not the compiler.
inline Program answers(std::vector<std::pair<long, uint32_t>> calls, uint32_t rest = SECCOMP_RET_ALLOW) {
  Program program = {
      {kLoad, 0, 0, 4}, {kEqual, 1, 0, kX86}, {kReturn, 0, 0, SECCOMP_RET_KILL_PROCESS}, {kLoad, 0, 0, 0}};
  for (const auto& [number, answer] : calls) {
    program.push_back({kEqual, 0, 1, static_cast<uint32_t>(number)});
    program.push_back({kReturn, 0, 0, answer});
  }
  program.push_back({kReturn, 0, 0, rest});
  return program;
}
inline uint32_t error_answer(int number) {
  return SECCOMP_RET_ERRNO | static_cast<uint32_t>(number);
}

// The wait status of a child that does this.
template <typename Act>
int in_child(Act act) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(20);
    ::_exit(act());
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}
#define EXPECT_EXIT_STATUS(expected, status) \
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == (expected)) << "wait status " << (status)
#define EXPECT_SIGNAL(expected, status) \
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == (expected)) << "wait status " << (status)

// The call that most tests refuse: one that neither the C library nor the test framework makes by itself.
inline constexpr long kVictim = SYS_getrusage;
inline long call_victim() {
  char usage[256];
  return ::syscall(kVictim, 0, usage);
}

}  // namespace stile
