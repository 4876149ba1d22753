// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <cerrno>
#include <fstream>
#include <random>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stile/filter.h>
#include <stile/format.h>
#include <stile/syscalls.h>

#include "arch/syscalls.h"

namespace stile {
namespace {

const Format& oci() {
  return *find_format("oci");
}

std::string fixture(const std::string& name) {
  std::ifstream file(STILE_SOURCE_DIR "/tests/fixtures/profiles/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The document with these entries.
std::string with(const std::string& entries, const std::string& more = "") {
  return R"({"defaultAction":"SCMP_ACT_ERRNO",)" + more + R"("syscalls":[)" + entries + "]}";
}

std::string why(std::string_view text, const ReadContext& context = {}) {
  const auto profile = oci().read(text, "f.json", context, nullptr);
  return profile ? "it was read" : to_line(profile.error());
}

struct Read {
  Profile profile;
  std::vector<std::string> warnings;
};

Read read(const std::string& text, const ReadContext& context = {}) {
  Read result;
  auto profile = oci().read(text, "f.json", context, &result.warnings);
  EXPECT_TRUE(profile) << to_line(profile.error());
  if (profile) result.profile = std::move(*profile);
  return result;
}

std::string only_warning(const std::string& text, const ReadContext& context = {}) {
  const Read result = read(text, context);
  EXPECT_EQ(result.warnings.size(), 1u) << text;
  return result.warnings.empty() ? "" : result.warnings.front();
}

std::string answer(const Profile& profile, const std::string& call, Arguments args = {},
                   const std::string& arch = "x86_64") {
  const auto id = *arch::arch_by_name(arch);
  Event event;
  event.number = arch::syscall_number(id, call).value();
  event.arch = arch::arch_info(id).audit_arch;
  event.args = args;
  return to_string(decide(profile, event));
}

Profile small(Action otherwise) {
  Profile profile;
  profile.otherwise = otherwise;
  for (const char* name : {"write", "read"}) profile.rules[name].arches = {"x86_64"};
  return profile;
}

// --- writing ---

TEST(Oci, IsWrittenLikeThis) {
  Profile profile = small({ActionKind::Errno, EPERM});
  profile.rules["clone3"].action = {ActionKind::Errno, ENOSYS};
  Rule& socket = profile.rules["socket"];
  socket.action = profile.otherwise;
  socket.cases = {{arg32(0) == AF_UNIX && arg(2) <= 5, {ActionKind::Allow, 0}}};
  EXPECT_EQ(*oci().write(profile, nullptr), R"({
  "defaultAction": "SCMP_ACT_ERRNO",
  "defaultErrnoRet": 1,
  "architectures": [
    "SCMP_ARCH_X86_64"
  ],
  "syscalls": [
    {
      "names": [
        "read",
        "write"
      ],
      "action": "SCMP_ACT_ALLOW"
    },
    {
      "names": [
        "socket"
      ],
      "action": "SCMP_ACT_ALLOW",
      "args": [
        {
          "index": 0,
          "value": 4294967295,
          "valueTwo": 1,
          "op": "SCMP_CMP_MASKED_EQ"
        },
        {
          "index": 2,
          "value": 5,
          "op": "SCMP_CMP_LE"
        }
      ]
    },
    {
      "names": [
        "clone3"
      ],
      "action": "SCMP_ACT_ERRNO",
      "errnoRet": 38
    }
  ]
}
)");
}

TEST(Oci, NamesTheTablesInUse) {
  Profile profile = small({ActionKind::KillProcess, 0});
  profile.rules["read"].arches = {"i386", "x86_64"};
  profile.also_arches = {"arm64"};
  std::vector<std::string> lost;
  const std::string text = *oci().write(profile, &lost);
  EXPECT_NE(text.find("\"SCMP_ARCH_X86_64\",\n    \"SCMP_ARCH_X86\",\n    \"SCMP_ARCH_AARCH64\""),
            std::string::npos)
      << text;
  EXPECT_EQ(lost, (std::vector<std::string>{
                      "rules hold for every architecture listed, so on arm64 too: read, write",
                      "rules hold for every architecture listed, so on i386 too: write"}));
  profile.rules["read"].arches = {"pdp11"};
  EXPECT_FALSE(oci().write(profile, nullptr));
}

TEST(Oci, SaysWhatIsLost) {
  Profile profile;
  profile.written_for = "6.1";
  profile.bad_arch = {ActionKind::Errno, ENOSYS};
  profile.paths = {{"/etc", kPathRead}};
  profile.rules["600"].arches = {"x86_64"};
  profile.rules["read"].action = {ActionKind::Trap, 5};
  std::vector<std::string> lost;
  ASSERT_TRUE(oci().write(profile, &lost));
  EXPECT_EQ(lost,
            (std::vector<std::string>{"600: the OCI format knows system calls by name; this one is left out",
                                      "the number that trap gives to the signal handler",
                                      "calls that came after Linux 6.1 answer errno:EPERM, not ENOSYS",
                                      "calls by other architectures are killed, not given errno:ENOSYS",
                                      "1 path rule: no filter can look at a path"}));
}

// A condition that takes too many entries must let more through, not less.
TEST(Oci, WidensWhatItCannotSay) {
  Profile profile;
  Condition wide = Condition::always();
  for (uint8_t i = 0; i < 3; ++i) wide = wide && arg(i).between(3, 0x7ffffffffffffffd);
  Rule& ioctl = profile.rules["ioctl"];
  ioctl.action = profile.otherwise;
  ioctl.cases = {{wide, {ActionKind::Allow, 0}}};
  std::vector<std::string> lost;
  const Read back = read(*oci().write(profile, &lost));
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0],
            "ioctl: its conditions take more than 1024 entries; it gets allow whatever its arguments are");
  EXPECT_EQ(answer(back.profile, "ioctl"), "allow");
}

TEST(Oci, ConditionsOfAnyShapeSurvive) {
  std::mt19937 random(1);
  const auto pick = [&](unsigned n) { return random() % n; };
  const int64_t values[] = {0, 1, 2, 7, 8, 9, 0xfffffffe, 0xffffffff, 0x100000000, -2, -1};
  const auto value = [&] { return values[pick(std::size(values))]; };
  const auto condition = [&] {
    const uint8_t index = static_cast<uint8_t>(pick(2));
    switch (pick(7)) {
      case 0:
        return arg(index) == value();
      case 1:
        return arg(index) != value();
      case 2:
        return arg(index) < value();
      case 3:
        return arg32(index).between(3, 11);
      case 4:
        return arg(index).masked(static_cast<uint64_t>(value())) == 0;
      case 5:
        return arg32(index).as_signed() < 0;
      default:
        return arg(index).in({value(), value(), value()});
    }
  };
  const Action actions[] = {{ActionKind::Allow, 0}, {ActionKind::Errno, 1}, {ActionKind::Log, 0}};
  size_t written = 0;
  for (int round = 0; round < 300; ++round) {
    Profile profile;
    Rule& rule = profile.rules["ioctl"];
    rule.action = actions[pick(3)];
    for (unsigned i = pick(3); i < 3; ++i) {
      Condition when = condition();
      if (pick(2) == 0) when = when && condition();
      if (pick(3) == 0) when = when || condition();
      rule.cases.push_back({*normalise(when), actions[pick(3)]});
    }
    std::vector<std::string> lost;
    const std::string text = *oci().write(profile, &lost);
    if (!lost.empty()) continue;
    ++written;
    const Read back = read(text);
    for (const uint64_t a : values) {
      for (const uint64_t b :
           {uint64_t{0}, uint64_t{2}, uint64_t{8}, uint64_t{12}, uint64_t{0x80000000}, ~uint64_t{0}}) {
        ASSERT_EQ(answer(back.profile, "ioctl", {a, b}), answer(profile, "ioctl", {a, b}))
            << text << a << " " << b;
      }
    }
  }
  EXPECT_GT(written, 200u);
}

TEST(Oci, ReadsWhatItWrites) {
  Profile profile = small({ActionKind::Trap, 0});
  profile.rules["clone3"].action = {ActionKind::Errno, ENOSYS};
  profile.rules["read"].action = {ActionKind::Trace, 7};
  profile.rules["mount"].action = {ActionKind::Log, 0};
  profile.rules["ptrace"].action = {ActionKind::Notify, 0};
  const std::string text = *oci().write(profile, nullptr);
  const Read back = read(text);
  EXPECT_TRUE(back.warnings.empty());
  EXPECT_EQ(back.profile.otherwise, profile.otherwise);
  ASSERT_EQ(back.profile.rules.size(), profile.rules.size());
  for (const auto& [name, rule] : profile.rules)
    EXPECT_EQ(back.profile.rules.at(name).action, rule.action) << name;
  EXPECT_EQ(*oci().write(back.profile, nullptr), text);
}

// --- the engines' own profiles ---

TEST(Docker, DefaultDecidesAsDockerDoes) {
  const ReadContext ordinary{"x86_64", "5.10", {}};
  const Profile profile = read(fixture("docker-default.json"), ordinary).profile;
  EXPECT_EQ(profile.also_arches, (std::vector<std::string>{"i386", "x32"}));
  EXPECT_EQ(answer(profile, "read"), "allow");
  EXPECT_EQ(answer(profile, "ptrace"), "allow");
  for (const uint64_t family : {1, 2, 10, 16, 37, 39, 41, 255})
    EXPECT_EQ(answer(profile, "socket", {family}), "allow") << family;
  for (const uint64_t family : {38, 40})
    EXPECT_EQ(answer(profile, "socket", {family}), "errno:EPERM") << family;
  for (const uint64_t persona : {0u, 8u, 0x20000u, 0x20008u, 0xffffffffu})
    EXPECT_EQ(answer(profile, "personality", {persona}), "allow");
  EXPECT_EQ(answer(profile, "personality", {1}), "errno:EPERM");
  EXPECT_EQ(answer(profile, "clone", {0x01200011}), "allow");
  EXPECT_EQ(answer(profile, "clone", {0x10000000}), "errno:EPERM");  // CLONE_NEWUSER
  EXPECT_EQ(answer(profile, "clone3"), "errno:ENOSYS");
  EXPECT_EQ(answer(profile, "mount"), "errno:EPERM");
  EXPECT_EQ(answer(profile, "arch_prctl"), "allow");
  EXPECT_EQ(answer(profile, "socket", {40}, "i386"), "errno:EPERM");
  EXPECT_EQ(answer(profile, "read", {}, "arm64"), "kill-process");

  const Profile admin = read(fixture("docker-default.json"), {"x86_64", "5.10", {"CAP_SYS_ADMIN"}}).profile;
  for (const char* call : {"clone", "clone3", "mount", "setns"})
    EXPECT_EQ(answer(admin, call, {0x10000000}), "allow") << call;
  EXPECT_EQ(answer(admin, "reboot"), "errno:EPERM");

  const Profile old = read(fixture("docker-default.json"), {"x86_64", "4.7.10-generic", {}}).profile;
  EXPECT_EQ(answer(old, "ptrace"), "errno:EPERM");

  const Profile s390 = read(fixture("docker-default.json"), {"s390x", "5.10", {}}).profile;
  EXPECT_EQ(s390.arch, "s390x");
  EXPECT_EQ(answer(s390, "clone", {0x10000000, 0}, "s390x"), "allow");  // its flags are the second argument
  EXPECT_EQ(answer(s390, "clone", {0, 0x10000000}, "s390x"), "errno:EPERM");
}

TEST(Docker, EveryProfileReadsForEveryCapability) {
  for (const char* name : {"docker-default.json", "docker-20.10-default.json", "podman-seccomp.json",
                           "podman-4.3-seccomp.json"}) {
    for (const char* capability : {"", "CAP_SYS_ADMIN", "CAP_AUDIT_WRITE", "CAP_BPF", "CAP_PERFMON",
                                   "CAP_SYS_PTRACE", "CAP_SYS_CHROOT"}) {
      for (const char* machine : {"x86_64", "arm64", "s390x", "riscv64", "mips64"}) {
        const Profile profile = read(fixture(name), {machine, "6.1", {capability}}).profile;
        EXPECT_GT(profile.rules.size(), 240u) << name << capability << machine;
        EXPECT_EQ(answer(profile, "read", {}, machine), "allow") << name << capability << machine;
      }
    }
  }
}

TEST(Podman, DefaultDecidesAsPodmanDoes) {
  const Read result = read(fixture("podman-seccomp.json"), {"x86_64", "6.1", {}});
  const Profile& profile = result.profile;
  EXPECT_EQ(profile.otherwise, (Action{ActionKind::Errno, ENOSYS}));
  EXPECT_EQ(answer(profile, "socket", {40}),
            "errno:EPERM");  // though "not 16" allows it too: libseccomp's order
  EXPECT_EQ(answer(profile, "socket", {16, 0, 9}), "errno:EINVAL");  // NETLINK_AUDIT
  EXPECT_EQ(answer(profile, "socket", {16, 0, 8}), "allow");
  EXPECT_EQ(answer(profile, "socket", {1}), "allow");
  EXPECT_EQ(answer(profile, "setns"), "allow");  // refused by a later entry, which comes too late
  ASSERT_FALSE(result.warnings.empty());
  const auto warns = [&](std::string_view text) {
    return std::any_of(result.warnings.begin(), result.warnings.end(),
                       [&](const std::string& warning) { return warning.find(text) != std::string::npos; });
  };
  EXPECT_TRUE(warns("'setns' gets errno:EPERM here and allow at /syscalls/1: the first counts"));
  EXPECT_TRUE(warns("'socket' gets allow here and errno:EPERM at /syscalls/31, and both can hold at once"));
}

// --- what runtimes silently do ---

constexpr const char* kAllowRead = R"({"names":["read"],"action":"SCMP_ACT_ALLOW"})";

TEST(Oci, TwoComparisonsOfOneArgumentAreAlternatives) {
  const std::string text = with(R"({"names":["read"],"action":"SCMP_ACT_ALLOW","args":[
      {"index":0,"value":3,"op":"SCMP_CMP_GE"},{"index":0,"value":5,"op":"SCMP_CMP_LE"}]})");
  EXPECT_EQ(only_warning(text),
            "/syscalls/0/args: argument 0 is compared twice: container runtimes take each comparison here as "
            "a rule of "
            "its own, so that any one of them is enough; so does stile");
  for (const uint64_t value : {0, 4, 9}) EXPECT_EQ(answer(read(text).profile, "read", {value}), "allow");
}

TEST(Oci, WarnsOfWhatRuntimesIgnore) {
  EXPECT_EQ(only_warning(with(R"({"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":1})")),
            "/syscalls/0: has the default action: container runtimes leave it out, and so does stile");
  EXPECT_EQ(only_warning(with(R"({"names":["read","opne"],"action":"SCMP_ACT_ALLOW"})")),
            "/syscalls/0/names/1: no system call is called 'opne' (did you mean open?): ignored, as "
            "container runtimes do");
  EXPECT_EQ(only_warning(with(std::string(kAllowRead) + "," + kAllowRead)),
            "/syscalls/1: 'read' repeats /syscalls/0");
  EXPECT_EQ(
      only_warning(with(
          std::string(kAllowRead) +
          R"(,{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]})")),
      "/syscalls/1: has no effect on 'read': /syscalls/0 decides it without a condition");
  EXPECT_EQ(
      only_warning(with(
          R"({"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_EQ"}]})")),
      "/syscalls/0/args/0/valueTwo: only SCMP_CMP_MASKED_EQ looks at it: ignored");
  EXPECT_EQ(
      only_warning(with(
          R"({"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":12,"valueTwo":6,"op":"SCMP_CMP_MASKED_EQ"}]})")),
      "/syscalls/0/args/0/valueTwo: has bits that the mask 0xc takes away: libseccomp takes them away here "
      "too");
  EXPECT_EQ(only_warning(with(kAllowRead, R"("flags":["SECCOMP_FILTER_FLAG_LOG"],)")),
            "/flags/0: SECCOMP_FILTER_FLAG_LOG says how a filter is loaded, not what it decides: not kept");
  EXPECT_EQ(only_warning(with(kAllowRead, R"("listenerPath":"/x",)")),
            "/listenerPath: no rule has the action SCMP_ACT_NOTIFY: ignored");
  EXPECT_EQ(
      only_warning(with(R"({"names":["write"],"action":"SCMP_ACT_NOTIFY"})")),
      "/syscalls/0/names/0: runc refuses SCMP_ACT_NOTIFY on write: it writes the listener's number itself");
  EXPECT_EQ(only_warning(R"({"defaultAction":"SCMP_ACT_NOTIFY"})"),
            "/defaultAction: runc refuses SCMP_ACT_NOTIFY as the default");
  EXPECT_EQ(only_warning(with(kAllowRead, R"("architectures":["SCMP_ARCH_AARCH64"],)")),
            "/architectures: x86_64 is not among them: container runtimes add the machine's own, and so does "
            "stile");
  EXPECT_EQ(only_warning(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"defaultErrno":"ENOSYS"})"),
            "/defaultErrno: ENOSYS is 38, and defaultErrnoRet is 1: podman takes the name, docker the "
            "number; here the name counts");
  EXPECT_EQ(
      only_warning(with(R"({"names":["read"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["x86_64"]}})")),
      "/syscalls/0/includes/arches/0: no architecture is called 'x86_64' here (docker says amd64): it never "
      "fits");
  EXPECT_EQ(
      only_warning(
          with(R"({"names":["read"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMN"]}})")),
      "/syscalls/0/excludes/caps/0: no capability is called 'CAP_SYS_ADMN' (did you mean CAP_SYS_ADMIN?)");
  EXPECT_EQ(
      only_warning(with(
          R"({"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":4294967296,"op":"SCMP_CMP_EQ"}]})",
          R"("architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],)")),
      "/syscalls/0/args/0: libseccomp takes only the low 32 bits of the value on i386; here all count");
}

// libseccomp lets socketcall(2) through for a rule on socket(2), and a filter cannot see its arguments.
TEST(Oci, MultiplexersAreLetThrough) {
  const std::string text = with(
      R"({"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]})",
      R"("architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],)");
  EXPECT_EQ(only_warning(text),
            "/syscalls/0: socketcall(2) of 32-bit programs reaches 'socket' without these conditions: it "
            "passes the "
            "arguments in memory, where no filter can look");
  const Profile profile = read(text).profile;
  EXPECT_EQ(answer(profile, "socketcall", {1}, "i386"), "allow");
  EXPECT_EQ(answer(profile, "socketcall", {2}, "i386"), "errno:EPERM");
  EXPECT_EQ(answer(profile, "socket", {2}, "i386"), "errno:EPERM");
}

TEST(Oci, ResolvesForTheMachine) {
  const std::string text = with(
      R"({"name":"read","action":"SCMP_ACT_ERRNO","errno":"EINVAL","includes":{"minKernel":"5.4","caps":["CAP_BPF","CAP_PERFMON"]}},
         {"names":["write"],"action":"SCMP_ACT_ALLOW","excludes":{"minKernel":"5.4"}},
         {"names":["open"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_BPF","CAP_SYSLOG"]}})");
  const Profile newer = read(text, {"x86_64", "5.4.0-rc1", {"CAP_BPF", "CAP_PERFMON"}}).profile;
  EXPECT_EQ(answer(newer, "read"), "errno:EINVAL");
  EXPECT_EQ(newer.rules.size(), 1u);
  const Profile older = read(text, {"x86_64", "5.3", {"CAP_PERFMON"}}).profile;
  EXPECT_EQ(older.rules.size(), 2u);
  EXPECT_EQ(answer(older, "write"), "allow");
  EXPECT_EQ(read(text, {"x86_64", "", {"CAP_BPF", "CAP_PERFMON"}}).profile.rules.size(), 1u);
  EXPECT_EQ(why(text, {"pdp11", "", {}}), "no architecture is called 'pdp11'");
  EXPECT_EQ(why(text, {"x86_64", "new", {}}), "'new' is no kernel release (say it like 6.1)");
}

TEST(Oci, SaysWhereItIsWrong) {
  const auto entry = [](const std::string& rest) {
    return with(R"({"names":["read"],"action":"SCMP_ACT_LOG",)" + rest + "}");
  };
  EXPECT_EQ(why("{}"), "f.json: /defaultAction: missing");
  EXPECT_EQ(why(R"({"defaultAction":"SCMP_ACT_ALOW"})"),
            "f.json: /defaultAction: no action is called 'SCMP_ACT_ALOW' (they start with SCMP_ACT_)");
  EXPECT_EQ(why(R"({"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1})"),
            "f.json: /defaultErrnoRet: SCMP_ACT_ALLOW takes none");
  EXPECT_EQ(why(with(R"({"names":[],"action":"SCMP_ACT_LOG"})")),
            "f.json: /syscalls/0/names: must hold at least one name");
  EXPECT_EQ(why(with(R"({"action":"SCMP_ACT_LOG"})")), "f.json: /syscalls/0/names: missing");
  EXPECT_EQ(why(with(R"({"name":"a","names":["b"],"action":"SCMP_ACT_LOG"})")),
            "f.json: /syscalls/0/name: stands beside names: use one of them");
  EXPECT_EQ(why(with(R"({"names":["read",1],"action":"SCMP_ACT_LOG"})")),
            "f.json: /syscalls/0/names/1: must be a string, not number");
  EXPECT_EQ(why(with(R"({"names":["read",""],"action":"SCMP_ACT_LOG"})")),
            "f.json: /syscalls/0/names/1: is empty");
  EXPECT_EQ(why(with(R"({"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":5000})")),
            "f.json: /syscalls/0/errnoRet: must be a whole number from 0 to 4095");
  EXPECT_EQ(why(entry(R"("errnoRet":1)")), "f.json: /syscalls/0/errnoRet: SCMP_ACT_LOG takes none");
  EXPECT_EQ(why(with(R"({"names":["a"],"action":"SCMP_ACT_ERRNO","errno":"EWHAT"})")).substr(0, 60),
            "f.json: /syscalls/0/errno: no error is called 'EWHAT' (a nam");
  EXPECT_EQ(why(entry(R"("args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}])")),
            "f.json: /syscalls/0/args/0/index: must be a whole number from 0 to 5");
  EXPECT_EQ(why(entry(R"("args":[{"index":0,"value":1,"op":"=="}])")),
            "f.json: /syscalls/0/args/0/op: no operator is called '==' (they start with SCMP_CMP_)");
  EXPECT_EQ(why(entry(R"("args":[{"index":0,"value":-1,"op":"SCMP_CMP_EQ"}])")),
            "f.json: /syscalls/0/args/0/value: must be a whole number from 0 to 18446744073709551615");
  EXPECT_EQ(why(entry(R"("arg":[])")), "f.json: /syscalls/0/arg: unknown field");
  EXPECT_EQ(why(entry(R"("includes":{"minKernel":"5.4.1"})")),
            "f.json: /syscalls/0/includes/minKernel: '5.4.1' is no kernel release (say it like \"4.8\")");
  EXPECT_EQ(why(with("", R"("architectures":["X"],)")),
            "f.json: /architectures/0: no architecture is called 'X' (they start with SCMP_ARCH_)");
  EXPECT_EQ(why(with("", R"("architectures":["SCMP_ARCH_X86"],"archMap":[{}],)")),
            "f.json: /archMap: stands beside architectures: use one of them");
  EXPECT_EQ(why(with("", R"("flags":["LOG"],)")),
            "f.json: /flags/0: no flag is called 'LOG' (they start with SECCOMP_FILTER_FLAG_)");
  EXPECT_EQ(why(with("", R"("listenerMetadata":"x",)")),
            "f.json: /listenerMetadata: must not stand without listenerPath");
  const std::string log = R"({"names":["read"],"action":"SCMP_ACT_LOG")";
  EXPECT_EQ(why(with(std::string(kAllowRead) + "," + log + "}")),
            "f.json: /syscalls/1: 'read' gets log here and allow at /syscalls/0 (leave one of them out)");
  const std::string one = R"(,"args":[{"index":1,"value":7,"op":"SCMP_CMP_NE"}]})";
  EXPECT_EQ(why(with(log + one + R"(,{"names":["read"],"action":"SCMP_ACT_ALLOW")" + one)),
            "f.json: /syscalls/1: 'read' gets allow here and log at /syscalls/0, on the same condition "
            "(leave one of them out)");
}

TEST(Oci, NullIsNothing) {
  const Read result =
      read(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":null,"flags":null,"archMap":null,
      "syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","errnoRet":null,"args":null,"includes":null,"excludes":{},"comment":""}]})");
  EXPECT_TRUE(result.warnings.empty());
  EXPECT_EQ(answer(result.profile, "read"), "allow");
}

// 100,000 rules are read, or refused with the bound that they are over; either way soon.
TEST(Oci, BoundsItsWork) {
  std::string same, values, far;
  for (int i = 0; i < 100000; ++i) {
    same += i == 0 ? "" : ",";
    same += kAllowRead;
  }
  EXPECT_EQ(read(with(same)).warnings.size(), 99999u);
  for (int i = 0; i < 90000; ++i) {
    values += fmt::format(
        R"({}{{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{{"index":0,"value":{},"op":"SCMP_CMP_EQ"}}]}})",
        i == 0 ? "" : ",", 2 * i);
  }
  EXPECT_EQ(why(with(values)),
            "f.json: /syscalls/0: 'read': the condition has more than 4096 alternatives (values of one "
            "argument are best said as "
            "one set or range)");
}

TEST(Oci, SurvivesDamage) {
  const std::string text = fixture("podman-seccomp.json");
  for (size_t i = 0; i < text.size(); i += 97) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
    why(changed);
    if (i + 2 >= text.size()) break;
    EXPECT_NE(why(text.substr(0, i)), "it was read") << i;
  }
}

}  // namespace
}  // namespace stile
