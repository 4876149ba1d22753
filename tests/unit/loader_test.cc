// SPDX-License-Identifier: Apache-2.0
//
// Which files make up a process: what the analysis says beside what the dynamic linker of this machine says
// (LD_TRACE_LOADED_OBJECTS, see ld.so(8)).
#include <array>
#include <cstdio>
#include <sstream>

#include "arch/x86_64_level.h"
#include "hostile/ld_cache_writer.h"
#include "program_builder.h"

namespace stile {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLinker = "/lib64/ld-linux-x86-64.so.2";

// What `command` prints.
std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  while (pipe != nullptr) {
    const size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe);
    if (got == 0) break;
    text.append(buffer.data(), got);
  }
  if (pipe != nullptr) ::pclose(pipe);
  return text;
}

// Paths as the dynamic linker lists them instead of starting the program, without links in them; in no order, because its order is not that of the search. The linker itself is left
// out here and below: it is listed only where somebody needs it.
std::set<std::string> listed(const std::string& program) {
  // A static program would run.
  if (std::system((std::string(kLinker) + " --verify " + program + " > /dev/null 2>&1").c_str()) != 0) return {};
  std::istringstream lines(output_of("env -u LD_LIBRARY_PATH -u LD_PRELOAD LD_TRACE_LOADED_OBJECTS=1 " + program + " 2> /dev/null"));
  std::set<std::string> paths;
  for (std::string line; std::getline(lines, line);) {
    const size_t arrow = line.find("=> ");
    std::istringstream words(arrow == line.npos ? line : line.substr(arrow + 3));
    std::string path;
    words >> path;
    if (path.starts_with("/")) paths.insert(fs::exists(path) ? fs::canonical(path).string() : path);
  }
  paths.erase(fs::canonical(kLinker).string());
  return paths;
}

std::set<std::string> loaded(const Analysis& analysis) {
  std::set<std::string> paths;
  for (const std::string& path : analysis.origin.libraries) paths.insert(fs::exists(path) ? fs::canonical(path).string() : path);
  paths.erase(fs::canonical(kLinker).string());
  return paths;
}

class Loader : public BuiltProgramTest {
 protected:
  void SetUp() override {
    BuiltProgramTest::SetUp();
    if (!fs::exists(kLinker)) GTEST_SKIP() << "no glibc here";
  }
  // The analysis loads what the dynamic linker loads.
  void check(const std::string& program, std::source_location from = std::source_location::current()) const {
    const testing::ScopedTrace trace(from.file_name(), static_cast<int>(from.line()), program);
    const std::set<std::string> wanted = listed(at(program));
    EXPECT_FALSE(wanted.empty());
    EXPECT_EQ(loaded(analysed(program)), wanted);
  }
  void library(const std::string& path, char letter, const std::string& flags = {}) const {
    fs::create_directories(fs::path(at(path)).parent_path());
    const std::string name = fs::path(path).stem().string();
    compile(path, marked("int foo(void)", letter) + "int " + name + "(void) { return 0; }", "-shared -fPIC -Wl,--no-as-needed " + flags);
  }
  void program(const std::string& path, const std::string& flags) const {
    fs::create_directories(fs::path(at(path)).parent_path());
    compile_program(path, "int foo(void); int start(void) { return foo(); }", "-Wl,--no-as-needed -Wl,--allow-shlib-undefined " + flags);
  }
};

TEST_F(Loader, AgreesOnThisMachinesPrograms) {
  size_t compared = 0, exact = 0;
  for (const char* name : {"true", "sh", "ls", "grep", "gcc", "ld", "python3", "perl", "openssl", "bash", "apt-get", "tar", "gdb", "git", "curl",
                           "ssh", "podman", "qemu-img", "ffmpeg", "nginx"}) {
    const std::string path = std::string("/usr/bin/") + name;
    if (!fs::exists(path)) continue;
    const auto analysis = analyze(path, {.paths = false});
    if (!analysis) continue;  // a script
    const std::set<std::string> wanted = listed(path);
    if (wanted.empty()) continue;  // static
    // Behind them may stand what is loaded later: the name service's modules, and what dlopen gets by constant names.
    const std::set<std::string> found = loaded(*analysis);
    EXPECT_TRUE(std::includes(found.begin(), found.end(), wanted.begin(), wanted.end())) << path;
    if (found == wanted) {
      EXPECT_EQ(gaps(*analysis), "") << path;
      ++exact;
    }
    ++compared;
  }
  EXPECT_GE(compared, 5u);
  EXPECT_GE(exact, 1u);
}

TEST_F(Loader, RpathIsInheritedAndRunpathIsNot) {
  for (const std::string tags : {"-Wl,--disable-new-dtags", "-Wl,--enable-new-dtags"}) {
    SCOPED_TRACE(tags);
    library("a/libinner.so", 'A');
    library("b/libinner.so", 'B');
    library("a/libouter.so", 'C', "-La -linner");
    program("program", tags + " -Wl,-rpath,$PWD/a -La -louter");
    check("program");
    library("a/libouter.so", 'C', "-La -linner " + tags + " -Wl,-rpath,$PWD/b");
    check("program");
  }
}

TEST_F(Loader, AnObjectWithRunpathLooksAtNoRpath) {
  library("a/libinner.so", 'A');
  library("a/libouter.so", 'C', "-La -linner -Wl,--enable-new-dtags -Wl,-rpath,/nowhere");
  program("program", "-Wl,--disable-new-dtags -Wl,-rpath,$PWD/a -La -louter");
  const Analysis analysis = analysed("program");
  EXPECT_EQ(loaded(analysis).count(at("a/libinner.so")), 0u);
  EXPECT_EQ(listed(at("program")).count(at("a/libinner.so")), 0u);
  EXPECT_EQ(gaps(analysis), "the shared library libinner.so was not analysed: it is not in the dynamic linker's search path\n");
}

TEST_F(Loader, OriginIsWhereTheProgramReallyIs) {
  library("real/lib/libone.so", 'A');
  library("link/lib/libone.so", 'B');
  program("real/program", "-Wl,-rpath,\\$ORIGIN/lib -Lreal/lib -lone");
  build("ln -s ../real/program link/program");
  check("real/program");
  check("link/program");
  program("real/braces", "-Wl,-rpath,\\${ORIGIN}/../real/lib -Lreal/lib -lone");
  check("real/braces");
}

TEST_F(Loader, TheLinkersOwnWordsForLibAndPlatform) {
  const std::string lib = output_of("strings -a " + std::string(kLinker) + " | grep -x -e lib/x86_64-linux-gnu -e lib64 | head -1");
  ASSERT_FALSE(lib.empty());
  library(lib.substr(0, lib.size() - 1) + "/x86_64/libone.so", 'A');
  program("program", "-Wl,-rpath,\\$ORIGIN/\\$LIB/\\$PLATFORM -L" + lib.substr(0, lib.size() - 1) + "/x86_64 -lone");
  check("program");
}

TEST_F(Loader, NamesWithASlash) {
  library("a/libone.so", 'A');
  build("mkdir -p b && cp a/libone.so b/libother.so");
  program("program", "$PWD/b/libother.so");
  check("program");
  write("program2.c", "");
  program("relative", "b/libother.so");
  EXPECT_EQ(gaps(analysed("relative")),
            "the shared library b/libother.so was not analysed: its path is relative to where the program is started\n");
}

TEST_F(Loader, FilesForAnotherMachineAreSteppedOver) {
  library("a/libone.so", 'A');
  build("mkdir -p class machine && cp a/libone.so class && cp a/libone.so machine");
  build("printf \"\\001\" | dd of=class/libone.so bs=1 seek=4 conv=notrunc status=none");
  build("printf \"\\267\" | dd of=machine/libone.so bs=1 seek=18 conv=notrunc status=none");
  program("program", "-Wl,-rpath,$PWD/class:$PWD/machine:$PWD/a -La -lone");
  check("program");
  program("only-others", "-Wl,-rpath,$PWD/class:$PWD/machine -La -lone");
  EXPECT_EQ(gaps(analysed("only-others")),
            "the shared library libone.so was not analysed: only files for another machine are in the dynamic linker's search path\n");
}

TEST_F(Loader, ASonameAnswersForAnotherName) {
  library("a/libone.so", 'A', "-Wl,-soname,libsame.so");
  library("b/libsame.so", 'B', "-Wl,-soname,libsame.so");
  library("a/libsecond.so", 'C', "-Lb -lsame");
  build("cp a/libone.so a/libname.so");
  program("program", "-Wl,-rpath,$PWD/a:$PWD/b -La -lname -lsecond");
  check("program");
}

TEST_F(Loader, TwoNamesOfOneFileAreLoadedOnce) {
  library("a/libone.so", 'A');
  build("ln a/libone.so a/libtwo.so && ln -s libone.so a/libthree.so");
  program("program", "-Wl,-rpath,$PWD/a -La -lone -ltwo -lthree");
  check("program");
  EXPECT_EQ(analysed("program").origin.libraries.size(), 2u);  // and the linker
}

TEST_F(Loader, NoDefaultLibraries) {
  library("a/libone.so", 'A');
  program("program", "-Wl,-z,nodefaultlib -Wl,-rpath,$PWD/a -La -lone -lm");
  EXPECT_EQ(gaps(analysed("program")), "the shared library libm.so.6 was not analysed: it is not in the dynamic linker's search path\n");
  EXPECT_EQ(listed(at("program")), std::set<std::string>{at("a/libone.so")});
}

TEST_F(Loader, DirectoriesRelativeToTheStartAreSaid) {
  library("a/libone.so", 'A');
  program("program", "-Wl,-rpath,lib::$PWD/a -La -lone");
  const std::string told = gaps(analysed("program"));
  EXPECT_NE(told.find("the directory 'lib', relative to where the program is started"), std::string::npos) << told;
  EXPECT_NE(told.find("the directory '', relative"), std::string::npos) << told;
  EXPECT_EQ(marks(analysed("program")), "A");
  // Behind the directory where the library is they do not matter.
  program("program", "-Wl,-rpath,$PWD/a:lib: -La -lone");
  EXPECT_EQ(gaps(analysed("program")), "");
}

TEST_F(Loader, VariantsForOtherProcessorsAreSaid) {
  library("a/libone.so", 'A');
  library("a/glibc-hwcaps/x86-64-v2/libone.so", 'B');
  library("a/glibc-hwcaps/x86-64-v4/libone.so", 'C');
  library("a/glibc-hwcaps/x86-64-v9/libone.so", 'D');
  program("program", "-Wl,-rpath,$PWD/a -La -lone");
  check("program");
  const unsigned level = arch::x86_64_level_here();
  const char mine = level == 4 ? 'C' : level >= 2 ? 'B' : 'A';
  const Analysis analysis = analysed("program");
  EXPECT_EQ(marks(analysis), std::string(1, mine));
  const std::string told = gaps(analysis);
  for (const auto& [letter, path] : {std::pair{'A', "a/libone.so"}, {'B', "a/glibc-hwcaps/x86-64-v2/libone.so"},
                                     {'C', "a/glibc-hwcaps/x86-64-v4/libone.so"}}) {
    EXPECT_EQ(told.find("the dynamic linker takes " + at(path) + "\n") != std::string::npos, letter != mine) << told;
  }
  // What the gaps say to do covers all of them.
  AnalyzeOptions all;
  all.also = {at("a/libone.so"), at("a/glibc-hwcaps/x86-64-v2/libone.so"), at("a/glibc-hwcaps/x86-64-v4/libone.so")};
  EXPECT_EQ(marks(analysed("program", all)), "ABC");
  EXPECT_EQ(gaps(analysed("program", all)), "");
  // The same file by another name is no other file.
  build("cp a/libone.so a/glibc-hwcaps/x86-64-v2/libone.so && ln -sf ../../libone.so a/glibc-hwcaps/x86-64-v4/libone.so");
  EXPECT_EQ(gaps(analysed("program")), "");
}

TEST_F(Loader, OlderRulesForProcessorsAreSaid) {
  library("a/libone.so", 'A');
  library("a/tls/libone.so", 'B');
  program("program", "-Wl,-rpath,$PWD/a -La -lone");
  EXPECT_EQ(gaps(analysed("program")), at("a/libone.so") + " was analysed; on another processor the dynamic linker takes " +
                                           at("a/tls/libone.so") + "\n");
}

TEST_F(Loader, AuditorsAreSaid) {
  library("a/libone.so", 'A');
  program("program", "-Wl,-rpath,$PWD/a -La -lone -Wl,--audit,libwatch.so");
  EXPECT_EQ(gaps(analysed("program")), "the program asks for libwatch.so to watch the dynamic linker, which was not analysed\n");
}

// --- in a tree of its own ---

class Sysroot : public Loader {
 protected:
  void SetUp() override {
    Loader::SetUp();
    if (IsSkipped()) return;
    build("mkdir -p tree/lib64 tree/etc tree/usr/bin tree/opt && cp " + std::string(kLinker) + " tree/lib64/");
    options.sysroot = at("tree");
  }
  std::string libraries(const std::string& program) const {
    std::string text;
    for (const std::string& path : analysed(program, options).origin.libraries) text += path + "\n";
    return text;
  }
  AnalyzeOptions options;
};

TEST_F(Sysroot, EverythingIsLookedUpInside) {
  library("tree/opt/libone.so", 'A');
  write("tree/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
  write("tree/etc/ld.so.conf.d/x.conf", "# a comment\n/opt=libc6  # a word\n");
  build("ln -s /usr/bin/program tree/program");
  program("tree/usr/bin/program", "-Ltree/opt -lone");
  const std::string wanted = "/opt/libone.so\n/lib64/ld-linux-x86-64.so.2\n";
  EXPECT_EQ(libraries("tree/usr/bin/program"), wanted);
  EXPECT_EQ(libraries("tree/program"), wanted);       // a link that is absolute inside
  EXPECT_EQ(libraries("/usr/bin/program"), wanted);   // as it is called inside
  EXPECT_EQ(marks(analysed("/program", options)), "A");
  // With a cache, the configuration is not looked at.
  const hostile::Blob cache = hostile::ld_cache({{"libone.so", "/other/libone.so"}});
  write("tree/etc/ld.so.cache", std::string(cache.begin(), cache.end()));
  EXPECT_EQ(libraries("/program"), "/lib64/ld-linux-x86-64.so.2\n");
  library("tree/other/libone.so", 'B');
  EXPECT_EQ(libraries("/program"), "/other/libone.so\n/lib64/ld-linux-x86-64.so.2\n");
  EXPECT_EQ(gaps(analysed("/program", options)), "");
}

TEST_F(Sysroot, TheCacheSaysLevels) {
  library("tree/opt/libone.so", 'A');
  library("tree/opt/glibc-hwcaps/x86-64-v3/libone.so", 'B');
  const hostile::Blob cache = hostile::ld_cache(
      {{"libone.so", "/opt/libone.so"}, {"libone.so", "/opt/glibc-hwcaps/x86-64-v3/libone.so", 0x303, "x86-64-v3"}});
  write("tree/etc/ld.so.cache", std::string(cache.begin(), cache.end()));
  program("tree/usr/bin/program", "-Ltree/opt -lone");
  const bool newer = arch::x86_64_level_here() >= 3;
  const std::string plain = "/opt/libone.so", v3 = "/opt/glibc-hwcaps/x86-64-v3/libone.so";
  EXPECT_EQ(gaps(analysed("/usr/bin/program", options)), (newer ? v3 : plain) + " was analysed; on another processor the dynamic linker takes " +
                                                             (newer ? plain : v3) + "\n");
}

TEST_F(Sysroot, DamagedCachesAreLeftOut) {
  library("tree/usr/lib/libone.so", 'A');
  write("tree/etc/ld.so.cache", "glibc-ld.so.cache1.1 and no more");
  program("tree/usr/bin/program", "-Ltree/usr/lib -lone");
  EXPECT_EQ(libraries("/usr/bin/program"), "/usr/lib/libone.so\n/lib64/ld-linux-x86-64.so.2\n");
}

TEST_F(Sysroot, PreloadedLibrariesComeFirst) {
  library("tree/usr/lib/libone.so", 'A');
  library("tree/opt/libpre.so", 'B');
  write("tree/etc/ld.so.preload", "# a comment\n/opt/libpre.so:/opt/gone.so\n");
  program("tree/usr/bin/program", "-Ltree/usr/lib -lone");
  EXPECT_EQ(libraries("/usr/bin/program"), "/opt/libpre.so\n/usr/lib/libone.so\n/lib64/ld-linux-x86-64.so.2\n");
  EXPECT_EQ(marks(analysed("/usr/bin/program", options)), "B");
}

TEST_F(Sysroot, AProgramFromElsewhere) {
  library("tree/usr/lib/libone.so", 'A');
  library("libone.so", 'B');
  program("program", "-Wl,-rpath,\\$ORIGIN -L. -lone");
  EXPECT_EQ(libraries("program"), "/usr/lib/libone.so\n/lib64/ld-linux-x86-64.so.2\n");
  EXPECT_NE(gaps(analysed("program", options)).find("the search path has $ORIGIN, and the program is not inside the system root"),
            std::string::npos);
}

TEST_F(Sysroot, Errors) {
  options.sysroot = at("nowhere");
  const auto analysis = analyze("/bin/true", options);
  ASSERT_FALSE(analysis);
  EXPECT_EQ(to_line(analysis.error()), at("nowhere") + ": No such file or directory (name the directory of an unpacked file system)");
  options.sysroot = at("tree");
  const auto missing = analyze("/usr/bin/none", options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(to_line(missing.error()), "/usr/bin/none: No such file or directory (check the path)");
}

TEST_F(Sysroot, AnUnknownLinkerIsSaid) {
  library("tree/usr/lib/libone.so", 'A');
  compile("tree/lib64/own.so", "void _start(void) {}", "-shared -fPIC");
  program("tree/usr/bin/program", "-Wl,--dynamic-linker,/lib64/own.so -Ltree/usr/lib -lone");
  EXPECT_EQ(gaps(analysed("/usr/bin/program", options)),
            "/lib64/own.so is a dynamic linker whose rules are not known; libraries were looked for as glibc's does\n");
  program("tree/usr/bin/program", "-Wl,--dynamic-linker,/lib64/gone.so -Ltree/usr/lib -lone");
  EXPECT_NE(gaps(analysed("/usr/bin/program", options)).find("the shared library gone.so was not analysed"), std::string::npos);
}

// --- musl ---

class Musl : public Sysroot {
 protected:
  void SetUp() override {
    Sysroot::SetUp();
    if (IsSkipped()) return;
    const char* linker = "/lib/ld-musl-x86_64.so.1";
    if (!fs::exists(linker)) GTEST_SKIP() << "no musl here";
    build("mkdir -p tree/lib tree/usr/local/lib && cp -L " + std::string(linker) + " tree/lib/");
  }
  static inline const std::string kMusl = "-Wl,--dynamic-linker,/lib/ld-musl-x86_64.so.1 ";
  static inline const std::string kItself = "/lib/ld-musl-x86_64.so.1\n";
};

TEST_F(Musl, LibcIsTheLinkerItself) {
  for (const char* name : {"libc.musl-x86_64.so.1", "libc.so", "libpthread.so.0", "libm.so.6", "librt.so.1"}) {
    compile("libstub.so", "int nothing;", "-shared -fPIC -Wl,-soname," + std::string(name));
    compile_program("tree/usr/bin/program", "int start(void) { return 0; }", kMusl + "-Wl,--no-as-needed -L. -lstub");
    EXPECT_EQ(libraries("/usr/bin/program"), kItself) << name;
    EXPECT_EQ(gaps(analysed("/usr/bin/program", options)), "") << name;
  }
}

TEST_F(Musl, ItsDirectories) {
  library("tree/usr/local/lib/libone.so", 'A');
  library("tree/usr/lib/libone.so", 'B');
  library("tree/lib64/libone.so", 'C');
  program("tree/usr/bin/program", kMusl + "-Ltree/usr/lib -lone");
  EXPECT_EQ(libraries("/usr/bin/program"), "/usr/local/lib/libone.so\n" + kItself);
  write("tree/etc/ld-musl-x86_64.path", "/nowhere\n/usr/lib:/usr/local/lib\n");
  EXPECT_EQ(libraries("/usr/bin/program"), "/usr/lib/libone.so\n" + kItself);
}

TEST_F(Musl, RpathAndRunpathAreInherited) {
  library("tree/opt/libinner.so", 'A');
  library("tree/usr/lib/libinner.so", 'B');
  library("tree/opt/libouter.so", 'C', "-Ltree/opt -linner");
  for (const std::string tags : {"-Wl,--disable-new-dtags", "-Wl,--enable-new-dtags"}) {
    program("tree/usr/bin/program", kMusl + tags + " -Wl,-rpath,\\$ORIGIN/../../opt -Ltree/opt -louter");
    EXPECT_EQ(libraries("/usr/bin/program"), "/usr/bin/../../opt/libouter.so\n/usr/bin/../../opt/libinner.so\n" + kItself);
  }
  // A token it does not know takes the whole path away.
  program("tree/usr/bin/program", kMusl + "-Wl,-rpath,/opt:\\$LIB -Ltree/opt -Wl,-rpath-link,tree/opt -linner");
  EXPECT_EQ(libraries("/usr/bin/program"), "/usr/lib/libinner.so\n" + kItself);
}

}  // namespace
}  // namespace stile
