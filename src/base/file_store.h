// SPDX-License-Identifier: Apache-2.0
//
// A directory of files that may be gone, damaged or not to be had at any time: a cache's. Nothing here is an error, and nothing is
// believed that another user could have written. Can be used by any number of processes at once: files are written beside and renamed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stile {

class FileStore {
 public:
  struct Bounds {
    uint64_t bytes;    // of all files; the ones that were not used for longest go
    size_t files;
    uint64_t largest;  // of one
  };

  // `directory` is absolute. It must belong to this process's effective user and nobody else may be able to write to it, otherwise the store
  // is always empty. The first write makes it (mode 0700), with the directory above it, if what these are made in is this user's as well.
  FileStore(std::string directory, Bounds bounds) : directory_(std::move(directory)), bounds_(bounds) {}

  // Nothing: no such file, too large, a symbolic link, or somebody else's. `name` has no slash and does not begin with a dot.
  std::optional<std::vector<uint8_t>> read(const std::string& name) const;
  // Does nothing where it cannot be done.
  void write(const std::string& name, std::span<const uint8_t> bytes) const;

 private:
  void remove_oldest(int directory) const;

  std::string directory_;
  Bounds bounds_;
};

}  // namespace stile
