// SPDX-License-Identifier: Apache-2.0
//
// Lays the layers of an image on top of each other in a directory, as container engines do, and safely: names are resolved inside the directory
// whatever links are in it, nothing but plain files, directories and symbolic links is ever made, and all of it belongs to the caller.
//
// Facts: OCI image-spec layer.md (whiteouts, hard links); what docker and containerd refuse: pkg/archive/archive.go and diff.go.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include <stile/image.h>
#include <stile/result.h>

#include "base/root.h"
#include "image/archive.h"

namespace stile::image {

class Unpacker {
 public:
  // `directory` is empty and nobody else's.
  Unpacker(Root directory, const ImageOptions& options) : root_(std::move(directory)), options_(options) {}

  // Adds a layer: an uncompressed tar archive. `where` stands in errors. Counts bytes and entries over all layers.
  Result<void> add_layer(Source& tar, const std::string& where);

 private:
  Result<void> add_entry(struct archive* archive, struct archive_entry* entry, const std::string& where);
  Result<void> white_out(const std::string& directory, const std::string& name, const std::string& where);
  Result<void> file(struct archive* archive, struct archive_entry* entry, const std::string& host, const std::string& where);
  Result<void> hard_link(const std::string& target, const std::string& host, const std::string& where);
  // The directory inside the tree, without links, made if it is missing.
  Result<std::string> make_directory(const std::string& path, const std::string& where);
  void remove(const std::string& inside);
  std::string host(const std::string& inside) const { return root_.directory() + inside; }

  Root root_;
  const ImageOptions& options_;
  uint64_t entries_ = 0;
  uint64_t written_ = 0;
  uint64_t names_ = 0;  // bytes
  std::set<std::string> of_this_layer_;  // paths, which opaque whiteouts of the same layer leave alone
};

}  // namespace stile::image
