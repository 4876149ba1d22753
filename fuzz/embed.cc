// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a program that is to be given a filter, or has one. What comes out is entered through its
// filter and gives back what it was made of; what is found in a file can be taken out of it.
#include <cstring>

#include <stile/embed.h>

#include "check.h"
#include "embed/elf_file.h"

namespace stile::fuzz::embedding {

Embedding some() {
  Embedding what;
  what.program = {{0x20, 0, 0, 0}, {0x15, 0, 1, 1}, {0x06, 0, 0, 0x7fff0000}, {0x06, 0, 0, 0x00050001}};
  what.profile = "{}\n";
  what.tool_version = "0";
  return what;
}

void check_found(const std::vector<uint8_t>& file) {
  const auto found = find_embedded(file, "input");
  if (!found) return check_error(found.error());
  const auto removed = remove_embedded(file, "input");
  FUZZ_CHECK(removed.has_value() == found->has_value());
  if (!*found) return check_error(removed.error());
  FUZZ_CHECK((*found)->original_known == removed->exact);
  FUZZ_CHECK(!(*found)->installed.empty());
  if (!removed->exact) {
    const auto again = find_embedded(removed->file, "input");
    FUZZ_CHECK(!again.has_value() || !again->has_value());
  }
}

void check_embed(const std::vector<uint8_t>& file, std::optional<Placement> placement) {
  const Embedding what = some();
  const auto placed = embed_filter(file, what, {.name = "input", .placement = placement});
  if (!placed) return check_error(placed.error());
  const auto found = find_embedded(placed->file, "result");
  FUZZ_CHECK(found.has_value() && found->has_value());
  FUZZ_CHECK((*found)->what == what && (*found)->original_known);
  // The entry is in the part, and the part is in memory, executable.
  embed::FileHeader header;
  std::memcpy(&header, placed->file.data(), sizeof header);
  FUZZ_CHECK(header.entry > (*found)->address && header.entry < (*found)->address + (*found)->size);
  const auto elf = embed::read_elf({placed->file.data(), placed->file.size()}, "result");
  FUZZ_CHECK(elf.has_value());
  const embed::ProgramHeader* load = elf->load_of(header.entry);
  FUZZ_CHECK(load != nullptr && (load->flags & embed::kExecutable) != 0 &&
             (load->flags & embed::kWritable) == 0);
  const auto before = find_embedded(file, "input");
  const auto removed = remove_embedded(placed->file, "result");
  FUZZ_CHECK(removed.has_value() && removed->exact);
  if (before.has_value() && !before->has_value()) FUZZ_CHECK(removed->file == file);
}

}  // namespace stile::fuzz::embedding

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  const std::vector<uint8_t> file = fuzz::copy(data, size);
  fuzz::embedding::check_found(file);
  fuzz::embedding::check_embed(file, std::nullopt);
  for (const Placement placement : {Placement::Grow, Placement::Note, Placement::Move}) {
    fuzz::embedding::check_embed(file, placement);
  }
  return 0;
}
