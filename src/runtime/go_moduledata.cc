// SPDX-License-Identifier: Apache-2.0
#include "runtime/go_moduledata.h"

namespace stile::go {

namespace {

class Words {
 public:
  Words(const elf::Image& image, uint64_t address, uint64_t bias) : image_(image), address_(address), bias_(bias) {}
  // As a number, and as a pointer.
  uint64_t operator[](unsigned i) const { return image_.read<uint64_t>(address_ + i * 8).value_or(0); }
  uint64_t pointer(unsigned i) const { return without_bias((*this)[i], bias_); }

 private:
  const elf::Image& image_;
  uint64_t address_;
  uint64_t bias_;
};

bool executable(const elf::Image& image, uint64_t address) {
  const elf::Segment* segment = image.segment_of(address);
  return segment != nullptr && segment->executable;
}

bool is_slice(const Words& words, unsigned i) {
  return words[i] != 0 && words[i + 1] != 0 && words[i + 1] == words[i + 2];
}

// Where `text` stands: Go 1.16 put six slices before it, earlier versions three.
std::optional<unsigned> text_index(const elf::Image& image, const Words& words) {
  for (const unsigned i : {22u, 12u}) {
    const uint64_t min_pc = words.pointer(i - 2), text = words.pointer(i), end = words.pointer(i + 1);
    if (min_pc >= text && text < end && words.pointer(i - 1) <= end && executable(image, text) && executable(image, end - 1)) {
      return i;
    }
  }
  return std::nullopt;
}

// Finds types and the itabs behind text. Between them lie the bounds of data, bss and gc masks, whose number differs by
// version, so the place is found by what it must look like: `types <= etypes` in one segment, then offsets and slices.
void read_types(const elf::Image& image, const Words& words, unsigned text, Moduledata& data) {
  for (unsigned i = text + 10; i < text + 20; ++i) {
    const uint64_t start = words.pointer(i);
    const elf::Segment* segment = image.segment_of(start);
    if (segment == nullptr || start == 0) continue;
    // Go 1.27: types, typedesclen, etypes, itaboffset, itabsize.
    const uint64_t length = words[i + 1], end = words.pointer(i + 2), itab_offset = words[i + 3], itab_size = words[i + 4];
    if (end > start && end <= (segment->address + segment->file_size) && length > 0 && length < end - start && itab_offset >= length &&
        itab_offset < end - start && itab_size <= end - start - itab_offset) {
      data.types = {start, end};
      data.itabs = {start + itab_offset, start + itab_offset + itab_size};
      return;
    }
    // Go 1.7 to 1.26: types, etypes; perhaps rodata, gofunc, epclntab; then textsectmap, typelinks, itablinks.
    if (words.pointer(i + 1) <= start || words.pointer(i + 1) > (segment->address + segment->file_size)) continue;
    for (unsigned k = i + 2; k <= i + 5; ++k) {
      if (!is_slice(words, k) || words[k + 1] > 64 || !is_slice(words, k + 3)) continue;
      data.types = {start, words.pointer(i + 1)};
      if (is_slice(words, k + 6)) data.itab_pointers = {words.pointer(k + 6), words.pointer(k + 6) + words[k + 7] * 8};
      return;
    }
  }
}

// Whether one of kBlock words may be `wanted`: one has its lower half. Without branches inside and in halves, so that compilers make vector
// instructions of it (x86-64's first set of them does not compare 64 bits).
constexpr size_t kBlock = 32;
bool may_hold(const uint8_t* p, uint64_t wanted) {
  const auto half = static_cast<uint32_t>(wanted);
  uint32_t any = 0;
  for (size_t i = 0; i < 2 * kBlock; ++i) any |= uint32_t{load<uint32_t>(p + i * 4) == half};
  return any != 0;
}

}  // namespace

std::optional<Moduledata> find_moduledata(const elf::Image& image, uint64_t pclntab, uint64_t bias) {
  for (const elf::Segment& segment : image.segments()) {
    if (segment.executable) continue;
    const Bytes bytes = image.at(segment.address);
    const uint64_t skew = (8 - segment.address % 8) % 8;
    for (uint64_t at = skew; bytes.holds(at, 8); at += 8) {
      while (bytes.holds(at, kBlock * 8) && !may_hold(bytes.data() + at, pclntab + bias)) at += kBlock * 8;
      if (!bytes.holds(at, 8) || load<uint64_t>(bytes.data() + at) != pclntab + bias) continue;
      const Words words(image, segment.address + at, bias);
      const auto text = text_index(image, words);
      if (!text) continue;
      Moduledata data;
      data.address = segment.address + at;
      data.text = {words.pointer(*text), words.pointer(*text + 1)};
      data.data = {words.pointer(*text + 2), words.pointer(*text + 9)};
      read_types(image, words, *text, data);
      return data;
    }
  }
  return std::nullopt;
}

}  // namespace stile::go
