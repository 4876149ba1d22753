// SPDX-License-Identifier: Apache-2.0
#include "elf/eh_frame.h"

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

}  // namespace stile::elf
