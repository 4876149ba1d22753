// SPDX-License-Identifier: Apache-2.0
//
// Function starts from the unwind tables, which stripping leaves in place.
// Facts: LSB Core, "Exception Frames" (.eh_frame_hdr); the linkers write its search table as pairs of 32-bit offsets.
#pragma once

#include <cstdint>
#include <vector>

#include "elf/image.h"

namespace stile::elf {

// Start addresses of all functions with an unwind entry, as in the file; empty if there is no such table.
std::vector<uint64_t> unwind_function_starts(const Image& image);

}  // namespace stile::elf
