// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <gtest/gtest.h>

#include <stile/analyze.h>
#include <stile/nearest.h>
#include <stile/profile.h>
#include <stile/syscalls.h>

namespace stile {
namespace {

SyscallUse use(const std::string& name, const std::string& arch = "x86_64") {
  SyscallUse one;
  one.name = name;
  one.arch = arch;
  one.sites = 1;
  one.packages = {"main"};
  one.because = {Evidence{EvidenceKind::CallPath, "main", {Frame{.function = "main.main"}}, {}}};
  return one;
}

Analysis analysis_of(std::vector<SyscallUse> uses) {
  Analysis analysis;
  analysis.origin.program = "app";
  analysis.syscalls = std::move(uses);
  return analysis;
}

ProfileOptions bare() {
  ProfileOptions options;
  options.runtime = "none";
  return options;
}

bool has(const Rule& rule, EvidenceKind kind) {
  for (const Evidence& evidence : rule.because) {
    if (evidence.kind == kind) return true;
  }
  return false;
}

TEST(Action, ReadsWhatItWrites) {
  const Action all[] = {{ActionKind::Allow, 0},      {ActionKind::Errno, EPERM}, {ActionKind::Errno, ENOSYS},
                        {ActionKind::Errno, 0},      {ActionKind::Errno, 4095},  {ActionKind::KillProcess, 0},
                        {ActionKind::KillThread, 0}, {ActionKind::Log, 0},       {ActionKind::Trap, 0},
                        {ActionKind::Trace, 0},      {ActionKind::Trace, 65535}};
  for (const Action action : all) {
    const auto back = parse_action(to_string(action));
    ASSERT_TRUE(back) << to_string(action);
    EXPECT_EQ(*back, action) << to_string(action);
  }
}

TEST(Action, Spellings) {
  EXPECT_EQ(parse_action("errno")->data, EPERM);
  EXPECT_EQ(parse_action("errno:ENOSYS")->data, ENOSYS);
  EXPECT_EQ(parse_action("errno:38")->data, 38);
  EXPECT_EQ(parse_action("errno:EWOULDBLOCK")->data, EAGAIN);
  EXPECT_EQ(to_string(Action{ActionKind::Errno, EPERM}), "errno:EPERM");
}

TEST(Action, Nonsense) {
  for (const char* text :
       {"", "deny", "errno:", "errno:EFOO", "errno:4096", "errno:-1", "errno: 1", "errno:1x", "allow:1",
        "kill-process:", "trace:65536", "ERRNO", "errno:ENOSYS:1"}) {
    const auto action = parse_action(text);
    ASSERT_FALSE(action) << text;
    EXPECT_EQ(action.error().code, Code::Usage) << text;
    EXPECT_FALSE(action.error().hint.empty()) << text;
  }
}

TEST(Kinds, ReadWhatTheyWrite) {
  for (int i = 0; i <= static_cast<int>(GapKind::LimitedWork); ++i) {
    const auto kind = static_cast<GapKind>(i);
    EXPECT_NE(to_string(kind), "?");
    EXPECT_EQ(gap_kind_from(to_string(kind)), kind);
  }
  for (int i = 0; i <= static_cast<int>(EvidenceKind::Human); ++i) {
    const auto kind = static_cast<EvidenceKind>(i);
    EXPECT_NE(to_string(kind), "?");
    EXPECT_EQ(evidence_kind_from(to_string(kind)), kind);
  }
  EXPECT_FALSE(gap_kind_from("nothing"));
  EXPECT_FALSE(evidence_kind_from(""));
}

TEST(ErrorLine, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(to_line({Code::Io, "what", "where", "hint"}), "where: what (hint)");
  EXPECT_EQ(to_line({Code::Io, "what", "", ""}), "what");
}

TEST(MakeProfile, KeepsWhatTheProgramNeeds) {
  const auto profile = make_profile(analysis_of({use("read"), use("ptrace")}), bare());
  ASSERT_TRUE(profile);
  ASSERT_TRUE(profile->rules.contains("ptrace"));
  EXPECT_EQ(profile->rules.at("ptrace").action.kind, ActionKind::Allow);
  EXPECT_EQ(profile->rules.at("ptrace").sites, 1u);
  EXPECT_EQ(profile->otherwise, (Action{ActionKind::Errno, EPERM}));
  EXPECT_FALSE(profile->rules.contains("execve"));
}

TEST(MakeProfile, EndsAndSignalReturnsAreAlwaysPossible) {
  const auto profile = make_profile(analysis_of({}), bare());
  ASSERT_TRUE(profile);
  for (const char* name : {"exit", "exit_group", "rt_sigreturn"}) {
    ASSERT_TRUE(profile->rules.contains(name)) << name;
    EXPECT_TRUE(has(profile->rules.at(name), EvidenceKind::Kernel)) << name;
  }
  EXPECT_FALSE(profile->rules.contains("restart_syscall"));
}

TEST(MakeProfile, WhoSleepsIsRestarted) {
  for (const char* name : {"nanosleep", "clock_nanosleep", "futex", "poll", "epoll_wait"}) {
    const auto profile = make_profile(analysis_of({use(name)}), bare());
    ASSERT_TRUE(profile);
    ASSERT_TRUE(profile->rules.contains("restart_syscall")) << name;
    const Rule& rule = profile->rules.at("restart_syscall");
    ASSERT_TRUE(has(rule, EvidenceKind::Kernel)) << name;
    EXPECT_EQ(rule.because.front().note, std::string("the kernel resumes an interrupted ") + name + " through it");
  }
}

TEST(MakeProfile, OtherTablesGetTheirOwn) {
  const auto profile = make_profile(analysis_of({use("write"), use("write", "i386")}), bare());
  ASSERT_TRUE(profile);
  const std::vector<std::string> both = {"i386", "x86_64"};
  EXPECT_EQ(profile->rules.at("write").arches, both);
  EXPECT_EQ(profile->rules.at("write").sites, 2u);
  EXPECT_EQ(profile->rules.at("exit_group").arches, both);
  EXPECT_EQ(profile->rules.at("sigreturn").arches, std::vector<std::string>{"i386"});
}

TEST(MakeProfile, AddsTheContainerRuntime) {
  ProfileOptions options;
  const auto runc = make_profile(analysis_of({use("read")}), options);
  ASSERT_TRUE(runc);
  for (const char* name : {"execve", "capset", "setgroups", "setuid", "chdir"}) {
    ASSERT_TRUE(runc->rules.contains(name)) << name;
    EXPECT_TRUE(has(runc->rules.at(name), EvidenceKind::ContainerRuntime)) << name;
  }
  EXPECT_TRUE(has(runc->rules.at("read"), EvidenceKind::CallPath));
  EXPECT_EQ(runc->rules.at("fchown").because.front().note,
            "runc calls it between loading the filter and starting the program (seen with runc 1.1.5)");
  options.no_new_privs = true;
  const auto less = make_profile(analysis_of({use("read")}), options);
  ASSERT_TRUE(less);
  EXPECT_FALSE(less->rules.contains("capset"));
  EXPECT_LT(less->rules.size(), runc->rules.size());
}

TEST(MakeProfile, Edits) {
  ProfileOptions options = bare();
  options.allow = {"bpf", "@debug"};
  options.drop = {"ptrace"};
  const auto profile = make_profile(analysis_of({use("ptrace")}), options);
  ASSERT_TRUE(profile);
  EXPECT_TRUE(has(profile->rules.at("bpf"), EvidenceKind::Human));
  EXPECT_TRUE(profile->rules.contains("perf_event_open"));  // of @debug
  EXPECT_FALSE(profile->rules.contains("ptrace"));
  const std::vector<std::string> said = {"--runtime=none", "--allow=bpf", "--allow=@debug", "--drop=ptrace"};
  EXPECT_EQ(profile->origin.options, said);
}

TEST(MakeProfile, SaysWhatDoesNotExist) {
  ProfileOptions options = bare();
  options.allow = {"ptrac"};
  EXPECT_EQ(to_line(make_profile(analysis_of({}), options).error()),
            "no system call is called 'ptrac' (did you mean ptrace?)");
  options = bare();
  options.drop = {"@debu"};
  EXPECT_EQ(to_line(make_profile(analysis_of({}), options).error()),
            "no system call group is called '@debu' (did you mean @debug?)");
  options = bare();
  options.runtime = "rucn";
  EXPECT_EQ(to_line(make_profile(analysis_of({}), options).error()),
            "no container runtime is called 'rucn' (did you mean runc?)");
  options = bare();
  options.allow = {"arm_fadvise64_64"};  // exists, on another machine
  EXPECT_FALSE(make_profile(analysis_of({}), options));
}

TEST(Syscalls, Related) {
  const std::vector<std::string> allowed = {"fstat",   "newfstatat", "openat",
                                            "openat2", "read",       "rt_sigaction"};
  EXPECT_EQ(related_syscalls("open", allowed), (std::vector<std::string>{"openat", "openat2"}));
  EXPECT_EQ(related_syscalls("sigaction", allowed), std::vector<std::string>{"rt_sigaction"});
  EXPECT_EQ(related_syscalls("opena", allowed), std::vector<std::string>{"openat"});
  EXPECT_TRUE(related_syscalls("mount", allowed).empty());
}

TEST(Syscalls, Numbers) {
  EXPECT_EQ(syscall_name("x86_64", 101), "ptrace");
  EXPECT_EQ(syscall_name("i386", 26), "ptrace");
  EXPECT_EQ(syscall_name("x86_64", 4000000000u), "");
  EXPECT_EQ(syscall_name("pdp11", 1), "");
}

TEST(Nearest, IsNearOrNothing) {
  EXPECT_EQ(nearest("--stric", {"--strict", "--quiet"}), "--strict");
  EXPECT_EQ(nearest("xyzzy", {"profile", "explain"}), "");
  EXPECT_EQ(nearest("", {"profile"}), "");
  EXPECT_EQ(nearest(std::string(100000, 'a'), {"profile"}), "");
}

}  // namespace
}  // namespace stile
