// SPDX-License-Identifier: Apache-2.0
//
// Profiles as files. Each format is one const struct in src/format/<name>.cc, listed in src/format/formats.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

struct Format {
  std::string_view name;     // what --format takes
  std::string_view summary;  // one line for --help
  // Deterministic: the same profile gives the same bytes. Ends in a newline.
  Result<std::string> (*write)(const Profile& profile);
  // Reads what write wrote, and what other tools write in this format. `where` is used in messages. May be null.
  Result<Profile> (*read)(std::string_view text, const std::string& where);
};

std::span<const Format* const> formats();
// Null if there is none of that name.
const Format* find_format(std::string_view name);

}  // namespace stile
