// SPDX-License-Identifier: Apache-2.0
//
// Analyses that are kept: a hit gives what the analysis would give, and every change is a miss. An entry that was found is told from a new answer by
// a mark that the test puts into the entry.
#include "analysis/cache_entry.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <set>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_store.h"
#include "base/root.h"
#include "base/running_code.h"
#include "commands.h"
#include "program_builder.h"

namespace stile {
namespace {

namespace fs = std::filesystem;
using analysis::CacheEntry;

const std::string kMark = "found in the cache";

std::vector<uint8_t> content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& file, const std::vector<uint8_t>& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::vector<fs::path> files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  if (!fs::exists(directory)) return files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  return files;
}

// --- the bytes of an entry ---

CacheEntry full_entry() {
  CacheEntry entry;
  entry.key = "key";
  entry.lookups = {{{true, Question::Open, "/lib/a", 0}, "1 2 3"}, {{false, Question::Names, "/etc", 1000}, "a/b/"}, {{true, Question::Directory, "/x", 0}, ""}};
  entry.analysis.origin = {"app", "abc", "go1.23", {"example.com/app", "v1"}, "static", "0.1", {"--also=x"}, {"/lib/a", "/lib/b"}};
  const Frame frame = {"main.main", "main", "std", "main.go", 12, 0xffffffffffffffff, "closure"};
  entry.analysis.syscalls = {{"read", 0, "x86_64", 3, {"a", "b"}, {"c"}, {{EvidenceKind::CallPath, "main", {frame, {}, frame}, ""}, {EvidenceKind::Human, "", {}, "asked for"}}},
                             {"write", 0xffffffff, "i386", 0, {}, {}, {}}};
  entry.analysis.gaps = {{GapKind::LimitedWork, "f", "o", "file", 1, 2, "what", "hint"}};
  entry.analysis.stats = {1, 2, 3, 4, "limit"};
  return entry;
}

TEST(CacheEntry, ReadsBackAsItWas) {
  const auto entry = full_entry();
  EXPECT_EQ(analysis::decode(analysis::encode(entry)), entry);
  EXPECT_EQ(analysis::decode(analysis::encode({})), CacheEntry{});
}

TEST(CacheEntry, DamageIsSeen) {
  const std::vector<uint8_t> good = analysis::encode(full_entry());
  for (size_t i = 0; i < good.size(); ++i) {
    std::vector<uint8_t> changed = good;
    changed[i] ^= 1;
    EXPECT_FALSE(analysis::decode(changed)) << "byte " << i;
    EXPECT_FALSE(analysis::decode(std::span(good).first(i))) << "the first " << i;
  }
  std::vector<uint8_t> longer = good;
  longer.push_back(0);
  EXPECT_FALSE(analysis::decode(longer));
}

// With a digest that fits: somebody wrote it so.
TEST(CacheEntry, NonsenseIsRefused) {
  const std::vector<uint8_t> good = analysis::encode(full_entry());
  const std::span<const uint8_t> contents = std::span(good).subspan(40);
  ASSERT_TRUE(analysis::decode_contents(contents));
  for (size_t i = 0; i < contents.size(); ++i) EXPECT_FALSE(analysis::decode_contents(contents.first(i))) << i;
  // One string of a megabyte, named again and again: more than may be used.
  std::vector<uint8_t> bomb = {1, 0x80, 0x80, 0x40};
  bomb.insert(bomb.end(), 1 << 20, 'x');
  bomb.insert(bomb.end(), {0, 0});                      // key, no lookups
  for (int i = 0; i < 7; ++i) bomb.push_back(0);        // origin, up to its options
  bomb.insert(bomb.end(), {0x80, 0x80, 0x40});          // a million of them
  bomb.insert(bomb.end(), 1 << 20, 0);
  EXPECT_FALSE(analysis::decode_contents(bomb));
}

// --- what is noted of files ---

TEST(Lookups, TwoAnswersToOneQuestionAreNone) {
  Lookups lookups;
  lookups.note({true, Question::Directory, "/a"}, "yes");
  lookups.note({true, Question::Directory, "/a"}, "yes");
  EXPECT_TRUE(lookups.complete());
  lookups.note({true, Question::Directory, "/a"}, "no");
  EXPECT_FALSE(lookups.complete());
}

TEST(Lookups, AFileWrittenAMomentAgoIsNotSettled) {
  struct stat status {};
  status.st_mtim = {1000, 500};
  status.st_ctim = {1000, 500};
  EXPECT_TRUE(is_settled(status, {1002, 500}));
  EXPECT_FALSE(is_settled(status, {1002, 499}));
  status.st_mtim = {10, 0};  // set back; when that was done tells
  EXPECT_FALSE(is_settled(status, {1001, 0}));
  status.st_mtim = {5000, 0};  // in the future
  EXPECT_FALSE(is_settled(status, {1002, 500}));
}

TEST(RunningCode, IsKnown) {
  EXPECT_NE(running_code(), "");
  EXPECT_EQ(running_code(), running_code());
  // For the test OtherBuild, which runs this one in another program.
  if (const char* file = std::getenv("STILE_TEST_SAY_CODE")) {
    std::ofstream(file) << running_code();
    AnalyzeOptions options;
    options.cache = std::getenv("STILE_TEST_CACHE");
    EXPECT_TRUE(analyze(std::getenv("STILE_TEST_PROGRAM"), options));
  }
}

// --- the directory ---

TEST(FileStore, OldestGoFirst) {
  char name[] = "/tmp/stile-store-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const std::string directory = std::string(name) + "/one/two";
  const FileStore store(directory, {.bytes = 100, .files = 3, .largest = 60});
  const auto bytes = [](size_t size) { return std::vector<uint8_t>(size, 7); };
  const auto age = [&](const char* file, time_t seconds) {
    const timespec times[2] = {{0, UTIME_OMIT}, {std::time(nullptr) - seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (directory + "/" + file).c_str(), times, 0), 0);
  };
  store.write("a", bytes(10));
  EXPECT_EQ(fs::status(directory).permissions(), fs::perms::owner_all);
  age("a", 30);
  store.write("b", bytes(10));
  age("b", 20);
  store.write("c", bytes(10));
  age("c", 10);
  EXPECT_EQ(store.read("a"), bytes(10));  // used, so no longer the oldest
  store.write("d", bytes(10));
  EXPECT_FALSE(store.read("b"));
  EXPECT_TRUE(store.read("a"));
  EXPECT_TRUE(store.read("c"));
  store.write("e", bytes(61));  // too large
  EXPECT_FALSE(store.read("e"));
  store.write("f", bytes(60));
  store.write("g", bytes(60));
  EXPECT_FALSE(store.read("f"));
  EXPECT_EQ(store.read("g"), bytes(60));
  // What somebody left behind goes after an hour, not before.
  put(directory + "/.new-old", bytes(1));
  age(".new-old", 4000);
  put(directory + "/.new-young", bytes(1));
  store.write("h", bytes(1));
  EXPECT_FALSE(fs::exists(directory + "/.new-old"));
  EXPECT_TRUE(fs::exists(directory + "/.new-young"));
  fs::remove_all(name);
}

TEST(FileStore, OnlyWhatIsOnesOwn) {
  char name[] = "/tmp/stile-store-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const std::string top = name, directory = top + "/kept";
  const FileStore store(directory, {.bytes = 100, .files = 3, .largest = 60});
  const std::vector<uint8_t> bytes = {1, 2, 3};
  const auto with_mode = [&](const std::string& path, mode_t mode) { ASSERT_EQ(::chmod(path.c_str(), mode), 0); };
  store.write("a", bytes);
  ASSERT_TRUE(store.read("a"));
  with_mode(directory + "/a", 0622);
  EXPECT_FALSE(store.read("a")) << "others can write to the file";
  with_mode(directory + "/a", 0644);
  EXPECT_TRUE(store.read("a"));
  for (const mode_t mode : {0720, 0702}) {
    with_mode(directory, mode);
    EXPECT_FALSE(store.read("a")) << "others can write to the directory";
    store.write("b", bytes);
    with_mode(directory, 0700);
    EXPECT_FALSE(store.read("b"));
  }
  fs::rename(directory + "/a", top + "/elsewhere");
  fs::create_symlink(top + "/elsewhere", directory + "/a");
  EXPECT_FALSE(store.read("a")) << "a symbolic link";
  store.write("a", bytes);
  EXPECT_TRUE(store.read("a"));
  EXPECT_FALSE(fs::is_symlink(directory + "/a"));
  ASSERT_EQ(::mkfifo((directory + "/fifo").c_str(), 0600), 0);
  EXPECT_FALSE(store.read("fifo"));
  fs::create_directory_symlink(directory, top + "/link");
  const FileStore linked(top + "/link", {.bytes = 100, .files = 3, .largest = 60});
  EXPECT_FALSE(linked.read("a")) << "the directory is a symbolic link";
  // Where nothing can be made nothing is.
  const FileStore nowhere("/dev/null/kept", {.bytes = 100, .files = 3, .largest = 60});
  nowhere.write("a", bytes);
  EXPECT_FALSE(nowhere.read("a"));
  const FileStore relative("kept", {.bytes = 100, .files = 3, .largest = 60});
  relative.write("a", bytes);
  EXPECT_FALSE(fs::exists("kept"));
  fs::remove_all(name);
}

// As with sudo: the directory, or an entry, is another user's.
TEST(FileStore, NothingOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  char name[] = "/tmp/stile-store-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const std::string top = name, directory = top + "/kept";
  const FileStore store(directory, {.bytes = 100, .files = 3, .largest = 60});
  const std::vector<uint8_t> bytes = {1, 2, 3};
  const auto give = [](const std::string& path, uid_t user) { ASSERT_EQ(::chown(path.c_str(), user, 0), 0); };
  store.write("a", bytes);
  give(directory + "/a", 1234);
  EXPECT_FALSE(store.read("a"));
  give(directory + "/a", 0);
  EXPECT_TRUE(store.read("a"));
  give(directory, 1234);
  EXPECT_FALSE(store.read("a"));
  store.write("b", bytes);
  EXPECT_FALSE(fs::exists(directory + "/b"));
  // Nothing is made in the directory of another user.
  give(top, 1234);
  const FileStore fresh(top + "/fresh", {.bytes = 100, .files = 3, .largest = 60});
  fresh.write("a", bytes);
  EXPECT_FALSE(fs::exists(top + "/fresh"));
  fs::remove_all(name);
}

// --- analyses ---

// A program that needs libmark.so, which is in the second of two directories that its run path names; and the same in a tree with a name
// service. Each test gets it new, and old enough for its times to count.
class CacheTest : public BuiltProgramTest {
 protected:
  void SetUp() override {
    BuiltProgramTest::SetUp();
    if (directory.empty()) return;
    fs::create_directory(at("first"));
    fs::create_directory(at("second"));
    compile("second/libmark.so", marked("int mark(void)", 'A'), "-shared -fPIC");
    compile("other.so", marked("int mark(void)", 'B'), "-shared -fPIC");
    compile_program("program", "int mark(void); int start(void) { return mark(); }",
                    "-Lsecond -lmark -Wl,-rpath,\\$ORIGIN/first:\\$ORIGIN/second -Wl,--build-id=sha1");
    wait();
    options.cache = at("cache");
  }
  // Until what was written is no longer written a moment ago.
  static void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(2100)); }

  std::vector<fs::path> entries() const { return files_in(options.cache); }
  // Analyses, and puts the mark into all that is kept.
  Analysis keep(const std::string& path) {
    const Analysis first = analysed(path, options);
    for (const fs::path& file : entries()) {
      auto entry = analysis::decode(content(file));
      if (!entry) continue;
      entry->analysis.stats.limit = kMark;
      put(file, analysis::encode(*entry));
    }
    return first;
  }
  bool found(const std::string& path) const { return analysed(path, options).stats.limit == kMark; }

  AnalyzeOptions options;
};

TEST_F(CacheTest, WhatIsFoundIsWhatWouldBeWorkedOut) {
  std::vector<std::string> programs = {at("program"), "/bin/ls", "/proc/self/exe"};
  char self[4096];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self);
  ASSERT_GT(length, 0);
  programs[2] = std::string(self, static_cast<size_t>(length));  // C++, with many libraries
  const char* corpus = std::getenv("STILE_CORPUS");
  const char* home = std::getenv("HOME");
  const std::string bin = (corpus != nullptr ? std::string(corpus) : std::string(home == nullptr ? "" : home) + "/.cache/stile-corpus") + "/bin/";
  bool has_go = true;
  for (const char* name : {"hello-1.23-static", "hello-1.23-cgo-dyn"}) {
    has_go &= fs::exists(bin + name);
    if (has_go) programs.push_back(bin + name);
  }
  for (const std::string& program : programs) {
    SCOPED_TRACE(program);
    AnalyzeOptions cold = options;
    cold.cache.clear();
    const size_t before = entries().size();
    const Analysis wanted = analysed(program, cold);
    EXPECT_EQ(entries().size(), before) << "nothing is kept unless asked for";
    EXPECT_TRUE(analysed(program, options) == wanted);
    EXPECT_EQ(entries().size(), before + 1);
    EXPECT_TRUE(analysed(program, options) == wanted);
    keep(program);
    EXPECT_TRUE(found(program));
  }
  if (!has_go) GTEST_SKIP() << "no Go programs in " << bin << ": run tests/corpus/get";
}

TEST_F(CacheTest, OptionsAreOtherEntries) {
  keep(at("program"));
  ASSERT_TRUE(found(at("program")));
  options.threads = 1;
  EXPECT_TRUE(found(at("program"))) << "threads change nothing";
  options.paths = false;
  EXPECT_FALSE(found(at("program")));
  options.paths = true;
  options.max_paths = 7;
  EXPECT_FALSE(found(at("program")));
  options.max_paths = 3;
  options.phase = Phase::Main;
  EXPECT_FALSE(found(at("program")));
  options.phase = Phase::All;
  options.also = {at("other.so")};
  EXPECT_FALSE(found(at("program")));
  options.also.clear();
  EXPECT_TRUE(found(at("program")));
  // Another path to the same file has another $ORIGIN or another name in what is said.
  fs::create_symlink(at("program"), at("link"));
  EXPECT_FALSE(found(at("link")));
}

TEST_F(CacheTest, AFileWrittenAMomentAgoIsNotKept) {
  fs::copy_file(at("program"), at("fresh"));
  fs::last_write_time(at("fresh"), fs::last_write_time(at("fresh")) + std::chrono::hours(1));  // however slow this machine is
  analysed(at("fresh"), options);
  EXPECT_TRUE(entries().empty());
}

TEST_F(CacheTest, ReplacedLibrary) {
  EXPECT_EQ(marks(keep(at("program"))), "A");
  ASSERT_TRUE(found(at("program")));
  const auto time = fs::last_write_time(at("second/libmark.so"));
  fs::rename(at("other.so"), at("second/libmark.so"));
  fs::last_write_time(at("second/libmark.so"), time);
  EXPECT_EQ(marks(analysed(at("program"), options)), "B");
}

TEST_F(CacheTest, LibraryChangedInPlace) {
  keep(at("program"));
  const auto time = fs::last_write_time(at("second/libmark.so"));
  std::vector<uint8_t> bytes = content(at("other.so"));
  const size_t size = fs::file_size(at("second/libmark.so"));
  bytes.resize(std::max(bytes.size(), size));  // so that not even the size tells
  put(at("second/libmark.so"), bytes);
  fs::last_write_time(at("second/libmark.so"), time);
  EXPECT_EQ(marks(analysed(at("program"), options)), "B");
}

TEST_F(CacheTest, FileEarlierInTheSearchPath) {
  keep(at("program"));
  ASSERT_TRUE(found(at("program")));
  const std::vector<uint8_t> kept = content(entries()[0]);
  fs::copy_file(at("other.so"), at("first/libmark.so"));
  EXPECT_EQ(marks(analysed(at("program"), options)), "B");
  fs::remove(at("first/libmark.so"));
  put(entries()[0], kept);  // where it takes long, the new file was old enough to be kept
  EXPECT_TRUE(found(at("program"))) << "all is as it was";
  // A directory of a better processor's files is looked into only where it is.
  fs::create_directories(at("first/glibc-hwcaps/x86-64-v2"));
  EXPECT_FALSE(found(at("program")));
}

TEST_F(CacheTest, MissingLibraryThatComes) {
  fs::rename(at("second/libmark.so"), at("away"));
  const Analysis without = keep(at("program"));
  EXPECT_NE(gaps(without), "");
  EXPECT_TRUE(found(at("program")));
  fs::rename(at("away"), at("second/libmark.so"));
  EXPECT_EQ(marks(analysed(at("program"), options)), "A");
}

TEST_F(CacheTest, ProgramThatIsBuiltAnew) {
  keep(at("program"));
  compile_program("program", "int mark(void); int start(void) { return mark() + 1; }",
                  "-Lsecond -lmark -Wl,-rpath,\\$ORIGIN/second -Wl,--build-id=sha1");
  EXPECT_FALSE(found(at("program")));
}

TEST_F(CacheTest, LinkThatLeadsElsewhere) {
  fs::create_directory(at("now"));
  fs::create_hard_link(at("program"), at("now/program"));
  fs::create_directory(at("then"));
  fs::create_hard_link(at("program"), at("then/program"));
  fs::create_directory_symlink("now", at("current"));
  wait();
  keep(at("current/program"));
  ASSERT_TRUE(found(at("current/program")));
  // The same file, and another $ORIGIN.
  fs::remove(at("current"));
  fs::create_directory_symlink("then", at("current"));
  EXPECT_FALSE(found(at("current/program")));
}

TEST_F(CacheTest, ConfigurationInATree) {
  const std::string tree = at("tree");
  for (const char* part : {"/etc", "/lib64", "/lib/x86_64-linux-gnu", "/bin"}) fs::create_directories(tree + part);
  write("user.c", "#include <pwd.h>\nint main(int c, char **v) { return getpwnam(v[0]) != 0; }\n");
  write("module.c", "#include <unistd.h>\n#include <sys/syscall.h>\nint _nss_fake_getpwnam_r(void) { return syscall(SYS_getcpu, 0, 0, 0); }\n");
  build("gcc -O1 -w -o tree/bin/user user.c");
  build("gcc -O1 -w -shared -fPIC -o tree/lib/x86_64-linux-gnu/libnss_fake.so.2 module.c");
  fs::copy_file("/lib64/ld-linux-x86-64.so.2", tree + "/lib64/ld-linux-x86-64.so.2");
  fs::copy_file("/lib/x86_64-linux-gnu/libc.so.6", tree + "/lib/x86_64-linux-gnu/libc.so.6");
  write("tree/etc/nsswitch.conf", "passwd: files\n");
  options.sysroot = tree;
  const auto calls_getcpu = [&] {
    const Analysis analysis = analysed("/bin/user", options);
    return std::any_of(analysis.syscalls.begin(), analysis.syscalls.end(), [](const SyscallUse& use) { return use.name == "getcpu"; });
  };
  wait();
  keep("/bin/user");
  ASSERT_TRUE(found("/bin/user"));
  write("tree/etc/nsswitch.conf", "passwd: fake \n");
  EXPECT_TRUE(calls_getcpu());
  wait();
  keep("/bin/user");
  ASSERT_TRUE(found("/bin/user"));
  const std::vector<uint8_t> kept = content(entries()[0]);
  // Where there is no cache of the dynamic linker its configuration counts, and which files there are of it.
  write("tree/etc/ld.so.preload", "");
  EXPECT_FALSE(found("/bin/user"));
  fs::remove(at("tree/etc/ld.so.preload"));
  put(entries()[0], kept);
  ASSERT_TRUE(found("/bin/user"));
  write("tree/etc/ld.so.cache", "damaged");
  EXPECT_FALSE(found("/bin/user"));
}

TEST_F(CacheTest, WhatIsWrongWithAnEntryIsNoError) {
  const Analysis wanted = keep(at("program"));
  ASSERT_EQ(entries().size(), 1u);
  const fs::path file = entries()[0];
  const std::vector<uint8_t> good = content(file);
  const auto ignored = [&](const std::vector<uint8_t>& bytes) {
    put(file, bytes);
    EXPECT_TRUE(analysed(at("program"), options) == wanted) << bytes.size() << " bytes";
  };
  ignored({});
  ignored({'x'});
  ignored(std::vector<uint8_t>(good.begin(), good.end() - 1));
  std::vector<uint8_t> flipped = good;
  flipped[flipped.size() / 2] ^= 4;
  ignored(flipped);
  std::vector<uint8_t> layout = good;
  ++layout[7];
  ignored(layout);
  // An entry for something else under this one's name.
  auto entry = analysis::decode(good);
  ASSERT_TRUE(entry);
  entry->key = std::string(64, '0');
  ignored(analysis::encode(*entry));
  // It was written again each time.
  EXPECT_TRUE(analysis::decode(content(file)));
  put(file, good);
  EXPECT_TRUE(found(at("program")));
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  EXPECT_FALSE(found(at("program")));
  fs::resize_file(file, analysis::kLargestEntry + 1);
  EXPECT_FALSE(found(at("program")));
  options.cache = "/dev/null/cache";
  EXPECT_TRUE(analysed(at("program"), options) == wanted);
}

TEST_F(CacheTest, ManyAtOnce) {
  options.threads = 1;
  AnalyzeOptions cold = options;
  cold.cache.clear();
  const Analysis wanted = analysed(at("program"), cold);
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      bool good = true;
      for (int turn = 0; turn < 25 && good; ++turn) {
        // Now and then somebody takes an entry away or leaves half of one.
        for (const fs::path& file : files_in(options.cache)) {
          std::error_code ignored;
          if ((turn + i) % 5 == 0) fs::remove(file, ignored);
          if ((turn + i) % 5 == 1) fs::resize_file(file, 100, ignored);
        }
        const auto analysis = analyze(at("program"), options);
        good = analysis && *analysis == wanted;
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  analysed(at("program"), options);
  for (const fs::path& file : entries()) EXPECT_TRUE(analysis::decode(content(file))) << file;
  EXPECT_EQ(entries().size(), 1u);
}

// The command line keeps analyses unless it is told not to; verifying what is embedded does not look at them.
TEST_F(CacheTest, CommandLine) {
  ASSERT_EQ(::setenv("XDG_CACHE_HOME", at("home").c_str(), 1), 0);
  options.cache = at("home/stile");
  fs::create_directory(at("home"));
  const auto said = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"-o", at("out")});
    EXPECT_EQ(cli::run(words), 0);
    const auto bytes = content(at("out"));
    return std::string(bytes.begin(), bytes.end());
  };
  const std::string cold = said({"profile", "--no-cache", "-q", "--format", "stile", at("program")});
  EXPECT_TRUE(entries().empty());
  EXPECT_EQ(said({"profile", "-q", "--format", "stile", at("program")}), cold);
  EXPECT_EQ(entries().size(), 1u);
  EXPECT_EQ(said({"profile", "-q", "--format", "stile", at("program")}), cold);
  // A made-up answer, to see who takes it.
  for (const fs::path& file : entries()) {
    auto entry = analysis::decode(content(file));
    ASSERT_TRUE(entry);
    entry->analysis.syscalls.push_back({"reboot", 169, "x86_64", 1, {}, {}, {{EvidenceKind::CallPath, "main", {{"f"}}, ""}}});
    put(file, analysis::encode(*entry));
  }
  EXPECT_NE(said({"profile", "-q", "--format", "stile", at("program")}).find("reboot"), std::string::npos);
  EXPECT_NE(said({"convert", "--to", "stile", at("program")}).find("reboot"), std::string::npos);
  EXPECT_EQ(said({"convert", "--no-cache", "--to", "stile", at("program")}).find("reboot"), std::string::npos);
  EXPECT_EQ(said({"profile", "--no-cache", "-q", "--format", "stile", at("program")}), cold);
  fs::remove_all(at("home/stile"));
  ASSERT_EQ(cli::run({"embed", "-q", "-o", at("confined"), at("program")}), 0);
  EXPECT_EQ(cli::run({"embed", "-q", "--verify", at("confined")}), 0);
}

// What another build of the code has kept is not found: a copy of this test with another build id is another text.
TEST_F(CacheTest, OtherBuild) {
  const std::string code = running_code();
  const std::string id = code.substr(1, code.find('\n') - 1);  // the first object is the program, without a name
  std::vector<uint8_t> bytes = content("/proc/self/exe");
  std::vector<uint8_t> raw;
  for (size_t i = 0; i + 1 < id.size(); i += 2) raw.push_back(static_cast<uint8_t>(std::stoi(id.substr(i, 2), nullptr, 16)));
  const auto place = std::search(bytes.begin(), bytes.end(), raw.begin(), raw.end());
  ASSERT_NE(place, bytes.end()) << id;
  *place ^= 0x55;
  put(at("other"), bytes);
  fs::permissions(at("other"), fs::perms::owner_all);
  ASSERT_EQ(::setenv("STILE_TEST_SAY_CODE", at("said").c_str(), 1), 0);
  ASSERT_EQ(::setenv("STILE_TEST_CACHE", options.cache.c_str(), 1), 0);
  ASSERT_EQ(::setenv("STILE_TEST_PROGRAM", at("program").c_str(), 1), 0);
  ASSERT_EQ(shell("./other --gtest_filter=RunningCode.IsKnown > /dev/null"), 0);
  const auto said = content(at("said"));
  const std::string other(said.begin(), said.end());
  EXPECT_NE(other, code);
  EXPECT_EQ(other.substr(other.find('\n')), code.substr(code.find('\n'))) << "the same libraries";
  ASSERT_EQ(entries().size(), 1u);
  keep(at("program"));
  EXPECT_TRUE(found(at("program")));
  EXPECT_EQ(entries().size(), 2u);
}

}  // namespace
}  // namespace stile
