// SPDX-License-Identifier: Apache-2.0
#include "analysis/vsyscall.h"

#include <cstring>

namespace stile::analysis {

std::vector<std::string_view> find_vsyscalls(const Program& program) {
  struct Entry {
    uint8_t low;  // of the address 0xffffffffff60XX00
    std::string_view name;
  };
  constexpr Entry kEntries[] = {{0x00, "gettimeofday"}, {0x04, "time"}, {0x08, "getcpu"}};
  std::vector<std::string_view> names;
  for (const Entry& entry : kEntries) {
    // As a word in data or a 64-bit constant in code.
    const uint8_t word[8] = {0x00, entry.low, 0x60, 0xff, 0xff, 0xff, 0xff, 0xff};
    bool found = false;
    for (const Object& object : program.objects) {
      for (const elf::Segment& segment : object.image.segments()) {
        const Bytes bytes = object.image.at(segment.address);
        found = found || memmem(bytes.data(), bytes.size(), word, sizeof word) != nullptr;
      }
    }
    if (found) names.push_back(entry.name);
  }
  return names;
}

}  // namespace stile::analysis
