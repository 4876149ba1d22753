// SPDX-License-Identifier: Apache-2.0
//
// The parts of an image file by their names: members of a tar archive, or files of a directory. Nothing of the outer archive is
// ever written anywhere; a part is found by reading on to it, which skips over the others without reading them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <stile/result.h>

#include "base/root.h"
#include "image/archive.h"

namespace stile::image {

class Parts {
 public:
  // Lists what is in the file. Errors: Io, Malformed, Limit.
  static Result<Parts> open(const std::string& path);

  bool has(const std::string& name) const;
  // A small part, whole. Errors: Malformed if it is not there, Limit above 4 MiB.
  Result<std::string> text(const std::string& name) const;
  // Hands the bytes of a part to `use`, which reads them to the end or gives up with an error.
  Result<void> stream(const std::string& name, const std::function<Result<void>(Source& source)>& use) const;

  const std::string& path() const { return path_; }

 private:
  std::optional<std::string> resolve(const std::string& name) const;
  Result<void> list_archive();

  std::string path_;
  std::optional<Root> root_;                 // a directory
  std::map<std::string, std::string> members_;  // an archive: name -> what it is a link to, or empty
  std::map<std::string, std::string> small_;    // contents of small members
};

}  // namespace stile::image
