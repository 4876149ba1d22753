// SPDX-License-Identifier: Apache-2.0
//
// A difference in words: for a terminal, for a pull request, for programs.
#pragma once

#include <string>

#include <stile/diff.h>

#include "terminal.h"

namespace stile::cli {

struct DiffNames {
  std::string before, after;  // the files, as they were given
};

std::string diff_text(const Diff& diff, const DiffNames& names, const Style& style);
std::string diff_markdown(const Diff& diff, const DiffNames& names);
std::string diff_json(const Diff& diff, const DiffNames& names);

// "socket(0x1, 0x2)": what stile emulate takes; zeros at the end are left out.
std::string call_text(const std::string& call, const Event& event);

}  // namespace stile::cli
