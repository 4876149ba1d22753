// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace stile::format {

// The line on which each value of a JSON text begins, by JSON pointer (RFC 6901); an object's member by the
// line of its key. The text is one that parse_json() accepted; of any other the lines up to the first
// mistake.
std::map<std::string, uint32_t> json_lines(std::string_view text);

}  // namespace stile::format
