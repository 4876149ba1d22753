// SPDX-License-Identifier: Apache-2.0
//
// What an image is made of, by its own documents.
//
// Facts: docker image specification v1.2, "manifest.json"; OCI image-spec 1.0: image-layout.md, image-index.md, manifest.md, config.md.
#pragma once

#include <string>
#include <vector>

#include <stile/image.h>
#include <stile/result.h>

#include "image/parts.h"

namespace stile::image {

struct Layer {
  std::string part;     // its name in the file
  std::string digest;   // of the part as it stands; empty where the format gives none
  std::string content;  // digest of the tar archive inside (diff_id)
};

struct Manifest {
  std::string name;    // "debian:12", empty if there is none
  std::string digest;  // of the configuration
  ImageConfig config;
  std::vector<Layer> layers;  // lowest first
};

// The one x86-64 Linux image in the file. Errors: Malformed, Unsupported (none for this machine, several), Limit.
Result<Manifest> read_manifest(const Parts& parts);

}  // namespace stile::image
