// SPDX-License-Identifier: Apache-2.0
//
// Each check has a profile that triggers it and one that nearly does.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <set>
#include <sstream>

#include <stile/edit.h>
#include <stile/filter.h>
#include <stile/format.h>
#include <stile/lint.h>
#include <stile/syscalls.h>

#include "format/json_places.h"

namespace stile {
namespace {

std::vector<Finding> findings_of(const std::string& text, const std::string& kernel = "6.1") {
  const Format* format = recognise_format(text);
  EXPECT_NE(format, nullptr) << text;
  if (format == nullptr) return {};
  LintInput input;
  input.context.kernel = kernel;
  input.format = format->name;
  auto profile = format->read(text, "p.json", input.context, &input.warnings);
  EXPECT_TRUE(profile) << to_line(profile.error());
  if (!profile) return {};
  input.profile = &*profile;
  input.text = text;
  auto found = lint(input);
  EXPECT_TRUE(found) << to_line(found.error());
  return found.value_or(std::vector<Finding>());
}

std::vector<Finding> findings_of(const Profile& profile) {
  const auto text = find_format("stile")->write(profile, nullptr);
  EXPECT_TRUE(text) << to_line(text.error());
  return findings_of(*text);
}

std::vector<Finding> findings_of(const Program& program) {
  LintInput input;
  input.format = "bpf";
  input.program = program;
  auto profile = lift(program);
  if (profile) input.profile = &*profile;
  return *lint(input);
}

const Finding* find(const std::vector<Finding>& findings, const std::string& check) {
  for (const Finding& one : findings) {
    if (one.check == check) return &one;
  }
  return nullptr;
}

std::string said(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& one : findings) text += one.check + " at " + one.place + ": " + one.message + "\n";
  return text;
}

// A list that nothing is wrong with, and more.
constexpr const char* kSound =
    "rt_sigreturn exit exit_group restart_syscall execve futex clock_gettime read write";
std::string oci(const std::string& names, const std::string& entries = "",
                const std::string& top = R"("defaultAction":"SCMP_ACT_ERRNO")") {
  std::string list;
  std::istringstream in(names);
  for (std::string name; in >> name;) list += (list.empty() ? "\"" : ",\"") + name + "\"";
  return "{" + top + ",\"syscalls\":[{\"names\":[" + list + "],\"action\":\"SCMP_ACT_ALLOW\"}" +
         (entries.empty() ? "" : ",") + entries + "]}";
}
std::string sound(const std::string& more = "", const std::string& entries = "",
                  const std::string& top = R"("defaultAction":"SCMP_ACT_ERRNO")") {
  return oci(std::string(kSound) + " " + more, entries, top);
}
std::string entry(const std::string& name, const std::string& args = "", const std::string& action = "ALLOW",
                  const std::string& more = "") {
  return R"({"names":[")" + name + R"("],"action":"SCMP_ACT_)" + action + "\"" +
         (args.empty() ? "" : ",\"args\":[" + args + "]") + more + "}";
}
std::string arg(int index, const std::string& op, uint64_t value, uint64_t two = 0) {
  return R"({"index":)" + std::to_string(index) + ",\"value\":" + std::to_string(value) +
         ",\"valueTwo\":" + std::to_string(two) + R"(,"op":"SCMP_CMP_)" + op + "\"}";
}

struct Pair {
  const char* check;
  std::string triggers, nearly;
  std::string kernel = "6.1";
};

Profile made(std::initializer_list<std::string_view> calls) {
  auto built = Policy(errno_action(1)).allow(calls).allow({"rt_sigreturn", "exit", "exit_group"}).build();
  EXPECT_TRUE(built);
  return *built;
}

std::string native(Profile profile) {
  return *find_format("stile")->write(profile, nullptr);
}

std::string general(const std::string& more) {
  std::ifstream in(std::string(STILE_SOURCE_DIR) + "/tests/fixtures/profiles/docker-default.json");
  std::stringstream text;
  text << in.rdbuf();
  std::string all = text.str();
  const size_t at = all.find("\"accept\",");
  EXPECT_NE(at, std::string::npos);
  return all.insert(at, more);
}

// docker's list without the calls of the last years but the newest.
std::string lonely_newcomer() {
  const std::string text = general("");
  const auto profile = find_format("oci")->read(text, "p.json", {}, nullptr);
  EXPECT_TRUE(profile);
  Edits edits;
  const auto table = syscall_table("x86_64");
  EXPECT_TRUE(table);
  for (const SyscallInfo& call : *table) {
    if (call.number > 440 && profile->rules.contains(call.name)) edits.drop.push_back(call.name);
  }
  EXPECT_GT(edits.drop.size(), 5u);
  edits.drop.pop_back();
  const auto edited = edit_text(*find_format("oci"), text, "p.json", edits, {});
  EXPECT_TRUE(edited) << to_line(edited.error());
  return *edited;
}

std::vector<Pair> pairs() {
  const std::string errno_default = R"("defaultAction":"SCMP_ACT_ERRNO")";
  const std::string both = errno_default + R"(,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"])";
  const std::string native_only = errno_default + R"(,"architectures":["SCMP_ARCH_X86_64"])";
  const std::string by_log = R"("defaultAction":"SCMP_ACT_LOG")";

  Profile bad_arch = made({"read"}), foreign = bad_arch;
  bad_arch.bad_arch = allow_action();
  Profile x32 = made({"read"});
  x32.also_arches = {"x32"};
  Profile x32_open = x32;
  x32_open.rules["mount"] = {allow_action(), {}, 0, {}, {}, {"x32"}, {{EvidenceKind::Human, {}, {}, "x"}}};
  Profile covered = made({"read"}), apart = covered;
  covered.rules["socket"] = {errno_action(1),
                             {{arg32(0) <= 5, allow_action()}, {arg32(0) == 3, kill_process()}},
                             0,
                             {},
                             {},
                             {"x86_64"},
                             {{EvidenceKind::Human, {}, {}, "x"}}};
  apart.rules["socket"] = covered.rules["socket"];
  apart.rules["socket"].cases[1].when = arg32(0) == 6;
  Profile s390 = made({"read"});
  s390.arch = "s390x";
  for (auto& [name, rule] : s390.rules) rule.arches = {"s390x"};
  Profile s390_right = s390;
  s390.rules["clone"] = {errno_action(1),
                         {{stile::arg(0).masked(0x7e020000) == 0, allow_action()}},
                         0,
                         {},
                         {},
                         {"s390x"},
                         {{EvidenceKind::Human, {}, {}, "x"}}};
  s390_right.rules["clone"] = {errno_action(1),
                               {{stile::arg(1).masked(0x7e020000) == 0, allow_action()}},
                               0,
                               {},
                               {},
                               {"s390x"},
                               {{EvidenceKind::Human, {}, {}, "x"}}};
  const auto conditional = [&](const char* call, const Condition& when) {
    Profile profile = made({"read"});
    profile.rules[call] = {errno_action(1),
                           {{when, allow_action()}},
                           0,
                           {},
                           {},
                           {"x86_64"},
                           {{EvidenceKind::Human, {}, {}, "x"}}};
    return native(profile);
  };
  // Every second value of an argument: no range to save instructions with.
  Profile long_one = made({"read"});
  {
    std::vector<uint64_t> values;
    for (uint64_t i = 0; i < 1500; ++i) values.push_back(i * 0x100000003);
    long_one.rules["socket"] = {errno_action(1), {{stile::arg(0).in(values), allow_action()}}, 0, {}, {},
                                {"x86_64"},      {{EvidenceKind::Human, {}, {}, "x"}}};
  }

  return {
      {"arch-unchecked", native(bad_arch), native(foreign)},
      {"x32-gap", native(x32_open), native(x32)},
      {"extra-table", sound("", "", both), sound("", "", native_only)},
      {"denylist", sound("", "", by_log), sound()},
      {"twin-gap", sound("openat", entry("open", arg(1, "EQ", 0))),
       sound("", entry("open", arg(1, "EQ", 0)))},
      {"clone3-eperm", sound("clone"), sound("clone", entry("clone3", "", "ERRNO", R"(,"errnoRet":38)"))},
      {"pointer-argument", sound("", entry("openat", arg(1, "EQ", 4096))),
       sound("", entry("openat", arg(1, "EQ", 0)))},
      {"fallback-errno",
       [&] {
         std::string text = general("");
         text.erase(text.find("\"faccessat2\","), 13);
         return text;
       }(),
       general("")},
      {"enosys-line", lonely_newcomer(), general("")},
      {"io-uring", sound("io_uring_setup"), sound("io_uring_enter")},
      {"restart-syscall", oci("rt_sigreturn exit exit_group execve futex"),
       oci("rt_sigreturn exit exit_group execve read")},
      {"cannot-end", oci("execve exit exit_group read"), sound()},
      {"vdso-fallback", oci("rt_sigreturn exit exit_group execve gettimeofday"),
       oci("rt_sigreturn exit exit_group execve read")},
      {"vdso-rule", sound("", entry("getcpu", "", "ERRNO", R"(,"errnoRet":22)")), sound("getcpu")},
      {"ptrace-bypass", sound("ptrace"), sound(), "4.7"},
      {"needs-supervisor", sound("", entry("ptrace", "", "TRACE")), sound("ptrace")},
      {"kill-thread",
       sound("clone", entry("clone3", "", "ERRNO", R"(,"errnoRet":38)"),
             R"("defaultAction":"SCMP_ACT_KILL")"),
       sound("clone", entry("clone3", "", "ERRNO", R"(,"errnoRet":38)"),
             R"("defaultAction":"SCMP_ACT_KILL_PROCESS")")},
      {"same-argument-twice", sound("", entry("socket", arg(0, "GE", 1) + "," + arg(0, "LE", 2))),
       sound("", entry("socket", arg(0, "GE", 1) + "," + arg(1, "LE", 2)))},
      {"sign-of-argument", sound("", entry("openat", arg(0, "EQ", 0xffffff9c))),
       sound("", entry("openat", arg(0, "EQ", 0x7fffff9c)))},
      {"half-of-argument", conditional("prctl", arg32(1) == 5), conditional("prctl", stile::arg(1) == 5)},
      {"multiplexer", sound("socketcall", entry("socket", arg(0, "EQ", 1)), both),
       sound("socketcall socket", "", both)},
      {"s390-clone", native(s390), native(s390_right)},
      {"unknown-name", sound("opennat"), sound("open")},
      {"foreign-name", sound("socketcall", "", native_only), sound("socketcall", "", both)},
      {"duplicate", sound("", entry("read")), sound("", entry("readv"))},
      {"void-condition", sound("", entry("read", arg(0, "EQ", 0))),
       sound("", entry("readv", arg(0, "EQ", 0)))},
      {"unreachable", native(covered), native(apart)},
      {"same-as-default", sound("", entry("mount", "", "ERRNO", R"(,"errnoRet":1)")),
       sound("", entry("mount", "", "ERRNO", R"(,"errnoRet":13)"))},
      {"too-long", native(long_one), native(made({"read"}))},
      {"no-execve", oci("rt_sigreturn exit exit_group read"),
       oci("rt_sigreturn exit exit_group read execveat")},
      {"docker-fields", sound("", entry("mount", "", "ALLOW", R"(,"includes":{"caps":["CAP_SYS_ADMIN"]})")),
       sound("", entry("mount", "", "ALLOW", R"(,"includes":{})"))},
      {"wide-comparison", sound("", entry("socket", arg(0, "LT", 3))),
       sound("", entry("socket", arg(0, "EQ", 3)))},
      {"shell-risk", general(""),
       [&] {
         std::string text = general("");
         text.erase(text.find("\"memfd_create\","), 15);
         return text;
       }()},
      {"tiocsti", sound("", entry("ioctl", arg(1, "NE", 0x5412))),
       sound("", entry("ioctl", arg(1, "MASKED_EQ", 0xffffffff, 0x5401)))},
      {"reader", sound("", entry("mount", "", "ALLOW", R"(,"includes":{"caps":["CAP_SYS_ADMINN"]})")),
       sound("", entry("mount", "", "ALLOW", R"(,"includes":{"caps":["CAP_SYS_ADMIN"]})"))},
  };
}

TEST(Lint, EachCheckHasAProfileThatTriggersItAndOneThatNearlyDoes) {
  std::set<std::string> covered;
  for (const Pair& pair : pairs()) {
    covered.insert(pair.check);
    const auto bad = findings_of(pair.triggers, pair.kernel), good = findings_of(pair.nearly, pair.kernel);
    const Finding* found = find(bad, pair.check);
    EXPECT_NE(found, nullptr) << pair.check << " does not see it; it says\n" << said(bad);
    if (found != nullptr) {
      EXPECT_FALSE(found->message.empty());
    }
    EXPECT_EQ(find(good, pair.check), nullptr) << pair.check << " sees what is not there\n" << said(good);
  }
  for (const CheckInfo& check : lint_checks()) {
    EXPECT_TRUE(covered.contains(std::string(check.id))) << check.id << " has no profiles here";
    EXPECT_FALSE(check.why.empty());
  }
}

TEST(Lint, ASoundProfileHasNothingWrong) {
  EXPECT_EQ(said(findings_of(sound())), "");
}

TEST(Lint, PtraceIsNoBypassOnNewerKernels) {
  EXPECT_EQ(find(findings_of(sound("ptrace"), "4.8"), "ptrace-bypass"), nullptr);
  EXPECT_NE(find(findings_of(sound("ptrace"), "4.7"), "ptrace-bypass"), nullptr);
  EXPECT_NE(find(findings_of(sound("ptrace"), "3.10.0-1160"), "ptrace-bypass"), nullptr);
}

TEST(Lint, TiocstiBehindUpperBits) {
  const auto found = findings_of(sound("", entry("ioctl", arg(1, "NE", 0x5412))));
  const Finding* one = find(found, "tiocsti");
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->severity, Severity::Warning);
  EXPECT_NE(one->message.find("0x100005412"), std::string::npos) << one->message;
}

// Raw programs are judged by what they do.
TEST(Lint, Programs) {
  // ld nr; jeq mount -> EPERM; allow: looks at numbers alone.
  const Program careless = {
      {0x20, 0, 0, 0}, {0x15, 0, 1, 165}, {0x06, 0, 0, 0x00050001}, {0x06, 0, 0, 0x7fff0000}};
  ASSERT_TRUE(validate(careless));
  const auto found = findings_of(careless);
  EXPECT_NE(find(found, "arch-unchecked"), nullptr) << said(found);
  EXPECT_NE(find(found, "x32-gap"), nullptr) << said(found);
  const auto compiled = compile(made({"read", "write"}));
  ASSERT_TRUE(compiled);
  const auto fine = findings_of(*compiled);
  EXPECT_EQ(find(fine, "arch-unchecked"), nullptr) << said(fine);
  EXPECT_EQ(find(fine, "x32-gap"), nullptr) << said(fine);
}

TEST(Lint, KnowsPlacesAndLines) {
  const std::string text =
      "{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\",\n  \"syscalls\": [\n    {\n      \"names\": [\n        "
      "\"read\",\n"
      "        \"opennat\"\n      ],\n      \"action\": \"SCMP_ACT_ALLOW\"\n    }\n  ]\n}\n";
  const auto found = findings_of(text);
  const Finding* one = find(found, "unknown-name");
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->place, "/syscalls/0/names/1");
  EXPECT_EQ(one->line, 7u);
  EXPECT_EQ(one->remedy, "did you mean openat?");
  const auto lines = format::json_lines(text);
  EXPECT_EQ(lines.at("/defaultAction"), 2u);
  EXPECT_EQ(lines.at("/syscalls"), 3u);
  EXPECT_EQ(lines.at("/syscalls/0/action"), 9u);
  // Whatever is no JSON ends somewhere.
  for (const char* bad : {"", "{", "[1,", "{\"a\"", "{\"a\":[[[", "\"abc\\", "]"}) format::json_lines(bad);
  format::json_lines(std::string(100000, '['));
}

TEST(Lint, DockersDefaultInTime) {
  const std::string text = general("");
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto found = findings_of(text);
    best = std::min(
        best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    EXPECT_NE(find(found, "multiplexer"), nullptr);
    for (const Finding& one : found) EXPECT_NE(one.severity, Severity::Error) << one.message;
  }
  RecordProperty("milliseconds", std::to_string(best));
#if !defined(__SANITIZE_ADDRESS__) && defined(__OPTIMIZE__)
  EXPECT_LT(best, 20.0);
#endif
}

TEST(Lint, AProfileThatStileMadeHasNothingWrong) {
  // What the tests' program list needs is checked with the binaries in tests/golden; here the shape that
  // stile profile gives.
  Profile profile = made({"read", "write", "openat", "execve", "futex", "clone", "clock_gettime",
                          "restart_syscall", "ptrace", "ioctl", "mmap", "mprotect"});
  profile.rules["clone3"] = {
      errno_action(38), {}, 0, {}, {}, {"x86_64"}, {{EvidenceKind::Kernel, {}, {}, "x"}}};
  EXPECT_EQ(said(findings_of(profile)), "");
  const auto text = find_format("oci")->write(profile, nullptr);
  ASSERT_TRUE(text);
  EXPECT_EQ(said(findings_of(*text)), "");
}

}  // namespace
}  // namespace stile
