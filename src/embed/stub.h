// SPDX-License-Identifier: Apache-2.0
//
// The code that installs the filter (stub_x86_64.S) and the parameters behind it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <stile/embed.h>

#include "base/bytes.h"

namespace stile::embed {

// Offsets count from its own start, where the stub looks for it.
struct StubParameters {
  uint64_t key;
  int32_t answer;
  uint32_t count;
  uint32_t filter;
  uint32_t run_anyway;
  struct Text {
    uint32_t where, length;
  } texts[3];  // what failed: prctl, seccomp, the check afterwards
  Text tail;   // the end of the line
};
static_assert(sizeof(StubParameters) == 56);

// The code without its jump, as in stub_bytes.inc.
std::span<const uint8_t> stub_code();
// Where the distance of the jump stands in it.
size_t stub_jump_offset();

// Code, parameters, filter and texts in one block. `address` is where the block will be, `entry` the
// program's own start, which must be within 2 GiB. The filter lies `filter_offset` bytes from the start of
// the block.
struct Stub {
  std::vector<uint8_t> bytes;
  uint32_t filter_offset = 0;
};
Stub make_stub(const Program& installed, SelfKey key, OnFailure on_failure, const std::string& name,
               uint64_t address, uint64_t entry);

// What a block says; nothing if its code is not the stub's, or its parameters lead elsewhere than make_stub()
// would have them.
struct StubFacts {
  uint64_t entry = 0;
  Program installed;
  SelfKey key;
  OnFailure on_failure = OnFailure::Refuse;
};
std::optional<StubFacts> read_stub(Bytes block, uint64_t address);

}  // namespace stile::embed
