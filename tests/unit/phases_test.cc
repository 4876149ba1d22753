// SPDX-License-Identifier: Apache-2.0
//
// What runs before a program's entry point, and what from there on.
#include <gtest/gtest.h>

#include <stdlib.h>  // mkdtemp

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <stile/analyze.h>

namespace stile {
namespace {

using Names = std::set<std::string>;

class Phases : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("gcc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no C compiler: install gcc";
    char name[] = "/tmp/stile-phases-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  std::string build(const std::string& name, const std::string& flags, const std::string& text, const std::string& compiler = "gcc") {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path + ".c") << "#define _GNU_SOURCE\n#include <pthread.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n#define CALL(n) syscall(n, 0, 0, 0)\n" << text;
    EXPECT_EQ(std::system((compiler + " -O1 -w -o " + path + " " + path + ".c " + flags).c_str()), 0);
    return path;
  }
  // A program with a library of its own.
  std::string with_library(const std::string& library, const std::string& program, const std::string& compiler = "gcc") {
    build("libours.so", "-shared -fPIC", library, compiler);
    return build("program", directory_ + "/libours.so -Wl,-rpath," + directory_, program, compiler);
  }
  static Names calls(const std::string& path, Phase phase, const std::string& also = {}) {
    AnalyzeOptions options;
    options.phase = phase;
    if (!also.empty()) options.also.push_back(also);
    const auto analysis = analyze(path, options);
    EXPECT_TRUE(analysis) << analysis.error().message;
    Names names;
    if (!analysis) return names;
    for (const SyscallUse& use : analysis->syscalls) names.insert(use.name);
    return names;
  }
  // Together the phases are everything.
  static void check_whole(const std::string& path) {
    Names both = calls(path, Phase::Start), all = calls(path, Phase::All);
    both.merge(calls(path, Phase::Main));
    EXPECT_EQ(both, all);
  }
  std::string directory_;
};

const std::string kInitialiser = "__attribute__((constructor)) static void first(void) { CALL(SYS_getcpu); }\nint ours(void) { return CALL(SYS_sched_rr_get_interval); }\n";
const std::string kProgram = "int ours(void);\nint main() { return ours() + CALL(SYS_getpgrp); }\n";

TEST_F(Phases, InitialiserOfALibrary) {
  const std::string path = with_library(kInitialiser, kProgram);
  const Names start = calls(path, Phase::Start), main = calls(path, Phase::Main);
  EXPECT_TRUE(start.contains("getcpu"));
  EXPECT_FALSE(start.contains("getpgrp"));
  EXPECT_FALSE(main.contains("getcpu"));
  EXPECT_TRUE(main.contains("getpgrp"));
  EXPECT_TRUE(main.contains("sched_rr_get_interval"));
  EXPECT_TRUE(main.contains("exit_group"));
  check_whole(path);
}
// What the dynamic linker does once, for the first thread.
TEST_F(Phases, DynamicLinker) {
  const std::string path = with_library(kInitialiser, kProgram);
  EXPECT_TRUE(calls(path, Phase::Start).contains("set_tid_address"));
  EXPECT_FALSE(calls(path, Phase::Main).contains("set_tid_address"));
}
// glibc runs those of the program itself behind its entry point.
TEST_F(Phases, InitialiserOfTheProgram) {
  const std::string path = build("program", "", "__attribute__((constructor)) static void first(void) { CALL(SYS_getcpu); }\nint main() { return 0; }\n");
  EXPECT_FALSE(calls(path, Phase::Start).contains("getcpu"));
  EXPECT_TRUE(calls(path, Phase::Main).contains("getcpu"));
  check_whole(path);
}
TEST_F(Phases, FinaliserOfALibrary) {
  const std::string path = with_library("__attribute__((destructor)) static void last(void) { CALL(SYS_getcpu); }\nint ours(void) { return 0; }\n", kProgram);
  EXPECT_FALSE(calls(path, Phase::Start).contains("getcpu"));
  EXPECT_TRUE(calls(path, Phase::Main).contains("getcpu"));
}
// An initialiser leaves the address of a function in a variable that the program calls.
TEST_F(Phases, PointerThatAnInitialiserKeeps) {
  const std::string path = with_library(
      "static int later(void) { return CALL(SYS_getcpu); }\nint (*kept)(void);\n__attribute__((constructor)) static void first(void) { kept = later; }\n"
      "int ours(void) { return kept(); }\n",
      kProgram);
  EXPECT_TRUE(calls(path, Phase::Main).contains("getcpu"));
}
TEST_F(Phases, PointerThatAnInitialiserRegisters) {
  const std::string path = with_library(
      "#include <stdlib.h>\nstatic void later(void) { CALL(SYS_getcpu); }\n__attribute__((constructor)) static void first(void) { atexit(later); }\nint ours(void) { return 0; }\n",
      kProgram);
  EXPECT_TRUE(calls(path, Phase::Main).contains("getcpu"));
}
TEST_F(Phases, ThreadThatAnInitialiserStarts) {
  const std::string path = with_library(
      "static void *loop(void *p) { for (;;) CALL(SYS_getcpu); }\n__attribute__((constructor)) static void first(void) { pthread_t t; pthread_create(&t, 0, loop, 0); }\n"
      "int ours(void) { return 0; }\n",
      kProgram);
  EXPECT_TRUE(calls(path, Phase::Start).contains("clone3"));
  const Names main = calls(path, Phase::Main);
  EXPECT_TRUE(main.contains("getcpu"));
  EXPECT_TRUE(main.contains("exit"));
  EXPECT_TRUE(main.contains("set_robust_list"));
}
// A plugin is loaded, and initialised, when the program runs.
TEST_F(Phases, InitialiserOfAPlugin) {
  const std::string plugin = build("plugin.so", "-shared -fPIC", kInitialiser);
  const std::string path = build("program", "", "#include <dlfcn.h>\nint main(int c, char **v) { return dlopen(v[1], RTLD_NOW) != 0; }\n");
  EXPECT_TRUE(calls(path, Phase::Main, plugin).contains("getcpu"));
}
// Some libraries can be started as commands; what they do then is not what they do as libraries.
TEST_F(Phases, EntryPointOfALibrary) {
  build("libours.so", "-shared -fPIC -Wl,-e,command", "void command(void) { CALL(SYS_getcpu); _exit(0); }\n" + kInitialiser.substr(kInitialiser.find("int ours")));
  const std::string path = build("program", directory_ + "/libours.so -Wl,-rpath," + directory_, kProgram);
  EXPECT_FALSE(calls(path, Phase::All).contains("getcpu"));
  EXPECT_TRUE(calls(directory_ + "/libours.so", Phase::All).contains("getcpu"));
}
TEST_F(Phases, StaticProgramHasNoStart) {
  const std::string path = build("program", "-static", "int main() { return CALL(SYS_getcpu); }\n");
  EXPECT_EQ(calls(path, Phase::Start), Names());
  EXPECT_EQ(calls(path, Phase::Main), calls(path, Phase::All));
}
// musl leaves the initialisers of libraries to the program's own start.
TEST_F(Phases, InitialiserOfALibraryWithMusl) {
  if (std::system("musl-gcc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no musl: install musl-tools";
  const std::string path = with_library(kInitialiser, kProgram, "musl-gcc");
  EXPECT_FALSE(calls(path, Phase::Start).contains("getcpu"));
  EXPECT_TRUE(calls(path, Phase::Start).contains("set_tid_address"));
  EXPECT_TRUE(calls(path, Phase::Main).contains("getcpu"));
  check_whole(path);
}

}  // namespace
}  // namespace stile
