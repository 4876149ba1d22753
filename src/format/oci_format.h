// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <stile/format.h>

namespace stile::format::oci {

// Its two directions: oci_read.cc, oci_write.cc.
Result<std::string> write(const Profile& profile, std::vector<std::string>* lost);
Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context,
                     std::vector<std::string>* warnings);

}  // namespace stile::format::oci
