// SPDX-License-Identifier: Apache-2.0
//
// What the unwind tables say, which stripping leaves in place: where functions start and end, and who handles exceptions.
// Facts: LSB Core, "Exception Frames" (.eh_frame_hdr); the linkers write its search table as pairs of 32-bit offsets.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "elf/image.h"

namespace stile::elf {

// Start addresses of all functions with an unwind entry, as in the file; empty if there is no such table.
std::vector<uint64_t> unwind_function_starts(const Image& image);

// Addresses, as in the file, behind the last byte of each function with an unwind entry; sorted, unique. Empty if there is no such
// table, or one that cannot be read.
std::vector<uint64_t> unwind_function_ends(const Image& image);

// Addresses, as in the file, that the tables for the unwinder name beside code: of words that hold the address of a personality
// routine or of a type that some handler catches, or of those themselves. Sorted, unique. Nothing if there is a table that
// cannot be read.
std::optional<std::vector<uint64_t>> unwind_references(const Image& image);

}  // namespace stile::elf
