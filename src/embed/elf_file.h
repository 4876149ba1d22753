// SPDX-License-Identifier: Apache-2.0
//
// An ELF file as somebody sees it who is about to change its headers: the two tables as they stand, every
// entry, in order. (elf::Image is the loader's view and forgets what it does not need.) Facts: System V ABI,
// "Object Files".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <stile/result.h>

#include "base/bytes.h"

namespace stile::embed {

// The same layout as in the file, little-endian.
struct FileHeader {
  uint8_t ident[16];
  uint16_t type;
  uint16_t machine;
  uint32_t version;
  uint64_t entry;
  uint64_t program_offset;
  uint64_t section_offset;
  uint32_t flags;
  uint16_t header_size;
  uint16_t program_entry_size;
  uint16_t program_count;
  uint16_t section_entry_size;
  uint16_t section_count;
  uint16_t names_index;
};
static_assert(sizeof(FileHeader) == 64);

struct ProgramHeader {
  uint32_t type;
  uint32_t flags;
  uint64_t offset;
  uint64_t address;
  uint64_t physical;
  uint64_t file_size;
  uint64_t memory_size;
  uint64_t align;
};
static_assert(sizeof(ProgramHeader) == 56);

struct SectionHeader {
  uint32_t name;
  uint32_t type;
  uint64_t flags;
  uint64_t address;
  uint64_t offset;
  uint64_t size;
  uint32_t link;
  uint32_t info;
  uint64_t align;
  uint64_t entry_size;
};
static_assert(sizeof(SectionHeader) == 64);

// include/uapi/linux/elf.h and the System V ABI.
inline constexpr uint16_t kTypeExecutable = 2, kTypeDynamic = 3;
inline constexpr uint32_t kLoad = 1, kDynamic = 2, kInterpreter = 3, kNote = 4, kProgramHeaders = 6;
inline constexpr uint32_t kGnuProperty = 0x6474e553;
inline constexpr uint32_t kExecutable = 1, kWritable = 2, kReadable = 4;
inline constexpr uint32_t kProgramBits = 1, kStringTable = 3, kNoBits = 8;
inline constexpr uint64_t kAllocated = 2, kInstructions = 4;
inline constexpr uint64_t kPage = 4096;
// The kernel refuses a table longer than a page: load_elf_phdrs(), fs/binfmt_elf.c.
inline constexpr size_t kMaxProgramHeaders = kPage / sizeof(ProgramHeader);
// From SHN_LORESERVE on the count stands elsewhere.
inline constexpr size_t kMaxSections = 0xff00;

struct ElfFile {
  Bytes bytes;
  FileHeader header;
  std::vector<ProgramHeader> segments;
  std::vector<SectionHeader> sections;  // empty: the file has no section headers

  uint64_t table_end() const { return header.program_offset + segments.size() * sizeof(ProgramHeader); }
  // The PT_LOAD that holds an address in its file part; null if none does.
  const ProgramHeader* load_of(uint64_t address) const;
  // The first address behind all PT_LOADs.
  uint64_t top() const;
  std::string_view section_name(const SectionHeader& section) const;
};

// Reads both tables. Errors: NotElf, Unsupported (class, byte order, machine), Malformed (a table outside the
// file, a segment outside it, segments that overlap or are not in order).
Result<ElfFile> read_elf(Bytes bytes, const std::string& name);

// Why a well-formed file cannot be given a filter; nothing if it can, as far as its headers tell.
Result<void> check_embeddable(const ElfFile& elf, const std::string& name);

inline uint64_t round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace stile::embed
