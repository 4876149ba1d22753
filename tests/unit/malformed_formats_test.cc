// SPDX-License-Identifier: Apache-2.0
//
// Files with a mistake in them: one line that says what, where and what to do.
#include <gtest/gtest.h>

#include <stile/format.h>

namespace stile {
namespace {

struct Mistake {
  const char* format;
  const char* text;
  const char* line;
};

class Malformed : public testing::TestWithParam<Mistake> {};

TEST_P(Malformed, IsOneClearLine) {
  const auto profile = find_format(GetParam().format)->read(GetParam().text, "f", {}, nullptr);
  ASSERT_FALSE(profile) << GetParam().text;
  EXPECT_EQ(to_line(profile.error()), GetParam().line);
}

const char* const kHead = "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\n";

INSTANTIATE_TEST_SUITE_P(
    , Malformed,
    testing::Values(
        Mistake{"systemd", "[Service]\nSystemCallFilter=~read:EFROB\n", "f:2:24: no error is called 'EFROB' (a name such as EPERM, a number, or kill)"},
        Mistake{"systemd", "[Service]\nSystemCallErrorNumber=FROB\n", "f:2:23: no error is called 'FROB' (a name such as EPERM, a number, or kill)"},
        Mistake{"systemd", "[Service]\nwhat\n", "f:2:1: 'what' is neither a section nor a setting (a line of a unit file is KEY=VALUE)"},
        Mistake{"systemd", "[Service\n", "f:1:1: the name of a section does not end (])"},
        Mistake{"systemd", "[Service]\nExecStart=/bin/true\n", "f: this unit has no system call filter (SystemCallFilter= in the section [Service])"},
        Mistake{"firejail", "seccomp.keep read,@clocks\n", "f:1:19: firejail has no group of system calls called '@clocks' (did you mean @clock?)"},
        Mistake{"firejail", "seccomp.drop read:EFROB\n", "f:1:19: no error is called 'EFROB' (a name such as ENOSYS, kill or log)"},
        Mistake{"firejail", "seccomp.drop\n", "f:1:1: a list of system calls is missing"},
        Mistake{"firejail", "seccomp.drop $x\n", "f:1:14: '$x' is no number of a system call ($ and a decimal number)"},
        Mistake{"firejail", "seccomp.keep read\nseccomp-error-action FROB\n", "f:2:22: no error action is called 'FROB' (kill, log or a name such as ENOSYS)"},
        Mistake{"minijail", "read: 1\nwrit: 1\n", "f:2:1: x86_64 has no system call called 'writ' (did you mean write?)"},
        Mistake{"minijail", "read\n", "f:1:5: ':' is missing here"},
        Mistake{"minijail", "read: arg0 = 1\n", "f:1:12: '=' is no comparison (==, !=, <, <=, >, >=, & or in)"},
        Mistake{"minijail", "read: arg6 == 1\n", "f:1:7: arguments are arg0 to arg5"},
        Mistake{"minijail", "read: arg0 == FROB\n", "f:1:15: 'FROB' is no constant"},
        Mistake{"minijail", "read: 1\nread: 1\n", "f:2:1: 'read' is settled already, at line 1 (leave one of them out)"},
        Mistake{"minijail", "read: 1 1\n", "f:1:9: more than a statement stands on this line"},
        Mistake{"minijail", "read: frob\n",
                "f:1:7: 'frob' is no action (1, allow, return NUMBER, kill-process, kill-thread, trap, trace, log or user-notify)"},
        Mistake{"minijail", "@default allow\n", "f:1:1: @default must kill, trap or notify (kill-process, kill-thread, kill, trap or user-notify)"},
        Mistake{"minijail", "@frob\n", "f:1:1: '@frob' is no statement (@include, @default, @denylist or @frequency)"},
        Mistake{"kafel", "POLICY p { ALLOW { red } } USE p", "f:1:20: x86_64 has no system call called 'red' (did you mean read?)"},
        Mistake{"kafel", "POLICY p {\n  ALLOW { write { nofd == 1 } } }",
                "f:2:19: no argument of 'write' is called 'nofd' (declare its arguments: write(first, second) { ... })"},
        Mistake{"kafel", "USE p", "f:1:5: no policy 'p' is defined before this"},
        Mistake{"kafel", "ALLOW { read", "f:1:13: ends where '}' is missing"},
        Mistake{"kafel", "ALLOW { write { fd } }", "f:1:20: a comparison is missing here (as in fd == 1)"},
        Mistake{"kafel", "ALLOW { write { fd == count } }", "f:1:20: two arguments are compared: stile compares an argument with a number"},
        Mistake{"kafel", "ERRNO(70000) { read }", "f:1:7: a number from 0 to 65535 is missing here"},
        Mistake{"kafel", "DEFAULT KILL DEFAULT ALLOW", "f:1:14: DEFAULT stands here a second time"},
        Mistake{"kafel", "ALLOW { read } /* x", "f:1:16: the comment does not end"},
        Mistake{"kafel", "ALLOW { read } $", "f:1:16: '$' stands for nothing here"},
        Mistake{"kafel", "ALLOW { read ON pdp11 }", "f:1:17: kafel has no architecture called 'pdp11'"},
        Mistake{"seccompiler", R"({"a":{"mismatch_action":"kil","match_action":"allow","filter":[]}})",
                "f: /a/mismatch_action: no action is called 'kil' (allow, kill_thread, kill_process, log, trap, user_notif, {\"errno\": NUMBER} or {\"trace\": "
                "NUMBER})"},
        Mistake{"seccompiler", R"({"a":{"mismatch_action":"log","match_action":"allow","filter":[{"syscall":"red"}]}})",
                "f: /a/filter/0/syscall: x86_64 has no system call called 'red' (did you mean read?)"},
        Mistake{"seccompiler", R"({"a":{"mismatch_action":"allow","match_action":"allow","filter":[]}})",
                "f: /a/match_action: is the mismatch_action too: seccompiler refuses that"},
        Mistake{"seccompiler", R"({"a":{"mismatch_action":"log","match_action":"allow","filter":[{"syscall":"read","args":[{"index":6}]}]}})",
                "f: /a/filter/0/args/0/index: must be a whole number from 0 to 5"},
        Mistake{"spo", "kind: SeccompProfile\nspec: [\n", "f:3:1: not valid YAML here: did not find expected node content"},
        Mistake{"spo", "apiVersion: v1\nkind: SeccompProfile\nspec: {}\n",
                "f:1:13: /apiVersion: must be security-profiles-operator.x-k8s.io/v1 or v1beta1, not 'v1'"},
        Mistake{"spo", "a: &x 1\n", "f:1:4: anchors and tags are not read"},
        Mistake{"spo", "a: 1\na: 2\n", "f:2:1: the key \"a\" stands twice in one mapping"},
        Mistake{"spo", "a: 1\n---\nb: 2\n", "f:2:1: holds more than one document (one profile a file)"}));

TEST(MalformedSpo, NamesTheLineOfTheField) {
  const std::string text = std::string(kHead) + "spec:\n  defaultAction: SCMP_ACT_ERRNO\n  syscalls:\n  - action: SCMP_ACT_ALOW\n    names: [read]\n";
  const auto profile = find_format("spo")->read(text, "f", {}, nullptr);
  ASSERT_FALSE(profile);
  EXPECT_EQ(to_line(profile.error()).substr(0, 40), "f:6:13: /spec/syscalls/0/action: no acti");
}

// Neither depth nor repetition makes a small file a large one.
TEST(MalformedFormats, BoundTheirWork) {
  const auto why = [](const char* format, const std::string& text) {
    const auto profile = find_format(format)->read(text, "f", {}, nullptr);
    return profile ? std::string("it was read") : to_line(profile.error());
  };
  EXPECT_NE(why("kafel", "ALLOW { write { " + std::string(100000, '(')).find("more than 200 deep"), std::string::npos);
  EXPECT_NE(why("kafel", "ALLOW { write { " + std::string(100000, '!')).find("more than 200 deep"), std::string::npos);
  std::string uses = "POLICY p0 { ALLOW { read } }\n";
  for (int i = 1; i < 40; ++i)
    uses += "POLICY p" + std::to_string(i) + " { USE p" + std::to_string(i - 1) + ", USE p" + std::to_string(i - 1) + " }\n";
  EXPECT_NE(why("kafel", uses + "USE p39").find("more than 131072 rules"), std::string::npos);
  std::string chain = "POLICY p0 { }\n";
  for (int i = 1; i < 1000; ++i) chain += "POLICY p" + std::to_string(i) + " { USE p" + std::to_string(i - 1) + " }\n";
  EXPECT_NE(why("kafel", chain + "USE p999").find("more than 128 deep"), std::string::npos);
  EXPECT_NE(why("minijail", "read: arg0 == " + std::string(1000, '(')).find("more than 16 deep"), std::string::npos);
  EXPECT_NE(why("spo", "a: " + std::string(100, '[')).find("nested more than 32 deep"), std::string::npos);
  for (const char* format : {"systemd", "firejail", "minijail", "kafel", "spo"})
    EXPECT_NE(why(format, std::string((16u << 20) + 1, '\n')).find("too large for a profile"), std::string::npos) << format;
}

}  // namespace
}  // namespace stile
