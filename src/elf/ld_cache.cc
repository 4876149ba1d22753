// SPDX-License-Identifier: Apache-2.0
#include "elf/ld_cache.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"

namespace stile::elf {

namespace {

constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
constexpr std::string_view kOldMagic = "ld.so-1.7.0";
constexpr size_t kHeader = 48, kEntry = 24, kOldHeader = 16, kOldEntry = 12;
constexpr uint32_t kExtensionMagic = 0xeaa42174;
constexpr uint32_t kHwcapsTag = 1;
constexpr size_t kLongestPath = 4096;  // PATH_MAX
// FLAG_ELF_LIBC6 | FLAG_X8664_LIB64; and FLAG_ELF, which says no more than that it is a library.
constexpr uint32_t kX86_64 = 0x0303, kAnyElf = 0x0001;
constexpr uint64_t kNamedHwcap = uint64_t{1} << 62;
constexpr uint64_t kLevelBits = uint64_t{0x3ff} << 32;  // DL_CACHE_HWCAP_ISA_LEVEL_MASK

}  // namespace

Result<LdCache> LdCache::parse(FileBytes bytes, std::string path) {
  LdCache cache(std::move(bytes));
  if (auto ok = cache.read(path); !ok) return tl::unexpected(ok.error());
  return cache;
}

Result<void> LdCache::read(const std::string& path) {
  const Bytes file(bytes_.data(), bytes_.size());
  const char* hint = "run ldconfig";
  if (file.text(0, kOldMagic.size()) == kOldMagic) {
    // The new format follows, aligned as its largest member.
    const uint64_t old = kOldHeader + uint64_t{file.read_or_zero<uint32_t>(12)} * kOldEntry;
    start_ = (old + 7) / 8 * 8;
  }
  const Bytes cache = file.part(start_, file.size() - std::min<size_t>(start_, file.size()));
  if (cache.size() < kHeader || cache.text(0, kMagic.size()) != kMagic) {
    if (start_ != 0) return fail(Code::Unsupported, "is in the format of before glibc 2.2", path, hint);
    return fail(Code::Malformed, "is no list of libraries made by ldconfig", path, hint);
  }
  // cache_file_new::flags: 0 unknown, 2 little endian.
  const uint8_t order = cache.data()[28] & 3;
  if (order != 0 && order != 2) return fail(Code::Unsupported, "is for a machine of another byte order", path, hint);
  count_ = cache.read_or_zero<uint32_t>(20);
  if (!cache.holds(kHeader, count_ * kEntry)) {
    return fail(Code::Malformed, fmt::format("says it lists {} libraries, more than it has room for", count_), path, hint);
  }
  const uint64_t extension = cache.read_or_zero<uint32_t>(32);
  if (extension == 0 || cache.read_or_zero<uint32_t>(extension) != kExtensionMagic) return {};
  const uint64_t sections = cache.read_or_zero<uint32_t>(extension + 4);
  for (uint64_t i = 0; i < sections && cache.holds(extension + 8 + i * 16, 16); ++i) {
    const uint64_t section = extension + 8 + i * 16;
    if (cache.read_or_zero<uint32_t>(section) != kHwcapsTag) continue;
    const uint64_t at = cache.read_or_zero<uint32_t>(section + 8), size = cache.read_or_zero<uint32_t>(section + 12);
    if (!cache.holds(at, size)) return fail(Code::Malformed, "has a table of processor levels that does not fit it", path, hint);
    names_ = at;
    name_count_ = size / 4;
    break;
  }
  return {};
}

std::string LdCache::level_of(uint64_t hwcap) const {
  if (hwcap == 0) return {};
  if ((hwcap & ~kLevelBits) >> 32 != kNamedHwcap >> 32) return "?";
  const uint64_t index = hwcap & UINT32_MAX;
  if (index >= name_count_) return "?";
  const Bytes cache = Bytes(bytes_.data(), bytes_.size()).part(start_, bytes_.size() - start_);
  const std::string_view name = cache.c_string(cache.read_or_zero<uint32_t>(names_ + index * 4));
  return name.empty() || name.size() > 64 ? "?" : std::string(name);
}

std::vector<LdCache::Entry> LdCache::find(std::string_view name) const {
  std::vector<Entry> found;
  const Bytes cache = Bytes(bytes_.data(), bytes_.size()).part(start_, bytes_.size() - start_);
  for (size_t i = 0; i < count_; ++i) {
    const uint64_t entry = kHeader + i * kEntry;
    const uint64_t key = cache.read_or_zero<uint32_t>(entry + 4);
    // With the NUL that ends it.
    if (cache.text(key, name.size()) != name || !cache.holds(key, name.size() + 1) || cache.data()[key + name.size()] != 0) continue;
    const uint32_t flags = cache.read_or_zero<uint32_t>(entry);
    if (flags != kX86_64 && flags != kAnyElf) continue;
    const std::string_view path = cache.c_string(cache.read_or_zero<uint32_t>(entry + 8));
    if (path.empty() || path.size() >= kLongestPath) continue;
    found.push_back({std::string(path), level_of(cache.read_or_zero<uint64_t>(entry + 16))});
    if (found.size() == 64) break;  // one a level and directory; no real list has ten
  }
  return found;
}

}  // namespace stile::elf
