// SPDX-License-Identifier: Apache-2.0
//
// Where the command line keeps analyses.
#pragma once

#include <string>

#include "flags.h"

namespace stile::cli {

// --no-cache, for every command that can analyse a program.
Flag cache_flag();
// For AnalyzeOptions::cache: $XDG_CACHE_HOME/stile, or .cache/stile in $HOME. Empty with --no-cache, or if neither is an absolute path.
// https://specifications.freedesktop.org/basedir-spec/latest/
std::string cache_directory(const Arguments& arguments);

}  // namespace stile::cli
