// SPDX-License-Identifier: Apache-2.0
#include "base/root.h"

#include <stdlib.h>  // mkdtemp

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace stile {
namespace {

namespace fs = std::filesystem;

class RootTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/stile-root-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    outside = fs::canonical(name);
    tree = outside + "/tree";
    fs::create_directories(tree + "/usr/lib");
    fs::create_directories(tree + "/etc");
    std::ofstream(outside + "/secret") << "outside";
    std::ofstream(tree + "/usr/lib/file") << "inside";
    std::ofstream(tree + "/secret") << "inside";
    fs::create_symlink("usr/lib", tree + "/lib");
    fs::create_symlink("/usr/lib/file", tree + "/absolute");
    fs::create_symlink("../../../../../../../../secret", tree + "/usr/lib/up");
    fs::create_symlink("/secret", tree + "/etc/secret");
    fs::create_symlink("loop", tree + "/loop");
    fs::create_symlink("/nowhere", tree + "/dangling");
    fs::create_symlink("/", tree + "/top");
    auto opened = Root::at(tree);
    ASSERT_TRUE(opened);
    root = *opened;
  }
  void TearDown() override { fs::remove_all(outside); }
  std::string text(const std::string& path) const { return root.read_text(path, 100).value_or("(nothing)"); }

  std::string outside, tree;
  Root root;
};

TEST_F(RootTest, NothingLeadsOut) {
  EXPECT_EQ(text("/absolute"), "inside");
  EXPECT_EQ(text("/usr/lib/up"), "inside");
  EXPECT_EQ(text("/lib/../../../secret"), "inside");
  EXPECT_EQ(text("/../secret"), "inside");
  EXPECT_EQ(text("/etc/secret"), "inside");
  EXPECT_EQ(text("/top/top/top/lib/file"), "inside");
  EXPECT_EQ(text(outside + "/secret"), "(nothing)");
}

TEST_F(RootTest, RealPaths) {
  EXPECT_EQ(root.real_path("/lib/./file"), "/usr/lib/file");
  EXPECT_EQ(root.real_path("/usr/lib/up"), "/secret");
  EXPECT_EQ(root.real_path("/lib"), "/usr/lib");
  EXPECT_EQ(root.real_path("/top"), "/");
  EXPECT_EQ(root.real_path("/loop"), std::nullopt);
  EXPECT_EQ(root.real_path("/dangling"), std::nullopt);
  EXPECT_EQ(root.real_path("/secret/more"), std::nullopt);
  EXPECT_TRUE(root.is_directory("/lib"));
  EXPECT_FALSE(root.is_directory("/secret"));
  EXPECT_EQ(root.list("/lib", 10), (std::vector<std::string>{"file", "up"}));
  EXPECT_EQ(root.identity("/lib/file"), root.identity("/absolute"));
  EXPECT_NE(root.identity("/lib/file"), root.identity("/secret"));
}

TEST_F(RootTest, ErrorsAreThoseOfOpen) {
  EXPECT_EQ(root.open_read("/nothing"), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(root.open_read("/loop"), -1);
  EXPECT_EQ(errno, ELOOP);
  EXPECT_EQ(root.open_read("/secret/x"), -1);
  EXPECT_EQ(errno, ENOTDIR);
  ASSERT_EQ(::mkfifo((tree + "/fifo").c_str(), 0600), 0);
  const auto fifo = root.open("/fifo");
  ASSERT_FALSE(fifo);
  EXPECT_EQ(fifo.error().message, "is not a regular file");
  const auto file = Root::at(outside + "/secret");
  ASSERT_FALSE(file);
  EXPECT_EQ(to_line(file.error()), outside + "/secret: Not a directory (name the directory of an unpacked file system)");
}

TEST_F(RootTest, PathsOfThisMachine) {
  EXPECT_EQ(root.inside(tree + "/lib/file"), "/usr/lib/file");
  EXPECT_EQ(root.inside(tree + "/absolute"), "/absolute");
  EXPECT_EQ(root.inside(outside + "/secret"), std::nullopt);
  EXPECT_EQ(root.inside(tree + "-other/x"), std::nullopt);
  // A link on the way that leads out of the tree on this machine is one that is inside in the tree.
  EXPECT_EQ(root.inside(tree + "/top/secret"), std::nullopt);
}

TEST_F(RootTest, DeepPathsEnd) {
  std::string path = tree;
  for (int i = 0; i < 300; ++i) path += "/d";
  fs::create_directories(path);
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "/d";
  EXPECT_EQ(root.real_path(deep), std::nullopt);
  EXPECT_EQ(root.real_path(deep.substr(0, 400)), deep.substr(0, 400));
  std::string dots;
  for (int i = 0; i < 10000; ++i) dots += "/d/..";
  EXPECT_EQ(root.real_path(dots), std::nullopt);
}

}  // namespace
}  // namespace stile
