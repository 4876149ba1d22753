// SPDX-License-Identifier: Apache-2.0
//
// data/constants.tsv against the headers of the compiler at hand: for each header a C file that states every
// value.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <stile/filter.h>

#include "arch/constants.h"

namespace stile {
namespace {

namespace fs = std::filesystem;

struct Row {
  std::string name, value, header, form, since;
};

std::vector<Row> rows() {
  std::vector<Row> out;
  std::ifstream file(std::string(STILE_SOURCE_DIR) + "/data/constants.tsv");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#' || line.starts_with("name\t")) continue;
    std::istringstream fields(line);
    Row row;
    fields >> row.name >> row.value >> row.header >> row.form >> row.since;
    out.push_back(row);
  }
  return out;
}

TEST(Constants, AllRowsAreCompiledIn) {
  const auto all = rows();
  ASSERT_GT(all.size(), 2000u);
  EXPECT_EQ(all.size(), arch::constant_names().size());
  for (const Row& row : all) {
    const auto value = arch::constant(row.name);
    ASSERT_TRUE(value) << row.name;
    EXPECT_EQ(*value, std::strtoull(row.value.c_str(), nullptr, 16)) << row.name;
  }
}

TEST(Constants, NamesAndHints) {
  EXPECT_EQ(symbolic_constant("AF_UNIX").value(), 1u);
  EXPECT_EQ(symbolic_constant("AT_FDCWD").value(), static_cast<uint64_t>(-100));
  EXPECT_EQ(symbolic_constant("EPERM").value(), 1u);
  EXPECT_EQ(symbolic_constant("TIOCSTI").value(), 0x5412u);
  EXPECT_EQ(symbolic_constant("CLONE_NEWUSER").value(), 0x10000000u);
  EXPECT_EQ(symbolic_constant("O_LARGEFILE").value(), 0x8000u);
  const auto error = symbolic_constant("CLONE_NEWUSR");
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, Code::Usage);
  EXPECT_NE(error.error().hint.find("CLONE_NEWUSER"), std::string::npos);
  EXPECT_FALSE(symbolic_constant(""));
  EXPECT_FALSE(symbolic_constant(std::string(100000, 'A')));
}

// "6.12" as KERNEL_VERSION has it.
std::string version_macro(const std::string& since) {
  const size_t dot = since.find('.');
  return "KERNEL_VERSION(" + since.substr(0, dot) + "," + since.substr(dot + 1) + ",0)";
}

TEST(Constants, AreThoseOfTheHeaders) {
#if !defined(__linux__) || !defined(__x86_64__)
  GTEST_SKIP() << "the values are those of x86-64 Linux";
#endif
  std::map<std::string, std::string> files;  // by header
  size_t stated = 0;
  for (const Row& row : rows()) {
    std::string& text = files[row.header];
    if (text.empty())
      text = "#define _GNU_SOURCE 1\n#include <stddef.h>\n#include <" + row.header +
             ">\n#include <linux/version.h>\n";
    const std::string check = "_Static_assert((unsigned long long)(long long)(" + row.name +
                              ") == " + row.value + "ull, \"" + row.name + "\");\n";
    const std::string newer = row.since == "-" ? "1" : "LINUX_VERSION_CODE >= " + version_macro(row.since);
    if (row.form == "enum") {
      text += "#if " + newer + "\n" + check + "#endif\n";
    } else {
      text += "#ifdef " + row.name + "\n" + check + "#elif " + newer + "\n#error " + row.name +
              " is not there\n#endif\n";
    }
    ++stated;
  }
  const fs::path directory = fs::temp_directory_path() / ("stile-constants-" + std::to_string(getpid()));
  fs::create_directories(directory);
  std::string command = "cc -fsyntax-only -w";
  for (const auto& [header, text] : files) {
    std::string name = header;
    for (char& c : name) c = c == '/' || c == '.' ? '_' : c;
    std::ofstream(directory / (name + ".c")) << text;
    command += " " + (directory / (name + ".c")).string();
  }
  EXPECT_EQ(std::system((command + " 2>" + (directory / "errors").string()).c_str()), 0)
      << std::ifstream(directory / "errors").rdbuf() << "(needs a C compiler called cc)";
  fs::remove_all(directory);
  EXPECT_GT(stated, 2000u);
}

}  // namespace
}  // namespace stile
