// SPDX-License-Identifier: Apache-2.0
//
// An ld.so.cache made by hand, right or wrong on purpose.
#pragma once

#include <string>
#include <vector>

#include "elf_writer.h"

namespace stile::hostile {

struct CachedLibrary {
  std::string name, path;
  uint32_t flags = 0x303;
  std::string level = {};  // "x86-64-v3"
  uint64_t hwcap = 0;      // as it stands, where `level` is empty
};

// `older`: behind an (empty) list in the format of before glibc 2.2.
inline Blob ld_cache(const std::vector<CachedLibrary>& libraries, bool older = false) {
  Blob cache;
  append(cache, std::string_view("glibc-ld.so.cache1.1"));
  append(cache, static_cast<uint32_t>(libraries.size()));
  cache.resize(28);
  cache.push_back(2);  // little endian
  cache.resize(48);
  std::vector<std::string> levels;
  Blob strings;
  const uint32_t strings_at = static_cast<uint32_t>(48 + 24 * libraries.size());
  const auto text = [&](const std::string& one) {
    const uint32_t at = strings_at + static_cast<uint32_t>(strings.size());
    append(strings, std::string_view(one.c_str(), one.size() + 1));
    return at;
  };
  for (const CachedLibrary& library : libraries) {
    uint64_t hwcap = library.hwcap;
    if (!library.level.empty()) {
      hwcap = (uint64_t{1} << 62) | levels.size();
      levels.push_back(library.level);
    }
    append(cache, library.flags);
    append(cache, text(library.name));
    append(cache, text(library.path));
    append(cache, uint32_t{0});
    append(cache, hwcap);
  }
  std::vector<uint32_t> level_names;
  for (const std::string& level : levels) level_names.push_back(text(level));
  put(cache, 24, static_cast<uint32_t>(strings.size()));
  cache.insert(cache.end(), strings.begin(), strings.end());
  if (!levels.empty()) {
    align(cache, 4);
    const auto extension = static_cast<uint32_t>(cache.size());
    put(cache, 32, extension);
    append(cache, uint32_t{0xeaa42174});
    append(cache, uint32_t{1});
    for (const uint32_t word : {uint32_t{1}, uint32_t{0}, extension + 24, static_cast<uint32_t>(4 * levels.size())}) append(cache, word);
    for (const uint32_t at : level_names) append(cache, at);
  }
  if (!older) return cache;
  Blob both;
  append(both, std::string_view("ld.so-1.7.0\0", 12));
  append(both, uint32_t{1});
  both.resize(16 + 12);
  align(both, 8);
  both.insert(both.end(), cache.begin(), cache.end());
  return both;
}

}  // namespace stile::hostile
