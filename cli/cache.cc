// SPDX-License-Identifier: Apache-2.0
#include "cache.h"

#include <cstdlib>

namespace stile::cli {

Flag cache_flag() {
  return {.names = "--no-cache",
          .help = "Analyse anew, and keep nothing. Otherwise an analysis is kept in $XDG_CACHE_HOME/stile (~/.cache/stile) and is taken from there "
                  "as long as stile, the options, the program and every file that was looked at are the same"};
}

std::string cache_directory(const Arguments& arguments) {
  if (arguments.has("--no-cache")) return {};
  const auto absolute = [](const char* name) -> std::string {
    const char* value = ::secure_getenv(name);
    if (value == nullptr || *value != '/') return {};  // the specification has relative ones ignored
    std::string path = value;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
  };
  if (const std::string caches = absolute("XDG_CACHE_HOME"); !caches.empty()) return caches + "/stile";
  const std::string home = absolute("HOME");
  return home.empty() ? home : home + "/.cache/stile";
}

}  // namespace stile::cli
