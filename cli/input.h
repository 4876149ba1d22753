// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <stile/result.h>

namespace stile::cli {

// The text of a regular file whose first character, after white space, is "{"; nothing for any other file,
// whatever it is: the analysis says better what is wrong with it. Errors: Io, Limit (larger than any
// profile).
Result<std::optional<std::string>> read_if_json(const std::string& path);

}  // namespace stile::cli
