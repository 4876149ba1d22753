// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a dynamic linker's cache.
#include <algorithm>

#include "check.h"
#include "elf/ld_cache.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  const auto cache = elf::LdCache::parse(FileBytes(fuzz::copy(data, size)), "input");
  if (!cache) {
    fuzz::check_error(cache.error());
    return 0;
  }
  FUZZ_CHECK(cache->size() <= size / 24);
  for (const char* name : {"libc.so.6", "liba.so", "", "b"}) {
    for (const elf::LdCache::Entry& entry : cache->find(name)) {
      FUZZ_CHECK(!entry.path.empty() && entry.path.size() < 4096 && entry.level.size() <= 64);
      FUZZ_CHECK(std::find(entry.path.begin(), entry.path.end(), '\0') == entry.path.end());
    }
  }
  return 0;
}
