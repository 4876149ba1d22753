// SPDX-License-Identifier: Apache-2.0
//
// Tiny programs for the tests of the analysis: assembled and linked when the test runs, then analysed as any other file.
//
//     check(R"(
//       fn _start
//         mov $39, %eax
//         syscall
//         ud2)", {"getpid"}, {});
//
// Every function begins with `fn NAME`. `wrapper` below is the usual way to pass a number: in edi, as syscall(2) of a libc
// takes it. Where a number is unimportant the tests use getpid 39, gettid 186, getppid 110, fork 57.
#pragma once

#include <gtest/gtest.h>

#include <stdlib.h>  // mkdtemp

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <source_location>
#include <string>

#include <stile/analyze.h>

namespace stile {

using Names = std::set<std::string>;  // "getpid", or "i386:getpid" for another table; or kinds of gaps as to_string gives them

inline const std::string kWrapper = R"(
  fn wrapper
    mov %edi, %eax
    syscall
    ret
)";

// How a program is linked. Position-independent code can be Both: then Static, Pie and LowPie are tried and have to give the same.
// Pie has dynamic relocations and a fixed address (GNU ld makes ET_EXEC of it).
// LowPie is what linkers make unless told otherwise: its addresses begin at zero.
enum class Link { Both, Static, Pie, LowPie, Shared, WritableText };

inline const Names kNoGaps = {};
inline const Names kUnknownNumber = {"unknown-number"};
inline const Names kEscapedWrapper = {"escaped-wrapper"};
inline const Names kAnyCalls = {"any"};  // where the gaps alone matter

class AnalysisTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/stile-analysis-XXXXXX";
    const char* made = ::mkdtemp(name);
    ASSERT_NE(made, nullptr);
    directory_ = made;
    assembler_ = std::system("as --version > /dev/null 2>&1 && ld --version > /dev/null 2>&1") == 0;
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(directory_); }

  void SetUp() override {
    if (!assembler_) GTEST_SKIP() << "no assembler: install binutils to run the tests of the analysis";
  }

  // A file linked from `text`, if asked for with libstub.so made before; `more` goes to the linker. Empty if that failed.
  static std::string build(const std::string& text, const std::string& more, const std::string& name = "program", bool with_stub = false) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path + ".s") << ".macro fn name\n.text\n.p2align 4\n.type \\name, @function\n\\name:\n.endm\n"
                               << ".globl _start\n" << text << "\n";
    const std::string command = "cd " + directory_ + " && as -o " + name + ".o " + name + ".s && ld -z noexecstack " + more +
                                " -o " + name + " " + name + ".o" + (with_stub ? " libstub.so -rpath '$ORIGIN'" : "");
    return std::system(command.c_str()) == 0 ? path : "";
  }

  static void check_file(const std::string& path, const Names& calls, const Names& gaps) {
    ASSERT_FALSE(path.empty()) << "could not be assembled";
    const auto analysis = analyze(path, {});
    ASSERT_TRUE(analysis) << analysis.error().message;
    Names found, open;
    for (const SyscallUse& use : analysis->syscalls) found.insert((use.arch == "x86_64" ? "" : use.arch + ":") + use.name);
    for (const Gap& gap : analysis->gaps) open.insert(std::string(to_string(gap.kind)));
    if (calls != kAnyCalls) {
      EXPECT_EQ(found, calls);
    }
    EXPECT_EQ(open, gaps);
  }

  // The program makes exactly these calls, and exactly these kinds of gaps are told.
  static void check(const std::string& text, const Names& calls, const Names& gaps, Link link = Link::Both,
                    std::source_location from = std::source_location::current()) {
    const auto one = [&](const char* how, const std::string& flags) {
      testing::ScopedTrace trace(from.file_name(), static_cast<int>(from.line()), how);
      check_file(build(text, flags), calls, gaps);
    };
    if (link == Link::Both || link == Link::Static) one("static", "-static");
    if (link == Link::Both || link == Link::Pie) one("static-pie", "-pie --no-dynamic-linker -Ttext-segment=0x100000");
    if (link == Link::Both || link == Link::LowPie) one("static-pie at zero", "-pie --no-dynamic-linker");
    if (link == Link::Shared) one("shared", "-shared -soname libprogram.so");
    if (link == Link::WritableText) one("-N", "-static -N");
  }

 private:
  static inline std::string directory_;
  static inline bool assembler_ = false;
};

}  // namespace stile
