// SPDX-License-Identifier: Apache-2.0
//
// What is added to a file, as bytes: a header by which it is found again, the stub with the filter, and a
// compressed record with the profile and what is needed to undo all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <stile/embed.h>

#include "base/bytes.h"
#include "embed/elf_file.h"

namespace stile::embed {

// Begins and ends with int3: whoever reads the part as code is to find no jump here.
inline constexpr char kPartMagic[8] = {'\xcc', 'S', 'T', 'I', 'L', 'E', '1', '\xcc'};
inline constexpr const char* kSectionName = ".stile";

// At the start of the part, and so of its segment.
struct PartHeader {
  char magic[8];
  uint32_t size;      // of the whole part
  uint32_t checksum;  // CRC-32 of it with this field zero
  uint64_t address;   // where it was placed
  uint32_t stub;      // offsets in the part
  uint32_t record;
  uint32_t record_size;    // compressed
  uint32_t record_length;  // as it was
  uint32_t prologue;       // instructions that self_aware() put before the program
  uint32_t placement;
  uint32_t table;  // where a moved program header table stands; 0 = not moved
  uint32_t mask;   // each byte of the record was xored with it, see without_calls()
};
static_assert(sizeof(PartHeader) == 56);

// Bytes of the original file that embedding overwrote.
struct Patch {
  uint64_t offset = 0;
  std::vector<uint8_t> bytes;
};

struct Undo {
  uint64_t size = 0;      // of the original file
  uint32_t checksum = 0;  // its CRC-32
  std::vector<Patch> patches;
};

struct Part {
  Embedding what;
  Program installed;
  Placement placement = Placement::Grow;
  uint64_t address = 0;
  uint64_t size = 0;
  uint64_t entry = 0;
  Undo undo;
};

struct PartPlan {
  uint64_t address = 0;
  uint64_t entry = 0;
  Placement placement = Placement::Grow;
  std::vector<ProgramHeader>
      table;  // stands in the part, for Move; its entry for the part itself is completed by make_part
  size_t own_entry = 0;  // which one that is
};

inline constexpr uint32_t kTableOffset = sizeof(PartHeader);
inline constexpr uint32_t kMaxPart = 32u << 20;

uint32_t crc32_of(Bytes bytes, uint32_t before = 0);

struct PartBytes {
  std::vector<uint8_t> bytes;
  uint64_t entry = 0;  // the new one
};
Result<PartBytes> make_part(const Embedding& what, const Program& installed, const Undo& undo,
                            const PartPlan& plan, const std::string& name);

// Whether a segment's bytes begin like a part.
bool looks_like_part(Bytes bytes);
// Error: Malformed, in words.
Result<Part> read_part(Bytes bytes, const std::string& name);
// Makes it unrecognisable.
void deface(uint8_t* part);

}  // namespace stile::embed
