// SPDX-License-Identifier: Apache-2.0
#include "analysis/libraries.h"

#include <fstream>
#include <sstream>

#include <glob.h>
#include <unistd.h>

namespace stile::analysis {

namespace {

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "." : path.substr(0, slash);
}

// Splits an RPATH or RUNPATH and puts the object's own directory in for $ORIGIN, and Debian's names for $LIB, $PLATFORM.
std::vector<std::string> expand(std::string_view paths, const std::string& object_path) {
  std::vector<std::string> result;
  std::istringstream stream{std::string(paths)};
  for (std::string path; std::getline(stream, path, ':');) {
    const auto replace = [&](std::string_view token, const std::string& value) {
      for (size_t at = path.find(token); at != path.npos; at = path.find(token, at + value.size())) {
        path.replace(at, token.size(), value);
      }
    };
    replace("${ORIGIN}", directory_of(object_path));
    replace("$ORIGIN", directory_of(object_path));
    replace("${LIB}", "lib/x86_64-linux-gnu");
    replace("$LIB", "lib/x86_64-linux-gnu");
    replace("${PLATFORM}", "x86_64");
    replace("$PLATFORM", "x86_64");
    if (!path.empty()) result.push_back(path);
  }
  return result;
}

}  // namespace

LibrarySearch::LibrarySearch() {
  read_configuration("/etc/ld.so.conf", 0);
  for (const char* path : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"}) {
    directories_.push_back(path);
  }
}

void LibrarySearch::read_configuration(const std::string& path, unsigned depth) {
  if (depth > 4) return;
  std::ifstream file(path);
  for (std::string row; std::getline(file, row) && directories_.size() < 1000;) {
    row = row.substr(0, row.find('#'));
    std::istringstream words(row);
    std::string word;
    if (!(words >> word)) continue;
    if (word != "include") {
      directories_.push_back(word);
      continue;
    }
    while (words >> word) {
      if (!word.starts_with('/')) word = directory_of(path) + "/" + word;
      glob_t matches{};
      if (::glob(word.c_str(), 0, nullptr, &matches) == 0) {
        for (size_t i = 0; i < matches.gl_pathc; ++i) read_configuration(matches.gl_pathv[i], depth + 1);
      }
      ::globfree(&matches);
    }
  }
}

std::optional<std::string> LibrarySearch::find(const std::string& name, const elf::Image& by,
                                               const elf::Image& main) const {
  const auto exists = [](const std::string& path) { return ::access(path.c_str(), R_OK) == 0; };
  if (name.find('/') != name.npos) return exists(name) ? std::optional(name) : std::nullopt;
  std::vector<std::string> paths;
  const auto append = [&](std::vector<std::string> more) { paths.insert(paths.end(), more.begin(), more.end()); };
  // RPATH counts only where there is no RUNPATH, and is inherited from the program.
  if (by.runpath().empty()) {
    append(expand(by.rpath(), by.path()));
    if (main.runpath().empty()) append(expand(main.rpath(), main.path()));
  }
  append(expand(by.runpath(), by.path()));
  append(directories_);
  for (const std::string& directory : paths) {
    const std::string path = directory + "/" + name;
    if (exists(path)) return path;
  }
  return std::nullopt;
}

}  // namespace stile::analysis
