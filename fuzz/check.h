// SPDX-License-Identifier: Apache-2.0
//
// What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput; tests/unit/fuzz_replay_test.cc
// compiles them once more, so names outside that function live in a namespace of their own.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <stile/result.h>

// A statement that holds for every input; a fuzzer reports where it does not.
#define FUZZ_CHECK(condition)                                                          \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                    \
    }                                                                                  \
  } while (false)

namespace stile::fuzz {

// An error is one line that says something.
inline void check_error(const Error& error) {
  FUZZ_CHECK(!error.message.empty());
  FUZZ_CHECK(error.message.find('\n') == std::string::npos);
  FUZZ_CHECK(error.message.back() != '.');
}

// STILE_FUZZ_FORMAT=NAME: spend the run on one of the formats that a target tries. Empty: all of them.
inline std::string_view only_format() {
  static const char* const name = std::getenv("STILE_FUZZ_FORMAT");
  return name == nullptr ? std::string_view() : name;
}

// Makes the compiler do the work that gives `value`.
template <typename T>
inline void use(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

inline std::vector<uint8_t> copy(const uint8_t* data, size_t size) { return {data, data + size}; }

}  // namespace stile::fuzz
