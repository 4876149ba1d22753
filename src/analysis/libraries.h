// SPDX-License-Identifier: Apache-2.0
//
// Which file the dynamic linker takes for the name of a library, asked for by an object. LD_LIBRARY_PATH is left out on
// purpose: it is no part of the program.
//
// Facts: glibc 2.36 elf/dl-load.c (_dl_map_object, open_path, open_verify, decompose_rpath), elf/dl-cache.c, elf/dl-hwcaps.c,
// sysdeps/x86/dl-hwcaps_subdirs.c; musl 1.2.3 ldso/dynlink.c (load_library, fixup_rpath, path_open).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/linker.h"
#include "base/root.h"
#include "elf/ld_cache.h"

namespace stile::analysis {

// What the search needs to know of an object that asks for a library.
struct Asker {
  std::string rpath, runpath;
  bool has_runpath = false;           // an empty one is one, too: glibc then leaves RPATHs out
  bool no_default_libraries = false;
  std::optional<std::string> origin;  // directory; nothing if the file lies outside the tree
  const Asker* loader = nullptr;      // which object it was first loaded for; null for the program
};

struct FoundLibrary {
  std::string path;                 // inside the tree; empty: none, and `why` says so
  std::string why;
  std::vector<std::string> others;  // taken instead on machines with another processor, and different
  std::vector<std::string> doubts;  // sentences about places that could not be looked at
};

class LibrarySearch {
 public:
  // Reads the cache, and the configuration where there is none. `level` is the processor's (1 to 4) for which files are chosen.
  LibrarySearch(Root root, Linker linker, unsigned level);

  FoundLibrary find(const std::string& name, const Asker& by);

  const Root& root() const { return root_; }
  const Linker& linker() const { return linker_; }

 private:
  // A file to try. Levels: 1 to 4 as x86-64-v1 to v4; 0: taken by some processors or some versions of the linker, by older rules.
  struct Place {
    std::string file;
    unsigned level;
    std::string doubt = {};  // instead of a file: why it is not known which one would be tried here
  };
  using Places = std::vector<Place>;
  enum class Look { Absent, Unreadable, OtherMachine, Taken };

  void glibc_places(const std::string& name, const Asker& by, Places& places);
  void musl_places(const std::string& name, const Asker& by, Places& places);
  void path_places(const std::string& paths, const Asker& owner, const std::string& name, Places& places);
  void directory_places(const std::string& directory, const std::string& name, Places& places);
  void cache_places(const std::string& name, const Asker& by, Places& places);
  Look look(const std::string& file) const;
  FoundLibrary choose(const std::string& name, const Places& places) const;
  bool same_file(const std::string& one, const std::string& other) const;
  const std::vector<Place>& subdirectories(const std::string& directory);

  Root root_;
  Linker linker_;
  unsigned level_;
  std::optional<elf::LdCache> cache_;
  std::vector<std::string> configured_;         // looked at where there is no cache
  std::vector<std::string> musl_;
  std::map<std::string, std::vector<Place>> subdirectories_;  // by directory: those that exist, with their level
};

}  // namespace stile::analysis
