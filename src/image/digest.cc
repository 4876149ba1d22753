// SPDX-License-Identifier: Apache-2.0
#include "image/digest.h"

#include <algorithm>

namespace stile::image {

std::string Digest::text() {
  uint8_t raw[SHA256_DIGEST_SIZE];
  sha256_digest(&state_, sizeof raw, raw);
  std::string text = "sha256:";
  for (const uint8_t byte : raw) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string digest_of(std::string_view bytes) {
  Digest digest;
  digest.add(bytes.data(), bytes.size());
  return digest.text();
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (!text.starts_with(kAlgorithm) || text.size() != kAlgorithm.size() + 64) return false;
  text.remove_prefix(kAlgorithm.size());
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace stile::image
