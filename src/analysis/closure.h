// SPDX-License-Identifier: Apache-2.0
//
// All files that make up one process, as the dynamic linker brings them together.
//
// Facts: glibc 2.36 elf/dl-deps.c (_dl_map_object_deps), elf/dl-load.c (_dl_map_object), elf/rtld.c; musl 1.2.3 ldso/dynlink.c.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <stile/profile.h>
#include <stile/result.h>

#include "analysis/program.h"
#include "base/root.h"
#include "elf/image.h"

namespace stile::analysis {

struct LoadedFile {
  elf::Image image;
  bool is_library = false;
  bool is_interpreter = false;
  bool all_exports = false;  // named with --also
};

struct Closure {
  std::vector<LoadedFile> files;  // [0] is the program; the order is that in which symbols are looked up
  std::vector<Gap> gaps;          // what was not found, or depends on the machine
};

// Errors: a file of options.also cannot be read. All else that is missing is a gap.
Result<Closure> find_closure(elf::Image main, const LoadOptions& options);

// A path that a person named, looked up in a tree: as it stands when that leads below the tree's directory, else, if it is
// absolute, as a path inside the tree. Nothing: it lies outside, and is this machine's own.
std::optional<std::string> locate(const Root& root, const std::string& path);

}  // namespace stile::analysis
