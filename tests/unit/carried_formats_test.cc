// SPDX-License-Identifier: Apache-2.0
//
// Every format that carries less than a profile: what is written reads back as what its plan says, and where nothing is said to be lost, as the
// profile itself.
#include <functional>

#include <gtest/gtest.h>

#include <stile/diff.h>
#include <stile/filter.h>
#include <stile/format.h>
#include <stile/syscalls.h>

#include "format/firejail.h"
#include "format/kafel.h"
#include "format/minijail.h"
#include "format/seccompiler.h"
#include "format/systemd.h"
#include "random_policy.h"
#include "random_profile.h"

namespace stile {
namespace {

struct Carrier {
  const char* name;
  Result<format::Plan> (*plan)(const Profile&, format::Losses&);  // null: the profile itself, where nothing is lost
  std::vector<std::string> arches;
};

const Carrier kCarriers[] = {
    {"docker", nullptr, {"x86_64", "i386", "x32", "arm64"}},
    {"podman", nullptr, {"x86_64", "i386", "x32", "arm64"}},
    {"spo", nullptr, {"x86_64", "i386", "x32", "arm64"}},
    {"systemd", format::systemd::plan, {"x86_64", "i386", "x32", "arm64"}},
    {"minijail", format::minijail::plan, {"x86_64", "i386", "arm64"}},
    {"kafel", format::kafel::plan, {"x86_64", "i386", "x32", "arm64"}},
    {"firejail", format::firejail::plan, {"x86_64", "i386", "x32"}},
    {"seccompiler", format::seccompiler::plan, {"x86_64", "i386", "arm64"}},
};

std::string described(const Event& event, const Profile& profile) {
  return syscall_name(event.arch, event.number) + " (" + std::to_string(event.number) + ") " + decided_by(profile, event);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

// OCI runtimes kill the process where a profile says that other architectures end the thread; nothing is said of that.
Action at_least(Action action) {
  return action.kind == ActionKind::KillThread ? Action{ActionKind::KillProcess, 0} : action;
}

class Carried : public ::testing::TestWithParam<Carrier> {
 protected:
  // Whether it could be written at all.
  bool goes_around(Profile profile) {
    if (GetParam().plan == nullptr) {
      // libseccomp adds rules for i386's socketcall and ipc to those of the calls behind them, and refuses its own work where they collide.
      std::erase(profile.also_arches, "i386");
      if (profile.arch == "i386") profile.arch = "x86_64";
      for (auto& [name, rule] : profile.rules) std::erase(rule.arches, "i386");
    }
    const Format& format = *find_format(GetParam().name);
    ReadContext context;
    context.arch = profile.arch;
    std::vector<std::string> lost, warnings;
    const auto text = format.write(profile, &lost);
    if (!text) {
      EXPECT_EQ(text.error().code, Code::Unsupported) << to_line(text.error());
      return false;
    }
    SCOPED_TRACE(*text + joined(lost));
    const auto same = format.write(profile, nullptr);
    EXPECT_EQ(*same, *text);
    if (format.name != "docker" && format.name != "podman") {
      const Format* seen = recognise_format(*text);
      EXPECT_TRUE(seen == &format) << (seen == nullptr ? "nothing" : seen->name);
    }
    const auto back = format.read(*text, "f", context, &warnings);
    EXPECT_TRUE(back) << to_line(back.error());
    if (!back) return false;
    format::Losses nothing(nullptr);
    const auto plan = GetParam().plan == nullptr ? Result<format::Plan>(fail(Code::Usage, "")) : GetParam().plan(profile, nothing);
    const Profile* const both[] = {&profile, &*back};
    size_t wrong = 0;
    for (const Event& event : boundary_events(both)) {
      if (!testing::can_be_passed(event)) continue;
      const Action read = decide(*back, event);
      if (plan && decide(*plan, event) != read && ++wrong < 4)
        ADD_FAILURE() << "read " << to_string(read) << ", planned " << to_string(decide(*plan, event)) << ": " << described(event, *back);
      if (!lost.empty()) continue;
      const Action wanted = decide(profile, event);
      const bool same_answer = plan ? read == wanted : at_least(read) == at_least(wanted);
      if (!same_answer && ++wrong < 4)
        ADD_FAILURE() << "nothing is said to be lost; read " << to_string(read) << ", was " << to_string(wanted) << ": " << described(event, *back);
    }
    lossless_ += lost.empty();
    return true;
  }

  size_t lossless_ = 0;
};

TEST_P(Carried, SmallProfilesComeBack) {
  testing::ProfileMaker maker(7);
  size_t written = 0;
  const size_t rounds = random_policies(300);
  for (size_t i = 0; i < rounds && !HasFailure(); ++i) written += goes_around(maker.profile());
  EXPECT_GT(written, rounds / 3);
}

TEST_P(Carried, LargeProfilesComeBack) {
  PolicyMaker maker(11);
  size_t written = 0;
  const size_t rounds = random_policies(60);
  for (size_t i = 0; i < rounds && !HasFailure(); ++i) written += goes_around(maker.profile(GetParam().arches));
  EXPECT_GT(written, rounds / 4);
}

// Profiles such as people have: a list of names, one refusal.
TEST_P(Carried, PlainListsLoseNothingThatMatters) {
  Profile profile;
  for (const char* name : {"read", "write", "openat", "close", "execve", "exit_group", "mmap", "brk", "prctl", "execveat", "seccomp"}) profile.rules[name] = {};
  for (const Action otherwise : {Action{ActionKind::Errno, 1}, Action{ActionKind::KillProcess, 0}}) {
    profile.otherwise = otherwise;
    std::vector<std::string> lost;
    const Format& format = *find_format(GetParam().name);
    const auto text = format.write(profile, &lost);
    ASSERT_TRUE(text);
    if (format.name != "docker" && format.name != "podman") {
      EXPECT_EQ(recognise_format(*text), &format) << *text;
    }
    const auto back = format.read(*text, "f", {}, nullptr);
    ASSERT_TRUE(back) << to_line(back.error());
    for (const auto& [name, rule] : profile.rules) {
      Event event;
      event.arch = 0xc000003e;
      event.number = *arch::syscall_number(arch::ArchId::X86_64, name);
      EXPECT_EQ(to_string(decide(*back, event)), "allow") << name << "\n" << *text;
    }
    Event event;
    event.arch = 0xc000003e;
    event.number = *arch::syscall_number(arch::ArchId::X86_64, "ptrace");
    EXPECT_LE(latitude(at_least(decide(*back, event)).kind), latitude(otherwise.kind)) << *text << joined(lost);
  }
}

INSTANTIATE_TEST_SUITE_P(, Carried, ::testing::ValuesIn(kCarriers), [](const auto& tested) { return std::string(tested.param.name); });

// What programs rely on when they see ENOSYS must not become EPERM for want of words.
TEST(OneRefusal, IsEnosysWhereACallNeedsIt) {
  Profile profile;
  profile.rules["read"] = {};
  profile.rules["clone3"].action = {ActionKind::Errno, 38};
  for (const char* name : {"systemd", "seccompiler"}) {
    const auto back = find_format(name)->read(*find_format(name)->write(profile, nullptr), "f", {}, nullptr);
    ASSERT_TRUE(back);
    Event event;
    event.arch = 0xc000003e;
    event.number = 435;
    EXPECT_EQ(to_string(decide(*back, event)), "errno:ENOSYS") << name;
  }
}

// --- what other people's files say ---

Profile read(const char* format, const std::string& text, std::vector<std::string>* warnings = nullptr, ReadContext context = {}) {
  const auto profile = find_format(format)->read(text, "f", context, warnings);
  EXPECT_TRUE(profile) << to_line(profile.error());
  return profile ? *profile : Profile{};
}

std::string answer(const Profile& profile, const std::string& call, Arguments args = {}, const char* table = "x86_64") {
  const auto id = *arch::arch_by_name(table);
  Event event;
  event.number = arch::syscall_number(id, call).value();
  event.arch = arch::arch_info(id).audit_arch;
  event.args = args;
  return to_string(decide(profile, event));
}

std::string why(const char* format, const std::string& text, ReadContext context = {}) {
  const auto profile = find_format(format)->read(text, "f", context, nullptr);
  return profile ? "it was read" : to_line(profile.error());
}

TEST(Systemd, FollowsTheUnitsRules) {
  // The first line's polarity holds; a later ~ takes out; an empty value forgets.
  Profile profile = read("systemd", "[Service]\nSystemCallFilter=mkdir\nSystemCallFilter=read write\nSystemCallFilter=~write\nSystemCallErrorNumber=EACCES\n");
  EXPECT_EQ(answer(profile, "read"), "allow");
  EXPECT_EQ(answer(profile, "write"), "errno:EACCES");
  EXPECT_EQ(answer(profile, "execve"), "allow");  // @default
  EXPECT_EQ(answer(profile, "read", {}, "i386"), "allow");  // no SystemCallArchitectures=
  profile = read("systemd", "[Service]\nSystemCallFilter=read\nSystemCallFilter=\nSystemCallFilter=~ptrace:EPERM @swap:ENOENT kill\nSystemCallArchitectures=native\n");
  EXPECT_EQ(answer(profile, "read"), "allow");
  EXPECT_EQ(answer(profile, "ptrace"), "errno:EPERM");
  EXPECT_EQ(answer(profile, "swapon"), "errno:ENOENT");
  EXPECT_EQ(answer(profile, "kill"), "kill-process");
  EXPECT_EQ(answer(profile, "read", {}, "i386"), "kill-process");
  std::vector<std::string> warnings;
  profile = read("systemd", "[Unit]\nSystemCallFilter=~read\n[Service]\n# c\nSystemCallFilter=read:EPERM \\\n  frobnicate @nothing\n", &warnings);
  EXPECT_EQ(answer(profile, "read"), "allow");
  EXPECT_EQ(warnings.size(), 3u) << joined(warnings);
  EXPECT_EQ(answer(read("systemd", "SystemCallLog=mkdir\n"), "mkdir"), "log");
  EXPECT_EQ(answer(read("systemd", "SystemCallLog=~mkdir\n"), "rmdir"), "log");
}

TEST(Firejail, FollowsItsCompiler) {
  Profile profile = read("firejail", "include x.inc\nseccomp.keep read,write:ENOENT,@timer,$39,!alarm\n");
  EXPECT_EQ(answer(profile, "read"), "allow");
  EXPECT_EQ(answer(profile, "write"), "errno:ENOENT");
  EXPECT_EQ(answer(profile, "getpid"), "allow");
  EXPECT_EQ(answer(profile, "alarm"), "errno:EPERM");
  EXPECT_EQ(answer(profile, "setitimer"), "allow");
  EXPECT_EQ(answer(profile, "prctl"), "allow");
  EXPECT_EQ(answer(profile, "mkdir"), "errno:EPERM");
  EXPECT_EQ(answer(profile, "mkdir", {}, "i386"), "allow");  // not filtered at all
  profile = read("firejail", "--seccomp=mkdir,!mount\nseccomp.block-secondary\nseccomp-error-action kill\n");
  EXPECT_EQ(answer(profile, "mkdir"), "kill-thread");
  EXPECT_EQ(answer(profile, "mount"), "allow");
  EXPECT_EQ(answer(profile, "ptrace"), "kill-thread");
  EXPECT_EQ(answer(profile, "read"), "allow");
  EXPECT_EQ(answer(profile, "read", {}, "i386"), "kill-thread");
}

TEST(Minijail, ReadsBothTools) {
  std::vector<std::string> warnings;
  const Profile profile = read("minijail",
                               "# c\nread: 1\nwrite: arg0 == 1 && arg2 <= 0x100 || arg0 == 2\nmmap: arg2 in ~PROT_EXEC || arg2 in ~PROT_WRITE\n"
                               "open: arg1 & O_CREAT; return EACCES\n{ getpid, getppid[arch=arm64] }: allow\n"
                               "ioctl: { arg1 == (1|2); return 5, arg1 == 4; allow, log }\nclose: return 9\nfutex: kill-process\n",
                               &warnings);
  EXPECT_EQ(answer(profile, "write", {1, 0, 0x100}), "allow");
  EXPECT_EQ(answer(profile, "write", {1, 0, 0x101}), "kill-thread");
  EXPECT_EQ(answer(profile, "write", {2, 0, 0x101}), "allow");
  EXPECT_EQ(answer(profile, "mmap", {0, 0, 4}), "allow");
  EXPECT_EQ(answer(profile, "mmap", {0, 0, 6}), "kill-thread");
  EXPECT_EQ(answer(profile, "open", {0, 0x40}), "allow");
  EXPECT_EQ(answer(profile, "open", {0, 0}), "errno:EACCES");
  EXPECT_EQ(answer(profile, "getppid"), "kill-thread");
  EXPECT_EQ(answer(profile, "ioctl", {0, 3}), "errno:EIO");
  EXPECT_EQ(answer(profile, "ioctl", {0, 4}), "allow");
  EXPECT_EQ(answer(profile, "ioctl", {0, 5}), "log");
  EXPECT_EQ(answer(profile, "close"), "errno:EBADF");
  EXPECT_EQ(answer(profile, "futex"), "kill-process");
  EXPECT_EQ(warnings.size(), 1u) << joined(warnings);
}

TEST(Minijail, IncludesAreRelativeAndBounded) {
  ReadContext context;
  context.include = [](const std::string& path) -> Result<std::string> {
    if (path == "dir/more.policy") return "write: 1\n@include ./loop.policy\n";
    if (path == "dir/loop.policy") return "";
    if (path == "self") return "@include ./self\n";
    return fail(Code::Io, "cannot be opened: gone");
  };
  const auto profile = find_format("minijail")->read("@include ./more.policy\nread: 1\n", "dir/main.policy", context, nullptr);
  ASSERT_TRUE(profile) << to_line(profile.error());
  EXPECT_EQ(profile->rules.size(), 2u);
  EXPECT_EQ(why("minijail", "read: 1\n@include ./no\n", context), "f:2:10: './no' cannot be opened: gone");
  EXPECT_EQ(why("minijail", "@include no\n", context), "f:1:10: an included file is named by a path that starts with / or ./ (say ./no)");
  EXPECT_NE(why("minijail", "@include ./self\n", context).find("too many files include each other"), std::string::npos);
  EXPECT_EQ(why("minijail", "@include ./x\n"), "f:1:10: includes are not read here (put the files together)");
}

TEST(Kafel, ReadsItsLanguage) {
  std::vector<std::string> warnings;
  ReadContext context;
  context.include = [](const std::string&) -> Result<std::string> { return "#define ONE 0b1\nPOLICY inc { ALLOW { getpid } }"; };
  const Profile profile = read("kafel",
                               "#include \"inc.policy\"\n"
                               "// c\n#define mine 0x1c1\n"
                               "POLICY p { ALLOW { read, write { fd == ONE || fd == 2, fd > 0x10 && !(fd >= 32) }, mmap { (prot & 4) == 0 } },\n"
                               "  ERRNO(1) { ptrace, write }, LOG { mine, SYSCALL[450](a, b) { 3 < b } } TRAP(3) { newstat } }\n"
                               "/* c */ USE inc, USE p DEFAULT KILL_PROCESS\n",
                               &warnings, context);
  EXPECT_EQ(answer(profile, "getpid"), "allow");
  EXPECT_EQ(answer(profile, "write", {1}), "allow");
  EXPECT_EQ(answer(profile, "write", {0xff00000001}), "allow");  // fd has four bytes
  EXPECT_EQ(answer(profile, "write", {31}), "allow");
  EXPECT_EQ(answer(profile, "write", {32}), "errno:EPERM");
  EXPECT_EQ(answer(profile, "mmap", {0, 0, 4}), "kill-process");
  EXPECT_EQ(answer(profile, "mmap", {0, 0, 3}), "allow");
  EXPECT_EQ(answer(profile, "stat"), "trap:3");
  EXPECT_EQ(answer(profile, "futex_waitv"), "log");
  EXPECT_EQ(answer(profile, "set_mempolicy_home_node", {0, 4}), "log");
  EXPECT_EQ(answer(profile, "set_mempolicy_home_node", {0, 3}), "kill-process");
  EXPECT_TRUE(warnings.empty()) << joined(warnings);
}

TEST(Seccompiler, ReadsItsJson) {
  const std::string one = R"({"mismatch_action":{"errno":1},"match_action":"allow","filter":[{"syscall":"read"},
      {"syscall":"fcntl","comment":"c","args":[{"index":1,"type":"dword","op":"eq","val":4294967297,"comment":"x"}]},
      {"syscall":"ioctl","args":[{"index":1,"type":"qword","op":{"masked_eq":15},"val":243}]}]})";
  const Profile profile = read("seccompiler", "{\"vmm\":" + one + "}");
  EXPECT_EQ(answer(profile, "read"), "allow");
  EXPECT_EQ(answer(profile, "fcntl", {0, 0x500000001}), "allow");
  EXPECT_EQ(answer(profile, "ioctl", {0, 0x13}), "allow");
  EXPECT_EQ(answer(profile, "ioctl", {0, 0x14}), "errno:EPERM");
  EXPECT_EQ(why("seccompiler", "{\"vmm\":" + one + ",\"vcpu\":" + one + "}"), "f: holds the filters of 2 threads: vcpu, vmm (say --thread NAME)");
  ReadContext context;
  context.thread = "vcpu";
  EXPECT_EQ(why("seccompiler", "{\"vmm\":" + one + ",\"vcpu\":" + one + "}", context), "it was read");
  EXPECT_EQ(why("seccompiler", "{\"vmm\":" + one + "}", context), "f: holds no filter for a thread 'vcpu', but for vmm");
}

TEST(Spo, ReadsManifests) {
  std::vector<std::string> warnings;
  const Profile profile = read("spo",
                               "---\n# c\napiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nmetadata: {name: web, labels: {a: b}}\n"
                               "spec:\n  baseProfileName: runc-v1.1\n  defaultAction: SCMP_ACT_ERRNO\n  architectures: [SCMP_ARCH_NATIVE]\n  syscalls:\n"
                               "  - action: SCMP_ACT_ALLOW\n    names:\n    - read\n    - 'write'\n"
                               "  - {action: SCMP_ACT_ERRNO, names: [mkdir], errnoRet: 38}\nstatus: {path: x}\n",
                               &warnings);
  EXPECT_EQ(answer(profile, "write"), "allow");
  EXPECT_EQ(answer(profile, "mkdir"), "errno:ENOSYS");
  EXPECT_EQ(answer(profile, "rmdir"), "errno:EPERM");
  EXPECT_EQ(profile.origin.program, "web");
  EXPECT_EQ(warnings.size(), 1u) << joined(warnings);
}

}  // namespace
}  // namespace stile
