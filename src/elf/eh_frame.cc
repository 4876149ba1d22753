// SPDX-License-Identifier: Apache-2.0
#include "elf/eh_frame.h"

#include <algorithm>
#include <map>

namespace stile::elf {

std::vector<uint64_t> unwind_function_starts(const Image& image) {
  std::vector<uint64_t> starts;
  if (image.eh_frame_hdr() == 0) return starts;
  const Bytes header = image.at(image.eh_frame_hdr());
  // version 1; eh_frame pointer as pc-relative sdata4; count as udata4; table as sdata4 relative to this header.
  constexpr uint8_t kUdata4 = 0x03, kDatarelSdata4 = 0x3b;
  if (header.read_or_zero<uint8_t>(0) != 1 || header.read_or_zero<uint8_t>(2) != kUdata4 ||
      header.read_or_zero<uint8_t>(3) != kDatarelSdata4) {
    return starts;
  }
  const uint64_t count = header.read_or_zero<uint32_t>(8);
  if (!header.holds(12, count * 8)) return starts;
  starts.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const auto offset = load<int32_t>(header.data() + 12 + i * 8);
    starts.push_back(image.eh_frame_hdr() + static_cast<uint64_t>(static_cast<int64_t>(offset)));
  }
  return starts;
}

namespace {

// DW_EH_PE_* (LSB Core, "DWARF Exception Header Encoding"): the low four bits are the format, the next three what it is
// relative to, the last says that the word there holds the address.
constexpr uint8_t kOmit = 0xff, kFormat = 0x0f, kRelation = 0x70, kAbsolute = 0x00, kPcRelative = 0x10;

// A pointer at `offset` of bytes that stand at `address`; only what compilers write: 8 bytes absolute, or 4 or 8 relative.
std::optional<uint64_t> encoded_pointer(const Bytes& bytes, uint64_t offset, uint64_t address, uint8_t encoding) {
  uint64_t value = 0;
  switch (encoding & kFormat) {
    case 0x00:
    case 0x04:
    case 0x0c:
      if (!bytes.holds(offset, 8)) return std::nullopt;
      value = load<uint64_t>(bytes.data() + offset);
      break;
    case 0x03:
      if (!bytes.holds(offset, 4)) return std::nullopt;
      value = load<uint32_t>(bytes.data() + offset);
      break;
    case 0x0b:
      if (!bytes.holds(offset, 4)) return std::nullopt;
      value = static_cast<uint64_t>(static_cast<int64_t>(load<int32_t>(bytes.data() + offset)));
      break;
    default: return std::nullopt;
  }
  if ((encoding & kRelation) == kAbsolute) return value;
  if ((encoding & kRelation) == kPcRelative) return value + address + offset;
  return std::nullopt;
}

// How long a pointer of that encoding is.
unsigned pointer_size(uint8_t encoding) {
  const uint8_t format = encoding & kFormat;
  return format == 0x03 || format == 0x0b ? 4 : 8;
}

struct Leb128 {
  uint64_t value;
  uint64_t end;  // offset behind it
};
std::optional<Leb128> unsigned_leb128(const Bytes& bytes, uint64_t offset) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 9; ++i, ++offset) {
    const auto byte = bytes.read<uint8_t>(offset);
    if (!byte) return std::nullopt;
    value |= uint64_t{*byte & 0x7fu} << (7 * i);
    if ((*byte & 0x80) == 0) return Leb128{value, offset + 1};
  }
  return std::nullopt;
}

// A common information entry, as far as it matters here.
struct Common {
  bool augmented = false;      // 'z': entries that refer to it say how long their augmentation is
  uint8_t pointers = 0x00;     // encoding of code addresses
  uint8_t handler_data = kOmit;  // encoding of the address of the language-specific data
  uint64_t personality = 0;    // 0 = none
};

// `entry` begins with its length, at `address`.
std::optional<Common> read_common(const Bytes& entry, uint64_t address) {
  Common common;
  uint64_t at = 8;  // length and id
  const auto version = entry.read<uint8_t>(at++);
  if (!version || (*version != 1 && *version != 3) || !entry.holds(at, 1)) return std::nullopt;
  const std::string_view augmentation = entry.c_string(at);
  at += augmentation.size() + 1;
  if (augmentation.empty()) return common;
  if (augmentation.front() != 'z') return std::nullopt;
  common.augmented = true;
  // Alignments of code and data, the return register (a byte in version 1), the length of what follows.
  for (unsigned number = 0; number < 4; ++number) {
    if (number == 2 && *version == 1) {
      ++at;
      continue;
    }
    const auto skipped = unsigned_leb128(entry, at);
    if (!skipped) return std::nullopt;
    at = skipped->end;
  }
  for (const char letter : augmentation.substr(1)) {
    if (letter == 'S' || letter == 'B') continue;  // a signal's frame; pointer authentication
    const auto encoding = entry.read<uint8_t>(at++);
    if (!encoding) return std::nullopt;
    if (letter == 'R') common.pointers = *encoding;
    if (letter == 'L') common.handler_data = *encoding;
    if (letter == 'P' && *encoding != kOmit) {
      const auto personality = encoded_pointer(entry, at, address, *encoding);
      if (!personality) return std::nullopt;
      common.personality = *personality;
      at += pointer_size(*encoding);
    }
    if (letter != 'R' && letter != 'L' && letter != 'P') return std::nullopt;
  }
  return common;
}

// The types that the handlers of one function catch (Itanium C++ ABI, "Exception Handling Tables"; gcc/except.cc): a header,
// the table of call sites, that of actions, and before its own end that of types, which is indexed from there downwards. What
// of the actions looks like a type counts as one.
bool read_types(const Image& image, uint64_t address, std::vector<uint64_t>& found) {
  const Bytes data = image.at(address);
  const auto landing_pads = data.read<uint8_t>(0);
  if (!landing_pads) return false;
  uint64_t at = *landing_pads == kOmit ? 1 : 1 + pointer_size(*landing_pads);
  const auto encoding = data.read<uint8_t>(at++);
  if (!encoding) return false;
  if (*encoding == kOmit) return true;
  const auto length = unsigned_leb128(data, at);
  if (!length) return false;
  const uint64_t end = length->end + length->value;
  const auto call_sites = unsigned_leb128(data, length->end + 1);
  if (!call_sites || end > data.size() || end < length->end || call_sites->value > end - call_sites->end) return false;
  const uint64_t actions = call_sites->end + call_sites->value;
  const unsigned size = pointer_size(*encoding);
  for (uint64_t entry = end; entry >= actions + size;) {
    entry -= size;
    if (const auto type = encoded_pointer(data, entry, address, *encoding)) found.push_back(*type);
  }
  return true;
}

// Calls visit(entry, address of the entry, its common entry or null if it is one) for all entries, in the order of the table,
// and true if all could be read and visit said true of each. A file without such a table has none.
template <typename Visit>
bool for_each_entry(const Image& image, Visit visit) {
  std::optional<uint64_t> start;
  if (image.eh_frame_hdr() != 0) {
    const Bytes header = image.at(image.eh_frame_hdr());
    start = encoded_pointer(header, 4, image.eh_frame_hdr(), header.read_or_zero<uint8_t>(1));
  } else if (const Section* section = image.section(".eh_frame")) {
    start = section->address;
  } else if (!image.sections().empty()) {
    return true;
  }
  if (!start) return false;
  const Bytes table = image.at(*start);
  std::map<uint64_t, Common> commons;  // by offset in the table
  for (uint64_t at = 0; table.holds(at, 8);) {
    const uint64_t length = load<uint32_t>(table.data() + at);
    if (length == 0) break;
    if (length == UINT32_MAX || !table.holds(at, length + 4)) return false;
    const Bytes entry = table.part(at, length + 4);
    const uint32_t id = entry.read_or_zero<uint32_t>(4);
    if (id == 0) {
      const auto common = read_common(entry, *start + at);
      if (!common) return false;
      commons[at] = *common;
      if (!visit(entry, *start + at, *common, /*function=*/false)) return false;
    } else {
      const auto common = commons.find(at + 4 - id);
      if (common == commons.end() || !visit(entry, *start + at, common->second, /*function=*/true)) return false;
    }
    at += length + 4;
  }
  return true;
}

}  // namespace

std::vector<uint64_t> unwind_function_ends(const Image& image) {
  std::vector<uint64_t> ends;
  const bool whole = for_each_entry(image, [&](const Bytes& entry, uint64_t address, const Common& common, bool function) {
    if (!function) return true;
    const auto start = encoded_pointer(entry, 8, address, common.pointers);
    const auto size = encoded_pointer(entry, 8 + pointer_size(common.pointers), address, common.pointers & kFormat);
    if (!start || !size) return false;
    if (*size != 0 && *size < UINT64_MAX - *start) ends.push_back(*start + *size);
    return true;
  });
  if (!whole) return {};
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return ends;
}

std::optional<std::vector<uint64_t>> unwind_references(const Image& image) {
  std::vector<uint64_t> found;
  // The tables of types may overlap in a file made to that end; in others, all together are no larger than the file.
  const uint64_t most = image.file_size();
  const bool whole = for_each_entry(image, [&](const Bytes& entry, uint64_t address, const Common& common, bool function) {
    if (!function) {
      if (common.personality != 0) found.push_back(common.personality);
      return true;
    }
    if (common.handler_data == kOmit) return true;
    const auto augmentation = unsigned_leb128(entry, 8 + 2 * pointer_size(common.pointers));
    if (!augmentation) return false;
    const auto data = encoded_pointer(entry, augmentation->end, address, common.handler_data);
    if (augmentation->value == 0) return true;
    if (!data) return false;
    // No data is a zero, whatever it is relative to.
    const uint64_t none = address + augmentation->end;
    return *data == 0 || *data == none || (read_types(image, *data, found) && found.size() <= most);
  });
  if (!whole || found.size() > most) return std::nullopt;
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace stile::elf
