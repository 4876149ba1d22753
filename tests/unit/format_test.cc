// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <gtest/gtest.h>

#include <stile/format.h>

namespace stile {
namespace {

// Something in every field, and text that needs escaping.
Profile full() {
  Profile profile;
  profile.otherwise = {ActionKind::KillProcess, 0};
  Rule rule;
  rule.sites = 3;
  rule.packages = {"golang.org/x/sys/unix", "main"};
  rule.brought_by = {"example.com/\"quoted\"\n\x01"};
  rule.arches = {"i386", "x86_64"};
  rule.because = {
      Evidence{
          EvidenceKind::CallPath,
          "main",
          {Frame{"main.main", "main", "example.com/app@v1", "/src/ä.go", 4294967295u, 0xffffffffffffffff, ""},
           Frame{"sub_401000", "", "", "", 0, 0x401000, "interface table"}},
          ""},
      Evidence{EvidenceKind::ContainerRuntime, "", {}, "runc"},
      Evidence{EvidenceKind::Kernel, "", {}, "k"},
      Evidence{EvidenceKind::Human, "", {}, "h"},
  };
  profile.rules["ptrace"] = rule;
  rule.action = {ActionKind::Errno, ENOSYS};
  rule.cases = {
      {*parse_condition("arg0:32 == 1 && arg1 in {3, 7..9} || arg2 & 0xf0 == 0x10"), {ActionKind::Allow, 0}},
      {*parse_condition("arg3 >= 0x100000000"), {ActionKind::Trap, 9}},
      {Condition::always(), {ActionKind::Notify, 0}}};
  for (Case& one : rule.cases) one.when = *normalise(one.when);
  profile.rules["clone3"] = rule;
  profile.also_arches = {"arm64", "x32"};
  profile.bad_arch = {ActionKind::Trace, 3};
  profile.written_for = "6.1";
  profile.paths = {{"/etc", kPathRead}, {"/tmp/\"x", kPathRead | kPathWrite | kPathExecute}, {"/", 0}};
  profile.gaps = {Gap{GapKind::UnknownNumber, "f", "app", "f.go", 7, 0x402000, "what", "hint"},
                  Gap{GapKind::LimitedWork, "", "", "", 0, 0, "", ""}};
  profile.origin = {"app",    "abc",   "go1.23.4",    {"example.com/app", "v1.2.3"},
                    "static", "0.1.0", {"--allow=x"}, {"libc.so.6"}};
  return profile;
}

std::string why(const char* format, std::string_view text) {
  const auto profile = find_format(format)->read(text, "f.json", {}, nullptr);
  return profile ? "it was read" : to_line(profile.error());
}

TEST(Formats, AreListed) {
  EXPECT_EQ(formats().size(), 11u);
  EXPECT_TRUE(find_format("bpf")->binary);
  EXPECT_EQ(formats()[0]->name, "oci");
  EXPECT_EQ(find_format("nothing"), nullptr);
}

TEST(Native, ReadsWhatItWrites) {
  for (const Profile& profile : {full(), Profile{}}) {
    const auto text = find_format("stile")->write(profile, nullptr);
    ASSERT_TRUE(text);
    const auto back = find_format("stile")->read(*text, "f.json", {}, nullptr);
    ASSERT_TRUE(back) << to_line(back.error());
    EXPECT_EQ(*back, profile);
    EXPECT_EQ(*find_format("stile")->write(*back, nullptr), *text);
  }
}

TEST(Native, NamesThatAreNotUtf8DoNotStopIt) {
  Profile profile = full();
  profile.origin.program = "a\xff\xfe";
  const auto text = find_format("stile")->write(profile, nullptr);
  ASSERT_TRUE(text);
  const auto back = find_format("stile")->read(*text, "f.json", {}, nullptr);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->origin.program, "a\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Native, SaysWhereItIsWrong) {
  const std::string head = R"({"kind":"stile-profile","schema":1,"arch":"x86_64","default_action":"allow",)";
  EXPECT_EQ(why("stile", ""),
            "f.json:1:1: not valid JSON here: unexpected end of input; expected '[', '{', or a literal");
  EXPECT_EQ(why("stile", "{\n \"a\": tru }"), "f.json:2:10: not valid JSON here: invalid literal");
  EXPECT_EQ(why("stile", "[]"), "f.json: must be an object, not array");
  EXPECT_EQ(why("stile", "{}"), "f.json: /kind: missing");
  EXPECT_EQ(why("stile", R"({"kind":"x"})"),
            "f.json: /kind: must be \"stile-profile\" (is it a profile in another format?)");
  EXPECT_EQ(why("stile", R"({"kind":"stile-profile","schema":2})"),
            "f.json: /schema: is 2, and this version reads 1 (use a newer stile)");
  EXPECT_EQ(why("stile", head + R"("syscalls":{"read":{"action":"alow","because":[]}},"gaps":[]})"),
            "f.json: /syscalls/read/action: no action is called 'alow' (one of allow, errno, errno:NAME, "
            "errno:NUMBER, "
            "kill-process, kill-thread, log, trap, trace, notify)");
  EXPECT_EQ(
      why("stile",
          head +
              R"("syscalls":{"read":{"action":"allow","because":[{"kind":"call-path","frames":[{"line":-1}]}]}},"gaps":[]})"),
      "f.json: /syscalls/read/because/0/frames/0/line: must be a whole number from 0 to 4294967295");
  EXPECT_EQ(why("stile", head + R"("syscalls":{},"gaps":[{"kind":"unknown-number","address":"12"}]})"),
            "f.json: /gaps/0/address: must be an address such as \"0x401000\"");
  EXPECT_EQ(why("stile", head + R"("syscalls":{},"gaps":[],"more":1})"), "f.json: /more: unknown field");
  const std::string one = head + R"("gaps":[],"syscalls":{"a":{"action":"allow","because":[],"cases":[)";
  EXPECT_EQ(why("stile", one + R"({"action":"log"}]}}})"), "f.json: /syscalls/a/cases/0/when: missing");
  EXPECT_EQ(why("stile", one + R"({"when":"arg9 == 1","action":"log"}]}}})").substr(0, 36),
            "f.json: /syscalls/a/cases/0/when: a ");
  EXPECT_EQ(why("stile", one + R"({"when":"always","action":"log","x":1}]}}})"),
            "f.json: /syscalls/a/cases/0/x: unknown field");
  EXPECT_EQ(why("stile", head + R"("syscalls":{},"gaps":[],"paths":[{"path":"etc","access":[]}]})"),
            "f.json: /paths/0/path: must start with a slash");
  EXPECT_EQ(why("stile", head + R"("syscalls":{},"gaps":[],"paths":[{"path":"/etc","access":["run"]}]})"),
            "f.json: /paths/0/access/0: must be one of \"read\", \"write\", \"execute\"");
  EXPECT_EQ(why("stile", head + R"("syscalls":{"a":{},"a":{}},"gaps":[]})"),
            "f.json: not valid JSON here: the key \"a\" stands twice in one object");
}

TEST(Native, BoundsItsWork) {
  EXPECT_EQ(why("stile", std::string(100000, '[')), "f.json: not valid JSON here: nested more than 32 deep");
  EXPECT_EQ(why("stile", std::string((16u << 20) + 1, ' ')),
            "f.json: larger than 16 MiB, too large for a profile");
  std::string many = "[0";
  for (int i = 0; i < (1 << 20); ++i) many += ",0";
  EXPECT_EQ(why("stile", many + "]"), "f.json: not valid JSON here: more than 1048576 values");
}

// No prefix and no single changed byte of a good file may do more than fail.
TEST(Native, SurvivesDamage) {
  const std::string text = *find_format("stile")->write(full(), nullptr);
  for (size_t i = 0; i < text.size(); ++i) {
    // All but the last newline is a whole document.
    if (i + 1 < text.size()) {
      EXPECT_NE(why("stile", text.substr(0, i)), "it was read") << i;
    }
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
    why("stile", changed);
    why("oci", changed);
  }
}

TEST(Native, OldFilesHaveDefaults) {
  const auto profile = find_format("stile")->read(
      R"({"kind":"stile-profile","schema":1,"arch":"x86_64","default_action":"errno:EPERM","gaps":[],
          "syscalls":{"read":{"action":"allow","because":[]}}})",
      "f.json", {}, nullptr);
  ASSERT_TRUE(profile) << to_line(profile.error());
  Profile expected;
  expected.rules["read"] = {};
  EXPECT_EQ(*profile, expected);
}

TEST(Formats, AreRecognised) {
  const auto name = [](std::string_view text) {
    const Format* format = recognise_format(text);
    return format == nullptr ? "" : std::string(format->name);
  };
  EXPECT_EQ(name(*find_format("stile")->write(full(), nullptr)), "stile");
  EXPECT_EQ(name(" \n{\"defaultAction\": 1}"), "oci");
  EXPECT_EQ(name("{\"defaultAction\": "), "oci");  // whose reader says what is wrong
  EXPECT_EQ(name("{\"kind\": \"stile-profile\""), "stile");
  EXPECT_EQ(name(std::string_view("\x06\0\0\0\0\0\xff\x7f", 8)), "bpf");  // return allow
  EXPECT_EQ(name(std::string_view("\x07\0\0\0\0\0\xff\x7f", 8)), "");     // validate() refuses it
  for (const char* text : {"", "{", "{}", "[]", "12345678",
                           "\x7f"
                           "ELF"})
    EXPECT_EQ(name(text), "") << text;
}

}  // namespace
}  // namespace stile
