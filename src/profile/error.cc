// SPDX-License-Identifier: Apache-2.0
#include <stile/result.h>

namespace stile {

std::string to_line(const Error& error) {
  std::string line;
  if (!error.where.empty()) line = error.where + ": ";
  line += error.message;
  if (!error.hint.empty()) line += " (" + error.hint + ")";
  return line;
}

}  // namespace stile
