// SPDX-License-Identifier: Apache-2.0
#include "analysis/vsyscall.h"

#include <iterator>

namespace stile::analysis {

namespace {

struct Entry {
  uint8_t low;  // of the address 0xffffffffff60XX00
  std::string_view name;
};
constexpr Entry kEntries[] = {{0x00, "gettimeofday"}, {0x04, "time"}, {0x08, "getcpu"}};

// Whether the bytes 60 ff stand somewhere in [p, p + kBlock). One byte behind is read. No branches inside, so that compilers make vector
// instructions of it: memmem, which has to be ready for any needle, takes ten times as long.
constexpr size_t kBlock = 256;
bool may_hold(const uint8_t* p) {
  uint8_t any = 0;
  for (size_t i = 0; i < kBlock; ++i) any |= static_cast<uint8_t>((p[i] == 0x60) & (p[i + 1] == 0xff));
  return any != 0;
}

class Search {
 public:
  bool found[std::size(kEntries)] = {};

  void look_through(const Bytes& bytes, bool executable) {
    const uint8_t* data = bytes.data();
    for (size_t at = 0; at + 1 < bytes.size();) {
      if (bytes.size() - at > kBlock && !may_hold(data + at)) {
        at += kBlock;
        continue;
      }
      const size_t end = bytes.size() - at > kBlock ? at + kBlock : bytes.size() - 1;
      for (; at < end; ++at) {
        if (data[at] == 0x60 && data[at + 1] == 0xff) look_at(bytes, at, executable);
      }
    }
  }

 private:
  void look_at(const Bytes& bytes, size_t at, bool executable) {
    const uint8_t* p = bytes.data() + at;
    if (at < 2 || p[-2] != 0) return;
    // As a word in data or a 64-bit constant in code: 00 XX 60 ff ff ff ff ff.
    constexpr uint32_t kOnes = 0xffffffff;
    const bool word = bytes.holds(at + 2, 4) && load<uint32_t>(p + 2) == kOnes;
    // As a sign-extended 32-bit constant in code: mov $imm32, %r64 (c7 /0), or an absolute operand (SIB byte 25).
    const bool constant = executable && at >= 4 && (p[-3] == 0x25 || (p[-4] == 0xc7 && p[-3] >= 0xc0 && p[-3] <= 0xc7));
    if (!word && !constant) return;
    for (size_t i = 0; i < std::size(kEntries); ++i) found[i] |= p[-1] == kEntries[i].low;
  }
};

}  // namespace

std::vector<std::string_view> find_vsyscalls(const Program& program) {
  Search search;
  for (const Object& object : program.objects) {
    for (const elf::Segment& segment : object.image.segments()) {
      search.look_through(object.image.at(segment.address), segment.executable);
      object.image.release(segment.executable);
    }
  }
  std::vector<std::string_view> names;
  for (size_t i = 0; i < std::size(kEntries); ++i) {
    if (search.found[i]) names.push_back(kEntries[i].name);
  }
  return names;
}

}  // namespace stile::analysis
