// SPDX-License-Identifier: Apache-2.0
#include <stile/format.h>

namespace stile {

// One line for each file of this room that holds a format.
extern const Format kOciFormat;
extern const Format kStileFormat;

std::span<const Format* const> formats() {
  static const Format* const kAll[] = {&kOciFormat, &kStileFormat};
  return kAll;
}

const Format* find_format(std::string_view name) {
  for (const Format* format : formats()) {
    if (format->name == name) return format;
  }
  return nullptr;
}

}  // namespace stile
