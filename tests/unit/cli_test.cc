// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "describe.h"
#include "generate.h"
#include "help.h"
#include "input.h"
#include "output.h"

namespace stile::cli {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "stile.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name + "/";
  }
  void TearDown() override { std::system(("rm -rf " + dir_).c_str()); }

  std::string content(const std::string& name) const {
    std::ifstream file(dir_ + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  size_t entries() const {
    std::FILE* list = popen(("ls -A " + dir_ + " | wc -l").c_str(), "r");
    size_t count = 0;
    EXPECT_EQ(std::fscanf(list, "%zu", &count), 1);
    pclose(list);
    return count;
  }
  std::string dir_;
};

// Runs `work` while no file may grow beyond 1000 bytes, as on a full disk.
void with_small_files(const std::function<void()>& work) {
  rlimit old;
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small = {1000, old.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  work();
  setrlimit(RLIMIT_FSIZE, &old);
}

using Words = std::vector<std::string>;

std::string why(const Words& words) {
  const auto arguments = parse(profile_command(), words);
  return arguments ? "it was taken" : to_line(arguments.error());
}

TEST(Flags, AreTaken) {
  const auto arguments =
      parse(profile_command(), {"-o", "-", "--allow", "read,write", "app", "--allow=@debug", "--also", "a,b",
                                "--strict", "-q", "--runtime=crun", "--runtime", "none"});
  ASSERT_TRUE(arguments) << to_line(arguments.error());
  EXPECT_EQ(arguments->value("BINARY"), "app");
  EXPECT_EQ(arguments->value("--output"), "-");
  EXPECT_EQ(arguments->values("--allow"), (Words{"read", "write", "@debug"}));
  EXPECT_EQ(arguments->values("--also"), Words{"a,b"});
  EXPECT_EQ(arguments->value("--runtime"), "none");
  EXPECT_TRUE(arguments->has("--strict"));
  EXPECT_TRUE(arguments->has("--quiet"));
  EXPECT_FALSE(arguments->has("--threads"));
}

TEST(Flags, AfterTwoDashesAllAreFiles) {
  const auto arguments = parse(profile_command(), {"--", "-q"});
  ASSERT_TRUE(arguments) << to_line(arguments.error());
  EXPECT_EQ(arguments->value("BINARY"), "-q");
}

TEST(Flags, HelpNeedsNothingElse) {
  const auto arguments = parse(profile_command(), {"--help"});
  ASSERT_TRUE(arguments);
  EXPECT_TRUE(arguments->has("--help"));
}

TEST(Flags, ErrorsHelp) {
  EXPECT_EQ(why({}), "BINARY is missing (usage: stile profile [OPTION]... BINARY)");
  EXPECT_EQ(why({"a", "b"}), "unexpected argument 'b' (usage: stile profile [OPTION]... BINARY)");
  EXPECT_EQ(why({"a", "--stric"}), "unknown option '--stric' (did you mean --strict?)");
  EXPECT_EQ(why({"a", "--fromat=oci"}), "unknown option '--fromat=oci' (did you mean --format?)");
  EXPECT_EQ(why({"a", "-x"}), "unknown option '-x' (see stile profile --help)");
  EXPECT_EQ(why({"a", "--threads="}), "--threads needs a value (see stile profile --help)");
  EXPECT_EQ(why({"a", "--output"}), "--output needs a value (see stile profile --help)");
}

TEST(Options, AreChecked) {
  const auto options = [](const Words& words) { return profile_options(*parse(profile_command(), words)); };
  EXPECT_EQ(options({"a"})->runtime, "runc");
  EXPECT_TRUE(options({"a", "--runtime", "crun,no-new-privs"})->no_new_privs);
  EXPECT_FALSE(options({"a", "--runtime", "crun,nnp"}));
  EXPECT_EQ(options({"a", "--default-action", "kill-process"})->otherwise.kind, ActionKind::KillProcess);
  EXPECT_FALSE(options({"a", "--default-action", "deny"}));
  EXPECT_EQ(analyze_options(*parse(profile_command(), {"a", "--threads", "3"}))->threads, 3u);
  for (const char* number : {"x", "-1", "1.5", "99999"}) {
    EXPECT_FALSE(analyze_options(*parse(profile_command(), {"a", std::string("--threads=") + number})))
        << number;
  }
}

TEST(Generated, NamesEveryFlagOfEveryCommand) {
  for (const char* kind : {"man", "bash", "zsh", "fish"}) {
    std::string text = *generate(kind);
    // In the man page each hyphen is written "\-", in fish a flag has no dashes.
    std::erase(text, '\\');
    for (const Command& command : commands()) {
      EXPECT_NE(text.find(command.name), std::string::npos) << kind;
      for (const Flag& flag : all_flags(command)) {
        const std::string name = flag.long_name();
        const std::string wanted = std::string(kind) == "fish" ? "-l " + name.substr(2) : name;
        EXPECT_NE(text.find(wanted), std::string::npos) << kind << " " << name;
      }
    }
  }
  EXPECT_FALSE(generate("tcsh"));
}

TEST(Generated, ShellsCanReadTheirs) {
  const auto checked = [](const char* shell, const char* kind) {
    if (std::system((std::string("command -v ") + shell + " >/dev/null").c_str()) != 0) return true;
    std::FILE* pipe = popen((std::string(shell) + " -n").c_str(), "w");
    const std::string text = *generate(kind);
    std::fwrite(text.data(), 1, text.size(), pipe);
    return pclose(pipe) == 0;
  };
  EXPECT_TRUE(checked("bash", "bash"));
  EXPECT_TRUE(checked("zsh", "zsh"));
  EXPECT_TRUE(checked("fish", "fish"));
}

TEST(Help, FitsTheTerminal) {
  const Style plain(1, ColorMode::Never);
  std::istringstream text(overview(plain) + help_for(profile_command(), plain) +
                          help_for(explain_command(), plain));
  for (std::string line; std::getline(text, line);) EXPECT_LE(columns(line), 100u) << line;
}

TEST(Terminal, HostileTextIsHarmless) {
  EXPECT_EQ(printable("main.(*T).Größe·dwrap·1"), "main.(*T).Größe·dwrap·1");
  EXPECT_EQ(printable("a\x1b[31m\n\t\x7f"), "a\\x1b[31m\\x0a\\x09\\x7f");
  EXPECT_EQ(printable("\xff\xc0\x80"), "\\xff\\xc0\\x80");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");           // C1 control
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");  // right-to-left isolate
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xe4"), "\\xe4");
}

TEST(Terminal, ColoursOnlyWhereWanted) {
  EXPECT_EQ(Style(1, ColorMode::Never).bold("x"), "x");
  EXPECT_EQ(Style(1, ColorMode::Always).bold("x"), "\x1b[1mx\x1b[0m");
  EXPECT_FALSE(color_mode_from("sometimes"));
}

TEST(Describe, Gap) {
  const Style plain(1, ColorMode::Never);
  EXPECT_EQ(gap_line({GapKind::UnknownNumber, "main.f", "app", "f.go", 3, 1, "what", "hint"}, plain),
            "gap: unknown-number: main.f (f.go:3): what (hint)");
  EXPECT_EQ(gap_line({GapKind::UnknownNumber, "sub_1000", "app", "", 0, 0x1000, "what", ""}, plain),
            "gap: unknown-number: sub_1000 (0x1000): what");
  EXPECT_EQ(gap_line({GapKind::UnanalysedLibrary, "", "libx.so", "", 0, 0, "was not found", ""}, plain),
            "gap: unanalysed-library: libx.so: was not found");
  EXPECT_EQ(gap_line({GapKind::UnknownNumber, "main.f", "app", "f.go", 3, 1, "what", "hint\x1b"}, plain, true),
            "gap: unknown-number: main.f (f.go:3): what\n     hint\\x1b");
  EXPECT_EQ(gap_line({GapKind::UnanalysedLibrary, "", "libx.so", "", 0, 0, "was not found", ""}, plain, true),
            "gap: unanalysed-library: libx.so: was not found");
}

TEST_F(Files, AreReplacedWhole) {
  ASSERT_TRUE(write_output(dir_ + "a", "one"));
  EXPECT_EQ(content("a"), "one");
  chmod((dir_ + "a").c_str(), 0640);
  ASSERT_TRUE(write_output(dir_ + "a", "two"));
  EXPECT_EQ(content("a"), "two");
  struct stat status;
  stat((dir_ + "a").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, LinksAreFollowed) {
  ASSERT_TRUE(write_output(dir_ + "a", "one"));
  ASSERT_EQ(symlink("a", (dir_ + "link").c_str()), 0);
  ASSERT_TRUE(write_output(dir_ + "link", "two"));
  EXPECT_EQ(content("a"), "two");
  struct stat status;
  lstat((dir_ + "link").c_str(), &status);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
}

TEST_F(Files, AFailedWriteLeavesTheOldOne) {
  ASSERT_TRUE(write_output(dir_ + "a", "one"));
  with_small_files([&] { EXPECT_FALSE(write_output(dir_ + "a", std::string(100000, 'x'))); });
  EXPECT_EQ(content("a"), "one");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, OneThatShrinksUnderUsIsOneClearLine) {
  ASSERT_TRUE(write_output(dir_ + "a", std::string(100, 'x')));
  const auto read_beyond = [&] {
    expect_truncation("some/program");
    const int fd = open((dir_ + "a").c_str(), O_RDWR);
    const auto* bytes = static_cast<const volatile char*>(mmap(nullptr, 100, PROT_READ, MAP_PRIVATE, fd, 0));
    if (ftruncate(fd, 0) == 0) static_cast<void>(bytes[50]);
  };
  EXPECT_EXIT(read_beyond(), testing::ExitedWithCode(2), "^stile: some/program: it got shorter while it was read");
}

TEST_F(Files, OddTargets) {
  EXPECT_FALSE(write_output(dir_, "x"));
  EXPECT_FALSE(write_output(dir_ + "no/such", "x"));
  EXPECT_FALSE(write_output("", "x"));
  EXPECT_FALSE(write_output("/dev/full", "x"));
  EXPECT_TRUE(write_output("/dev/null", "x"));
}

TEST_F(Files, OnlyJsonIsReadAsJson) {
  ASSERT_TRUE(write_output(dir_ + "json", " \n{\"a\": 1}"));
  EXPECT_EQ(**read_if_json(dir_ + "json"), " \n{\"a\": 1}");
  ASSERT_TRUE(write_output(dir_ + "elf",
                           "\x7f"
                           "ELF"));
  EXPECT_FALSE(read_if_json(dir_ + "elf")->has_value());
  ASSERT_TRUE(write_output(dir_ + "empty", ""));
  EXPECT_FALSE(read_if_json(dir_ + "empty")->has_value());
  EXPECT_FALSE(read_if_json(dir_)->has_value());
  EXPECT_FALSE(read_if_json(dir_ + "none")->has_value());
  ASSERT_EQ(mkfifo((dir_ + "fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_if_json(dir_ + "fifo")->has_value());
  ASSERT_TRUE(write_output(dir_ + "large", "{" + std::string(17u << 20, ' ')));
  EXPECT_FALSE(read_if_json(dir_ + "large"));
}

}  // namespace
}  // namespace stile::cli
