// SPDX-License-Identifier: Apache-2.0
#include "analysis/vsyscall.h"

#include <cstring>
#include <iterator>

namespace stile::analysis {

std::vector<std::string_view> find_vsyscalls(const Program& program) {
  struct Entry {
    uint8_t low;  // of the address 0xffffffffff60XX00
    std::string_view name;
  };
  constexpr Entry kEntries[] = {{0x00, "gettimeofday"}, {0x04, "time"}, {0x08, "getcpu"}};
  // As a word in data or a 64-bit constant in code: 00 XX 60 ff ff ff ff ff.
  constexpr uint8_t kTail[] = {0x60, 0xff, 0xff, 0xff, 0xff, 0xff};
  bool found[std::size(kEntries)] = {};
  for (const Object& object : program.objects) {
    for (const elf::Segment& segment : object.image.segments()) {
      const Bytes bytes = object.image.at(segment.address);
      uint64_t at = 0;
      while (const void* hit = memmem(bytes.from(at).data(), bytes.from(at).size(), kTail, sizeof kTail)) {
        const auto offset = static_cast<uint64_t>(static_cast<const uint8_t*>(hit) - bytes.data());
        at = offset + 1;
        if (offset < 2 || bytes.data()[offset - 2] != 0) continue;
        for (size_t i = 0; i < std::size(kEntries); ++i) found[i] |= bytes.data()[offset - 1] == kEntries[i].low;
      }
      // As a sign-extended 32-bit constant in code: mov $imm32, %r64 (c7 /0), or an absolute operand (SIB byte 25).
      constexpr uint8_t kShort[] = {0x60, 0xff};
      for (at = 0; segment.executable;) {
        const void* hit = memmem(bytes.from(at).data(), bytes.from(at).size(), kShort, sizeof kShort);
        if (hit == nullptr) break;
        const auto offset = static_cast<uint64_t>(static_cast<const uint8_t*>(hit) - bytes.data());
        at = offset + 1;
        if (offset < 4 || bytes.data()[offset - 2] != 0) continue;
        const uint8_t before = bytes.data()[offset - 3], opcode = bytes.data()[offset - 4];
        if (before != 0x25 && !(opcode == 0xc7 && before >= 0xc0 && before <= 0xc7)) continue;
        for (size_t i = 0; i < std::size(kEntries); ++i) found[i] |= bytes.data()[offset - 1] == kEntries[i].low;
      }
      object.image.release(segment.executable);
    }
  }
  std::vector<std::string_view> names;
  for (size_t i = 0; i < std::size(kEntries); ++i) {
    if (found[i]) names.push_back(kEntries[i].name);
  }
  return names;
}

}  // namespace stile::analysis
