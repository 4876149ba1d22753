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
  profile.rules["clone3"] = rule;
  profile.gaps = {Gap{GapKind::UnknownNumber, "f", "app", "f.go", 7, 0x402000, "what", "hint"},
                  Gap{GapKind::LimitedWork, "", "", "", 0, 0, "", ""}};
  profile.origin = {"app",    "abc",   "go1.23.4",    {"example.com/app", "v1.2.3"},
                    "static", "0.1.0", {"--allow=x"}, {"libc.so.6"}};
  return profile;
}

std::string why(const char* format, std::string_view text) {
  const auto profile = find_format(format)->read(text, "f.json");
  return profile ? "it was read" : to_line(profile.error());
}

TEST(Formats, AreListed) {
  EXPECT_EQ(formats().size(), 2u);
  EXPECT_EQ(formats()[0]->name, "oci");
  EXPECT_EQ(find_format("nothing"), nullptr);
}

TEST(Native, ReadsWhatItWrites) {
  for (const Profile& profile : {full(), Profile{}}) {
    const auto text = find_format("stile")->write(profile);
    ASSERT_TRUE(text);
    const auto back = find_format("stile")->read(*text, "f.json");
    ASSERT_TRUE(back) << to_line(back.error());
    EXPECT_EQ(*back, profile);
    EXPECT_EQ(*find_format("stile")->write(*back), *text);
  }
}

TEST(Native, NamesThatAreNotUtf8DoNotStopIt) {
  Profile profile = full();
  profile.origin.program = "a\xff\xfe";
  const auto text = find_format("stile")->write(profile);
  ASSERT_TRUE(text);
  const auto back = find_format("stile")->read(*text, "f.json");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->origin.program, "a\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Native, SaysWhereItIsWrong) {
  const std::string head = R"({"kind":"stile-profile","schema":1,"arch":"x86_64","default_action":"allow",)";
  EXPECT_EQ(why("stile", ""),
            "f.json:1:1: not valid JSON here: unexpected end of input; expected '[', '{', or a literal");
  EXPECT_EQ(why("stile", "{\n \"a\": tru }"), "f.json:2:10: not valid JSON here: invalid literal");
  EXPECT_EQ(why("stile", "[]"), "f.json: must be an object, not array");
  EXPECT_EQ(why("stile", "{}"), "f.json: kind: missing");
  EXPECT_EQ(why("stile", R"({"kind":"x"})"),
            "f.json: kind: must be \"stile-profile\" (is it a profile in another format?)");
  EXPECT_EQ(why("stile", R"({"kind":"stile-profile","schema":2})"),
            "f.json: schema: is 2, and this version reads 1 (use a newer stile)");
  EXPECT_EQ(why("stile", head + R"("syscalls":{"read":{"action":"alow","because":[]}},"gaps":[]})"),
            "f.json: syscalls.read.action: no action is called 'alow' (one of allow, errno, errno:NAME, "
            "errno:NUMBER, "
            "kill-process, kill-thread, log, trap, trace)");
  EXPECT_EQ(
      why("stile",
          head +
              R"("syscalls":{"read":{"action":"allow","because":[{"kind":"call-path","frames":[{"line":-1}]}]}},"gaps":[]})"),
      "f.json: syscalls.read.because[0].frames[0].line: must be a whole number from 0 to 4294967295");
  EXPECT_EQ(why("stile", head + R"("syscalls":{},"gaps":[{"kind":"unknown-number","address":"12"}]})"),
            "f.json: gaps[0].address: must be an address such as \"0x401000\"");
  EXPECT_EQ(why("stile", head + R"("syscalls":{},"gaps":[],"more":1})"), "f.json: more: unknown field");
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
  const std::string text = *find_format("stile")->write(full());
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

Profile small(Action otherwise) {
  Profile profile;
  profile.otherwise = otherwise;
  for (const char* name : {"write", "read"}) profile.rules[name].arches = {"x86_64"};
  return profile;
}

TEST(Oci, IsWrittenLikeThis) {
  EXPECT_EQ(*find_format("oci")->write(small({ActionKind::Errno, EPERM})), R"({
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
        "clone3"
      ],
      "action": "SCMP_ACT_ERRNO",
      "errnoRet": 38
    }
  ]
}
)");
}

TEST(Oci, Clone3IsRefusedWithEnosysWhereThatIsNeeded) {
  const auto mentions = [](const Profile& profile) {
    return find_format("oci")->write(profile)->find("clone3") != std::string::npos;
  };
  EXPECT_TRUE(mentions(small({ActionKind::KillProcess, 0})));
  EXPECT_TRUE(mentions(small({ActionKind::KillThread, 0})));
  EXPECT_TRUE(mentions(small({ActionKind::Trap, 0})));
  EXPECT_FALSE(mentions(small({ActionKind::Errno, ENOSYS})));
  EXPECT_FALSE(mentions(small({ActionKind::Log, 0})));
  EXPECT_FALSE(mentions(small({ActionKind::Allow, 0})));
  Profile with = small({ActionKind::Errno, EPERM});
  with.rules["clone3"].arches = {"x86_64"};
  EXPECT_EQ(find_format("oci")->write(with)->find("errnoRet"), std::string::npos);
}

TEST(Oci, NamesTheTablesInUse) {
  Profile profile = small({ActionKind::KillProcess, 0});
  profile.rules["read"].arches = {"i386", "x86_64"};
  const std::string text = *find_format("oci")->write(profile);
  EXPECT_NE(text.find("\"SCMP_ARCH_X86_64\",\n    \"SCMP_ARCH_X86\""), std::string::npos) << text;
  profile.rules["read"].arches = {"pdp11"};
  EXPECT_FALSE(find_format("oci")->write(profile));
}

TEST(Oci, ReadsWhatItWrites) {
  Profile profile = small({ActionKind::Trap, 0});
  profile.rules["clone3"].action = {ActionKind::Errno, ENOSYS};
  profile.rules["read"].action = {ActionKind::Trace, 7};
  profile.rules["mount"].action = {ActionKind::Log, 0};
  const std::string text = *find_format("oci")->write(profile);
  const auto back = find_format("oci")->read(text, "f.json");
  ASSERT_TRUE(back) << to_line(back.error());
  EXPECT_EQ(back->otherwise, profile.otherwise);
  ASSERT_EQ(back->rules.size(), profile.rules.size());
  for (const auto& [name, rule] : profile.rules) EXPECT_EQ(back->rules.at(name).action, rule.action) << name;
  EXPECT_EQ(*find_format("oci")->write(*back), text);
}

TEST(Oci, ReadsWhatOthersWrite) {
  const auto profile = find_format("oci")->read(
      R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],
          "flags":["SECCOMP_FILTER_FLAG_LOG"],
          "syscalls":[{"names":["read","read"],"action":"SCMP_ACT_ALLOW","args":[]},
                      {"names":["kill"],"action":"SCMP_ACT_KILL","args":null}]})",
      "f.json");
  ASSERT_TRUE(profile) << to_line(profile.error());
  EXPECT_EQ(profile->otherwise, (Action{ActionKind::Errno, EPERM}));
  EXPECT_EQ(profile->arch, "x86_64");
  EXPECT_EQ(profile->rules.at("kill").action.kind, ActionKind::KillThread);
}

TEST(Oci, SaysWhereItIsWrong) {
  EXPECT_EQ(why("oci", "{}"), "f.json: defaultAction: missing");
  EXPECT_EQ(why("oci", R"({"defaultAction":"SCMP_ACT_ALOW"})"),
            "f.json: defaultAction: no action is called 'SCMP_ACT_ALOW' (they start with SCMP_ACT_)");
  EXPECT_EQ(why("oci", R"({"defaultAction":"SCMP_ACT_NOTIFY"})"),
            "f.json: defaultAction: SCMP_ACT_NOTIFY is not supported yet");
  EXPECT_EQ(why("oci", R"({"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1})"),
            "f.json: defaultErrnoRet: SCMP_ACT_ALLOW takes none");
  EXPECT_EQ(
      why("oci", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_LOG"}]})"),
      "f.json: syscalls[0].names: must hold at least one name");
  EXPECT_EQ(
      why("oci",
          R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a",1],"action":"SCMP_ACT_LOG"}]})"),
      "f.json: syscalls[0].names[1]: must be a string, not number");
  EXPECT_EQ(
      why("oci",
          R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":5000}]})"),
      "f.json: syscalls[0].errnoRet: must be a whole number from 0 to 4095");
  EXPECT_EQ(
      why("oci",
          R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","args":[{"index":0}]}]})"),
      "f.json: syscalls[0].args: is not supported yet: leaving it out would change what is allowed (only "
      "plain OCI "
      "rules without argument conditions can be read)");
  EXPECT_EQ(why("oci", R"({"defaultAction":"SCMP_ACT_ALLOW","archMap":[{}]})").substr(0, 34),
            "f.json: archMap: is not supported ");
  EXPECT_EQ(why("oci", R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["X"]})"),
            "f.json: architectures[0]: no architecture is called 'X' (they start with SCMP_ARCH_)");
  EXPECT_EQ(
      why("oci",
          R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG"},{"names":["a"],"action":"SCMP_ACT_TRAP"}]})"),
      "f.json: syscalls[1].names: 'a' has another action further up");
}

}  // namespace
}  // namespace stile
