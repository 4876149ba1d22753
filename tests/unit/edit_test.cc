// SPDX-License-Identifier: Apache-2.0
//
// Edits of profiles, and of documents that people keep: what was not meant stays to the letter.
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include <stile/diff.h>
#include <stile/edit.h>
#include <stile/filter.h>
#include <stile/format.h>

namespace stile {
namespace {

std::string fixture(const std::string& name) {
  std::ifstream in(std::string(STILE_SOURCE_DIR) + "/tests/fixtures/profiles/" + name);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Lines of `text` that `other` has not, in order; both read from the top.
std::vector<std::string> lost_lines(const std::string& text, const std::string& other) {
  const std::vector<std::string> mine = lines_of(text), theirs = lines_of(other);
  std::vector<std::string> lost;
  size_t j = 0;
  for (const std::string& line : mine) {
    const auto found = std::find(theirs.begin() + static_cast<ptrdiff_t>(j), theirs.end(), line);
    if (found == theirs.end()) {
      lost.push_back(line);
    } else {
      j = static_cast<size_t>(found - theirs.begin()) + 1;
    }
  }
  return lost;
}

Setting setting(const std::string& text) {
  const auto read = parse_setting(text);
  EXPECT_TRUE(read) << to_line(read.error());
  return read.value_or(Setting{});
}

Result<std::string> edited(const std::string& text, const Edits& edits,
                           std::vector<std::string>* notes = nullptr) {
  const Format* format = recognise_format(text);
  EXPECT_NE(format, nullptr);
  return edit_text(*format, text, "p.json", edits, {}, notes);
}

Action answer(const std::string& text, const std::string& call, const ReadContext& context = {}) {
  const Format* format = recognise_format(text);
  const auto profile = format->read(text, "p.json", context, nullptr);
  EXPECT_TRUE(profile) << to_line(profile.error());
  const auto event = parse_event(call, context.arch);
  EXPECT_TRUE(event) << to_line(event.error());
  return decide(*profile, *event);
}

const Action kAllow = allow_action();
const Action kEperm = errno_action(EPERM);

TEST(Edit, NothingToDoIsTheSameBytes) {
  for (const char* name : {"docker-default.json", "docker-20.10-default.json", "podman-seccomp.json",
                           "podman-4.3-seccomp.json"}) {
    const std::string text = fixture(name);
    EXPECT_EQ(*edited(text, {}), text) << name;
    Edits edits;
    edits.allow = {"read", "write"};  // they are
    EXPECT_EQ(*edited(text, edits), text) << name;
    edits = {};
    edits.drop = {"kexec_file_load"};
    const std::string without = *edited(text, edits);
    EXPECT_TRUE(lost_lines(without, text).empty()) << name;
  }
}

// docker's default profile without socket, bind and listen: the lines that name them go, no other line
// changes.
TEST(Edit, DockersDefaultWithoutListeningSockets) {
  const std::string text = fixture("docker-default.json");
  Edits edits;
  edits.drop = {"socket", "bind", "listen"};
  std::vector<std::string> notes;
  const auto out = edited(text, edits, &notes);
  ASSERT_TRUE(out) << to_line(out.error());
  EXPECT_TRUE(lost_lines(*out, text).empty());
  // Two names, and three entries of thirteen lines for socket.
  EXPECT_EQ(lines_of(text).size() - lines_of(*out).size(), 2u + 3 * 13);
  EXPECT_NE(out->find("\"comment\": \"s390 parameter ordering for clone is different\""), std::string::npos);
  for (const char* call : {"socket(1)", "bind", "listen"}) {
    EXPECT_EQ(answer(text, call), kAllow) << call;
    EXPECT_EQ(answer(*out, call), kEperm) << call;
  }
  EXPECT_EQ(answer(*out, "connect"), kAllow);
  EXPECT_EQ(answer(*out, "clone3"), errno_action(ENOSYS));
  // 32-bit programs have another way.
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("socketcall"), std::string::npos);
}

TEST(Edit, SomeCallsInEachProfileChangeNoOther) {
  for (const char* name : {"docker-default.json", "podman-seccomp.json"}) {
    const std::string text = fixture(name);
    const Format* format = recognise_format(text);
    const auto before = format->read(text, name, {}, nullptr);
    ASSERT_TRUE(before);
    size_t i = 0;
    for (const auto& [call, rule] : before->rules) {
      if (i++ % 17 != 0) continue;
      Edits edits;
      edits.set = {setting(call + "=errno:EACCES")};
      const auto out = edited(text, edits);
      ASSERT_TRUE(out) << call << ": " << to_line(out.error());
      const auto after = format->read(*out, name, {}, nullptr);
      ASSERT_TRUE(after);
      const auto changed = diff(*before, *after);
      ASSERT_TRUE(changed);
      for (const Difference& one : changed->calls) {
        // libseccomp makes rules for the multiplexers out of those for the calls behind them.
        if (one.call == "socketcall" || one.call == "ipc") continue;
        EXPECT_EQ(one.call, call);
        for (const Region& region : one.regions) EXPECT_EQ(region.after, errno_action(EACCES));
      }
      EXPECT_EQ(decide(*after, *parse_event(call, rule.arches.at(0))), errno_action(EACCES)) << call;
    }
  }
}

TEST(Edit, SetsConditionsInDocuments) {
  const std::string text = fixture("docker-default.json");
  Edits edits;
  edits.set = {setting("socket=errno:EACCES if arg0:32 == AF_UNIX && arg1:32 in {1..5}"),
               setting("socket=allow if arg0:32 <= 2")};
  const auto out = edited(text, edits);
  ASSERT_TRUE(out) << to_line(out.error());
  EXPECT_EQ(answer(*out, "socket(1, 3)"), errno_action(EACCES));
  EXPECT_EQ(answer(*out, "socket(1, 6)"), kAllow);
  EXPECT_EQ(answer(*out, "socket(2, 3)"), kAllow);
  EXPECT_EQ(answer(*out, "socket(3, 3)"), kEperm);
  EXPECT_EQ(answer(*out, "socket(0x100000002)"), kAllow);  // 32 bits count
}

TEST(Edit, AllowAndDefaultInDocuments) {
  const std::string text = fixture("docker-default.json");
  Edits edits;
  edits.default_action = errno_action(ENOSYS);
  edits.allow = {"mount", "personality"};
  const auto out = edited(text, edits);
  ASSERT_TRUE(out);
  EXPECT_EQ(answer(*out, "mount"), kAllow);
  EXPECT_EQ(answer(text, "personality(3)"), kEperm);
  EXPECT_EQ(answer(*out, "personality(3)"), kAllow);
  EXPECT_EQ(answer(*out, "kexec_load"), errno_action(ENOSYS));
  // mount stands in its alphabetical place now, and is out of the list for CAP_SYS_ADMIN.
  EXPECT_NE(out->find("\"mmap2\",\n\t\t\t\t\"mount\",\n\t\t\t\t\"mprotect\""), std::string::npos);
  EXPECT_EQ(out->find("\"mount\""), out->rfind("\"mount\""));
  edits = {};
  edits.default_action = kill_process();
  EXPECT_EQ(edited(text, edits)->find("defaultErrnoRet"), std::string::npos);
}

TEST(Edit, DroppingFromADenyListRefuses) {
  const std::string text = R"({"defaultAction": "SCMP_ACT_ALLOW", "x": {"kept": [1]}, "syscalls": [
    {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "comment": "kept"}]})";
  Edits edits;
  edits.drop = {"mount", "umount2", "swapon"};
  // A member that the format does not have is an error of the reader.
  EXPECT_FALSE(edited(text, edits));
  const std::string clean = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "comment": "kept"}]})";
  const auto out = edited(clean, edits);
  ASSERT_TRUE(out) << to_line(out.error());
  for (const char* call : {"mount", "umount2", "swapon"}) EXPECT_EQ(answer(*out, call), kEperm) << call;
  EXPECT_EQ(answer(*out, "read"), kAllow);
  EXPECT_NE(out->find("kept"), std::string::npos);
}

TEST(Edit, KeepsTheFormOfTheText) {
  const std::string one_line =
      R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","write"],"action":"SCMP_ACT_ALLOW"}]})";
  Edits edits;
  edits.drop = {"write"};
  EXPECT_EQ(
      *edited(one_line, edits),
      R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})");
  edits.drop = {"read", "write"};
  EXPECT_EQ(*edited(one_line, edits), R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]})");
  const std::string four = "{\n    \"defaultAction\": \"SCMP_ACT_ERRNO\",\n    \"syscalls\": []\n}\n";
  edits = {};
  edits.allow = {"read"};
  EXPECT_EQ(*edited(four, edits),
            "{\n    \"defaultAction\": \"SCMP_ACT_ERRNO\",\n    \"syscalls\": [\n        {\n            "
            "\"names\": [\n"
            "                \"read\"\n            ],\n            \"action\": \"SCMP_ACT_ALLOW\"\n        "
            "}\n    ]\n}\n");
}

TEST(Edit, Settings) {
  EXPECT_EQ(setting("clone3=errno:ENOSYS").action, errno_action(ENOSYS));
  EXPECT_EQ(setting(" @clock = allow ").call, "@clock");
  EXPECT_EQ(setting("socket=allow if arg0 == 1").when, *parse_condition("arg0 == 1"));
  for (const char* bad : {"", "socket", "socket=", "=allow", "sokcet=allow", "socket=alow",
                          "socket=allow unless arg0 == 1", "socket=allow if", "socket=allow if arg9 == 1"}) {
    EXPECT_FALSE(parse_setting(bad)) << bad;
  }
}

TEST(Edit, Profiles) {
  Profile profile;
  profile.rules["read"].action = kAllow;
  profile.rules["clone"].action = kAllow;
  profile.rules["clone3"].action = kAllow;
  Edits edits;
  edits.allow = {"@clock"};
  edits.drop = {"read", "clone3", "@swap"};
  edits.set = {setting("socket=allow if arg0 == 1"), setting("socket=kill-process if arg0 == 2")};
  std::vector<std::string> notes;
  const auto out = edit(profile, edits, &notes);
  ASSERT_TRUE(out) << to_line(out.error());
  EXPECT_FALSE(out->rules.contains("read"));
  EXPECT_EQ(out->rules.at("clock_settime").action, kAllow);
  EXPECT_EQ(out->rules.at("clock_settime").because.at(0).note, "asked for with @clock");
  EXPECT_EQ(decide(*out, *parse_event("socket(1)")), kAllow);
  EXPECT_EQ(decide(*out, *parse_event("socket(2)")), kill_process());
  EXPECT_EQ(decide(*out, *parse_event("socket(3)")), kEperm);
  ASSERT_EQ(notes.size(), 1u);  // clone3 answers EPERM now
  edits = {};
  edits.drop = {"raed"};
  EXPECT_FALSE(edit(profile, edits));
  edits.drop = {};
  edits.allow = {"socketcall"};  // i386's
  EXPECT_FALSE(edit(profile, edits));
  edits.allow = {};
  edits.set = {setting("read=allow"), setting("read=errno")};
  EXPECT_FALSE(edit(profile, edits));
}

TEST(Edit, NativeFormatGoesThroughTheProfile) {
  Profile profile;
  profile.rules["read"].action = kAllow;
  const auto text = find_format("stile")->write(profile, nullptr);
  ASSERT_TRUE(text);
  Edits edits;
  edits.allow = {"write"};
  const auto out = edited(*text, edits);
  ASSERT_TRUE(out) << to_line(out.error());
  EXPECT_EQ(answer(*out, "write"), kAllow);
  EXPECT_EQ(answer(*out, "read"), kAllow);
}

TEST(Edit, NumbersHaveNoPlaceInOciDocuments) {
  Edits edits;
  edits.allow = {"463"};
  EXPECT_FALSE(edited(fixture("docker-default.json"), edits));
}

}  // namespace
}  // namespace stile
