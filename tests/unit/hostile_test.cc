// SPDX-License-Identifier: Apache-2.0
//
// The whole analysis on files that are damaged, made up to hurt, or no programs at all. Each gives a result or one clear
// line, in bounded time and memory. What only costs memory or could hang runs in a child with limits.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stile/analyze.h>

#include "hostile/elf_programs.h"
#include "hostile/go_writer.h"

namespace stile {
namespace {

using hostile::Blob;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Empty if the outcome is one a user can work with.
std::string judge(const Result<Analysis>& analysis) {
  if (!analysis) {
    const std::string line = to_line(analysis.error());
    if (analysis.error().message.empty()) return "an error without a message";
    if (line.size() > 500) return "an error of " + std::to_string(line.size()) + " bytes";
    if (line.find('\n') != std::string::npos) return "an error of two lines";
    return {};
  }
  for (const SyscallUse& use : analysis->syscalls) {
    if (use.name.empty() || use.because.empty()) return "a system call without name or evidence";
  }
  for (const Gap& gap : analysis->gaps) {
    if (gap.what.empty()) return "a gap that says nothing";
  }
  return {};
}

std::string try_bytes(Blob bytes) { return judge(analyze_bytes(std::move(bytes), "input", {})); }

// Runs `work` in a child of limited time and memory; its answer, or what became of it.
std::string in_child(const std::function<std::string()>& work, unsigned seconds = 10, size_t megabytes = 3000) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(seconds * (kSanitized ? 6 : 1));
    const rlimit memory{megabytes << 20, megabytes << 20};
    if (!kSanitized) ::setrlimit(RLIMIT_AS, &memory);
    const std::string answer = work();
    const ssize_t written = ::write(ends[1], answer.data(), answer.size());
    ::_exit(written == static_cast<ssize_t>(answer.size()) ? 0 : 3);
  }
  ::close(ends[1]);
  std::string answer;
  char buffer[512];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return std::string("killed by ") + ::strsignal(WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? answer : "exit status " + std::to_string(WEXITSTATUS(status));
}

std::string try_in_child(const Blob& bytes) {
  return in_child([&] { return try_bytes(bytes); });
}

std::vector<std::pair<std::string, Blob>> made_programs() {
  return {{"wrappers", hostile::wrapper_program()},
          {"tables", hostile::table_program()},
          {"dynamic", hostile::dynamic_program()},
          {"go 1.2", hostile::go_program(go::PclntabLayout::Go12)},
          {"go 1.16", hostile::go_program(go::PclntabLayout::Go116)},
          {"go 1.18", hostile::go_program(go::PclntabLayout::Go118)},
          {"go 1.20", hostile::go_program(go::PclntabLayout::Go120)}};
}

Blob read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return Blob(std::istreambuf_iterator<char>(in), {});
}

// A small real Go program from the corpus (tests/corpus/get), empty if there is none.
Blob real_go() {
  const char* home = std::getenv("HOME");
  if (home == nullptr) return {};
  for (const char* name : {"gap-go-argv", "cgohello-1.23-musl-static"}) {
    Blob bytes = read_file(std::string(home) + "/.cache/stile-corpus/bin/" + name);
    if (!bytes.empty()) return bytes;
  }
  return {};
}

TEST(Made, ProgramsAreUnderstood) {
  for (const auto& [name, bytes] : made_programs()) {
    const auto analysis = analyze_bytes(bytes, name, {});
    ASSERT_TRUE(analysis) << name << ": " << to_line(analysis.error());
    EXPECT_FALSE(analysis->syscalls.empty()) << name;
  }
  const auto has = [](const Analysis& analysis, std::string_view call) {
    return std::any_of(analysis.syscalls.begin(), analysis.syscalls.end(), [&](const SyscallUse& use) { return use.name == call; });
  };
  const auto c = analyze_bytes(hostile::wrapper_program(), "c", {});
  for (const char* call : {"getpid", "exit_group"}) EXPECT_TRUE(has(*c, call)) << call;
  const auto go = analyze_bytes(hostile::go_program(go::PclntabLayout::Go120), "go", {});
  for (const char* call : {"getpid", "write", "getuid", "exit_group"}) EXPECT_TRUE(has(*go, call)) << call;
}

TEST(Damaged, TruncatedAnywhere) {
  for (const auto& [name, bytes] : made_programs()) {
    for (size_t length = 0; length <= bytes.size(); length += 1 + length / 40) {
      EXPECT_EQ(try_bytes(Blob(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length))), "") << name << " cut at " << length;
    }
  }
}

TEST(Damaged, FlippedBits) {
  std::mt19937_64 random(20240501);
  const int rounds = kSanitized ? 150 : 600;
  for (const auto& [name, bytes] : made_programs()) {
    for (int round = 0; round < rounds; ++round) {
      Blob copy = bytes;
      for (unsigned flips = 1 + static_cast<unsigned>(random() % 4); flips > 0; --flips) {
        copy[random() % copy.size()] ^= static_cast<uint8_t>(1u << random() % 8);
      }
      const std::string problem = try_bytes(copy);
      if (problem.empty()) continue;
      std::ofstream("hostile-finding", std::ios::binary).write(reinterpret_cast<const char*>(copy.data()), static_cast<std::streamsize>(copy.size()));
      FAIL() << name << " round " << round << ": " << problem << " (kept as hostile-finding)";
    }
  }
}

TEST(Damaged, RealGoProgramCutAndFlipped) {
  const Blob bytes = real_go();
  if (bytes.empty()) GTEST_SKIP() << "no Go program in ~/.cache/stile-corpus/bin: run tests/corpus/get";
  const size_t cuts = 200, steps = kSanitized ? 10 : 40;
  std::mt19937_64 random(7);
  EXPECT_EQ(in_child([&] {
              for (size_t i = 0; i < cuts; ++i) {
                Blob cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() * i / cuts));
                if (const std::string problem = try_bytes(cut); !problem.empty()) return "cut: " + problem;
              }
              for (size_t i = 0; i < steps; ++i) {
                Blob flipped = bytes;
                for (int k = 0; k < 64; ++k) flipped[random() % flipped.size()] ^= static_cast<uint8_t>(1u << random() % 8);
                if (const std::string problem = try_bytes(flipped); !problem.empty()) return "flipped: " + problem;
              }
              return std::string();
            }, 60),
            "");
}

// --- single fields with the worst values

TEST(Fields, EveryWordOfTheHeadersTakesExtremeValues) {
  const uint64_t extremes[] = {0, 1, 7, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, uint64_t{1} << 46, uint64_t{1} << 63, UINT64_MAX};
  for (const auto& [name, bytes] : made_programs()) {
    const size_t end = std::min<size_t>(bytes.size(), 64 + 7 * 56);
    for (size_t at = 16; at + 8 <= end; at += 4) {
      for (const uint64_t value : extremes) {
        Blob copy = bytes;
        hostile::put(copy, at, static_cast<uint32_t>(value));
        EXPECT_EQ(try_bytes(copy), "") << name << " at " << at << " = " << value;
        hostile::put(copy, at, value);
        EXPECT_EQ(try_bytes(copy), "") << name << " at " << at << " = " << value;
      }
    }
  }
}

TEST(Fields, EveryWordOfTablesTakesExtremeValues) {
  const uint64_t extremes[] = {0, 0xffff, 0xffffffff, uint64_t{1} << 40, UINT64_MAX - 7};
  for (const auto& [name, bytes] : made_programs()) {
    for (size_t at = 64; at + 8 <= bytes.size(); at += kSanitized ? 32 : 8) {
      for (const uint64_t value : extremes) {
        Blob copy = bytes;
        hostile::put(copy, at, value);
        ASSERT_EQ(try_bytes(copy), "") << name << " at " << at << " = " << value;
      }
    }
  }
}

// A shared object whose dynamic table holds these and whose read-only data is `tables`, at kRodata.
Blob dynamic_of(std::initializer_list<std::pair<int64_t, uint64_t>> entries, Blob tables) {
  Blob data;
  for (const auto& [tag, value] : entries) {
    hostile::append(data, tag);
    hostile::append(data, value);
  }
  const uint64_t size = data.size();
  hostile::ElfFile file;
  file.type = ET_DYN;
  file.entry = hostile::kText;
  file.load(hostile::kText, hostile::Code(hostile::kText).mov_eax(60).syscall().ret().bytes, PF_R | PF_X);
  file.load(hostile::kRodata, std::move(tables), PF_R);
  file.load(0x10000000, data, PF_R | PF_W, uint64_t{1} << 40);
  file.describe(PT_DYNAMIC, 0x10000000, size);
  return file.build();
}

TEST(Tables, PackedRelocationsMultiply) {
  Blob relr;
  hostile::append(relr, uint64_t{0x20000000});
  while (relr.size() < 4 << 20) hostile::append(relr, UINT64_MAX);
  EXPECT_EQ(try_in_child(dynamic_of({{DT_RELR, hostile::kRodata}, {DT_RELRSZ, relr.size()}}, relr)), "");
}

TEST(Tables, VersionsInACircleOrOverEachOther) {
  Blob need(2 << 20);
  for (size_t at = 4096; at + 16 <= need.size(); at += 4) {
    hostile::put(need, at, uint32_t{0xffff0001});  // entries that overlap, each with 65535 parts
    if (at % 16 == 12) hostile::put(need, at, uint32_t{4});
    if (at % 16 == 8) hostile::put(need, at, uint32_t{16});
  }
  EXPECT_EQ(try_in_child(dynamic_of({{DT_SYMTAB, hostile::kRodata}, {DT_STRTAB, hostile::kRodata}, {DT_STRSZ, need.size()},
                                     {DT_HASH, hostile::kRodata}, {DT_VERSYM, hostile::kRodata},
                                     {DT_VERNEED, hostile::kRodata + 4096}, {DT_VERNEEDNUM, UINT64_MAX},
                                     {DT_VERDEF, hostile::kRodata + 4100}, {DT_VERDEFNUM, UINT64_MAX}}, need)), "");
}

TEST(Tables, ManySymbolsOfOneHugeName) {
  Blob tables(8 << 20, 'a');
  const uint32_t count = 200000;
  for (uint32_t i = 0; i < count; ++i) hostile::put(tables, 64 + i * 24, Elf64_Sym{5 << 20, 0x12, 0, 1, hostile::kText, 1});
  hostile::put(tables, 4, count);
  tables.back() = 0;
  EXPECT_EQ(try_in_child(dynamic_of({{DT_SYMTAB, hostile::kRodata + 64}, {DT_STRTAB, hostile::kRodata}, {DT_STRSZ, tables.size()},
                                     {DT_HASH, hostile::kRodata}}, tables)), "");
}

TEST(Tables, HashChainsThatDoNotEnd) {
  Blob gnu(1 << 20);
  for (const uint64_t word : {0xffffffffull, 0xffffffffull << 32 | 1}) hostile::append(gnu, word);
  hostile::put(gnu, 0, uint32_t{1});
  hostile::put(gnu, 16, uint32_t{0xfffffffe});
  EXPECT_EQ(try_in_child(dynamic_of({{DT_SYMTAB, hostile::kRodata}, {DT_GNU_HASH, hostile::kRodata}}, gnu)), "");
}

TEST(Tables, MoreSegmentsThanTheKernelTakes) {
  hostile::ElfFile file;
  file.entry = hostile::kText;
  for (unsigned i = 0; i < 20000; ++i) file.load(hostile::kText + i * 0x1000, {0xc3}, PF_R | PF_X);
  const auto analysis = analyze_bytes(file.build(), "input", {});
  ASSERT_FALSE(analysis);
  EXPECT_EQ(analysis.error().code, Code::Malformed);
}

// --- code that is made to be slow: without bounds these cost hours, gigabytes or the stack

using hostile::kData;
using hostile::kText;

TEST(Costly, WrappersThatAllCallEachOther) {
  hostile::Code code(kText);
  constexpr uint64_t kCount = 60, kSize = (kCount + 1) * 5 + 16;
  for (uint64_t i = 0; i < kCount; ++i) {
    code.bytes.resize(i * kSize, 0xcc);
    if (i == 0) code.raw({0x89, 0xd8}).syscall();  // mov %ebx, %eax: kept by every call
    for (uint64_t k = 0; k < kCount; ++k) code.call(kText + k * kSize);
    code.ret();
  }
  EXPECT_EQ(try_in_child(hostile::program(code.bytes)), "");
}

TEST(Costly, LongChains) {
  hostile::Code calls(kText), wrappers(kText), globals(kText);
  while (calls.bytes.size() < 1 << 20) calls.mov_eax(1).syscall().call(calls.here() + 6).ret();
  EXPECT_EQ(try_in_child(hostile::program(calls.bytes)), "");
  wrappers.mov_edi(39);
  for (int i = 0; i < 100000; ++i) wrappers.call(wrappers.here() + 6).ret();
  wrappers.raw({0x89, 0xf8}).syscall().ret();
  EXPECT_EQ(try_in_child(hostile::program(wrappers.bytes)), "");
  constexpr uint64_t kCount = 20000;  // each variable is set from the next
  globals.raw({0x8b, 0x05}).relative(kData).syscall();
  for (uint64_t i = 0; i < kCount; ++i) {
    globals.raw({0x8b, 0x05}).relative(kData + 8 * (i + 1)).raw({0x89, 0x05}).relative(kData + 8 * i);
  }
  globals.ret();
  EXPECT_EQ(try_in_child(hostile::program(globals.bytes, Blob(8 * kCount + 16))), "");
}

TEST(Costly, TablesTimesJumps) {
  constexpr uint64_t kTable = 0x7000000;
  hostile::Code code(kText);
  code.raw({0xff, 0x24, 0xc5}).word(kTable);
  const uint64_t first = code.here();
  for (int i = 0; i < 400000; ++i) code.raw({0xff, 0xe0});
  for (uint64_t i = 0; i < 40; ++i) code.raw({0x48, 0x8b, 0x05}).relative(kTable + i * 32768);
  code.mov_eax(1).syscall().ret();
  Blob table;
  for (uint64_t i = 0; i < 160000; ++i) hostile::append(table, first + 2 * i);
  hostile::ElfFile file;
  file.type = ET_DYN;  // so that the table's words are no pointers to functions
  file.entry = kText;
  file.load(kText, code.bytes, PF_R | PF_X);
  file.load(kTable, table, PF_R);
  EXPECT_EQ(try_in_child(file.build()), "");
}

TEST(Costly, ValuesThatMultiply) {
  hostile::Code code(kText), doubling(kText);
  for (uint32_t i = 0; i < 500; ++i) code.raw({0xb9}).word(i).raw({0x0f, 0x44, 0xc1, 0xba}).word(i * 1000).raw({0x0f, 0x44, 0xda});
  for (int i = 0; i < 20000; ++i) code.raw({0x01, 0xd8}).syscall();
  EXPECT_EQ(try_in_child(hostile::program(code.bytes)), "");
  for (int i = 0; i < 4000; ++i) doubling.raw({0x01, 0xd8, 0x01, 0xc3, 0x0f, 0x44, 0xc3});
  for (int i = 0; i < 1000; ++i) doubling.syscall();
  EXPECT_EQ(try_in_child(hostile::program(doubling.bytes)), "");
}

TEST(Costly, MoreUnknownNumbersThanCanBeListed) {
  hostile::Code code(kText);
  while (code.bytes.size() < 2 << 20) code.syscall();
  const auto analysis = analyze_bytes(hostile::program(code.bytes), "input", {});
  ASSERT_TRUE(analysis);
  EXPECT_GT(analysis->gaps.size(), 1000u);
  EXPECT_LT(analysis->gaps.size(), 3000u);
  const auto summed = [](const Gap& gap) { return gap.what.find("not listed") != std::string::npos; };
  EXPECT_TRUE(std::any_of(analysis->gaps.begin(), analysis->gaps.end(), summed));
}

// --- files that are something else

class Place {
 public:
  Place() {
    char name[] = "/tmp/stile-hostile-XXXXXX";
    path_ = ::mkdtemp(name);
    ::chmod(path_.c_str(), 0755);
  }
  ~Place() { std::system(("rm -rf '" + path_ + "'").c_str()); }  // NOLINT: a path made here
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_file(const std::string& path, const Blob& bytes, mode_t mode = 0644) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  ::chmod(path.c_str(), mode);
}

Blob text(std::string_view value) { return Blob(value.begin(), value.end()); }

struct Odd {
  std::string path;
  const char* says;  // part of the message
};

std::vector<Odd> odd_files(const Place& place) {
  const Blob good = hostile::wrapper_program();
  const auto with = [&](size_t at, std::initializer_list<uint8_t> values) {
    Blob copy = good;
    std::copy(values.begin(), values.end(), copy.begin() + static_cast<std::ptrdiff_t>(at));
    return copy;
  };
  write_file(place / "empty", {});
  write_file(place / "script", text("#!/bin/sh\nexit\n"));
  write_file(place / "pe", text("MZ\x90 some program"));
  write_file(place / "macho", text("\xcf\xfa\xed\xfe\x07 some program"));
  write_file(place / "fat", text("\xca\xfe\xba\xbe some program"));
  write_file(place / "text", text("hello\n"));
  write_file(place / "head", Blob(good.begin(), good.begin() + 40));
  write_file(place / "class32", with(EI_CLASS, {ELFCLASS32}));
  write_file(place / "big-endian", with(EI_DATA, {ELFDATA2MSB, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62}));
  write_file(place / "arm64", with(18, {EM_AARCH64, 0}));
  write_file(place / "strange", with(18, {0xfe, 0xca}));
  write_file(place / "object", with(16, {ET_REL}));
  write_file(place / "core", with(16, {ET_CORE}));
  write_file(place / "no-segments", with(56, {0}));
  ::mkdir((place / "directory").c_str(), 0755);
  ::mkfifo((place / "fifo").c_str(), 0644);
  write_file(place / "sparse", {});
  EXPECT_EQ(::truncate((place / "sparse").c_str(), off_t{2} << 30), 0);
  write_file(place / "sparse-zero", {});
  EXPECT_EQ(::truncate((place / "sparse-zero").c_str(), off_t{1} << 30), 0);
  EXPECT_EQ(::symlink("loop", (place / "loop").c_str()), 0);
  return {{place / "empty", "is empty"},
          {place / "script", "script"},
          {place / "pe", "Windows"},
          {place / "macho", "Mach-O"},
          {place / "fat", "universal"},
          {place / "text", "not an ELF"},
          {place / "head", "header"},
          {place / "class32", "32-bit"},
          {place / "big-endian", "big-endian"},
          {place / "arm64", "arm64"},
          {place / "strange", "51966"},
          {place / "object", "relocatable"},
          {place / "core", "core dump"},
          {place / "no-segments", "program header"},
          {place / "directory", "directory"},
          {place / "fifo", "regular file"},
          {place / "sparse", "2 GiB"},
          {place / "sparse-zero", "not an ELF"},
          {place / "loop", "symbolic links"},
          {place / "missing", "No such file"},
          {"/dev/zero", "regular file"},
          {"/dev/null", "regular file"}};
}

TEST(OddFiles, GiveOneClearLine) {
  const Place place;
  for (const Odd& odd : odd_files(place)) {
    const std::string answer = in_child([&] {
      const auto analysis = analyze(odd.path, {});
      return analysis ? std::string("it was analysed") : judge(analysis).empty() ? to_line(analysis.error()) : judge(analysis);
    }, 5, 4000);
    EXPECT_NE(answer.find(odd.says), std::string::npos) << odd.path << ": " << answer;
    EXPECT_NE(answer.find(odd.path), std::string::npos) << answer;
  }
}

TEST(OddFiles, NoPermission) {
  const Place place;
  write_file(place / "secret", hostile::wrapper_program(), 0);
  const std::string answer = in_child([&] {
    if (::getuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return std::string("cannot become another user");
    const auto analysis = analyze(place / "secret", {});
    return analysis ? std::string("it was analysed") : to_line(analysis.error());
  });
  if (answer == "cannot become another user") GTEST_SKIP() << answer;
  EXPECT_NE(answer.find("Permission denied"), std::string::npos) << answer;
}

// --- the command

TEST(Command, SaysOneLineAndLeavesNothingBehind) {
  const char* named = std::getenv("STILE");
  const std::string stile = named != nullptr ? named : STILE_BINARY_DIR "/stile";
  if (::access(stile.c_str(), X_OK) != 0) GTEST_SKIP() << stile << " is not built";
  const Place place;
  for (const Odd& odd : odd_files(place)) {
    const std::string command = "timeout 10 '" + stile + "' profile -o '" + (place / "profile.json") + "' '" + odd.path + "' >'" +
                                (place / "out") + "' 2>'" + (place / "err") + "'";
    const int status = std::system(command.c_str());  // NOLINT: paths made here
    EXPECT_EQ(WEXITSTATUS(status), 2) << odd.path;
    EXPECT_TRUE(read_file(place / "out").empty()) << odd.path;
    const Blob bytes = read_file(place / "err");
    const std::string error(bytes.begin(), bytes.end());
    EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << odd.path << ": " << error;
    EXPECT_NE(error.find(odd.says), std::string::npos) << error;
    EXPECT_NE(::access((place / "profile.json").c_str(), F_OK), 0) << odd.path;
  }
}

}  // namespace
}  // namespace stile
