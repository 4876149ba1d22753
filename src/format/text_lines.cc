// SPDX-License-Identifier: Apache-2.0
#include "format/text_lines.h"

#include <algorithm>

#include <fmt/format.h>

namespace stile::format {

Result<std::vector<TextLine>> lines_of(std::string_view text, const std::string& where) {
  if (text.size() > kMaxTextBytes)
    return fail(Code::Limit, fmt::format("larger than {} MiB, too large for a profile", kMaxTextBytes >> 20), where);
  std::vector<TextLine> lines;
  uint32_t number = 0;
  bool goes_on = false;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view part = text.substr(0, end);
    ++number;
    if (const size_t nul = part.find('\0'); nul != std::string_view::npos) return wrong(where, number, nul + 1, "a NUL byte: this is no text");
    if (part.ends_with('\r')) part.remove_suffix(1);
    const bool more = part.ends_with('\\');
    if (more) part.remove_suffix(1);
    if (goes_on) {
      lines.back().text += ' ';
      lines.back().text += part;
    } else {
      lines.push_back({number, std::string(part)});
    }
    goes_on = more;
    if (number > kMaxTextLines) return wrong(where, number, 0, fmt::format("more than {} lines", kMaxTextLines), {}, Code::Limit);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

tl::unexpected<Error> wrong(const std::string& where, uint32_t line, size_t column, std::string message, std::string hint, Code code) {
  const std::string place = column == 0 ? fmt::format("{}:{}", where, line) : fmt::format("{}:{}:{}", where, line, column);
  return tl::unexpected<Error>(Error{code, std::move(message), place, std::move(hint)});
}

std::string shown(std::string_view text) {
  constexpr size_t kShown = 64;
  std::string out(text.substr(0, kShown));
  // No error is more than one line.
  std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  if (text.size() > kShown) out += "...";
  return out;
}

}  // namespace stile::format
