// SPDX-License-Identifier: Apache-2.0
//
// Profiles and gaps in words for a person. Everything that comes from a file is made harmless for the
// terminal here.
#pragma once

#include <string>
#include <vector>

#include <stile/analyze.h>

#include "terminal.h"

namespace stile::cli {

// The lines that say how many calls are allowed, whose they are, and how far the analysis got. Ends in a
// newline.
std::string summary(const Analysis& analysis, const Profile& profile, const Style& style);

// "gap: exec-inherits: main.run (main.go:12): it can start other programs (hint)", no newline at the end. With
// `hint_below`, for a terminal, the hint stands on a line of its own, indented.
std::string gap_line(const Gap& gap, const Style& style, bool hint_below = false);

// "main.go:12", "0x401000", or "".
std::string place(const std::string& file, uint32_t line, uint64_t address);

// Whose call it is, in a few words: "program", "Go runtime", "container runtime"..., the nearest to the
// program first.
std::vector<std::string> reasons(const Rule& rule);

// The packages to blame: those that brought the call in, else those that make it; the note of a human or a
// container runtime where no code of the program asks for it.
std::vector<std::string> origins(const Rule& rule);

}  // namespace stile::cli
