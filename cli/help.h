// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flags.h"
#include "terminal.h"

namespace stile::cli {

inline constexpr const char* kTagline =
    "seccomp profiles from compiled programs, each system call with its evidence";

// What `stile --help` prints.
std::string overview(const Style& style);
// What `stile COMMAND --help` prints.
std::string help_for(const Command& command, const Style& style);

// Breaks `text` at spaces into lines of at most `width` columns.
std::vector<std::string> wrap(const std::string& text, size_t width);

// A flag's help, with what can be said about repeating it.
std::string full_help(const Flag& flag);

}  // namespace stile::cli
