// SPDX-License-Identifier: Apache-2.0
//
// The list of libraries that ldconfig(8) keeps for the dynamic linker: /etc/ld.so.cache. Total on hostile input: what lies
// outside the file is an Error, and no name is looked at beyond the length of the one that is asked for.
//
// Facts: glibc sysdeps/generic/dl-cache.h (struct cache_file_new, cache_extension), elf/dl-cache.c (search_cache), elf/cache.c.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <stile/result.h>

#include "base/file.h"

namespace stile::elf {

class LdCache {
 public:
  // Takes the bytes of the file. Reads the format of glibc 2.2 and later, alone or behind the older one; the older one alone is
  // Unsupported. `path` stands in errors.
  static Result<LdCache> parse(FileBytes bytes, std::string path);

  struct Entry {
    std::string path;
    // The subdirectory of glibc-hwcaps it belongs to, "x86-64-v3"; "?" if it is for some processors by the old way of saying so, or
    // by a number that leads nowhere.
    std::string level;
  };
  // The x86-64 libraries of that name, in the file's order: those that every processor takes and those that some do.
  std::vector<Entry> find(std::string_view name) const;
  size_t size() const { return count_; }

 private:
  explicit LdCache(FileBytes bytes) : bytes_(std::move(bytes)) {}
  Result<void> read(const std::string& path);
  std::string level_of(uint64_t hwcap) const;

  FileBytes bytes_;
  size_t start_ = 0;    // of the new format; what offsets count from
  size_t count_ = 0;
  size_t names_ = 0;    // table of offsets of the subdirectories' names
  size_t name_count_ = 0;
};

}  // namespace stile::elf
