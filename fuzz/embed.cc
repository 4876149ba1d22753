// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a program that is to be given a filter, or has one. What comes out is entered through its
// filter and gives back what it was made of; what is found in a file can be taken out of it.
#include <cstring>

#include <stile/embed.h>

#include "check.h"
#include "embed/elf_file.h"
#include "embed/stub.h"

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

// Maps a file the way load_elf_binary() and elf_load() in fs/binfmt_elf.c do: whole pages, later segments over earlier ones. The page that holds
// an address is then a page of the file, uninitialised data, or nothing.
struct Mapped {
  bool there = false, of_file = false, executable = false;
  uint64_t offset = 0;  // in the file, of the address itself
};
Mapped mapped_at(const embed::ElfFile& elf, uint64_t address) {
  const auto page = [](uint64_t value) { return value / embed::kPage * embed::kPage; };
  Mapped result;
  for (const embed::ProgramHeader& segment : elf.segments) {
    if (segment.type != embed::kLoad || segment.memory_size == 0) continue;
    const uint64_t start = page(segment.address);
    const uint64_t file_end = page(segment.address + segment.file_size + embed::kPage - 1);
    const uint64_t end = page(segment.address + segment.memory_size + embed::kPage - 1);
    if (address < start || address >= end) continue;
    result.there = true;
    result.of_file = segment.file_size != 0 && address < file_end;
    // What lies behind the file's bytes in a page is zeroed where the segment says so.
    if (address >= segment.address + segment.file_size && segment.memory_size > segment.file_size)
      result.of_file = false;
    result.executable = (segment.flags & embed::kExecutable) != 0;
    result.offset = page(segment.offset) + (address - start);
  }
  return result;
}

// A kernel that starts the file starts it in the stub, and every byte of the part is in memory as it is in the file: nothing runs unfiltered.
void check_entered(const std::vector<uint8_t>& file, const Embedded& found) {
  const auto elf = embed::read_elf({file.data(), file.size()}, "result");
  FUZZ_CHECK(elf.has_value());
  const uint64_t first = mapped_at(*elf, found.address).offset;
  FUZZ_CHECK(first % embed::kPage == 0);
  for (uint64_t at = 0; at < found.size; ++at) {
    const Mapped mapped = mapped_at(*elf, found.address + at);
    FUZZ_CHECK(mapped.there && mapped.of_file && mapped.executable && mapped.offset == first + at);
    FUZZ_CHECK(mapped.offset < file.size());
  }
  const uint64_t entry = first + (elf->header.entry - found.address);
  const auto code = embed::stub_code();
  FUZZ_CHECK(entry + code.size() <= file.size());
  FUZZ_CHECK(std::memcmp(file.data() + entry, code.data(), embed::stub_jump_offset()) == 0);
  // Kernels before 5.18 tell the program that its table is here; see placement.cc.
  for (const embed::ProgramHeader& segment : elf->segments) {
    if (segment.type != embed::kLoad) continue;
    const uint64_t table = segment.address - segment.offset + elf->header.program_offset;
    const Mapped mapped = mapped_at(*elf, table);
    if (found.placement == Placement::Move) FUZZ_CHECK(mapped.of_file && mapped.offset == elf->header.program_offset);
    break;
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
  check_entered(placed->file, **found);
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
