// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <nettle/sha2.h>

namespace stile {

using Sha256 = std::array<uint8_t, SHA256_DIGEST_SIZE>;

inline Sha256 sha256(std::span<const uint8_t> bytes) {
  sha256_ctx state;
  sha256_init(&state);
  sha256_update(&state, bytes.size(), bytes.data());
  Sha256 digest;
  sha256_digest(&state, digest.size(), digest.data());
  return digest;
}

inline Sha256 sha256(std::string_view text) { return sha256({reinterpret_cast<const uint8_t*>(text.data()), text.size()}); }

}  // namespace stile
