// SPDX-License-Identifier: Apache-2.0
//
// Programs and libraries built with the compiler when the test runs, in a directory of their own, to set beside each other what the
// dynamic linker does with them and what the analysis says it does.
#pragma once

#include <gtest/gtest.h>

#include <stdlib.h>  // mkdtemp

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <source_location>
#include <string>

#include <sys/wait.h>

#include <stile/analyze.h>

namespace stile {

class BuiltProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("gcc --version > /dev/null 2>&1 && ld --version > /dev/null 2>&1") != 0) {
      GTEST_SKIP() << "no compiler: install gcc and binutils to run these tests";
    }
    char name[] = "/tmp/stile-built-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory = name;
  }
  void TearDown() override {
    if (!directory.empty()) std::filesystem::remove_all(directory);
  }

  std::string at(const std::string& path) const { return directory + "/" + path; }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(at(path)).parent_path());
    std::ofstream(at(path), std::ios::binary) << text;
  }

  // Runs a line of shell in the directory; its exit status.
  int shell(const std::string& line) const {
    const int status = std::system(("cd " + directory + " && env -u LD_LIBRARY_PATH -u LD_PRELOAD sh -c '" + line + "'").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void build(const std::string& line) const { ASSERT_EQ(shell(line), 0) << line; }

  // A library or program of `text`, which can say MARK(n) for a system call that nothing else here makes: see kMarks.
  void compile(const std::string& output, const std::string& text, const std::string& flags) const {
    write(output + ".c", "#define MARK(n) ({ long r_; __asm__ volatile(\"syscall\" : \"=a\"(r_) : \"a\"((long)(n)), \"D\"(-1L) : \"rcx\", "
                         "\"r11\", \"memory\"); r_; })\n" + text);
    build("gcc -w -O1 -fno-stack-protector -nostdlib -fcf-protection=none -o " + output + " " + output + ".c " + flags);
  }
  // The same for a whole program that calls `start` and exits with what it gives.
  void compile_program(const std::string& output, const std::string& text, const std::string& flags) const {
    compile(output, text + "\nvoid _start(void) { __asm__ volatile(\"and $-16, %rsp\"); int s_ = start(); __asm__ volatile(\"syscall\" :: "
                           "\"a\"(231L), \"D\"((long)s_)); __builtin_unreachable(); }\n", flags);
  }

  // Which of the system calls A to F the analysis finds.
  static std::string marks(const Analysis& analysis) {
    std::string found;
    for (const auto& [letter, name] : kMarks) {
      for (const SyscallUse& use : analysis.syscalls) {
        if (use.name == name) found += letter;
      }
    }
    return found;
  }
  static constexpr std::pair<char, const char*> kMarks[] = {{'A', "getpgid"}, {'B', "getsid"}, {'C', "sched_get_priority_max"},
                                                            {'D', "sched_get_priority_min"}, {'E', "sched_rr_get_interval"},
                                                            {'F', "mlockall"}};

  Analysis analysed(const std::string& path, const AnalyzeOptions& options = {}) const {
    auto analysis = analyze(path.starts_with('/') ? path : at(path), options);
    EXPECT_TRUE(analysis) << to_line(analysis.error());
    return analysis ? *analysis : Analysis{};
  }

  static std::string gaps(const Analysis& analysis, GapKind kind = GapKind::UnanalysedLibrary) {
    std::string text;
    for (const Gap& gap : analysis.gaps) {
      if (gap.kind == kind) text += gap.what + "\n";
    }
    return text;
  }

  std::string directory;
};

// In the text of the programs: a function of that name that makes the call of that letter and returns its place in the alphabet.
inline std::string marked(const std::string& declaration, char letter) {
  constexpr int kNumbers[] = {121, 124, 146, 147, 148, 151};
  const int index = letter - 'A';
  return declaration + " { MARK(" + std::to_string(kNumbers[index]) + "); return " + std::to_string(index + 1) + "; }\n";
}

}  // namespace stile
