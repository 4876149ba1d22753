// SPDX-License-Identifier: Apache-2.0
#include "runtime/go_pclntab.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "runtime/go_moduledata.h"

namespace stile::go {

namespace {

struct MagicOf {
  uint32_t magic;
  PclntabLayout layout;
};
constexpr MagicOf kMagics[] = {{0xfffffff1, PclntabLayout::Go120},
                               {0xfffffff0, PclntabLayout::Go118},
                               {0xfffffffa, PclntabLayout::Go116},
                               {0xfffffffb, PclntabLayout::Go12}};

// The header's first eight bytes: magic, two zeroes, the instruction size quantum (1 on x86), the pointer size.
const MagicOf* header_at(Bytes bytes) {
  if (!bytes.holds(0, 16)) return nullptr;
  const uint8_t* p = bytes.data();
  if (p[4] != 0 || p[5] != 0 || p[6] != 1 || p[7] != 8) return nullptr;
  for (const MagicOf& magic : kMagics) {
    if (load<uint32_t>(p) == magic.magic) return &magic;
  }
  return nullptr;
}

// Offsets inside a function record, by layout.
struct RecordFields {
  uint32_t name, args, pcfile, pcln, cu, size;
};
constexpr RecordFields fields_of(PclntabLayout layout) {
  switch (layout) {
    case PclntabLayout::Go12: return {8, 12, 24, 28, 0, 36};
    case PclntabLayout::Go116: return {8, 12, 24, 28, 36, 44};
    default: return {4, 8, 20, 24, 32, 40};
  }
}

}  // namespace

std::vector<uint64_t> Pclntab::candidates(const elf::Image& image) {
  std::vector<uint64_t> found;
  const auto add = [&](uint64_t address) {
    if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(address);
  };
  for (const char* name : {".gopclntab", ".data.rel.ro.gopclntab"}) {
    const elf::Section* section = image.section(name);
    if (section != nullptr && header_at(image.at(section->address)) != nullptr) add(section->address);
  }
  if (!found.empty()) return found;

  constexpr size_t kMost = 64;  // a file may embed other Go programs; it does not embed this many
  constexpr uint8_t kTail[] = {0xff, 0xff, 0xff, 0x00, 0x00, 0x01, 0x08};
  for (const elf::Segment& segment : image.segments()) {
    const Bytes bytes = image.at(segment.address);
    uint64_t at = 0;
    while (found.size() < kMost) {
      const Bytes rest = bytes.from(at);
      if (rest.empty()) break;
      const void* hit = memmem(rest.data(), rest.size(), kTail, sizeof kTail);
      if (hit == nullptr) break;
      const uint64_t offset = static_cast<const uint8_t*>(hit) - bytes.data();
      at = offset + 1;
      if (offset == 0 || (segment.address + offset - 1) % 8 != 0) continue;
      if (header_at(bytes.from(offset - 1)) != nullptr) add(segment.address + offset - 1);
    }
  }
  return found;
}

bool Pclntab::states_text_start(const elf::Image& image, uint64_t address) {
  const MagicOf* magic = header_at(image.at(address));
  if (magic == nullptr) return false;
  if (magic->layout == PclntabLayout::Go12 || magic->layout == PclntabLayout::Go116) return true;
  return image.at(address).read_or_zero<uint64_t>(24) != 0;
}

Result<Pclntab> Pclntab::parse(const elf::Image& image, uint64_t address, uint64_t text, uint64_t bias) {
  const auto malformed = [&](std::string what) {
    return fail(Code::Malformed, "the Go function table " + what, fmt::format("{} at {:#x}", image.path(), address),
                "the file is damaged or was changed after it was linked");
  };
  Pclntab tab;
  tab.address_ = address;
  tab.table_ = image.at(address);
  const MagicOf* magic = header_at(tab.table_);
  if (magic == nullptr) return malformed("has no known header");
  tab.layout_ = magic->layout;
  const Bytes& table = tab.table_;
  const uint64_t count = table.read_or_zero<uint64_t>(8);
  // Every function takes at least eight bytes here, so the file's size bounds the count.
  if (count == 0 || count > table.size() / 8) return malformed(fmt::format("says it has {} functions", count));

  uint64_t functab = 0;
  unsigned entry_size = 8;
  if (tab.layout_ == PclntabLayout::Go12) {
    functab = 16;
    entry_size = 16;
    tab.names_ = tab.pc_tables_ = tab.functions_ = table;
    const uint64_t file_offset = table.read_or_zero<uint32_t>(functab + count * 16 + 8);
    tab.files_ = table.from(file_offset);
  } else {
    const bool has_text = tab.layout_ != PclntabLayout::Go116;
    const uint64_t offsets = has_text ? 32 : 24;
    const uint64_t stated = has_text ? table.read_or_zero<uint64_t>(24) : 0;
    tab.text_start_ = stated == 0 ? text : without_bias(stated, bias);
    // The linker lays the parts out in this order, each reaching to the next.
    uint64_t starts[6] = {};
    for (unsigned i = 0; i < 5; ++i) starts[i] = table.read_or_zero<uint64_t>(offsets + i * 8);
    starts[5] = table.size();
    for (unsigned i = 0; i < 5; ++i) {
      if (starts[i] > starts[i + 1]) return malformed("has parts out of order or outside the file");
    }
    const auto part = [&](unsigned i) { return table.part(starts[i], starts[i + 1] - starts[i]); };
    tab.names_ = part(0);
    tab.cu_ = part(1);
    tab.files_ = part(2);
    tab.pc_tables_ = part(3);
    tab.functions_ = table.from(starts[4]);
    functab = starts[4];
    entry_size = has_text ? 8 : 16;
    if (has_text && tab.text_start_ == 0) return malformed("does not say where the code starts");
  }

  const Bytes pairs = table.part(functab, (count + 1) * entry_size - entry_size / 2);
  if (pairs.empty()) return malformed(fmt::format("says it has {} functions and is too short for them", count));
  tab.entries_.resize(count);
  tab.records_.resize(count);
  for (uint64_t i = 0; i < count; ++i) {
    const uint8_t* pair = pairs.data() + i * entry_size;
    tab.entries_[i] = entry_size == 8 ? tab.text_start_ + load<uint32_t>(pair) : without_bias(load<uint64_t>(pair), bias);
    tab.records_[i] = entry_size == 8 ? load<uint32_t>(pair + 4)
                                      : static_cast<uint32_t>(std::min<uint64_t>(load<uint64_t>(pair + 8), UINT32_MAX));
    if (i > 0 && tab.entries_[i] <= tab.entries_[i - 1]) return malformed("is not sorted by address");
  }
  tab.last_record_ = *std::max_element(tab.records_.begin(), tab.records_.end());
  const uint8_t* last = pairs.data() + count * entry_size;
  tab.end_ = entry_size == 8 ? tab.text_start_ + load<uint32_t>(last) : without_bias(load<uint64_t>(last), bias);
  if (tab.end_ <= tab.entries_.back()) return malformed("is not sorted by address");
  const elf::Segment* segment = image.segment_of(tab.entries_.front());
  if (segment == nullptr || !segment->executable || tab.end_ > segment->end()) {
    return malformed("names functions outside executable memory");
  }
  return tab;
}

Bytes Pclntab::record(size_t i) const {
  return functions_.part(records_[i], fields_of(layout_).size);
}

uint64_t Pclntab::records_size() const {
  const uint64_t end = static_cast<uint64_t>(functions_.data() - table_.data()) + last_record_ + fields_of(layout_).size;
  return std::min<uint64_t>(end, table_.size());
}

std::string_view Pclntab::name(size_t i) const {
  const Bytes bytes = record(i);
  return bytes.empty() ? std::string_view() : names_.c_string(bytes.read_or_zero<uint32_t>(fields_of(layout_).name));
}

std::optional<uint32_t> Pclntab::argument_bytes(size_t i) const {
  const Bytes bytes = record(i);
  if (bytes.empty()) return std::nullopt;
  const uint32_t args = bytes.read_or_zero<uint32_t>(fields_of(layout_).args);
  constexpr uint32_t kUnknown = 0x80000000;  // runtime._ArgsSizeUnknown
  return args < kUnknown ? std::optional(args) : std::nullopt;
}

std::optional<uint32_t> Pclntab::frame_bytes(size_t i, uint64_t pc) const {
  const Bytes bytes = record(i);
  if (bytes.empty()) return std::nullopt;
  // _func.pcsp stands right before _func.pcfile in every layout.
  const int32_t delta = pc_value(bytes.read_or_zero<uint32_t>(fields_of(layout_).pcfile - 4), entries_[i], pc);
  return delta >= 0 ? std::optional(static_cast<uint32_t>(delta)) : std::nullopt;
}

int32_t Pclntab::pc_value(uint32_t offset, uint64_t entry, uint64_t pc) const {
  if (offset == 0) return -1;
  const Bytes bytes = pc_tables_.from(offset);
  uint64_t at = 0;
  const auto varint = [&]() -> uint32_t {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35 && at < bytes.size(); shift += 7) {
      const uint8_t byte = bytes.data()[at++];
      value |= static_cast<uint32_t>(byte & 0x7f) << (shift & 31);
      if ((byte & 0x80) == 0) break;
    }
    return value;
  };
  uint32_t value = UINT32_MAX;  // wraps as the runtime's own int32 does
  uint64_t address = entry;
  for (bool first = true; at < bytes.size(); first = false) {
    const uint32_t encoded = varint();
    if (encoded == 0 && !first) break;
    value += (encoded & 1) != 0 ? ~(encoded >> 1) : encoded >> 1;
    address += varint();
    if (pc < address) return static_cast<int32_t>(value);
  }
  return -1;
}

LineInfo Pclntab::line(size_t i, uint64_t pc) const {
  const Bytes bytes = record(i);
  if (bytes.empty()) return {};
  const RecordFields fields = fields_of(layout_);
  LineInfo info;
  const int32_t line = pc_value(bytes.read_or_zero<uint32_t>(fields.pcln), entries_[i], pc);
  if (line > 0) info.line = static_cast<uint32_t>(line);
  const int32_t file = pc_value(bytes.read_or_zero<uint32_t>(fields.pcfile), entries_[i], pc);
  if (file < 0) return info;
  if (layout_ == PclntabLayout::Go12) {
    // The file table holds offsets from the start of the whole table; entry 0 is the count.
    info.file = table_.c_string(files_.read_or_zero<uint32_t>(uint64_t{4} * static_cast<uint32_t>(file)));
  } else {
    const uint64_t unit = bytes.read_or_zero<uint32_t>(fields.cu);
    const auto offset = cu_.read<uint32_t>((unit + static_cast<uint32_t>(file)) * 4);
    if (offset && *offset != UINT32_MAX) info.file = files_.c_string(*offset);
  }
  return info;
}

}  // namespace stile::go
