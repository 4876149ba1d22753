// SPDX-License-Identifier: Apache-2.0
#include <stile/filter.h>
#include <stile/format.h>

#include "format/json_text.h"

namespace stile {

// One line for each file of this room that holds a format.
extern const Format kOciFormat;
extern const Format kStileFormat;
extern const Format kBpfFormat;

namespace {

bool is_program(std::string_view text) {
  const auto program = from_bytes(text);
  return program && !program->empty() && validate(*program);
}

}  // namespace

std::span<const Format* const> formats() {
  static const Format* const kAll[] = {&kOciFormat, &kStileFormat, &kBpfFormat};
  return kAll;
}

const Format* find_format(std::string_view name) {
  for (const Format* format : formats()) {
    if (format->name == name) return format;
  }
  return nullptr;
}

const Format* recognise_format(std::string_view text) {
  if (is_program(text)) return &kBpfFormat;
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || text[start] != '{') return nullptr;
  const auto document = format::parse_json(text, "");
  if (!document) {
    // Whose reader is to say what is wrong with it?
    if (text.find("\"stile-profile\"") != std::string_view::npos) return &kStileFormat;
    return text.find("\"defaultAction\"") != std::string_view::npos ? &kOciFormat : nullptr;
  }
  const auto kind = document->find("kind");
  if (kind != document->end() && *kind == "stile-profile") return &kStileFormat;
  return document->contains("defaultAction") ? &kOciFormat : nullptr;
}

}  // namespace stile
