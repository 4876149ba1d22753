// SPDX-License-Identifier: Apache-2.0
//
// A read-only view of untrusted bytes. Every read is checked; a read outside the view gives nothing, never garbage.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace stile {

static_assert(std::endian::native == std::endian::little, "loads below assume a little-endian host");

// Loads a little-endian integer from memory the caller has already bounded.
template <typename T>
inline T load(const uint8_t* p) {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

class Bytes {
 public:
  Bytes() = default;
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const uint8_t* begin() const { return data_; }
  const uint8_t* end() const { return data_ + size_; }

  bool holds(uint64_t offset, uint64_t length) const { return offset <= size_ && length <= size_ - offset; }

  // The part [offset, offset + length), or an empty view if that is not all inside.
  Bytes part(uint64_t offset, uint64_t length) const {
    return holds(offset, length) ? Bytes(data_ + offset, length) : Bytes();
  }
  // From offset to the end; empty if offset lies outside.
  Bytes from(uint64_t offset) const { return offset <= size_ ? Bytes(data_ + offset, size_ - offset) : Bytes(); }

  template <typename T>
  std::optional<T> read(uint64_t offset) const {
    if (!holds(offset, sizeof(T))) return std::nullopt;
    return load<T>(data_ + offset);
  }
  // The same where zero is as good an answer as none.
  template <typename T>
  T read_or_zero(uint64_t offset) const {
    return holds(offset, sizeof(T)) ? load<T>(data_ + offset) : T{0};
  }

  // The NUL-terminated string at offset, without its NUL; empty if offset is outside, or no NUL follows soon enough: a
  // file may give one huge name to each of its many symbols.
  static constexpr size_t kLongestString = 1 << 16;
  std::string_view c_string(uint64_t offset) const {
    if (offset >= size_) return {};
    const size_t most = size_ - offset < kLongestString ? size_ - offset : kLongestString;
    const void* nul = std::memchr(data_ + offset, 0, most);
    if (nul == nullptr) return {};
    return {reinterpret_cast<const char*>(data_ + offset),
            static_cast<size_t>(static_cast<const uint8_t*>(nul) - (data_ + offset))};
  }
  std::string_view text(uint64_t offset, uint64_t length) const {
    return holds(offset, length) ? std::string_view(reinterpret_cast<const char*>(data_ + offset), length)
                                 : std::string_view();
  }

 private:
  static constexpr uint8_t kNothing[1] = {};
  const uint8_t* data_ = kNothing;  // never null, which memchr and the like must not be given even for no bytes
  size_t size_ = 0;
};

}  // namespace stile
