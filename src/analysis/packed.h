// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stile/result.h>

#include "elf/image.h"

namespace stile::analysis {

// Unsupported for a file that only unpacks the real program when it runs (UPX): nothing in it can be analysed.
Result<void> refuse_packed(const elf::Image& image);

}  // namespace stile::analysis
