// SPDX-License-Identifier: Apache-2.0
//
// Where a new PT_LOAD can go: an address range, a place in the file, and above all a program header.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <stile/embed.h>

#include "embed/elf_file.h"

namespace stile::embed {

struct Plan {
  Placement placement = Placement::Grow;
  uint64_t offset = 0;               // of the part in the file, a multiple of the page size
  uint64_t address = 0;              // of the part in memory
  std::vector<ProgramHeader> table;  // the new table; the entry for the part has its sizes still 0
  size_t own_entry = 0;              // which one that is
  std::vector<std::string> notes;    // what is lost
};

// The placement that loses least, or the one asked for. Unsupported, with the reasons, when none applies.
Result<Plan> plan_placement(const ElfFile& elf, std::optional<Placement> wanted, const std::string& name);

}  // namespace stile::embed
