// SPDX-License-Identifier: Apache-2.0
//
// What a binary says must not speak for itself in a terminal or in a comment on a pull request.
#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "diff_text.h"
#include "lint_text.h"

namespace stile::cli {
namespace {

Diff hostile() {
  Difference one;
  one.change = Change::Added;
  one.arch = "x86_64";
  one.call = "mount";
  one.number = 165;
  one.regions = {{Condition::always(), errno_action(1), allow_action(), Event{165, 0xc000003e, 0, {}}}};
  Frame frame;
  frame.function = "evil\033[31m|`</pre><script>@everyone\n# x";
  frame.package = "pkg";
  frame.module = "m[a](http://x)@v1";
  one.because = {{EvidenceKind::CallPath, "main", {frame}, {}}};
  one.brought_by = {"pkg"};
  Diff diff;
  diff.calls = {one};
  diff.wider = true;
  return diff;
}

TEST(DiffText, MarkdownIsHarmless) {
  const std::string text = diff_markdown(hostile(), {"a|b", "<img>"});
  for (const char* bad : {"\033", "<script>", "@everyone", "`", "[a](", "<img>", "a|b"})
    EXPECT_EQ(text.find(bad), std::string::npos) << bad << "\n" << text;
  EXPECT_NE(text.find("&lt;script&gt;"), std::string::npos);
  // One row of the table: a bar in a name must not make another cell.
  const size_t row = text.find("| added |");
  ASSERT_NE(row, std::string::npos);
  const std::string line = text.substr(row, text.find('\n', row) - row);
  EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 7);
}

TEST(DiffText, TextIsHarmless) {
  const Style plain(1, ColorMode::Never);
  const std::string text = diff_text(hostile(), {"old", "new\033]0;x\a"}, plain);
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_NE(text.find("mount: errno:EPERM -> allow"), std::string::npos) << text;
  EXPECT_NE(text.find("brought in by pkg"), std::string::npos);
}

TEST(DiffText, JsonIsJson) {
  const auto document = nlohmann::json::parse(diff_json(hostile(), {"\xff", "new"}));
  EXPECT_EQ(document["schema"], 1);
  EXPECT_EQ(document["syscalls"][0]["regions"][0]["witness"]["call"], "mount()");
  EXPECT_TRUE(document["wider"].get<bool>());
}

TEST(DiffText, CallsAreWhatParseEventTakes) {
  const Event event{41, 0xc000003e, 0, {1, 0, 0xffffffffffffffff}};
  EXPECT_EQ(call_text("socket", event), "socket(0x1, 0x0, 0xffffffffffffffff)");
  const auto read = parse_event(call_text("socket", event));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, event);
}

TEST(LintText, SarifHasWhatItMust) {
  std::vector<Finding> findings = {{"clone3-eperm", Severity::Error, "clone3", "/syscalls/0", 0,
                                    "it \"says\"\033", "stile edit PROFILE -i"},
                                   {"reader", Severity::Note, "", "", 12, "m", ""}};
  const auto document = nlohmann::json::parse(findings_sarif(findings, "./a b/p.json", "1.0"));
  EXPECT_EQ(document["version"], "2.1.0");
  const auto& run = document["runs"][0];
  EXPECT_EQ(run["tool"]["driver"]["name"], "stile");
  ASSERT_EQ(run["results"].size(), 2u);
  for (const auto& result : run["results"]) {
    const size_t index = result["ruleIndex"];
    EXPECT_EQ(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    const auto& location = result["locations"][0]["physicalLocation"];
    EXPECT_EQ(location["artifactLocation"]["uri"], "a%20b/p.json");
    EXPECT_GE(location["region"]["startLine"], 1);
  }
  EXPECT_EQ(run["results"][1]["level"], "note");
  EXPECT_NE(run["results"][0]["message"]["text"].get<std::string>().find("stile edit './a b/p.json' -i"),
            std::string::npos);
}

}  // namespace
}  // namespace stile::cli
