// SPDX-License-Identifier: Apache-2.0
#include "format/recognise.h"

namespace stile::format {

std::string_view stripped(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool has_line(std::string_view text, const std::function<bool(std::string_view)>& is) {
  text = text.substr(0, 64u << 10);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = stripped(text.substr(0, end));
    if (!line.empty() && !line.starts_with('#') && !line.starts_with("//") && is(line)) return true;
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  return false;
}

std::string_view first_line(std::string_view text) {
  std::string_view first;
  has_line(text, [&](std::string_view line) {
    first = line;
    return true;
  });
  return first;
}

}  // namespace stile::format
