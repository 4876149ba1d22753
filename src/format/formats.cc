// SPDX-License-Identifier: Apache-2.0
#include <stile/filter.h>
#include <stile/format.h>

#include "format/json_text.h"
#include "format/recognise.h"

namespace stile {

// One line for each file of this room that holds a format.
extern const Format kOciFormat;
extern const Format kStileFormat;
extern const Format kBpfFormat;
extern const Format kDockerFormat;
extern const Format kPodmanFormat;
extern const Format kSpoFormat;
extern const Format kSystemdFormat;
extern const Format kFirejailFormat;
extern const Format kMinijailFormat;
extern const Format kKafelFormat;
extern const Format kSeccompilerFormat;

namespace {

bool is_program(std::string_view text) {
  const auto program = from_bytes(text);
  return program && !program->empty() && validate(*program);
}

const Format* recognise_json(std::string_view text) {
  const auto document = format::parse_json(text, "");
  if (!document) {
    // Whose reader is to say what is wrong with it?
    if (text.find("\"stile-profile\"") != std::string_view::npos) return &kStileFormat;
    if (text.find("\"defaultAction\"") != std::string_view::npos) return &kOciFormat;
    return format::looks_like_seccompiler(text) ? &kSeccompilerFormat : nullptr;
  }
  const auto kind = document->find("kind");
  if (kind != document->end() && *kind == "stile-profile") return &kStileFormat;
  if (kind != document->end() && *kind == "SeccompProfile") return &kSpoFormat;
  if (document->contains("defaultAction")) return &kOciFormat;
  return format::looks_like_seccompiler(text) ? &kSeccompilerFormat : nullptr;
}

const Format* recognise_lines(std::string_view text) {
  if (format::looks_like_spo(text)) return &kSpoFormat;
  if (format::looks_like_systemd(text)) return &kSystemdFormat;
  // Before firejail: a list of calls may have a line that says seccomp and nothing else.
  if (format::looks_like_kafel(text)) return &kKafelFormat;
  if (format::looks_like_firejail(text)) return &kFirejailFormat;
  return format::looks_like_minijail(text) ? &kMinijailFormat : nullptr;
}

}  // namespace

std::span<const Format* const> formats() {
  static const Format* const kAll[] = {&kOciFormat,     &kDockerFormat,   &kPodmanFormat,      &kSpoFormat,  &kSystemdFormat, &kMinijailFormat,
                                       &kKafelFormat,   &kFirejailFormat, &kSeccompilerFormat, &kBpfFormat, &kStileFormat};
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
  if (start == std::string_view::npos) return nullptr;
  if (text[start] == '{' && format::looks_like_minijail(text)) return &kMinijailFormat;
  return text[start] == '{' ? recognise_json(text) : recognise_lines(text);
}

}  // namespace stile
