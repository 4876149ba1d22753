// SPDX-License-Identifier: Apache-2.0
#include "analysis/packed.h"

#include <algorithm>

namespace stile::analysis {

Result<void> refuse_packed(const elf::Image& image) {
  // UPX puts its l_info header, with this magic, right behind the program headers (upx: src/stub/src/include/linux.h),
  // and once more at the end of the file. A program that merely knows the magic has it elsewhere.
  constexpr std::string_view kMagic = "UPX!";
  const Bytes head = image.file().part(0, std::min<uint64_t>(image.file_size(), 1024));
  const bool packed = head.text(0, head.size()).find(kMagic) != std::string_view::npos;
  if (!packed) return {};
  return fail(Code::Unsupported, "is packed with UPX: the program itself is compressed inside it", image.path(),
              "unpack it first: upx -d FILE");
}

}  // namespace stile::analysis
