// SPDX-License-Identifier: Apache-2.0
#include "elf/ld_cache.h"

#include <array>
#include <cstdio>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "hostile/ld_cache_writer.h"

namespace stile::elf {
namespace {

using hostile::Blob;
using hostile::ld_cache;

Result<LdCache> parse(Blob bytes) { return LdCache::parse(FileBytes(std::move(bytes)), "cache"); }

std::string found(const LdCache& cache, std::string_view name) {
  std::string text;
  for (const LdCache::Entry& entry : cache.find(name)) text += entry.path + (entry.level.empty() ? "" : " " + entry.level) + "\n";
  return text;
}

TEST(LdCache, ReadsBothLayouts) {
  const std::vector<hostile::CachedLibrary> libraries = {
      {"libb.so", "/usr/lib/glibc-hwcaps/x86-64-v3/libb.so", 0x303, "x86-64-v3"}, {"libb.so", "/usr/lib/libb.so"},
      {"libb.so", "/usr/lib32/libb.so", 0x3},                                      {"libbb.so", "/usr/lib/libbb.so"},
      {"liba.so", "/usr/lib/haswell/liba.so", 0x303, "", uint64_t{1} << 50},       {"liba.so", "/usr/lib/liba.so"}};
  for (const bool older : {false, true}) {
    const auto cache = parse(ld_cache(libraries, older));
    ASSERT_TRUE(cache) << to_line(cache.error());
    EXPECT_EQ(cache->size(), 6u);
    EXPECT_EQ(found(*cache, "libb.so"), "/usr/lib/glibc-hwcaps/x86-64-v3/libb.so x86-64-v3\n/usr/lib/libb.so\n");
    EXPECT_EQ(found(*cache, "liba.so"), "/usr/lib/haswell/liba.so ?\n/usr/lib/liba.so\n");
    EXPECT_EQ(found(*cache, "lib"), "");
    EXPECT_EQ(found(*cache, ""), "");
  }
}

TEST(LdCache, SaysWhatIsWrong) {
  const auto why = [](Blob bytes) {
    const auto cache = parse(std::move(bytes));
    return cache ? "it was read" : to_line(cache.error());
  };
  const Blob good = ld_cache({{"libb.so", "/usr/lib/libb.so", 0x303, "x86-64-v3"}});
  const auto with = [&](size_t at, auto value) {
    Blob copy = good;
    hostile::put(copy, at, value);
    return copy;
  };
  EXPECT_EQ(why({1, 2, 3}), "cache: is no list of libraries made by ldconfig (run ldconfig)");
  EXPECT_EQ(why(with(17, '9')), "cache: is no list of libraries made by ldconfig (run ldconfig)");
  EXPECT_EQ(why(with(20, uint32_t{4000000000})), "cache: says it lists 4000000000 libraries, more than it has room for (run ldconfig)");
  EXPECT_EQ(why(with(28, uint8_t{3})), "cache: is for a machine of another byte order (run ldconfig)");
  Blob old;
  hostile::append(old, std::string_view("ld.so-1.7.0\0\1\0\0\0", 16));
  EXPECT_EQ(why(old), "cache: is in the format of before glibc 2.2 (run ldconfig)");
  hostile::put(old, 12, UINT32_MAX);
  EXPECT_EQ(why(old), "cache: is in the format of before glibc 2.2 (run ldconfig)");
}

TEST(LdCache, EveryPrefixAndEveryChangedByteIsSurvived) {
  const Blob good = ld_cache({{"libb.so", "/usr/lib/libb.so", 0x303, "x86-64-v3"}, {"libb.so", "/usr/lib/libb.so"}}, true);
  for (size_t size = 1; size < good.size(); ++size) {
    if (const auto cache = parse(Blob(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)))) found(*cache, "libb.so");
  }
  for (size_t at = 0; at < good.size(); ++at) {
    for (const uint8_t value : {0x00, 0x7f, 0xff}) {
      Blob copy = good;
      copy[at] = value;
      if (const auto cache = parse(copy)) found(*cache, "libb.so");
    }
  }
}

// What ldconfig itself prints of this machine's cache.
TEST(LdCache, AgreesWithLdconfig) {
  auto bytes = FileBytes::open("/etc/ld.so.cache");
  FILE* list = ::popen("PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2> /dev/null", "r");
  std::map<std::string, std::string> wanted;
  std::array<char, 8192> line;
  while (list != nullptr && std::fgets(line.data(), line.size(), list) != nullptr) {
    std::istringstream words(line.data());
    std::string name, word, last, kind;
    words >> name >> kind;
    while (words >> word) last = word;
    if (kind.starts_with("(libc6,x86-64")) wanted[name] += last + "\n";
  }
  if (list != nullptr) ::pclose(list);
  if (!bytes || wanted.empty()) GTEST_SKIP() << "no ldconfig here";
  const auto cache = LdCache::parse(std::move(*bytes), "/etc/ld.so.cache");
  ASSERT_TRUE(cache) << to_line(cache.error());
  for (const auto& [name, paths] : wanted) {
    std::string paths_found;
    for (const LdCache::Entry& entry : cache->find(name)) paths_found += entry.path + "\n";
    EXPECT_EQ(paths_found, paths) << name;
  }
}

}  // namespace
}  // namespace stile::elf
