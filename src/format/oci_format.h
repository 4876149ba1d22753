// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <stile/format.h>

#include "format/json_text.h"

namespace stile::format::oci {

// Its two directions: oci_read.cc, oci_write.cc. Docker's and podman's differ in words alone: architectures as archMap, and for podman
// errors by name too.
Result<std::string> write(const Profile& profile, std::vector<std::string>* lost);
Result<std::string> write_docker(const Profile& profile, std::vector<std::string>* lost);
Result<std::string> write_podman(const Profile& profile, std::vector<std::string>* lost);
enum class Flavour { Oci, Docker, Podman };
// What write() prints.
Result<ordered_json> document_of(const Profile& profile, Flavour flavour, std::vector<std::string>* lost);

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context,
                     std::vector<std::string>* warnings);
// The same of a document that stands at `path` (a JSON pointer) in a larger one.
Result<Profile> read_document(const json& document, const std::string& path, const std::string& where,
                              const ReadContext& context, std::vector<std::string>* warnings);

}  // namespace stile::format::oci
