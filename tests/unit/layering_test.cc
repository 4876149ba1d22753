// SPDX-License-Identifier: Apache-2.0
//
// The house has floors (src/FLOORS): every #include under src/, include/ and cli/ has to lead downstairs or
// stay in its room.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path kRoot = STILE_SOURCE_DIR;
constexpr std::string_view kPublic = "stile";

using Floors = std::map<std::string, int>;

Floors read_floors() {
  Floors floors;
  std::ifstream in(kRoot / "src/FLOORS");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string room;
    int floor = 0;
    if (words >> room >> floor) floors[room] = floor;
  }
  return floors;
}

// One #include of a project file.
struct Include {
  std::string file;  // that contains it, from the source directory
  int line = 0;
  std::string target;  // as written
  bool angled = false;
};

// `#include "a/b.h"` or `#include <stile/b.h>`; nothing for other lines and for the headers of others.
std::optional<Include> parse(const std::string& text) {
  std::istringstream in(text);
  char hash = 0;
  std::string word;
  if (!(in >> hash) || hash != '#' || !(in >> word) || !word.starts_with("include")) return std::nullopt;
  const auto open = text.find_first_of("\"<");
  if (open == std::string::npos) return std::nullopt;
  const auto close = text.find_first_of("\">", open + 1);
  if (close == std::string::npos) return std::nullopt;
  Include found;
  found.angled = text[open] == '<';
  found.target = text.substr(open + 1, close - open - 1);
  if (found.angled && !found.target.starts_with("stile/")) return std::nullopt;
  return found;
}

std::vector<Include> includes_of(const fs::path& file) {
  std::vector<Include> all;
  std::ifstream in(file);
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (auto one = parse(line)) {
      one->file = fs::relative(file, kRoot).string();
      one->line = number;
      all.push_back(*one);
    }
  }
  return all;
}

std::vector<Include> all_includes() {
  std::vector<Include> all;
  for (const char* top : {"src", "include", "cli"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      const auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc" && extension != ".inc") continue;
      const auto more = includes_of(entry.path());
      all.insert(all.end(), more.begin(), more.end());
    }
  }
  return all;
}

// The room a file lies in: src/ROOM/..., cli/..., include/stile/...
std::string room_of(const std::string& file) {
  std::vector<std::string> parts;
  for (const auto& part : fs::path(file)) parts.push_back(part.string());
  if (parts.at(0) == "cli") return "cli";
  return parts.at(1);  // include/stile is the room "stile"
}

// Why an include is wrong; empty if it is right.
std::string complaint(const Include& include, const Floors& floors) {
  const auto from = room_of(include.file);
  const auto slash = include.target.find('/');
  const auto target_room = slash == std::string::npos ? from : include.target.substr(0, slash);
  if (target_room == kPublic) {
    return include.angled ? "" : "public headers are included as <stile/...>";
  }
  if (from == kPublic) return "a public header includes only public headers";
  if (from == target_room) return "";
  if (from == "cli") return "cli includes <stile/*.h> alone";
  const auto mine = floors.find(from);
  const auto theirs = floors.find(target_room);
  if (mine == floors.end()) return "room " + from + " is not in src/FLOORS";
  if (theirs == floors.end()) return "room " + target_room + " is not in src/FLOORS";
  if (theirs->second < mine->second) return "";
  return from + " is on floor " + std::to_string(mine->second) + ", " + target_room + " on floor " +
         std::to_string(theirs->second);
}

TEST(Layering, EveryIncludeLeadsDownstairs) {
  const auto floors = read_floors();
  ASSERT_FALSE(floors.empty()) << "src/FLOORS says nothing";
  const auto all = all_includes();
  EXPECT_GT(all.size(), 50u) << "includes are no longer found";
  for (const auto& include : all) {
    const auto why = complaint(include, floors);
    EXPECT_TRUE(why.empty()) << include.file << ":" << include.line << ": " << include.target << ": " << why;
  }
}

TEST(Layering, EveryRoomHasAFloor) {
  const auto floors = read_floors();
  for (const auto& entry : fs::directory_iterator(kRoot / "src")) {
    if (!entry.is_directory()) continue;
    EXPECT_TRUE(floors.contains(entry.path().filename().string())) << entry.path() << " is not in src/FLOORS";
  }
}

// The check itself: it has to see what is wrong.
TEST(Layering, TellsRightFromWrong) {
  const auto floors = read_floors();
  const auto wrong = [&](const char* file, const char* target, bool angled) {
    return !complaint({file, 1, target, angled}, floors).empty();
  };
  EXPECT_FALSE(wrong("src/analysis/a.cc", "elf/image.h", false));
  EXPECT_FALSE(wrong("src/analysis/a.cc", "analysis/b.h", false));
  EXPECT_FALSE(wrong("src/base/a.cc", "stile/result.h", true));
  EXPECT_FALSE(wrong("cli/a.cc", "b.h", false));
  EXPECT_TRUE(wrong("src/elf/a.cc", "analysis/b.h", false));
  EXPECT_TRUE(wrong("src/elf/a.cc", "profile/b.h", false));  // the same floor, another room
  EXPECT_TRUE(wrong("src/elf/a.cc", "stile/result.h", false));
  EXPECT_TRUE(wrong("cli/a.cc", "elf/image.h", false));
  EXPECT_TRUE(wrong("include/stile/a.h", "elf/image.h", false));
  EXPECT_TRUE(wrong("src/cellar/a.cc", "base/b.h", false));
  EXPECT_EQ(parse("  #  include \"elf/image.h\"  // why")->target, "elf/image.h");
  EXPECT_FALSE(parse("#include <vector>"));
  EXPECT_FALSE(parse("// nothing"));
}

}  // namespace
