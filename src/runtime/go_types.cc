// SPDX-License-Identifier: Apache-2.0
#include "runtime/go_types.h"

namespace stile::go {

bool is_type_of_kind(const elf::Image& image, const Moduledata& data, uint64_t address, unsigned kind) {
  if (!data.types.contains(address) || address % 8 != 0) return false;
  // Size, PtrBytes, Hash, TFlag, Align, FieldAlign, Kind; the upper bits of Kind were flags until Go 1.26.
  const Bytes head = image.at(address, 48);
  if (head.empty()) return false;
  const uint8_t align = head.data()[21], field_align = head.data()[22];
  const auto power_of_two = [](uint8_t value) { return value != 0 && value <= 64 && (value & (value - 1)) == 0; };
  return (head.data()[23] & 31) == kind && power_of_two(align) && power_of_two(field_align) &&
         load<uint64_t>(head.data() + 8) <= load<uint64_t>(head.data());
}

std::string_view name_at(const elf::Image& image, const Moduledata& data, uint32_t offset) {
  if (offset == 0 || offset >= data.types.end - data.types.start) return {};
  const Bytes bytes = image.at(data.types.start + offset);
  if (bytes.size() < 3 || bytes.data()[0] > 0x0f) return {};
  // The length is a varint since Go 1.17, and was two bytes, high one first, before. A name's first byte tells them
  // apart: no name is 16 KiB long, so the old form begins with a small byte.
  const auto printable = [&](uint64_t at, uint64_t length) -> std::string_view {
    const std::string_view text = bytes.text(at, length);
    if (text.empty()) return {};
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x21 || c == 0x7f) return {};
    }
    return text;
  };
  uint64_t length = bytes.data()[1] & 0x7f;
  uint64_t at = 2;
  if ((bytes.data()[1] & 0x80) != 0) {
    length |= static_cast<uint64_t>(bytes.data()[2] & 0x7f) << 7;
    at = 3;
  }
  if (const std::string_view name = printable(at, length); !name.empty()) return name;
  return printable(3, static_cast<uint64_t>(bytes.data()[1]) << 8 | bytes.data()[2]);
}

}  // namespace stile::go
