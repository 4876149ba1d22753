// SPDX-License-Identifier: Apache-2.0
//
// Libraries that a program loads while it runs, as far as it is known which: dlopen with constant names, and the modules of
// glibc's name service as the configuration names them.
#pragma once

#include <string>
#include <vector>

#include "analysis/program.h"
#include "analysis/reach.h"
#include "analysis/references.h"

namespace stile::analysis {

struct LaterLibraries {
  std::vector<std::string> names;  // as dlopen gets them; sorted, unique
  std::vector<Gap> gaps;           // names that were left out
};

// Looks the configuration up in `root`.
LaterLibraries find_later_libraries(const Program& program, const References& references, const Reach& reach, const Root& root);

}  // namespace stile::analysis
