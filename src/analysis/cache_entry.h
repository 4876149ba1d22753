// SPDX-License-Identifier: Apache-2.0
//
// One entry of the cache as bytes: the answer of an analysis, and everything that was looked up for it.
//
//     "stile\0\0" and the number of this layout | SHA-256 of all that follows | strings | fields
//
// Numbers are of variable length (7 bits a byte, lowest first), strings are kept once and named by number. Reading is total: any bytes
// give an entry or nothing, in memory bounded by kMostMemory. There is no nesting whose depth the bytes decide.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <stile/analyze.h>

#include "base/lookups.h"

namespace stile::analysis {

struct CacheEntry {
  std::string key;                        // see cache.cc
  std::map<Lookup, std::string> lookups;  // with their answers
  Analysis analysis;
  bool operator==(const CacheEntry&) const = default;
};

inline constexpr uint64_t kLargestEntry = 8 << 20;   // bytes; real ones have 10 to 100 KB
inline constexpr uint64_t kMostMemory = 64 << 20;    // what an entry may grow to when it is read

// Empty if it would be too large to be read again.
std::vector<uint8_t> encode(const CacheEntry& entry);
// Nothing: damaged, of another layout, or too large.
std::optional<CacheEntry> decode(std::span<const uint8_t> bytes);

// The same without what stands before the strings, and the putting of that before it: for a fuzzer, which cannot guess a digest.
std::optional<CacheEntry> decode_contents(std::span<const uint8_t> contents);
std::vector<uint8_t> seal(std::span<const uint8_t> contents);

}  // namespace stile::analysis
