// SPDX-License-Identifier: Apache-2.0
//
// validate() and emulate() against the running kernel. How many programs: STILE_BPF_PROGRAMS, default 40000.
//
// Whether the kernel takes a program can be learnt without installing it: with
// SECCOMP_FILTER_FLAG_NEW_LISTENER the program is checked, then a descriptor is made for the listener, then
// the filter is installed (seccomp_set_mode_filter, kernel/seccomp.c). In a process that may open no
// descriptor the answer is EINVAL for a bad program and EMFILE for a good one.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <stile/filter.h>

#include "live/random_programs.h"

namespace stile {
namespace {

using testing::RandomPrograms;

uint64_t wanted_programs() {
  const char* text = std::getenv("STILE_BPF_PROGRAMS");
  return text == nullptr ? 40000 : std::strtoull(text, nullptr, 10);
}

// Memory that a child shares, to say something without a system call.
template <typename T>
struct Shared {
  explicit Shared(size_t count)
      : size(count * sizeof(T)),
        data(
            static_cast<T*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
  }
  ~Shared() { munmap(data, size); }
  Shared(const Shared&) = delete;
  size_t size;
  T* data;
};

long install(const Program& program, unsigned flags) {
  static_assert(sizeof(Instruction) == sizeof(sock_filter));
  sock_fprog fprog = {};
  fprog.len = static_cast<unsigned short>(program.size());
  fprog.filter = reinterpret_cast<sock_filter*>(const_cast<Instruction*>(program.data()));
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog) < 0 ? errno : 0;
}

const char* why_not_here() {
#if !defined(__x86_64__)
  return "the kernel comparison is written for x86-64";
#endif
  if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) return "this kernel has no seccomp";
  const uint32_t action = SECCOMP_RET_USER_NOTIF;
  if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0)
    return "this kernel has no seccomp listeners (5.0)";
  return nullptr;
}

// The kernel's answer, errno, to each program; nothing is installed.
std::vector<int> ask_kernel(const std::vector<Program>& programs) {
  Shared<int> answers(programs.size());
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_NOFILE, &none) != 0) _exit(1);
    for (size_t i = 0; i < programs.size(); ++i) {
      answers.data[i] = static_cast<int>(install(programs[i], SECCOMP_FILTER_FLAG_NEW_LISTENER));
    }
    _exit(0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return {answers.data, answers.data + programs.size()};
}

struct Tally {
  size_t taken = 0;
  size_t refused = 0;
};

// Compares and counts.
Tally compare(const std::vector<Program>& programs) {
  const std::vector<int> answers = ask_kernel(programs);
  Tally tally;
  int shown = 0;
  for (size_t i = 0; i < programs.size() && shown < 10; ++i) {
    const bool taken = answers[i] == EMFILE;
    EXPECT_TRUE(taken || answers[i] == EINVAL) << "program " << i << ": errno " << answers[i];
    ++(taken ? tally.taken : tally.refused);
    const auto valid = validate(programs[i]);
    if (valid.has_value() == taken) continue;
    ++shown;
    ADD_FAILURE() << "program " << i << ": the kernel " << (taken ? "takes" : "refuses")
                  << " it, validate() says " << (valid ? "good" : to_line(valid.error())) << "\n"
                  << disassemble(programs[i], {true});
  }
  return tally;
}

TEST(KernelAccepts, EveryOperationCode) {
  if (const char* why = why_not_here()) GTEST_SKIP() << why;
  size_t taken = 0;
  for (const uint32_t k : {0u, 1u, 15u, 16u, 31u, 32u, 60u, 64u, 0xfffff000u}) {
    std::vector<Program> programs;
    for (uint32_t code = 0; code < 0x10000; ++code) {
      // M[k] is written where there is such a word, so that reads are judged by the rest.
      programs.push_back({{filter::kStore, 0, 0, k < 16 ? k : 0},
                          {static_cast<uint16_t>(code), 0, 0, k},
                          {filter::kReturnK, 0, 0, 0}});
    }
    taken += compare(programs).taken;
  }
  EXPECT_GT(taken, 9 * 30u);
  RecordProperty("taken", static_cast<int>(taken));
}

TEST(KernelAccepts, RandomPrograms) {
  if (const char* why = why_not_here()) GTEST_SKIP() << why;
  RandomPrograms random(1);
  Tally all;
  for (uint64_t left = wanted_programs(); left > 0;) {
    std::vector<Program> programs;
    for (; left > 0 && programs.size() < 2000; --left) programs.push_back(random.next());
    const Tally tally = compare(programs);
    all.taken += tally.taken;
    all.refused += tally.refused;
    if (HasFailure()) break;
  }
  std::printf("%zu programs: the kernel takes %zu and refuses %zu\n", all.taken + all.refused, all.taken,
              all.refused);
  EXPECT_GT(all.taken * 4, all.refused);
  EXPECT_GT(all.refused * 4, all.taken);
}

TEST(KernelAccepts, Lengths) {
  if (const char* why = why_not_here()) GTEST_SKIP() << why;
  std::vector<Program> programs;
  for (const size_t size : {0u, 1u, 2u, 4095u, 4096u, 4097u, 32768u, 65535u}) {
    programs.push_back(Program(size, {filter::kReturnK, 0, 0, filter::kRetAllow}));
  }
  const Tally tally = compare(programs);
  EXPECT_EQ(tally.taken, 4u);
  // The farthest jumps, each way, over instructions that become several in the kernel.
  programs.clear();
  for (const uint32_t distance : {4093u, 4094u, 4095u}) {
    Program far(4096, {filter::kDivX, 0, 0, 0});
    far.front() = {filter::kJump, 0, 0, distance};
    far.back() = {filter::kReturnK, 0, 0, 0};
    programs.push_back(far);
  }
  EXPECT_EQ(compare(programs).taken, 2u);
}

#if defined(__x86_64__)

// The two ways into the kernel, with all six arguments. Reports the address that the kernel sees as the
// instruction pointer.
extern "C" const char stile_test_after_syscall[];
extern "C" const char stile_test_after_int80[];

__attribute__((noinline)) long enter_kernel(uint64_t number, const Arguments& args, bool int80) {
  register long r10 asm("r10") = static_cast<long>(args[3]);
  register long r8 asm("r8") = static_cast<long>(args[4]);
  register long r9 asm("r9") = static_cast<long>(args[5]);
  long result = static_cast<long>(number);
  if (!int80) {
    asm volatile("syscall\n.globl stile_test_after_syscall\nstile_test_after_syscall:"
                 : "+a"(result)
                 : "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
  }
  // Loaded from memory, which r12 keeps hold of: the kernel clears r8 to r11, and rbx and rbp the compiler may not give away.
  uint64_t slots[8] = {args[0], args[1], args[2], args[3], args[4], args[5], 0, 0};
  register uint64_t* p asm("r8") = slots;
  asm volatile(
      "mov %%rbx, 48(%%r8)\nmov %%rbp, 56(%%r8)\n"
      "mov 0(%%r8), %%rbx\nmov 8(%%r8), %%rcx\nmov 16(%%r8), %%rdx\n"
      "mov 24(%%r8), %%rsi\nmov 32(%%r8), %%rdi\nmov 40(%%r8), %%rbp\n"
      "mov %%r8, %%r12\n"
      "int $0x80\n.globl stile_test_after_int80\nstile_test_after_int80:\n"
      "mov 48(%%r12), %%rbx\nmov 56(%%r12), %%rbp"
      : "+a"(result), "+r"(p)
      :
      : "rcx", "rdx", "rsi", "rdi", "r9", "r10", "r11", "r12", "memory");
  return result;
}

struct Call {
  Event event;
  bool int80 = false;
  long unfiltered = 0;  // what the kernel answers without a filter
};

struct Answer {
  bool returned = false;
  long value = 0;
};

// Whether the kernel lets 64-bit programs in by int 0x80: it can be built, booted or virtualised without.
bool has_int80() {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    enter_kernel(20 /* getpid */, {}, /*int80=*/true);
    _exit(0);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status);
}

// Calls that do nothing, with random arguments.
Call random_call(RandomPrograms& random, bool int80) {
  static constexpr uint32_t k64[] = {
      SYS_getpid, SYS_getppid, SYS_getuid, SYS_getgid, 500, 0x40000000 + SYS_getpid, 0x7fffffff};
  static constexpr uint32_t k32[] = {20 /* getpid */, 64 /* getppid */, 24 /* getuid */, 47 /* getgid */,
                                     600};
  Call call;
  call.int80 = random.chance(4) && int80;
  call.event.arch = call.int80 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
  call.event.number = call.int80 ? k32[random.below(std::size(k32))] : k64[random.below(std::size(k64))];
  for (uint64_t& arg : call.event.args) {
    arg = random.word();
    if (!call.int80 && random.chance(2)) arg |= uint64_t{random.word()} << 32;
  }
  call.event.instruction_pointer =
      reinterpret_cast<uint64_t>(call.int80 ? stile_test_after_int80 : stile_test_after_syscall);
  return call;
}

// What the caller sees when a filter gives this verdict; nothing: it is killed.
std::optional<long> expected(const Verdict& verdict, const Call& call) {
  switch (verdict.action.kind) {
    case ActionKind::Allow:
    case ActionKind::Log:
      return call.unfiltered;
    case ActionKind::Errno:
      return -static_cast<long>(verdict.action.data);
    case ActionKind::Trace:  // no tracer
    case ActionKind::Notify:
      return -ENOSYS;             // no listener
    case ActionKind::Trap:        // SIGSYS without a handler
    case ActionKind::KillThread:  // the only one
    case ActionKind::KillProcess:
      return std::nullopt;
  }
  return std::nullopt;
}

TEST(KernelRuns, AsTheEmulatorDoes) {
  if (const char* why = why_not_here()) GTEST_SKIP() << why;
  const bool int80 = has_int80();
  if (!int80) std::cerr << "not run: calls by int 0x80, which this machine does not have\n";
  RandomPrograms random(2);
  constexpr size_t kCalls = 24;
  Shared<Answer> answers(kCalls);
  Shared<long> unfiltered(kCalls);
  size_t programs = 0, calls = 0, killed = 0, with_arguments = 0;
  std::map<ActionKind, size_t> kinds;
  // A process each: a filter stays for good.
  while (programs < wanted_programs() / 20) {
    const Program program = random.sound(2 + random.below(random.chance(3) ? 60 : 14));
    if (!validate(program)) continue;
    ++programs;
    std::vector<Call> all;
    for (size_t i = 0; i < kCalls; ++i) all.push_back(random_call(random, int80));
    std::fill_n(answers.data, kCalls, Answer());
    const pid_t child = fork();
    if (child == 0) {
      const rlimit none = {0, 0};
      setrlimit(RLIMIT_CORE, &none);
      for (size_t i = 0; i < kCalls; ++i)
        unfiltered.data[i] = enter_kernel(all[i].event.number, all[i].event.args, all[i].int80);
      if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || install(program, 0) != 0) _exit(1);
      for (size_t i = 0; i < kCalls; ++i) {
        const long value = enter_kernel(all[i].event.number, all[i].event.args, all[i].int80);
        answers.data[i] = {true, value};
      }
      __builtin_trap();  // exit may be refused
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the filter could not be installed";
    for (size_t i = 0; i < kCalls; ++i) {
      all[i].unfiltered = unfiltered.data[i];
      const auto verdict = emulate(program, all[i].event);
      ASSERT_TRUE(verdict) << to_line(verdict.error());
      ++calls;
      ++kinds[verdict->action.kind];
      with_arguments += verdict->loads_arguments;
      const auto value = expected(*verdict, all[i]);
      const std::string story = disassemble(program) + "call " + std::to_string(i) + ", number " +
                                std::to_string(all[i].event.number) + ", verdict " +
                                to_string(verdict->action);
      ASSERT_EQ(answers.data[i].returned, value.has_value()) << story << ", ended by signal " << WTERMSIG(status);
      if (!value) {
        ASSERT_EQ(WTERMSIG(status), SIGSYS) << story;
        ++killed;
        break;
      }
      ASSERT_EQ(answers.data[i].value, *value) << story;
    }
  }
  std::printf("%zu programs, %zu calls (%zu decided by arguments), %zu programs ended in a kill; verdicts:",
              programs, calls, with_arguments, killed);
  for (const auto& [kind, count] : kinds) std::printf(" %s %zu", to_string(Action{kind, 0}).c_str(), count);
  std::printf("\n");
  EXPECT_GT(with_arguments, calls / 20);
  EXPECT_GT(kinds.size(), 6u);
}

#endif  // __x86_64__

}  // namespace
}  // namespace stile
