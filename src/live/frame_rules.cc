// SPDX-License-Identifier: Apache-2.0
#include "live/frame_rules.h"

#include <vector>

namespace stile::live {

namespace {

constexpr uint64_t kStackPointer = 7, kFramePointer = 6,
                   kReturnAddress = 16;  // DWARF's numbers of rsp, rbp and rip

// Reads forward; what lies outside reads as 0 and leaves `ok` false.
class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool done() const { return !ok_ || at_ >= bytes_.size(); }
  uint64_t at() const { return at_; }

  template <typename T>
  T take() {
    const auto value = bytes_.read<T>(at_);
    ok_ = ok_ && value.has_value();
    at_ += sizeof(T);
    return value.value_or(0);
  }
  uint64_t unsigned_leb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = take<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  int64_t signed_leb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64;) {
      const auto byte = take<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if (shift < 64 && (byte & 0x40) != 0) value |= ~uint64_t{0} << shift;
      return static_cast<int64_t>(value);
    }
    ok_ = false;
    return 0;
  }
  void skip(uint64_t length) {
    ok_ = ok_ && bytes_.holds(at_, length);
    at_ += ok_ ? length : 0;
  }
  Bytes rest() const { return bytes_.from(at_); }

 private:
  Bytes bytes_;
  uint64_t at_ = 0;
  bool ok_ = true;
};

// A pointer in one of the encodings that linkers write here; 0 and not ok for the others.
uint64_t encoded_pointer(Reader& reader, uint8_t encoding, uint64_t section_address, bool* known) {
  const uint64_t here = section_address + reader.at();
  uint64_t value = 0;
  switch (encoding & 0x0f) {
    case 0x00:
    case 0x04:
    case 0x0c:
      value = reader.take<uint64_t>();
      break;
    case 0x03:
      value = reader.take<uint32_t>();
      break;
    case 0x0b:
      value = static_cast<uint64_t>(int64_t{reader.take<int32_t>()});
      break;
    default:
      *known = false;
      break;
  }
  if ((encoding & 0x70) == 0x10)
    value += here;
  else if ((encoding & 0x70) != 0x00)
    *known = false;
  return value;
}

// The FDE that may cover an address, by the sorted table of .eh_frame_hdr.
uint64_t find_fde(const elf::Image& image, uint64_t address) {
  const uint64_t header = image.eh_frame_hdr();
  const Bytes bytes = image.at(header);
  // Version 1; eh_frame pointer as pc-relative sdata4; count as udata4; table as sdata4 relative to the
  // header.
  if (header == 0 || bytes.read_or_zero<uint8_t>(0) != 1 || bytes.read_or_zero<uint8_t>(2) != 0x03 ||
      bytes.read_or_zero<uint8_t>(3) != 0x3b) {
    return 0;
  }
  const uint64_t count = bytes.read_or_zero<uint32_t>(8);
  if (!bytes.holds(12, count * 8)) return 0;
  const auto entry = [&](uint64_t i, unsigned field) {
    return header + static_cast<uint64_t>(int64_t{load<int32_t>(bytes.data() + 12 + i * 8 + field)});
  };
  uint64_t low = 0, high = count;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (entry(middle, 0) <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low == 0 ? 0 : entry(low - 1, 4);
}

struct Common {
  uint64_t code_align = 1;
  int64_t data_align = -8;
  uint8_t pointer_encoding = 0;
  bool augmented = false;
  Bytes instructions;
};

std::optional<Common> read_common(const elf::Image& image, uint64_t address) {
  Reader head(image.at(address));
  const auto length = head.take<uint32_t>();
  if (length == 0 || length == UINT32_MAX) return std::nullopt;
  Reader reader(image.at(address + 4, length));
  if (reader.take<uint32_t>() != 0) return std::nullopt;  // that of a CIE
  const auto version = reader.take<uint8_t>();
  if (version != 1 && version != 3) return std::nullopt;
  Common common;
  std::string augmentation;
  while (const auto letter = reader.take<uint8_t>()) {
    augmentation += static_cast<char>(letter);
    if (augmentation.size() > 8) return std::nullopt;
  }
  common.code_align = reader.unsigned_leb();
  common.data_align = reader.signed_leb();
  const uint64_t return_register = version == 1 ? reader.take<uint8_t>() : reader.unsigned_leb();
  if (return_register != kReturnAddress || !reader.ok()) return std::nullopt;
  if (!augmentation.empty()) {
    if (augmentation[0] != 'z') return std::nullopt;
    common.augmented = true;
    const uint64_t size = reader.unsigned_leb();
    Reader data(reader.rest().part(0, size));
    bool known = true;
    for (const char letter : augmentation.substr(1)) {
      if (letter == 'R') {
        common.pointer_encoding = data.take<uint8_t>();
      } else if (letter == 'P') {
        const auto encoding = data.take<uint8_t>();
        encoded_pointer(data, encoding & 0x0f, 0, &known);
      } else if (letter == 'L') {
        data.take<uint8_t>();
      } else {
        return std::nullopt;  // 'S', a signal's frame, among them: its caller is anywhere
      }
    }
    if (!data.ok() || !known) return std::nullopt;
    reader.skip(size);
  }
  if (!reader.ok()) return std::nullopt;
  common.instructions = reader.rest();
  return common;
}

struct State {
  uint64_t base = kStackPointer;
  int64_t offset = 8;
  bool computed = false;  // by an expression
  FrameRule rule;
};

class Rows {
 public:
  Rows(const Common& common, uint64_t start, uint64_t target)
      : common_(common), location_(start), target_(target) {}

  // Runs instructions up to the target's row. False: damaged.
  bool run(Bytes instructions);
  // What the CIE says holds at the start, for DW_CFA_restore.
  void remember_initial() { initial_ = state; }

  State state;

 private:
  bool advance(uint64_t delta) {
    location_ += delta * common_.code_align;
    return location_ <= target_;
  }
  void saved(uint64_t reg, int64_t at) {
    if (reg != kFramePointer) return;
    state.rule.frame_pointer_at = at;
    state.rule.frame_pointer_lost = false;
  }
  void elsewhere(uint64_t reg) {
    if (reg == kFramePointer) state.rule.frame_pointer_lost = true;
  }
  void restored(uint64_t reg) {
    if (reg != kFramePointer) return;
    state.rule.frame_pointer_at = initial_.rule.frame_pointer_at;
    state.rule.frame_pointer_lost = initial_.rule.frame_pointer_lost;
  }

  const Common& common_;
  uint64_t location_;
  uint64_t target_;
  State initial_;
  std::vector<State> stack_;
};

bool Rows::run(Bytes instructions) {
  Reader reader(instructions);
  while (!reader.done()) {
    const auto byte = reader.take<uint8_t>();
    const uint8_t low = byte & 0x3f;
    if (byte >> 6 == 1) {  // DW_CFA_advance_loc
      if (!advance(low)) return true;
      continue;
    }
    if (byte >> 6 == 2) {  // DW_CFA_offset
      saved(low, static_cast<int64_t>(reader.unsigned_leb()) * common_.data_align);
      continue;
    }
    if (byte >> 6 == 3) {  // DW_CFA_restore
      restored(low);
      continue;
    }
    uint64_t reg = 0;
    switch (byte) {
      case 0x00:
        break;  // nop
      case 0x02:
        if (!advance(reader.take<uint8_t>())) return true;
        break;
      case 0x03:
        if (!advance(reader.take<uint16_t>())) return true;
        break;
      case 0x04:
        if (!advance(reader.take<uint32_t>())) return true;
        break;
      case 0x05:  // offset_extended
        reg = reader.unsigned_leb();
        saved(reg, static_cast<int64_t>(reader.unsigned_leb()) * common_.data_align);
        break;
      case 0x06:
        restored(reader.unsigned_leb());
        break;
      case 0x07:  // undefined: of the return address, it means the end of the stack
        reg = reader.unsigned_leb();
        if (reg == kReturnAddress) state.rule.outermost = true;
        elsewhere(reg);
        break;
      case 0x08:
        restored(reader.unsigned_leb());
        break;  // same_value
      case 0x09:
        elsewhere(reader.unsigned_leb());
        reader.unsigned_leb();
        break;
      case 0x0a:
        if (stack_.size() >= 32) return false;
        stack_.push_back(state);
        break;
      case 0x0b:
        if (stack_.empty()) return false;
        state = stack_.back();
        stack_.pop_back();
        break;
      case 0x0c:  // def_cfa
        state.base = reader.unsigned_leb();
        state.offset = static_cast<int64_t>(reader.unsigned_leb());
        state.computed = false;
        break;
      case 0x0d:
        state.base = reader.unsigned_leb();
        break;
      case 0x0e:
        state.offset = static_cast<int64_t>(reader.unsigned_leb());
        break;
      case 0x0f:
        reader.skip(reader.unsigned_leb());
        state.computed = true;
        break;
      case 0x10:
      case 0x16:
        elsewhere(reader.unsigned_leb());
        reader.skip(reader.unsigned_leb());
        break;  // (val_)expression
      case 0x11:
        reg = reader.unsigned_leb();
        saved(reg, reader.signed_leb() * common_.data_align);
        break;
      case 0x12:
        state.base = reader.unsigned_leb();
        state.offset = reader.signed_leb() * common_.data_align;
        state.computed = false;
        break;
      case 0x13:
        state.offset = reader.signed_leb() * common_.data_align;
        break;
      case 0x14:
        elsewhere(reader.unsigned_leb());
        reader.unsigned_leb();
        break;
      case 0x15:
        elsewhere(reader.unsigned_leb());
        reader.signed_leb();
        break;
      case 0x2e:
        reader.unsigned_leb();
        break;  // GNU_args_size
      default:
        return false;
    }
  }
  return reader.ok();
}

}  // namespace

std::optional<FrameRule> frame_rule(const elf::Image& image, uint64_t address) {
  const uint64_t fde = find_fde(image, address);
  if (fde == 0) return std::nullopt;
  Reader head(image.at(fde));
  const auto length = head.take<uint32_t>();
  if (length == 0 || length == UINT32_MAX) return std::nullopt;
  const uint64_t body = fde + 4;
  Reader reader(image.at(body, length));
  const auto back = reader.take<uint32_t>();
  if (back == 0 || back > body) return std::nullopt;
  const auto common = read_common(image, body - back);
  if (!common) return std::nullopt;
  bool known = true;
  const uint64_t start = encoded_pointer(reader, common->pointer_encoding, body, &known);
  const uint64_t size = encoded_pointer(reader, common->pointer_encoding & 0x0f, 0, &known);
  if (!known || address < start || address - start >= size) return std::nullopt;
  if (common->augmented) reader.skip(reader.unsigned_leb());
  if (!reader.ok()) return std::nullopt;

  Rows rows(*common, start, address);
  if (!rows.run(common->instructions)) return std::nullopt;
  rows.remember_initial();
  if (!rows.run(reader.rest())) return std::nullopt;
  FrameRule rule = rows.state.rule;
  rule.offset = rows.state.offset;
  rule.base = rows.state.computed                ? FrameRule::Base::Other
              : rows.state.base == kStackPointer ? FrameRule::Base::StackPointer
              : rows.state.base == kFramePointer ? FrameRule::Base::FramePointer
                                                 : FrameRule::Base::Other;
  return rule;
}

}  // namespace stile::live
