// SPDX-License-Identifier: Apache-2.0
//
// The compiled tables against the kernel headers that Debian ships (linux-libc-dev and its -cross packages;
// what is not installed is said and skipped), and against themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "arch/syscalls.h"

namespace stile::arch {
namespace {

// A set of kernel headers, and how to make the preprocessor show one architecture's view of <asm/unistd.h>.
struct Headers {
  const char* arch;
  const char* package;
  const char* directory;  // holds asm/unistd.h
  const char* defines;
};

const Headers kHeaders[] = {
    {"x86_64", "linux-libc-dev", "/usr/include/x86_64-linux-gnu", "-D__x86_64__"},
    {"x32", "linux-libc-dev", "/usr/include/x86_64-linux-gnu", "-D__x86_64__ -D__ILP32__"},
    {"i386", "linux-libc-dev", "/usr/include/x86_64-linux-gnu", "-D__i386__"},
    {"arm64", "linux-libc-dev-arm64-cross", "/usr/aarch64-linux-gnu/include", ""},
    {"arm", "linux-libc-dev-armhf-cross", "/usr/arm-linux-gnueabihf/include", "-D__ARM_EABI__"},
    {"riscv64", "linux-libc-dev-riscv64-cross", "/usr/riscv64-linux-gnu/include",
     "-D__SIZEOF_POINTER__=8 -D__LP64__"},
    {"ppc64le", "linux-libc-dev-ppc64el-cross", "/usr/powerpc64le-linux-gnu/include", "-D__powerpc64__"},
    {"ppc64", "linux-libc-dev-ppc64-cross", "/usr/powerpc64-linux-gnu/include", "-D__powerpc64__"},
    {"ppc", "linux-libc-dev-powerpc-cross", "/usr/powerpc-linux-gnu/include", ""},
    {"s390x", "linux-libc-dev-s390x-cross", "/usr/s390x-linux-gnu/include", "-D__s390x__"},
    {"s390", "linux-libc-dev-s390x-cross", "/usr/s390x-linux-gnu/include", ""},
    {"mips", "linux-libc-dev-mips-cross", "/usr/mips-linux-gnu/include", "-D_MIPS_SIM=1"},
    {"mipsel", "linux-libc-dev-mipsel-cross", "/usr/mipsel-linux-gnu/include", "-D_MIPS_SIM=1"},
    {"mips64n32", "linux-libc-dev-mipsn32-cross", "/usr/mips64-linux-gnuabin32/include", "-D_MIPS_SIM=2"},
    {"mips64", "linux-libc-dev-mips64-cross", "/usr/mips64-linux-gnuabi64/include", "-D_MIPS_SIM=3"},
    {"mipsel64", "linux-libc-dev-mips64el-cross", "/usr/mips64el-linux-gnuabi64/include", "-D_MIPS_SIM=3"},
    {"parisc", "linux-libc-dev-hppa-cross", "/usr/hppa-linux-gnu/include", ""},
    {"parisc64", "linux-libc-dev-hppa-cross", "/usr/hppa-linux-gnu/include", "-D__LP64__"},
    {"m68k", "linux-libc-dev-m68k-cross", "/usr/m68k-linux-gnu/include", ""},
    {"sh", "linux-libc-dev-sh4-cross", "/usr/sh4-linux-gnu/include", ""},
    {"sparc", "linux-libc-dev-sparc64-cross", "/usr/sparc64-linux-gnu/include", ""},
    {"sparc64", "linux-libc-dev-sparc64-cross", "/usr/sparc64-linux-gnu/include", "-D__arch64__"},
    {"alpha", "linux-libc-dev-alpha-cross", "/usr/alpha-linux-gnu/include", ""},
    {"arc", "linux-libc-dev-arc-cross", "/usr/arc-linux-gnu/include", ""},
};

// What a failure prints.
void PrintTo(const Headers& headers, std::ostream* out) {
  *out << headers.directory;
}

using Macros = std::map<std::string, std::string>;

// All macros after <asm/unistd.h> and <linux/version.h>; empty when the headers or the compiler are not
// there.
Macros preprocess(const Headers& headers) {
  const std::string directory = headers.directory;
  Macros macros;
  if (!std::ifstream(directory + "/asm/unistd.h")) return macros;
  const std::string command =
      "echo '#include <asm/unistd.h>\n#include <linux/version.h>' | cc -E -dM -undef -nostdinc " +
      std::string(headers.defines) + " -isystem " + directory + " -isystem /usr/include -";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return macros;
  char line[512];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    std::istringstream words(line);
    std::string define, name, value;
    words >> define >> name;
    std::getline(words, value);
    macros[name] = value;
  }
  return pclose(pipe) == 0 ? macros : Macros();
}

// Sums like "(__NR_Linux + 5)" over numbers and other macros, all that unistd.h uses. False for anything
// else.
bool evaluate(const Macros& macros, const std::string& text, int depth, uint32_t& value) {
  value = 0;
  std::string words = text;
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c == '(' || c == ')' || c == '+'; }, ' ');
  std::istringstream in(words);
  std::string word;
  bool any = false;
  while (in >> word) {
    uint32_t part = 0;
    if (std::isdigit(static_cast<unsigned char>(word[0]))) {
      part = static_cast<uint32_t>(std::stoul(word, nullptr, 0));
    } else if (depth == 0 || macros.count(word) == 0 || !evaluate(macros, macros.at(word), depth - 1, part)) {
      return false;
    }
    value += part;
    any = true;
  }
  return any;
}

bool is_placeholder(const std::string& name) {
  for (const char* prefix :
       {"reserved", "unused", "Linux", "syscalls", "SYSCALL_BASE", "SYSCALL_MASK", "OABI_SYSCALL_BASE",
        "arch_specific_syscall", "N32_Linux", "64_Linux", "O32_Linux"}) {
    if (name.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

class AgainstHeaders : public testing::TestWithParam<Headers> {};

TEST_P(AgainstHeaders, SameNumbersBothWays) {
  const Headers& headers = GetParam();
  const Macros macros = preprocess(headers);
  if (macros.empty())
    GTEST_SKIP() << headers.arch << " is not checked: install " << headers.package << " (and cc) to check it";
  const std::optional<ArchId> arch = arch_by_name(headers.arch);
  ASSERT_TRUE(arch);

  std::set<std::string> seen;
  for (const auto& [macro, text] : macros) {
    for (const std::string prefix : {"__NR_", "__ARM_NR_"}) {
      if (macro.rfind(prefix, 0) != 0) continue;
      const std::string name = macro.substr(prefix.size());
      if (is_placeholder(name) || macro == "__ARM_NR_BASE") continue;
      uint32_t number = 0;
      ASSERT_TRUE(evaluate(macros, text, 8, number)) << macro << text;
      EXPECT_EQ(syscall_number(*arch, name), number) << name;
      EXPECT_TRUE(syscall_name(*arch, number)) << name;
      seen.insert(name);
    }
  }
  EXPECT_GT(seen.size(), 290u);

  // The other direction: what the table says is in the headers' kernel is in the headers.
  const KernelVersion kernel{static_cast<uint8_t>(std::stoi(macros.at("LINUX_VERSION_MAJOR"))),
                             static_cast<uint8_t>(std::stoi(macros.at("LINUX_VERSION_PATCHLEVEL")))};
  for (const Syscall& call : all_syscalls(*arch)) {
    if (!call.since.known() || call.since > kernel) continue;
    EXPECT_TRUE(seen.count(std::string(call.name)) != 0) << call.name << " " << to_string(call.since);
  }
}

INSTANTIATE_TEST_SUITE_P(Debian, AgainstHeaders, testing::ValuesIn(kHeaders),
                         [](const testing::TestParamInfo<Headers>& headers) { return headers.param.arch; });

TEST(Syscalls, EveryNumberAndNameRoundTrips) {
  for (const ArchInfo& arch : all_archs()) {
    const std::vector<Syscall> calls = all_syscalls(arch.id);
    EXPECT_GT(calls.size(), 300u) << arch.name;
    for (const Syscall& call : calls) {
      EXPECT_EQ(syscall_name(arch.id, call.number), call.name) << arch.name;
      EXPECT_EQ(syscall_number(arch.id, call.name), call.number) << arch.name << " " << call.name;
      EXPECT_EQ(syscall_since(arch.id, call.number), call.since);
    }
  }
}

TEST(Syscalls, UnknownNumbersAndNamesAreNothing) {
  EXPECT_FALSE(syscall_name(ArchId::X86_64, 100000));
  EXPECT_FALSE(syscall_name(ArchId::X86_64, UINT32_MAX));
  EXPECT_FALSE(syscall_name(ArchId::X86_64, 387));  // the gap before the common numbers
  EXPECT_FALSE(syscall_number(ArchId::X86_64, ""));
  EXPECT_FALSE(syscall_number(ArchId::X86_64, "readx"));
  EXPECT_FALSE(syscall_number(ArchId::Arm64, "open"));
  EXPECT_TRUE(is_syscall_name("open"));
  EXPECT_FALSE(syscall_since(ArchId::X86_64, 387).known());
}

TEST(Syscalls, X32NumbersCarryTheirBit) {
  EXPECT_EQ(syscall_number(ArchId::X32, "read"), kX32Bit);
  EXPECT_EQ(syscall_number(ArchId::X32, "execve"), kX32Bit + 520);
  EXPECT_EQ(syscall_name(ArchId::X32, kX32Bit + 1), "write");
  EXPECT_FALSE(syscall_name(ArchId::X32, 1));
  EXPECT_FALSE(syscall_name(ArchId::X86_64, kX32Bit + 1));
  const uint32_t audit = arch_info(ArchId::X86_64).audit_arch;
  EXPECT_EQ(arch_by_audit(audit, 1), ArchId::X86_64);
  EXPECT_EQ(arch_by_audit(audit, kX32Bit + 1), ArchId::X32);
}

TEST(Syscalls, AliasesGiveTheNumberAndNumbersTheKernelsName) {
  EXPECT_EQ(syscall_number(ArchId::Arm, "sync_file_range2"), 341u);
  EXPECT_EQ(syscall_name(ArchId::Arm, 341), "arm_sync_file_range");
  EXPECT_EQ(syscall_number(ArchId::Alpha, "umount"), syscall_number(ArchId::Alpha, "umount2"));
  EXPECT_EQ(syscall_number(ArchId::Arm, "set_tls"), 0xf0005u);
  EXPECT_EQ(syscall_number(ArchId::Mips, "read"), 4003u);
}

TEST(Syscalls, ArchitecturesByEveryName) {
  EXPECT_EQ(arch_by_name("x86_64"), ArchId::X86_64);
  EXPECT_EQ(arch_by_name("amd64"), ArchId::X86_64);
  EXPECT_EQ(arch_by_name("SCMP_ARCH_X86"), ArchId::I386);
  EXPECT_EQ(arch_by_name("AARCH64"), ArchId::Arm64);
  EXPECT_EQ(arch_by_name("686"), std::nullopt);
  EXPECT_EQ(arch_by_name(""), std::nullopt);
  EXPECT_EQ(arch_by_audit(0xc00000b7, 0), ArchId::Arm64);
  EXPECT_EQ(arch_by_audit(0x40000003, 0), ArchId::I386);
  EXPECT_EQ(arch_by_audit(0x80000016, 0), ArchId::S390x);
  EXPECT_EQ(arch_by_audit(0xe0000008, 0), ArchId::Mipsel64n32);
  EXPECT_EQ(arch_by_audit(0, 0), std::nullopt);
  std::set<std::string_view> names;
  for (const ArchInfo& arch : all_archs()) {
    EXPECT_TRUE(names.insert(arch.name).second) << arch.name;
    EXPECT_EQ(arch_by_name(arch.name), arch.id);
    EXPECT_EQ(&arch_info(arch.id), &arch);
    if (arch.oci_name.empty()) continue;
    EXPECT_EQ(arch_by_name(arch.oci_name), arch.id);
  }
}

TEST(Syscalls, VersionsOnX86_64) {
  const std::vector<std::pair<const char*, const char*>> expected = {
      {"clone3", "5.3"},         {"openat2", "5.6"},
      {"close_range", "5.9"},    {"faccessat2", "5.8"},
      {"statx", "4.11"},         {"getrandom", "3.17"},
      {"io_uring_setup", "5.1"}, {"seccomp", "3.17"},
      {"memfd_create", "3.17"},  {"renameat2", "3.15"},
      {"rseq", "4.18"},          {"pidfd_open", "5.3"},
      {"epoll_pwait2", "5.11"},  {"futex_waitv", "5.16"},
      {"cachestat", "6.5"},      {"mseal", "6.10"},
      {"openat", "2.6.16"},      {"read", "2.6"},
      {"setxattrat", "6.13"},    {"pkey_mprotect", "4.9"},
      {"uprobe", "6.18"},        {"landlock_create_ruleset", "5.13"},
  };
  for (const auto& [name, version] : expected) {
    const auto number = syscall_number(ArchId::X86_64, name);
    ASSERT_TRUE(number) << name;
    EXPECT_EQ(to_string(syscall_since(ArchId::X86_64, *number)), version) << name;
    EXPECT_TRUE(syscall_since(ArchId::X86_64, *number).exact) << name;
  }
  for (const Syscall& call : all_syscalls(ArchId::X86_64)) {
    const auto risk = risk_of(call.name);
    ASSERT_TRUE(risk) << call.name;
    EXPECT_TRUE(call.since.known() || risk->group == "unimplemented") << call.name;
    EXPECT_LE(call.since, tables_kernel()) << call.name;
  }
}

TEST(Syscalls, VersionsDifferByArchitecture) {
  const auto since = [](ArchId arch, std::string_view name) {
    const auto number = syscall_number(arch, name);
    return number ? to_string(syscall_since(arch, *number)) : "no such call";
  };
  EXPECT_EQ(since(ArchId::I386, "socket"), "4.3");
  EXPECT_EQ(since(ArchId::I386, "arch_prctl"), "4.12");
  EXPECT_EQ(since(ArchId::Arm64, "read"), "3.7");
  EXPECT_EQ(since(ArchId::Arm64, "clone3"), "5.5");
  EXPECT_EQ(since(ArchId::Arm64, "rseq"), "4.19");
  EXPECT_EQ(since(ArchId::Loongarch64, "statx"), "5.19");
  EXPECT_EQ(since(ArchId::Sparc64, "clone3"), "7.0");
  EXPECT_EQ(since(ArchId::Sh, "clone3"), "no such call");
  EXPECT_FALSE(syscall_since(ArchId::Arm, *syscall_number(ArchId::Arm, "openat")).exact);
  EXPECT_EQ(to_string(KernelVersion{}), "unknown");
  EXPECT_LT((KernelVersion{2, 6, 39}), (KernelVersion{3, 0}));
}

TEST(Groups, MembersAreKnownAndNestedOnesResolved) {
  EXPECT_GE(all_groups().size(), 29u);
  for (const std::string_view name : all_groups()) {
    const auto members = group(name);
    ASSERT_TRUE(members) << name;
    EXPECT_FALSE(members->empty()) << name;
    EXPECT_FALSE(group_description(name).empty()) << name;
    EXPECT_TRUE(std::is_sorted(members->begin(), members->end())) << name;
    for (const std::string_view member : *members)
      EXPECT_TRUE(is_syscall_name(member)) << name << " " << member;
  }
  const auto service = *group("@system-service");  // contains @file-system, which contains openat
  EXPECT_TRUE(std::binary_search(service.begin(), service.end(), "openat"));
  EXPECT_FALSE(std::binary_search(service.begin(), service.end(), "ptrace"));
  EXPECT_FALSE(group("file-system"));
  EXPECT_FALSE(group("@no-such"));
}

TEST(Risks, EveryNameHasOne) {
  for (const std::string_view name : all_names()) {
    const auto risk = risk_of(name);
    ASSERT_TRUE(risk) << name;
    EXPECT_TRUE(risk->level >= 1 && risk->level <= 4 && !risk->reason.empty()) << name;
  }
  EXPECT_EQ(risk_of("ptrace")->group, "process-inspection");
  EXPECT_EQ(risk_of("execve")->level, 4);
  EXPECT_FALSE(risk_of("no_such"));
}

TEST(Runtimes, BasesAreOnX86_64AndSound) {
  for (const std::string_view runtime : all_runtimes()) {
    for (const bool nnp : {false, true}) {
      const auto base = runtime_base(runtime, nnp);
      ASSERT_TRUE(base) << runtime;
      std::set<std::string_view> names;
      for (const RuntimeCall& call : *base) {
        EXPECT_TRUE(syscall_number(ArchId::X86_64, call.name)) << runtime << " " << call.name;
        EXPECT_FALSE(call.note.empty());
        names.insert(call.name);
      }
      EXPECT_EQ(names.count("execve"), runtime == "none" ? 0u : 1u) << runtime;
      EXPECT_EQ(names.count("capset"), runtime != "none" && !nnp ? 1u : 0u) << runtime;
      EXPECT_EQ(names.count("openat2"), runtime == "runc" ? 1u : 0u) << runtime;
    }
  }
  ASSERT_TRUE(runtime_base("none", false));
  EXPECT_TRUE(runtime_base("none", false)->empty());
  EXPECT_FALSE(runtime_base("gvisor", false));
}

TEST(NearestName, FindsTypingErrorsAndNothingFarOff) {
  EXPECT_EQ(nearest_name("opneat", all_names()), "openat");
  EXPECT_EQ(nearest_name("epol_pwait2", all_names()), "epoll_pwait2");
  EXPECT_EQ(nearest_name("ptace", all_names()), "ptrace");
  EXPECT_EQ(nearest_name("@file-sytem", all_groups()), "@file-system");
  EXPECT_EQ(nearest_name("runcc", all_runtimes()), "runc");
  EXPECT_EQ(nearest_name("somethingelse", all_names()), "");
  EXPECT_EQ(nearest_name("", all_names()), "");
  EXPECT_EQ(nearest_name(std::string(10000, 'r'), all_names()), "");
}

}  // namespace
}  // namespace stile::arch
