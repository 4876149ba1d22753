// SPDX-License-Identifier: Apache-2.0
//
// A lifted profile decides as the program it came from: on programs by hand, from libseccomp (where it is
// installed), and at random. STILE_LIFT_ROUNDS multiplies the random work.
#include <gtest/gtest.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <set>

#include <stile/filter.h>
#include <stile/syscalls.h>

#include "arch/syscalls.h"
#include "filter/opcodes.h"
#include "live/random_programs.h"

#if __has_include(<seccomp.h>)
#include <seccomp.h>
#define STILE_HAS_SECCOMP_H 1
#endif

namespace stile {
namespace {

using namespace filter;
using testing::RandomPrograms;

constexpr uint32_t kX86 = 0xc000003e;
constexpr uint32_t kI386 = 0x40000003;
constexpr uint32_t kS390x = 0x80000016;

uint64_t rounds() {
  const char* text = std::getenv("STILE_LIFT_ROUNDS");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

Instruction load(uint32_t offset) {
  return {kLoadAbs, 0, 0, offset};
}
Instruction ret(uint32_t value) {
  return {kReturnK, 0, 0, value};
}
Instruction jeq(uint32_t k, uint8_t jt, uint8_t jf) {
  return {kJumpEqK, jt, jf, k};
}

constexpr uint32_t low(unsigned arg) {
  return kOffsetArgs + 8 * arg;
}
constexpr uint32_t high(unsigned arg) {
  return kOffsetArgs + 8 * arg + 4;
}

// Events made of the program's own constants and their neighbours.
std::vector<Event> events_for(const Program& program, RandomPrograms& random, size_t count) {
  std::vector<uint32_t> values = {0, 1, 0xffffffff};
  for (const Instruction& insn : program) {
    if (is_return(insn.code) || insn.code == kLoadAbs || insn.code == kJump) continue;
    for (const uint32_t near : {insn.k - 1, insn.k, insn.k + 1}) values.push_back(near);
  }
  const auto pick = [&] { return random.chance(4) ? random.word() : values[random.below(values.size())]; };
  static constexpr uint32_t kArches[] = {kX86, kX86, kX86, kI386, kI386, kS390x, 0xc00000b7, 12345};
  std::vector<Event> events;
  for (size_t i = 0; i < count; ++i) {
    Event event;
    event.arch = kArches[random.below(std::size(kArches))];
    event.number = random.chance(2) ? static_cast<uint32_t>(random.below(480)) : pick();
    if (random.chance(12)) event.number |= 0x40000000;
    for (uint64_t& arg : event.args) arg = (random.chance(2) ? 0 : uint64_t{pick()} << 32) | pick();
    events.push_back(event);
  }
  return events;
}

// Compares the profile's answers with the program's.
void expect_same(const Program& program, const Profile& profile, RandomPrograms& random, size_t count) {
  std::vector<Event> events = events_for(program, random, count);
  const Profile* profiles[] = {&profile};
  const std::vector<Event> edges =
      random.chance(10) || program.size() > 100 ? boundary_events(profiles) : std::vector<Event>();
  for (size_t i = 0; i < edges.size(); i += 1 + edges.size() / (2 * count)) events.push_back(edges[i]);
  for (const Event& event : events) {
    const auto verdict = emulate(program, event);
    ASSERT_TRUE(verdict);
    const Action said = decide(profile, event);
    ASSERT_TRUE(said == verdict->action)
        << "the program says " << to_string(verdict->action) << ", the profile " << to_string(said) << " by "
        << decided_by(profile, event) << " for arch " << std::hex << event.arch << " number " << std::dec
        << event.number << std::hex << " args " << event.args[0] << ' ' << event.args[1] << ' '
        << event.args[2] << ' ' << event.args[3] << ' ' << event.args[4] << ' ' << event.args[5] << "\n"
        << (program.size() < 120 ? disassemble(program) : "");
  }
}

Profile lifted(const Program& program) {
  auto profile = lift(program);
  EXPECT_TRUE(profile) << (profile ? "" : to_line(profile.error())) << "\n" << disassemble(program);
  return profile.value_or(Profile());
}

const Rule& rule(const Profile& profile, const std::string& name) {
  static const Rule kNone;
  const auto at = profile.rules.find(name);
  EXPECT_NE(at, profile.rules.end()) << name;
  return at == profile.rules.end() ? kNone : at->second;
}

TEST(Lift, AllowList) {
  const Program program = {load(kOffsetArch),
                           jeq(kX86, 1, 0),
                           ret(kRetKillProcess),
                           load(kOffsetNumber),
                           {kJumpGeK, 0, 1, 0x40000000},
                           ret(kRetKillProcess),
                           jeq(0, 2, 0),
                           jeq(1, 1, 0),
                           ret(kRetErrno | 1),
                           ret(kRetAllow)};
  const Profile profile = lifted(program);
  EXPECT_EQ(profile.arch, "x86_64");
  EXPECT_TRUE(profile.also_arches.empty());
  EXPECT_EQ(profile.otherwise, errno_action(1));
  EXPECT_EQ(profile.bad_arch, kill_process());
  EXPECT_TRUE(profile.gaps.empty());
  // The number -1 (a tracer skips the call) is killed here with the other large ones, and not refused as
  // unlisted calls are.
  ASSERT_EQ(profile.rules.size(), 3u);
  EXPECT_EQ(rule(profile, "read").action, allow_action());
  EXPECT_EQ(rule(profile, "write").action, allow_action());
  EXPECT_EQ(rule(profile, "4294967295").action, kill_process());
  RandomPrograms random(1);
  expect_same(program, profile, random, 3000);
}

TEST(Lift, HalvesBecomeConditionsOnWholeArguments) {
  // socket: arg0 == 1; lseek: arg1 (64 bits) > 0x1_0000_0005; personality: arg0's low half & ~8 == 0.
  const Program program = {load(kOffsetArch),
                           jeq(kX86, 0, 21),
                           load(kOffsetNumber),
                           jeq(41, 3, 0),
                           jeq(8, 7, 0),
                           jeq(135, 12, 0),
                           {kJump, 0, 0, 15},
                           /* 7 */ load(high(0)),
                           jeq(0, 0, 13),
                           load(low(0)),
                           jeq(1, 12, 11),
                           ret(0),
                           /* 12 */ load(high(1)),
                           {kJumpGtK, 9, 0, 1},
                           jeq(1, 0, 7),
                           load(low(1)),
                           {kJumpGtK, 6, 5, 5},
                           ret(0),
                           /* 18 */ load(low(0)),
                           {kAndK, 0, 0, 0xfffffff7},
                           jeq(0, 2, 1),
                           ret(0),
                           /* 22 */ ret(kRetErrno | 1),
                           ret(kRetAllow)};
  ASSERT_TRUE(validate(program)) << disassemble(program);
  const Profile profile = lifted(program);
  ASSERT_EQ(rule(profile, "socket").cases.size(), 1u);
  EXPECT_EQ(rule(profile, "socket").cases[0].when, *normalise(arg(0) == 1));
  EXPECT_EQ(rule(profile, "socket").cases[0].action, allow_action());
  EXPECT_EQ(rule(profile, "socket").action, errno_action(1));
  ASSERT_EQ(rule(profile, "lseek").cases.size(), 1u);
  EXPECT_TRUE(rule(profile, "lseek").cases[0].when == *normalise(arg(1) > 0x100000005) ||
              rule(profile, "lseek").cases[0].when == *normalise(arg(1) <= 0x100000005))
      << to_string(rule(profile, "lseek").cases[0].when);
  ASSERT_EQ(rule(profile, "personality").cases.size(), 1u);
  EXPECT_EQ(rule(profile, "personality").cases[0].when, *normalise(arg32(0).masked(0xfffffff7) == 0))
      << to_string(rule(profile, "personality").cases[0].when);
  RandomPrograms random(2);
  expect_same(program, profile, random, 3000);
}

TEST(Lift, BigEndianHalves) {
  // On s390x the first half of an argument is the upper one.
  const Program program = {load(kOffsetArch),  jeq(kS390x, 1, 0),  ret(kRetKillProcess), load(kOffsetNumber),
                           jeq(4, 1, 0),       ret(kRetErrno | 1), load(low(0)),         jeq(0, 1, 0),
                           ret(kRetErrno | 9), load(high(0)),      jeq(2, 1, 0),         ret(kRetErrno | 9),
                           ret(kRetAllow)};
  const Profile profile = lifted(program);
  EXPECT_EQ(profile.arch, "s390x");
  ASSERT_EQ(rule(profile, "write").cases.size(), 1u);
  EXPECT_EQ(rule(profile, "write").cases[0].when, *normalise(arg(0) == 2))
      << to_string(rule(profile, "write").cases[0].when);
  RandomPrograms random(3);
  expect_same(program, profile, random, 3000);
}

TEST(Lift, ArchitecturesThatDiffer) {
  // On i386, 3 is read, 4 is write. x86_64 allows read alone, i386 write alone.
  const Program program = {load(kOffsetArch),   jeq(kX86, 2, 0), jeq(kI386, 3, 0),    ret(kRetKillProcess),
                           load(kOffsetNumber), jeq(0, 3, 2),    load(kOffsetNumber), jeq(4, 1, 0),
                           ret(kRetErrno | 1),  ret(kRetAllow)};
  ASSERT_TRUE(validate(program));
  const Profile profile = lifted(program);
  EXPECT_TRUE(profile.gaps.empty());
  EXPECT_EQ(profile.rules.size(), 2u);
  EXPECT_EQ(rule(profile, "read").arches, std::vector<std::string>{"x86_64"});
  EXPECT_EQ(rule(profile, "write").arches, std::vector<std::string>{"i386"});
  RandomPrograms random(4);
  expect_same(program, profile, random, 3000);
}

TEST(Lift, OneNameTwoDecisions) {
  const Program program = {load(kOffsetArch),    jeq(kX86, 2, 0),     jeq(kI386, 5, 0),
                           ret(kRetKillProcess), load(kOffsetNumber), {kJumpGeK, 0, 1, 0x40000000},
                           ret(kRetKillProcess), jeq(0, 4, 3),        load(kOffsetNumber),
                           jeq(3, 0, 1),         ret(kRetErrno | 2),  ret(kRetErrno | 1),
                           ret(kRetAllow)};
  const Profile profile = lifted(program);
  EXPECT_EQ(rule(profile, "read").action, allow_action());
  EXPECT_EQ(rule(profile, "3").action, errno_action(2));
  RandomPrograms random(11);
  expect_same(program, profile, random, 3000);
}

TEST(Lift, NewerCallsAreNotRules) {
  // runc's way: what is above the newest call it knows does not exist (ENOSYS), what is below and unlisted is
  // refused.
  const Program program = {load(kOffsetArch),
                           jeq(kX86, 1, 0),
                           ret(kRetKillProcess),
                           load(kOffsetNumber),
                           {kJumpGeK, 0, 1, 0x40000000},
                           ret(kRetKillProcess),
                           {kJumpGtK, 3, 0, 439},
                           jeq(0, 1, 0),
                           ret(kRetErrno | 1),
                           ret(kRetAllow),
                           ret(kRetErrno | 38)};
  const Profile profile = lifted(program);
  EXPECT_EQ(profile.otherwise, errno_action(1));
  EXPECT_FALSE(profile.written_for.empty());
  // Above 439 comes 440, which 5.10 brought. The rules: read, -1, and 335 and 336, which are younger than
  // their numbers.
  EXPECT_EQ(profile.written_for, "5.9");
  EXPECT_EQ(profile.rules.size(), 4u);
  RandomPrograms random(5);
  expect_same(program, profile, random, 3000);
}

TEST(Lift, WithoutAnArchitectureTest) {
  const Program program = {load(kOffsetNumber), jeq(59, 1, 0), ret(kRetAllow), ret(kRetKillThread)};
  const Profile profile = lifted(program);
  ASSERT_EQ(profile.gaps.size(), 1u);
  EXPECT_NE(profile.gaps[0].what.find("architecture"), std::string::npos);
  EXPECT_EQ(rule(profile, "execve").action.kind, ActionKind::KillThread);
  EXPECT_EQ(profile.otherwise, allow_action());
}

TEST(Lift, ConstantPrograms) {
  for (const uint32_t value :
       {kRetAllow, kRetKillProcess, kRetErrno | 38, kRetUserNotif, kRetTrap, 0x12340000u}) {
    const Profile profile = lifted({ret(value)});
    EXPECT_TRUE(profile.rules.empty());
    EXPECT_EQ(profile.otherwise, action_of(value));
    RandomPrograms random(6);
    expect_same({ret(value)}, profile, random, 200);
  }
}

TEST(Lift, RefusesWhatRulesCannotSay) {
  const auto error_of = [](const Program& program) { return lift(program).error(); };
  EXPECT_EQ(error_of({}).code, Code::Malformed);
  EXPECT_EQ(error_of({load(8), jeq(0, 0, 1), ret(0), ret(kRetAllow)}).code, Code::Unsupported);
  EXPECT_EQ(error_of({load(low(0)), {kMulK, 0, 0, 3}, jeq(9, 0, 1), ret(0), ret(kRetAllow)}).code,
            Code::Unsupported);
  EXPECT_EQ(error_of({load(low(0)), {kReturnA, 0, 0, 0}}).code, Code::Unsupported);
  EXPECT_EQ(
      error_of({load(low(0)), {kTax, 0, 0, 0}, load(low(1)), {kJumpEqX, 0, 1, 0}, ret(0), ret(kRetAllow)})
          .code,
      Code::Unsupported);
  // A load alone decides nothing.
  EXPECT_TRUE(lift(Program{load(8), load(low(0)), {kMulK, 0, 0, 3}, ret(kRetAllow)}));
}

TEST(Lift, EndsOnWhatHasTooManyWays) {
  // 64 independent tests of single bits, over and over: 2^64 ways.
  Program program;
  for (uint32_t i = 0; i < 60; ++i) {
    program.push_back(load(kOffsetArgs + 4 * (i % 12)));
    program.push_back({kJumpSetK, 1, 0, 1u << (i / 2)});
    program.push_back(load(kOffsetNumber));
  }
  program.push_back(ret(kRetAllow));
  const auto begin = std::chrono::steady_clock::now();
  const auto profile = lift(program);
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().code, Code::Limit);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Lift, RandomPrograms) {
  RandomPrograms random(7);
  size_t same = 0, with_gaps = 0;
  std::map<Code, size_t> refused;
  for (uint64_t i = 0; i < 2000 * rounds(); ++i) {
    const Program program = random.sound(2 + random.below(25));
    if (!validate(program)) continue;
    const auto profile = lift(program);
    if (!profile) {
      ++refused[profile.error().code];
      continue;
    }
    if (!profile->gaps.empty()) {
      ++with_gaps;
      continue;
    }
    ++same;
    expect_same(program, *profile, random, 100);
    if (HasFatalFailure()) return;
  }
  std::printf("%zu lifted alike, %zu with gaps, %zu unsupported\n", same, with_gaps,
              refused[Code::Unsupported]);
  EXPECT_GT(same, 200u);
}

// Programs of the shape filters have: architecture, number, then tests of arguments.
Program random_filter(RandomPrograms& random) {
  Program program = {load(kOffsetArch), jeq(kX86, 1, 0), ret(kRetKillProcess), load(kOffsetNumber)};
  const auto value = [&] {
    return random.chance(2) ? kRetAllow : kRetErrno | static_cast<uint32_t>(1 + random.below(3));
  };
  program.push_back({kJumpGeK, 0, 1, 0x40000000});
  program.push_back(ret(kRetKillProcess));
  for (size_t rules = 1 + random.below(6); rules > 0; --rules) {
    // A rule: not this number -> skip it; each test failing leads behind the rule or to a return.
    Program body;
    const unsigned arg = static_cast<unsigned>(random.below(3));
    for (size_t tests = random.below(5); tests > 0; --tests) {
      body.push_back(load(random.chance(2) ? low(arg) : high(arg)));
      if (random.chance(3)) body.push_back({kAndK, 0, 0, random.word()});
      if (random.chance(8)) body.push_back({kSubK, 0, 0, random.word()});
      static constexpr uint16_t kTests[] = {kJumpEqK, kJumpEqK, kJumpGtK, kJumpGeK};
      const bool negate = random.chance(2);
      body.push_back({kTests[random.below(4)], static_cast<uint8_t>(negate ? 1 : 0),
                      static_cast<uint8_t>(negate ? 0 : 1),
                      random.chance(3) ? random.word() : static_cast<uint32_t>(random.below(4))});
      body.push_back(ret(value()));
    }
    body.push_back(ret(value()));
    program.push_back(jeq(static_cast<uint32_t>(random.below(460)), 0, static_cast<uint8_t>(body.size())));
    program.insert(program.end(), body.begin(), body.end());
  }
  program.push_back(ret(value()));
  return program;
}

TEST(Lift, RandomFilters) {
  RandomPrograms random(8);
  for (uint64_t i = 0; i < 400 * rounds(); ++i) {
    const Program program = random_filter(random);
    const auto profile = lift(program);
    ASSERT_TRUE(profile) << to_line(profile.error()) << disassemble(program);
    ASSERT_TRUE(profile->gaps.empty()) << profile->gaps[0].what;
    expect_same(program, *profile, random, 100);
    if (HasFatalFailure()) return;
  }
}

// lift(compile(p)) decides like p.
TEST(Lift, CompiledPolicies) {
  RandomPrograms random(12);
  const std::vector<arch::Syscall> calls = arch::all_syscalls(arch::ArchId::X86_64);
  for (uint64_t i = 0; i < 150 * rounds(); ++i) {
    Policy policy(random.chance(2) ? errno_action(1) : kill_process());
    std::set<std::string_view> used;
    for (size_t rules = 1 + random.below(40); rules > 0; --rules) {
      const std::string_view name = calls[random.below(calls.size())].name;
      if (!used.insert(name).second) continue;
      const uint8_t index = static_cast<uint8_t>(random.below(6));
      const auto value = static_cast<int64_t>(random.word());
      switch (random.below(6)) {
        case 0:
          policy.allow(name, arg(index) == value || arg32(index) == 7);
          break;
        case 1:
          policy.allow(name, arg32(index).in({value, 3, 5}));
          break;
        case 2:
          policy.deny(name, 38, arg(index).masked(random.word()) == 0 && arg(0) > value);
          break;
        case 3:
          policy.allow(name, arg(index).between(value, value + 100) || arg(index) < 0x100000000);
          break;
        default:
          policy.allow(name);
      }
    }
    if (random.chance(3)) policy.architectures({"x86_64", "i386", "x32"});
    if (random.chance(3)) policy.written_for("5.10");
    const auto profile = policy.build();
    ASSERT_TRUE(profile) << to_line(profile.error());
    const auto program = compile(*profile);
    ASSERT_TRUE(program) << to_line(program.error());
    const auto back = lift(*program);
    ASSERT_TRUE(back) << to_line(back.error()) << disassemble(*program);
    ASSERT_TRUE(back->gaps.empty()) << back->gaps[0].what << "\n" << disassemble(*program);
    expect_same(*program, *back, random, 200);
    if (HasFatalFailure()) return;
  }
}

#ifdef STILE_HAS_SECCOMP_H

// libseccomp, loaded when it is there: the tests do not depend on it.
struct Seccomp {
  void* library = dlopen("libseccomp.so.2", RTLD_NOW);
  template <typename F>
  F* get(const char* name) const {
    return reinterpret_cast<F*>(dlsym(library, name));
  }
  decltype(&seccomp_init) init = library ? get<decltype(seccomp_init)>("seccomp_init") : nullptr;
  decltype(&seccomp_release) release = library ? get<decltype(seccomp_release)>("seccomp_release") : nullptr;
  decltype(&seccomp_arch_add) arch_add =
      library ? get<decltype(seccomp_arch_add)>("seccomp_arch_add") : nullptr;
  decltype(&seccomp_attr_set) attr_set =
      library ? get<decltype(seccomp_attr_set)>("seccomp_attr_set") : nullptr;
  decltype(&seccomp_rule_add_array) rule_add =
      library ? get<decltype(seccomp_rule_add_array)>("seccomp_rule_add_array") : nullptr;
  decltype(&seccomp_syscall_resolve_name) resolve =
      library ? get<decltype(seccomp_syscall_resolve_name)>("seccomp_syscall_resolve_name") : nullptr;
  decltype(&seccomp_export_bpf) export_bpf =
      library ? get<decltype(seccomp_export_bpf)>("seccomp_export_bpf") : nullptr;

  Program program(scmp_filter_ctx context) const {
    const int fd = memfd_create("bpf", 0);
    EXPECT_EQ(export_bpf(context, fd), 0);
    std::string bytes(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    close(fd);
    return from_bytes(bytes).value_or(Program());
  }
};

TEST(LiftLibseccomp, ContainerSizedList) {
  const Seccomp seccomp;
  if (seccomp.library == nullptr) GTEST_SKIP() << "libseccomp.so.2 is not installed";
  const auto names = expand_syscalls("@system-service");
  ASSERT_TRUE(names);
  for (const unsigned optimise : {1u, 2u}) {
    scmp_filter_ctx context = seccomp.init(SCMP_ACT_ERRNO(1));
    ASSERT_EQ(seccomp.attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, optimise), 0);
    ASSERT_EQ(seccomp.arch_add(context, SCMP_ARCH_X86), 0);
    ASSERT_EQ(seccomp.arch_add(context, SCMP_ARCH_X32), 0);
    for (const std::string& name : *names) {
      if (name == "socket" || name == "personality" || name == "clone") continue;
      const int number = seccomp.resolve(name.c_str());
      if (number != __NR_SCMP_ERROR) seccomp.rule_add(context, SCMP_ACT_ALLOW, number, 0, nullptr);
    }
    // As docker's default profile has them.
    for (const uint64_t persona : {0x0u, 0x8u, 0x20000u, 0x20008u, 0xffffffffu}) {
      const scmp_arg_cmp is = {0, SCMP_CMP_EQ, persona, 0};
      ASSERT_EQ(seccomp.rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1, &is), 0);
    }
    const scmp_arg_cmp below = {0, SCMP_CMP_LT, 40, 0}, above = {0, SCMP_CMP_GT, 40, 0};
    ASSERT_EQ(seccomp.rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &below), 0);
    ASSERT_EQ(seccomp.rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &above), 0);
    const scmp_arg_cmp no_namespace = {0, SCMP_CMP_MASKED_EQ, 0x7e020000, 0};
    ASSERT_EQ(seccomp.rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &no_namespace), 0);
    const Program program = seccomp.program(context);
    seccomp.release(context);
    ASSERT_GT(program.size(), 300u);

    const auto begin = std::chrono::steady_clock::now();
    const Profile profile = lifted(program);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    std::printf("%zu instructions lifted to %zu rules in %.1f ms\n", program.size(), profile.rules.size(),
                took.count());
    EXPECT_LT(took.count(), 1000);
    EXPECT_TRUE(profile.gaps.empty()) << profile.gaps[0].what;
    EXPECT_EQ(to_string(rule(profile, "socket").cases.at(0).when), to_string(*normalise(arg(0) == 40)));
    RandomPrograms random(9);
    expect_same(program, profile, random, 4000);
  }
}

TEST(LiftLibseccomp, RandomRules) {
  const Seccomp seccomp;
  if (seccomp.library == nullptr) GTEST_SKIP() << "libseccomp.so.2 is not installed";
  RandomPrograms random(10);
  static constexpr scmp_compare kOperators[] = {SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE,       SCMP_CMP_EQ,
                                                SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ};
  size_t compared = 0;
  for (uint64_t i = 0; i < 300 * rounds(); ++i) {
    scmp_filter_ctx context = seccomp.init(random.chance(2) ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(1));
    ASSERT_EQ(seccomp.attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 1 + static_cast<uint32_t>(random.below(2))),
              0);
    if (random.chance(2)) seccomp.arch_add(context, SCMP_ARCH_X86);
    for (size_t rules = 1 + random.below(8); rules > 0; --rules) {
      std::vector<scmp_arg_cmp> tests;
      for (size_t count = random.below(4); count > 0; --count) {
        const uint64_t value = (random.chance(2) ? 0 : uint64_t{random.word()} << 32) | random.word();
        const uint64_t other = (random.chance(2) ? 0 : uint64_t{random.word()} << 32) | random.word();
        const scmp_compare op = kOperators[random.below(std::size(kOperators))];
        tests.push_back({static_cast<unsigned>(tests.size()), op, value,
                         op == SCMP_CMP_MASKED_EQ ? other & value : other});
      }
      seccomp.rule_add(context, random.chance(3) ? SCMP_ACT_ERRNO(2) : SCMP_ACT_ALLOW,
                       static_cast<int>(random.below(120)), static_cast<unsigned>(tests.size()),
                       tests.data());
    }
    const Program program = seccomp.program(context);
    seccomp.release(context);
    const auto profile = lift(program);
    ASSERT_TRUE(profile) << to_line(profile.error()) << disassemble(program);
    EXPECT_TRUE(profile->gaps.empty()) << profile->gaps[0].what;
    expect_same(program, *profile, random, 200);
    if (HasFatalFailure()) return;
    ++compared;
  }
  std::printf("%zu policies\n", compared);
}

#endif  // STILE_HAS_SECCOMP_H

}  // namespace
}  // namespace stile
