// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <nettle/sha2.h>

namespace stile::image {

// SHA-256 of bytes as they come, as images write it.
class Digest {
 public:
  Digest() { sha256_init(&state_); }
  void add(const void* bytes, size_t size) { sha256_update(&state_, size, static_cast<const uint8_t*>(bytes)); }
  // "sha256:" and 64 hex digits. Ends it.
  std::string text();

 private:
  sha256_ctx state_;
};

std::string digest_of(std::string_view bytes);

// Whether it has the form of one. Other algorithms are registered and nobody uses them.
bool is_digest(std::string_view text);

}  // namespace stile::image
