// SPDX-License-Identifier: Apache-2.0
//
// Libraries that are loaded while the program runs: by constant names, and by the name service's configuration.
#include "analysis/later_libraries.h"

#include <gtest/gtest.h>

#include <stdlib.h>  // mkdtemp

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <stile/analyze.h>

#include "analysis/name_service.h"

namespace stile {
namespace {

using Services = std::set<std::string>;

TEST(NameService, DatabaseOfAFunction) {
  EXPECT_EQ(analysis::name_database_of("getpwnam_r"), "passwd");
  EXPECT_EQ(analysis::name_database_of("getaddrinfo"), "hosts");
  EXPECT_EQ(analysis::name_database_of("getgrouplist"), "initgroups");
  EXPECT_EQ(analysis::name_database_of("getgrgid"), "group");
  EXPECT_EQ(analysis::name_database_of("getnetgrent"), "netgroup");
  EXPECT_EQ(analysis::name_database_of("getpid"), "");
}
TEST(NameService, ServicesByDatabase) {
  const std::string text = "# users\npasswd: files systemd # not ldap\n group :\tfiles [!UNAVAIL=return] ldap\nhosts:files mdns4_minimal [NOTFOUND=return] dns\nservices: db files\n";
  EXPECT_EQ(analysis::services_in(text, {"passwd"}), Services{"systemd"});
  EXPECT_EQ(analysis::services_in(text, {"initgroups"}), Services{"ldap"});
  EXPECT_EQ(analysis::services_in(text, {"hosts"}), (Services{"db", "mdns4_minimal"}));
  EXPECT_EQ(analysis::services_in(text, {"shadow"}), Services{});
  EXPECT_EQ(analysis::services_in("", {"passwd"}), Services{});
}
TEST(NameService, DamagedConfiguration) {
  EXPECT_EQ(analysis::services_in("passwd: [never ends", {"passwd"}), Services{});
  EXPECT_EQ(analysis::services_in("passwd: ../../evil ok", {"passwd"}), Services{"ok"});
  EXPECT_EQ(analysis::services_in("passwd", {"passwd"}), Services{});
  EXPECT_EQ(analysis::services_in("passwd:", {"passwd"}), Services{});
}

class LaterLibraries : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("gcc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no C compiler: install gcc";
    char name[] = "/tmp/stile-later-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  std::string build(const std::string& name, const std::string& flags, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path + ".c") << "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <pwd.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n" << text;
    EXPECT_EQ(std::system(("gcc -O1 -w " + flags + " -o " + path + " " + path + ".c").c_str()), 0);
    return path;
  }
  static Analysis analysed(const std::string& path, const AnalyzeOptions& options = {}) {
    auto analysis = analyze(path, options);
    EXPECT_TRUE(analysis) << analysis.error().message;
    return analysis ? std::move(*analysis) : Analysis();
  }
  static bool calls(const Analysis& analysis, const std::string& name) {
    return std::any_of(analysis.syscalls.begin(), analysis.syscalls.end(), [&](const SyscallUse& use) { return use.name == name; });
  }
  static bool has_gap(const Analysis& analysis, GapKind kind) {
    return std::any_of(analysis.gaps.begin(), analysis.gaps.end(), [&](const Gap& gap) { return gap.kind == kind; });
  }
  std::string directory_;
};

const std::string kPlugin = "int plugin(void) { return syscall(SYS_getcpu, 0, 0, 0); }\n";

TEST_F(LaterLibraries, ConstantName) {
  const std::string plugin = build("libplugin.so", "-shared -fPIC", kPlugin);
  const auto analysis = analysed(build("program", "", "int main() { return dlopen(\"" + plugin + "\", RTLD_NOW) != 0; }"));
  EXPECT_TRUE(calls(analysis, "getcpu"));
  EXPECT_TRUE(has_gap(analysis, GapKind::DynamicLoading));
}
TEST_F(LaterLibraries, OneOfSeveralNamesThroughAHelper) {
  const std::string plugin = build("libplugin.so", "-shared -fPIC", kPlugin);
  const auto analysis = analysed(build("program", "", "__attribute__((noinline)) int load(const char *n) { return dlopen(n, RTLD_NOW) != 0; }\n"
                                                      "int main(int c, char **v) { return load(c > 1 ? \"libnowhere.so.7\" : \"" + plugin + "\") + load(v[0]); }"));
  EXPECT_TRUE(calls(analysis, "getcpu"));
}
TEST_F(LaterLibraries, PluginThatLoadsAnother) {
  const std::string plugin = build("libplugin.so", "-shared -fPIC", kPlugin);
  const std::string first = build("libfirst.so", "-shared -fPIC", "int first(void) { return dlopen(\"" + plugin + "\", RTLD_NOW) != 0; }\n");
  EXPECT_TRUE(calls(analysed(build("program", "", "int main() { return dlopen(\"" + first + "\", RTLD_NOW) != 0; }")), "getcpu"));
}
TEST_F(LaterLibraries, NameFromInputIsAGapAlone) {
  build("libplugin.so", "-shared -fPIC", kPlugin);
  const auto analysis = analysed(build("program", "", "int main(int c, char **v) { return dlopen(v[1], RTLD_NOW) != 0; }"));
  EXPECT_FALSE(calls(analysis, "getcpu"));
  EXPECT_TRUE(has_gap(analysis, GapKind::DynamicLoading));
}

// A tree of its own, with a name service that this machine does not have.
TEST_F(LaterLibraries, NameServiceAsConfigured) {
  const std::string program = build("program", "", "int main(int c, char **v) { return getpwnam(v[0]) != 0; }");
  const std::string module = build("libnss_fake.so.2", "-shared -fPIC -Wl,-soname,libnss_fake.so.2",
                                   "int _nss_fake_getpwnam_r(void) { return syscall(SYS_getcpu, 0, 0, 0); }\n");
  const std::string tree = directory_ + "/tree";
  namespace fs = std::filesystem;
  for (const char* part : {"/etc", "/lib64", "/lib/x86_64-linux-gnu", "/bin"}) fs::create_directories(tree + part);
  fs::copy_file("/lib64/ld-linux-x86-64.so.2", tree + "/lib64/ld-linux-x86-64.so.2");
  fs::copy_file("/lib/x86_64-linux-gnu/libc.so.6", tree + "/lib/x86_64-linux-gnu/libc.so.6");
  fs::copy_file(module, tree + "/lib/x86_64-linux-gnu/libnss_fake.so.2");
  fs::copy_file(program, tree + "/bin/program");
  AnalyzeOptions options;
  options.sysroot = tree;
  std::ofstream(tree + "/etc/nsswitch.conf") << "passwd: files\nhosts: files fake\n";
  EXPECT_FALSE(calls(analysed(tree + "/bin/program", options), "getcpu"));
  std::ofstream(tree + "/etc/nsswitch.conf") << "passwd: files fake\n";
  EXPECT_TRUE(calls(analysed(tree + "/bin/program", options), "getcpu"));
  // What is cut is said.
  std::ofstream(tree + "/etc/nsswitch.conf") << '#' << std::string(70000, '.') << "\npasswd: files fake\n";
  const auto cut = analysed(tree + "/bin/program", options);
  EXPECT_TRUE(std::any_of(cut.gaps.begin(), cut.gaps.end(), [](const Gap& gap) { return gap.object == "/etc/nsswitch.conf"; }));
}

}  // namespace
}  // namespace stile
