// SPDX-License-Identifier: Apache-2.0
//
// The compiler against the policy's own answer: on every event that could tell them apart, the program, the
// plain program and decide() say the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <stile/filter.h>
#include <stile/format.h>

#include "arch/syscalls.h"
#include "random_policy.h"

namespace stile {
namespace {

constexpr uint32_t kX86_64 = 0xc000003e;
constexpr uint32_t kI386 = 0x40000003;

// All of a profile, for a failing test to show.
std::string shown(const Profile& profile) {
  std::string text = "arches";
  for (const std::string& name : arches_of(profile)) text += " " + name;
  text += "; otherwise " + to_string(profile.otherwise) + "; other arch " + to_string(profile.bad_arch) +
          "; written for " + profile.written_for + "\n";
  for (const auto& [call, rule] : profile.rules) {
    text += call;
    for (const std::string& name : rule.arches) text += " [" + name + "]";
    for (const Case& one : rule.cases) text += ": " + to_string(one.when) + " -> " + to_string(one.action);
    text += " -> " + to_string(rule.action) + "\n";
  }
  return text;
}

std::string shown(const Event& event) {
  std::ostringstream out;
  out << std::hex << "arch " << event.arch << " number " << event.number;
  for (const uint64_t value : event.args) out << " " << value;
  return out.str();
}

// What a program decides, and how.
Verdict run(const Program& program, const Event& event) {
  const Result<Verdict> verdict = emulate(program, event);
  EXPECT_TRUE(verdict) << to_line(verdict.error());
  return verdict ? *verdict : Verdict{};
}

Event event_of(std::string_view call, Arguments args = {}, arch::ArchId id = arch::ArchId::X86_64) {
  Event event;
  event.arch = arch::arch_info(id).audit_arch;
  const auto number = arch::syscall_number(id, call);
  EXPECT_TRUE(number) << call;
  event.number = number.value_or(0);
  event.args = args;
  return event;
}

Profile built(const Policy& policy) {
  const Result<Profile> profile = policy.build();
  EXPECT_TRUE(profile) << to_line(profile.error());
  return profile ? *profile : Profile{};
}

Program compiled(const Profile& profile, const CompileOptions& options = {}) {
  const Result<Program> program = compile(profile, options);
  EXPECT_TRUE(program) << to_line(program.error());
  return program ? *program : Program{};
}

// --- saying a policy ---

TEST(Policy, SaysWhatItIsTold) {
  const Profile profile = built(Policy(errno_action(1))
                                    .allow({"write", "fstat", "exit_group"})
                                    .allow("socket", arg32(0) == 1)
                                    .deny("mkdir", 13)
                                    .on("reboot", kill_process()));
  EXPECT_EQ(decide(profile, event_of("write")), allow_action());
  EXPECT_EQ(decide(profile, event_of("socket", {1})), allow_action());
  EXPECT_EQ(decide(profile, event_of("socket", {2})), errno_action(1));
  EXPECT_EQ(decide(profile, event_of("socket", {0x500000001})), allow_action());
  EXPECT_EQ(decide(profile, event_of("mkdir")), errno_action(13));
  EXPECT_EQ(decide(profile, event_of("reboot")), kill_process());
  EXPECT_EQ(decide(profile, event_of("getpid")), errno_action(1));
  EXPECT_EQ(decide(profile, Event{1, kI386}), kill_process());
  EXPECT_EQ(decided_by(profile, event_of("socket", {1})), "socket: arg0:32 == 1 -> allow");
  EXPECT_EQ(decided_by(profile, event_of("socket", {2})), "socket -> errno:EPERM");
  EXPECT_EQ(decided_by(profile, event_of("getpid")), "default");
  EXPECT_EQ(decided_by(profile, Event{1, kI386}), "other architecture");
}

TEST(Policy, RulesOfOneCallAreTakenInTurn) {
  const Profile profile = built(Policy(kill_process())
                                    .deny("prctl", 22, arg(0) == 8)
                                    .allow("prctl", arg(0).between(1, 20))
                                    .allow("prctl", arg(0) == 8)
                                    .deny("prctl", 1));
  EXPECT_EQ(decide(profile, event_of("prctl", {8})), errno_action(22));
  EXPECT_EQ(decide(profile, event_of("prctl", {9})), allow_action());
  EXPECT_EQ(decide(profile, event_of("prctl", {0})), errno_action(1));
  EXPECT_TRUE(Policy(kill_process()).allow("read").allow("read").build());
}

TEST(Policy, GroupsNumbersAndArchitectures) {
  const Profile profile = built(Policy(errno_action(1))
                                    .allow("@file-system")
                                    .allow("463")
                                    .architectures({"x86_64", "i386", "x32"})
                                    .other_architectures(errno_action(7)));
  EXPECT_EQ(decide(profile, event_of("openat")), allow_action());
  EXPECT_EQ(decide(profile, event_of("openat", {}, arch::ArchId::I386)), allow_action());
  EXPECT_EQ(decide(profile, event_of("openat", {}, arch::ArchId::X32)), allow_action());
  EXPECT_EQ(decide(profile, Event{463, kX86_64}), allow_action());
  EXPECT_EQ(decide(profile, Event{0, 0xc00000b7}), errno_action(7));
  EXPECT_EQ(arches_of(profile), (std::vector<std::string>{"x86_64", "x32", "i386"}));
}

TEST(Policy, SaysTheFirstMistake) {
  const auto message = [](const Policy& policy) {
    const Result<Profile> profile = policy.build();
    return profile ? std::string("none") : to_line(profile.error());
  };
  const Policy start(kill_process());
  EXPECT_NE(message(Policy(start).allow("opeanat").allow("nonsense")).find("openat"), std::string::npos);
  EXPECT_NE(message(Policy(start).allow("@nogroup")), "none");
  EXPECT_NE(message(Policy(start).allow("")), "none");
  EXPECT_NE(message(Policy(start).allow("read", arg(6) == 1)), "none");
  EXPECT_NE(message(Policy(start).allow("read").deny("read", 1)), "none");
  EXPECT_NE(message(Policy(start).deny("read", 4096)), "none");
  EXPECT_NE(message(Policy(start).architectures({})), "none");
  EXPECT_NE(message(Policy(start).architectures({"vax"})), "none");
  EXPECT_NE(message(Policy(start).written_for("yesterday")), "none");
  EXPECT_NE(message(Policy(start).path("etc", kPathRead)), "none");
  EXPECT_NE(message(Policy(start).path("/etc", 0)), "none");
  EXPECT_EQ(message(Policy(start).path("/etc", kPathRead | kPathExecute).written_for("6.1")), "none");
}

// --- what unlisted calls get ---

TEST(Decide, LaterCallsGetEnosys) {
  const Profile profile = built(Policy(errno_action(1)).allow({"read", "openat"}).written_for("5.4"));
  const Program program = compiled(profile);
  const auto both = [&](const Event& event) {
    const Action action = decide(profile, event);
    EXPECT_EQ(run(program, event).action, action);
    return action;
  };
  EXPECT_EQ(both(event_of("clone3")), errno_action(1));    // 5.3
  EXPECT_EQ(both(event_of("openat2")), errno_action(38));  // 5.6
  EXPECT_EQ(both(event_of("mkdir")), errno_action(1));
  EXPECT_EQ(both(Event{100000, kX86_64}), errno_action(38)) << "beyond all that is known";
  EXPECT_EQ(both(Event{400, kX86_64}), errno_action(1)) << "a hole below the release's last";
  EXPECT_EQ(both(Event{0xffffffff, kX86_64}), errno_action(1)) << "what a tracer skips";
  EXPECT_EQ(both(Event{0x40000000, kX86_64}), kill_process()) << "x32";
  EXPECT_EQ(decided_by(profile, event_of("openat2")), "newer than 5.4");
}

TEST(Decide, ForeignNumbersOfX86) {
  const Profile only = built(Policy(errno_action(1)).allow("read"));
  const Profile both = built(Policy(errno_action(1)).allow("read").architectures({"x86_64", "x32"}));
  const Profile x32 = built(Policy(errno_action(1)).allow("read").architectures({"x32"}));
  const auto check = [](const Profile& profile, uint32_t number, Action wanted) {
    const Event event{number, kX86_64};
    EXPECT_EQ(decide(profile, event), wanted) << std::hex << number;
    EXPECT_EQ(run(compiled(profile), event).action, wanted) << std::hex << number;
    EXPECT_EQ(run(compiled(profile, {.optimise = false}), event).action, wanted) << std::hex << number;
  };
  for (const uint32_t number : {0x40000000U, 0x40000001U, 0x80000000U, 0xc0000000U, 0xfffffffeU}) {
    check(only, number, kill_process());
    check(both, number, number == 0x40000000U ? allow_action() : errno_action(1));
    check(x32, number, number == 0x40000000U ? allow_action() : errno_action(1));
  }
  check(only, 0, allow_action());
  check(both, 0, allow_action());
  check(x32, 0, kill_process());
  for (const Profile* profile : {&only, &both, &x32}) check(*profile, 0xffffffff, errno_action(1));
}

// --- the program against the policy ---

// Random events among those that can tell policies apart: all numbers beside a few combinations of arguments.
std::vector<Event> some_events(PolicyMaker& maker, const Profile& profile, size_t count) {
  const Profile* const both[] = {&profile};
  std::vector<Event> all = boundary_events(both);
  if (all.size() <= count) return all;
  for (size_t i = 0; i < count; ++i) std::swap(all[i], all[i + maker.below(all.size() - i)]);
  all.resize(count);
  return all;
}

void expect_same(PolicyMaker& maker, const Profile& profile, const CompileOptions& options) {
  CompileOptions plain = options;
  plain.optimise = false;
  const Result<Program> program = compile(profile, options);
  const Result<Program> linear = compile(profile, plain);
  ASSERT_TRUE(program) << to_line(program.error()) << "\n" << shown(profile);
  ASSERT_TRUE(validate(*program)) << to_line(validate(*program).error());
  EXPECT_EQ(*compile(profile, options), *program) << "not deterministic";
  if (linear) {
    // Balanced, a search takes up to a third more comparisons than a chain, so that fewer of them are run.
    EXPECT_LE(program->size(), linear->size() * 4 / 3 + 4) << shown(profile);
  }
  size_t tried = 0;
  for (const Event& event : some_events(maker, profile, 400)) {
    const Action wanted = decide(profile, event);
    ASSERT_EQ(emulate(*program, event)->action, wanted) << shown(event) << "\n"
                                                        << shown(profile) << disassemble(*program);
    if (linear && ++tried % 8 == 0) {
      ASSERT_EQ(emulate(*linear, event)->action, wanted) << "plain: " << shown(event) << "\n"
                                                         << shown(profile);
    }
  }
}

TEST(Compile, RandomPoliciesDecideAlike) {
  PolicyMaker maker(11);
  const size_t count = random_policies(400);
  for (size_t i = 0; i < count && !HasFatalFailure(); ++i) {
    CompileOptions options;
    std::vector<std::string> arches = {"x86_64", "x32", "i386", "arm64", "riscv64", "arm"};
    if (maker.once_in(6)) {
      options.big_endian = true;
      arches = {"s390x", "ppc64", "mips64", "mips"};
    }
    const Profile profile = maker.profile(arches);
    if (maker.once_in(3)) {
      for (const auto& [call, rule] : profile.rules)
        options.weights[call] = static_cast<double>(maker.below(1000));
    }
    expect_same(maker, profile, options);
  }
}

TEST(Compile, EveryBoundaryOfEveryOperator) {
  const Condition kConditions[] = {
      arg(0) == 0x100000002,
      arg(0) != 0x100000002,
      arg(1) < 0x300000000,
      arg(1) <= 0x2ffffffff,
      arg(2).between(0x1ffffffff, 0x500000000),
      arg(2).as_signed() < -5,
      arg32(3).as_signed().between(-1, 1),
      arg32(3) >= 0x80000000,
      arg(4).masked(0x7e020000) == 0,
      arg(4).masked(0xf0000000f0) == 0x1000000010,
      arg(4).masked(0xfffffffffffff000) == 0x5000,
      arg(0).in({0, 8, 0x20000, 0x20008, 0xffffffff}),
      arg(0).in({1, 3, 5, 7, 9, 0x100000001}),
      arg(0).in({0, 1, 2, 8, 9, 10}),  // flags and ranges that overlap
      arg(5).not_in({0, 1, 2, 4, 1000}),
      (arg(0) == 1 && arg(1) == 2) || (arg(0) == 1 && arg32(1) > 7) || (arg(2) == 3 && arg(1) == 2),
      !(arg(0) == 1 && arg(1) < 5) || arg(2).masked(1) == 1,
      Condition::always(),
      Condition::never(),
  };
  PolicyMaker maker(12);
  for (const Condition& condition : kConditions) {
    for (const bool big_endian : {false, true}) {
      const Profile profile = built(Policy(errno_action(1))
                                        .allow("read", condition)
                                        .deny("ioctl", 25, !condition)
                                        .architectures({big_endian ? "s390x" : "x86_64"}));
      expect_same(maker, profile, {.big_endian = big_endian});
    }
  }
}

TEST(Compile, TakesFewInstructions) {
  const auto size = [](const Condition& when) {
    return compiled(built(Policy(errno_action(1)).allow("read", when))).size();
  };
  const size_t base = size(arg32(0) == 5);  // ld arch, jeq, ld nr, x32, jeq, ld low, jeq, three returns
  EXPECT_LE(base, 11U);
  EXPECT_EQ(size(arg32(0).masked(0xf00f) == 0), base) << "one test for many bits";
  EXPECT_EQ(size(arg32(0).in({0, 8, 0x20000, 0x20008})), base) << "one test for a set of flags";
  EXPECT_EQ(size(arg(0) == 5), base + 2) << "the other half";
  EXPECT_EQ(size(arg(0) <= 5), base + 2);
  EXPECT_EQ(size((arg32(0) == 5 && arg32(1) == 1) || (arg32(0) == 5 && arg32(1) == 2)), base + 3)
      << "a shared test is made once";
}

TEST(Compile, UnconditionalAllowsStayCacheable) {
  PolicyMaker maker(13);
  for (int i = 0; i < 60; ++i) {
    const Profile profile = maker.profile({"x86_64", "x32", "i386"});
    const Program program = compiled(profile);
    for (const arch::ArchId id : {arch::ArchId::X86_64, arch::ArchId::I386}) {  // x32 has no bitmap
      const std::vector<std::string> answered = arches_of(profile);
      const arch::ArchInfo& info = arch::arch_info(id);
      if (std::find(answered.begin(), answered.end(), info.name) == answered.end()) continue;
      for (const arch::Syscall& call : arch::all_syscalls(id)) {
        const auto rule = profile.rules.find(std::string(call.name));
        if (rule == profile.rules.end() || !rule->second.cases.empty() || !rule->second.arches.empty())
          continue;
        if (rule->second.action.kind != ActionKind::Allow) continue;
        if (decided_by(profile, {call.number, info.audit_arch}) != rule->first + " -> allow") continue;
        EXPECT_TRUE(is_constant_allow(program, info.audit_arch, call.number)) << call.name << "\n"
                                                                              << disassemble(program);
      }
    }
  }
}

TEST(Compile, ReachesFurtherThanAJumpCan) {
  // Hundreds of values with a hole between any two, on one argument and on two: programs of thousands of
  // instructions.
  std::vector<uint64_t> values;
  for (uint64_t i = 0; i < 700; ++i) values.push_back(i * 3);
  Policy policy(errno_action(1));
  policy.allow("read", arg(0).in(values))
      .allow("write", arg(1).in(values) && arg(0) != 7)
      .allow("ioctl", arg(1) == 5);
  for (uint32_t number = 600; number < 1400; number += 2) policy.allow(std::to_string(number));
  const Profile profile = built(policy);
  EXPECT_GT(compiled(profile).size(), 1500U);
  PolicyMaker maker(14);
  expect_same(maker, profile, {});
}

TEST(Compile, WeightsBringCallsForward) {
  Policy policy(errno_action(1));
  const char* kCalls[] = {"read", "write", "ioctl", "prctl",   "socket", "clone",
                          "mmap", "fcntl", "futex", "madvise", "openat", "bpf"};
  for (const char* call : kCalls) policy.allow(call, arg32(2) == 1);
  const Profile profile = built(policy);
  for (const char* hot : kCalls) {
    CompileOptions options;
    for (const char* call : kCalls) options.weights[call] = call == hot ? 1e6 : 1;
    options.weights["no such call"] = -1;
    const Verdict verdict = run(compiled(profile, options), event_of(hot, {0, 0, 1}));
    EXPECT_EQ(verdict.action, allow_action());
    EXPECT_LE(verdict.steps, 7U) << hot;  // arch, number, argument: a load and a test each; return
  }
}

// --- bounds ---

TEST(CompileLimits, TooLongIsAnErrorThatSaysWhy) {
  std::vector<uint64_t> values;
  for (uint64_t i = 0; i < 5000; ++i) values.push_back(i * 3);
  const Profile profile = built(Policy(errno_action(1)).allow("read").allow("ioctl", arg(1).in(values)));
  const Result<Program> program = compile(profile);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, Code::Limit);
  EXPECT_NE(to_line(program.error()).find("ioctl"), std::string::npos) << to_line(program.error());
  EXPECT_NE(to_line(program.error()).find("4096"), std::string::npos) << to_line(program.error());
}

TEST(CompileLimits, NonsenseIsAnError) {
  const auto error = [](Profile profile) {
    const Result<Program> program = compile(profile);
    return program ? std::string("none") : to_line(program.error());
  };
  Profile profile;
  EXPECT_EQ(error(profile), "none");
  profile.rules["opeanat"];
  EXPECT_NE(error(profile).find("openat"), std::string::npos);
  profile.rules.clear();
  profile.rules["01"];
  EXPECT_NE(error(profile), "none");
  profile.rules.clear();
  profile.rules["read"].cases.push_back({Condition{{{stile::Test{6, 1, {{1, 1}}}}}}, {}});
  EXPECT_NE(error(profile).find("read"), std::string::npos);
  profile.rules.clear();
  profile.also_arches = {"vax"};
  EXPECT_NE(error(profile).find("vax"), std::string::npos);
  profile.also_arches.clear();
  profile.written_for = "x";
  EXPECT_NE(error(profile), "none");
  profile.written_for.clear();
  profile.rules["chown32"].action = allow_action();  // not on x86_64: it says nothing
  EXPECT_EQ(error(profile), "none");
}

TEST(CompileLimits, MuchTakesNoLongTime) {
  const auto start = std::chrono::steady_clock::now();
  Profile rules;
  for (uint32_t number = 0; number < 100000; ++number) {
    rules.rules[std::to_string(number * 2)].action = allow_action();
    rules.rules[std::to_string(number * 2)].cases.push_back(
        {arg(0) == static_cast<int64_t>(number), kill_process()});
  }
  const Result<Program> many = compile(rules);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, Code::Limit) << to_line(many.error());

  PolicyMaker maker(15);
  Profile tangled;  // every alternative looks at all arguments, at ranges that overlap
  Condition condition;
  for (int i = 0; i < 2000; ++i) {
    std::vector<stile::Test> tests;
    for (uint8_t arg = 0; arg < 6; ++arg) {
      const uint64_t first = maker.below(1000);
      tests.push_back({arg, ~uint64_t{0}, {{first, first + maker.below(1000)}}});
    }
    condition.any.push_back(std::move(tests));
  }
  tangled.rules["read"].action = errno_action(1);
  tangled.rules["read"].cases.push_back({condition, allow_action()});
  const Result<Program> knot = compile(tangled);
  ASSERT_FALSE(knot);
  EXPECT_EQ(knot.error().code, Code::Limit) << to_line(knot.error());
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LT(took, 20.0);
}

// --- what container engines use ---

TEST(CompileEngines, DockersDefault) {
  const std::string path = std::string(STILE_SOURCE_DIR) + "/tests/fixtures/profiles/docker-default.json";
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  Result<Profile> profile = find_format("oci")->read(text.str(), path, {}, nullptr);
  ASSERT_TRUE(profile) << to_line(profile.error());
  for (auto& [call, rule] : profile->rules) rule.arches.clear();
  PolicyMaker maker(16);
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"i386", "x32"}}) {
    profile->also_arches = more;
    const Program program = compiled(*profile);
    EXPECT_LT(program.size(), more.empty() ? 120U : 320U) << "libseccomp: 332 and 992";
    size_t cached = 0;
    for (const arch::Syscall& call : arch::all_syscalls(arch::ArchId::X86_64)) {
      const auto rule = profile->rules.find(std::string(call.name));
      if (rule == profile->rules.end() || !rule->second.cases.empty()) continue;
      if (rule->second.action.kind != ActionKind::Allow) continue;
      ++cached;
      EXPECT_TRUE(is_constant_allow(program, kX86_64, call.number)) << call.name;
    }
    EXPECT_GT(cached, 250U);
    EXPECT_FALSE(is_constant_allow(program, kX86_64, event_of("socket").number));
    expect_same(maker, *profile, {});
  }
}

// Both engines' profiles, as they are read for several machines with and without capabilities.
TEST(CompileEngines, FixturesDecideAlikeOnEveryMachine) {
  PolicyMaker maker(17);
  for (const char* name : {"docker-default", "docker-20.10-default", "podman-seccomp", "podman-4.3-seccomp"}) {
    const std::string path = fmt::format("{}/tests/fixtures/profiles/{}.json", STILE_SOURCE_DIR, name);
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    for (const char* machine : {"x86_64", "arm64", "i386", "s390x"}) {
      for (const bool capable : {false, true}) {
        SCOPED_TRACE(fmt::format("{} on {}, {}", name, machine, capable ? "CAP_SYS_ADMIN" : "no capabilities"));
        ReadContext context;
        context.arch = machine;
        context.kernel = "6.1";
        if (capable) context.capabilities = {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"};
        const Result<Profile> profile = find_format("oci")->read(text.str(), path, context, nullptr);
        ASSERT_TRUE(profile) << to_line(profile.error());
        CompileOptions options;
        options.big_endian = context.arch == "s390x";
        expect_same(maker, *profile, options);
      }
    }
  }
}

}  // namespace
}  // namespace stile
