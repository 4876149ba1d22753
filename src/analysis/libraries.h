// SPDX-License-Identifier: Apache-2.0
//
// Where the dynamic linker looks for shared libraries.
// Facts: ld.so(8); glibc elf/dl-load.c (_dl_map_object), musl ldso/dynlink.c (load_library).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/image.h"

namespace stile::analysis {

class LibrarySearch {
 public:
  // Reads /etc/ld.so.conf and what it includes. LD_LIBRARY_PATH is left out on purpose: it is no part of the program.
  LibrarySearch();

  // The path of library `name` as needed by `by`, a part of the program `main`; nothing if it is nowhere.
  std::optional<std::string> find(const std::string& name, const elf::Image& by, const elf::Image& main) const;

 private:
  void read_configuration(const std::string& path, unsigned depth);
  std::vector<std::string> directories_;
};

}  // namespace stile::analysis
