// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <stile/result.h>

namespace stile::cli {

// The man page ("man") or completions for a shell ("bash", "zsh", "fish"), from the declarations of commands
// and flags. Usage error for another word.
Result<std::string> generate(const std::string& what);

// Parts of the above, each in a file of its own.
std::string man_page();
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace stile::cli
