// SPDX-License-Identifier: Apache-2.0
//
// Who makes memory executable: code that a program writes while it runs is not in its file.
#pragma once

#include <vector>

#include "analysis/numbers.h"

namespace stile::analysis {

// The places outside the C library and the dynamic linker that ask mmap, mprotect or pkey_mprotect for executable memory; sorted, unique.
// A place whose protection cannot be decided is not one of them, nor one that asks through a function for any system call.
std::vector<Found> find_generated_code(const Program& program, const References& references, const Reach& reach, const Numbers& numbers);

}  // namespace stile::analysis
