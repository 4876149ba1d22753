// SPDX-License-Identifier: Apache-2.0
#include "runtime/go_types.h"

#include <set>

#include <algorithm>

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

namespace {

constexpr uint64_t kItabHead = 24;  // interface, type, hash and padding

// The number of methods of the interface an itab is for: after the interface type's 48-byte head and package path comes
// the slice of them. 0 if that is not what stands there.
uint64_t method_count(const elf::Image& image, const Moduledata& data, uint64_t itab, uint64_t bias) {
  const uint64_t interface = without_bias(image.read<uint64_t>(itab).value_or(0), bias);
  if (!is_type_of_kind(image, data, interface, kKindInterface)) return 0;
  constexpr uint64_t kMostMethods = 4096;
  return std::min(image.read<uint64_t>(interface + 48 + 8 + 8).value_or(0), kMostMethods);
}

Itab read_itab(const elf::Image& image, uint64_t address, uint64_t count) {
  Itab itab;
  itab.address = address;
  for (uint64_t i = 0; i < count; ++i) itab.methods.push_back(image.read<uint64_t>(address + kItabHead + i * 8).value_or(0));
  return itab;
}

}  // namespace

std::vector<Itab> find_itabs(const elf::Image& image, const Moduledata& data, uint64_t bias) {
  std::vector<Itab> itabs;
  std::set<uint64_t> seen;           // a list may name a table twice
  uint64_t words = 0;                // tables that do not overlap hold no more methods than the file has words
  const uint64_t most = image.file_size() / 8;
  // Both lists lie in file-backed memory, whatever moduledata says of their length.
  const uint64_t pointers = image.at(data.itab_pointers.start).size();
  const uint64_t pointers_end = std::min(data.itab_pointers.end, data.itab_pointers.start + pointers);
  for (uint64_t at = data.itab_pointers.start; at + 8 <= pointers_end && words <= most; at += 8) {
    const uint64_t address = without_bias(image.read<uint64_t>(at).value_or(0), bias);
    if (!seen.insert(address).second) continue;
    if (const uint64_t count = method_count(image, data, address, bias); count != 0) {
      words += count;
      itabs.push_back(read_itab(image, address, count));
    }
  }
  const uint64_t tables_end = std::min(data.itabs.end, data.itabs.start + image.at(data.itabs.start).size());
  for (uint64_t at = data.itabs.start; at + kItabHead + 8 <= tables_end;) {
    const uint64_t count = method_count(image, data, at, bias);
    if (count != 0) itabs.push_back(read_itab(image, at, count));
    at += count == 0 ? 8 : kItabHead + 8 * count;
  }
  return itabs;
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
