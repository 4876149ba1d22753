// SPDX-License-Identifier: Apache-2.0
//
// What is known of the GNU C library beyond its code: parts of it that run only after another part has run, which no walk over
// calls can see. Each fact names its source. They are taken for glibc 2.34 and later (one library, with threads in it) alone.
#pragma once

#include <span>
#include <string_view>

#include "elf/image.h"

namespace stile::glibc {

// libc.so.6 of glibc 2.34 or later.
bool is_library(const elf::Image& image);
// Its dynamic linker, ld-linux-x86-64.so.2. musl's is the C library itself and not meant here.
bool is_loader(const elf::Image& image);

// A part of the library that does nothing until the program has called one of certain functions.
struct Gate {
  std::string_view name;
  // Exported functions that open the gate: if none of them can run, or only the part itself calls them (to copy what it was
  // given), the part does nothing.
  std::span<const std::string_view> openers;
  // The part is one of these three:
  // - internal functions to which only `entrances` lead, and which lead to one of the exported functions `leads_to`;
  std::span<const std::string_view> entrances;
  std::span<const std::string_view> leads_to;
  // - the system calls `calls`, where `entrances` or internal functions to which only they lead make them;
  std::span<const std::string_view> calls;
  // - exported functions whose names begin so, and whose addresses the library itself takes.
  std::string_view exports;
};
std::span<const Gate> gates();

// System calls of the dynamic linker that it makes only when it is started as a command, or when the environment asks for it;
// neither is a part of the program.
bool only_as_command(std::string_view syscall);

}  // namespace stile::glibc
