// SPDX-License-Identifier: Apache-2.0
//
// What is known of musl's C library that its code does not show. Facts: musl 1.2.3, ldso/dynlink.c.
#pragma once

#include <algorithm>
#include <string_view>

#include "elf/image.h"

namespace stile::musl {

// Whether a symbol is a stage of the dynamic linker's own start, which the stage before looks up by name once the symbols can be
// read: __dls2 runs __dls2b, and that __dls3.
inline bool is_start_stage(std::string_view symbol) { return symbol == "__dls2b" || symbol == "__dls3"; }

// libc.so, which is the dynamic linker as well.
inline bool is_library(const elf::Image& image) {
  const auto& symbols = image.dynamic_symbols();
  return std::any_of(symbols.begin(), symbols.end(),
                     [](const elf::Symbol& symbol) { return symbol.defined() && symbol.name == "__dls3"; });
}

}  // namespace stile::musl
