// SPDX-License-Identifier: Apache-2.0
//
// What readers of formats in lines of text share: bounds, lines that go on, errors with a place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <stile/result.h>

namespace stile::format {

// The largest real policy is below a tenth of each.
inline constexpr size_t kMaxTextBytes = 4u << 20;
inline constexpr size_t kMaxTextLines = 1u << 17;

// A line without its end; where it ends in a backslash the next is joined to it by a blank in its place.
struct TextLine {
  uint32_t number = 0;  // 1-based, of its first part
  std::string text;
};
// All lines, comments and empty ones among them. Limit for a text too large, Malformed for one with NUL bytes in it.
Result<std::vector<TextLine>> lines_of(std::string_view text, const std::string& where);

// "where:line:column: message (hint)". Columns are 1-based and count bytes; 0 is left out.
tl::unexpected<Error> wrong(const std::string& where, uint32_t line, size_t column, std::string message, std::string hint = {},
                            Code code = Code::Malformed);

// For messages: what a file holds, cut to a length one can read.
std::string shown(std::string_view text);

}  // namespace stile::format
