// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an ELF file: every view the reader gives lies inside the file, and every accessor can be called.
#include <algorithm>

#include "check.h"
#include "elf/eh_frame.h"
#include "elf/image.h"

namespace stile::fuzz::elf_image {

void check_views(const elf::Image& image) {
  const Bytes file = image.file();
  const auto inside = [&](std::string_view text) {
    if (text.empty()) return;
    const auto* p = reinterpret_cast<const uint8_t*>(text.data());
    FUZZ_CHECK(p >= file.begin() && p + text.size() <= file.end());
  };
  inside(image.interpreter());
  inside(image.soname());
  inside(image.rpath());
  inside(image.runpath());
  for (const std::string_view needed : image.needed()) inside(needed);
  for (const elf::Section& section : image.sections()) {
    inside(section.name);
    use(image.section(section.name));
  }
  for (const auto* symbols : {&image.symbols(), &image.dynamic_symbols()}) {
    FUZZ_CHECK(symbols->size() <= file.size() / 24);
    for (const elf::Symbol& symbol : *symbols) {
      inside(symbol.name);
      inside(symbol.version);
    }
  }
}

void check_addresses(const elf::Image& image) {
  const elf::Segment* before = nullptr;
  for (const elf::Segment& segment : image.segments()) {
    FUZZ_CHECK(segment.memory_size >= segment.file_size && segment.memory_size != 0);
    FUZZ_CHECK(image.file().holds(segment.file_offset, segment.file_size));
    FUZZ_CHECK(before == nullptr || before->end() <= segment.address);
    FUZZ_CHECK(image.segment_of(segment.address) == &segment);
    FUZZ_CHECK(image.segment_of(segment.end() - 1) == &segment);
    FUZZ_CHECK(image.at(segment.address).size() == segment.file_size);
    for (const uint64_t address : {segment.address, segment.address + segment.file_size, segment.end() - 1, segment.end()}) {
      use(image.at(address - 1, 16));
      use(image.read<uint64_t>(address - 3));
      use(image.read<uint32_t>(address));
      use(image.read<uint8_t>(address));
    }
    before = &segment;
  }
}

}  // namespace stile::fuzz::elf_image

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  auto image = elf::Image::parse(FileBytes(fuzz::copy(data, size)), "input");
  if (!image) {
    fuzz::check_error(image.error());
    return 0;
  }
  fuzz::elf_image::check_views(*image);
  fuzz::elf_image::check_addresses(*image);
  FUZZ_CHECK(image->gnu_build_id().size() <= 128);
  FUZZ_CHECK(elf::unwind_function_starts(*image).size() <= size / 8);
  fuzz::use(image->initialiser_functions());
  fuzz::use(image->dynamic());
  FUZZ_CHECK(std::is_sorted(image->relocations().begin(), image->relocations().end(),
                            [](const auto& a, const auto& b) { return a.address < b.address; }));
  for (const elf::Relocation& relocation : image->relocations()) {
    image->write_word(relocation.address, static_cast<uint64_t>(relocation.addend));
  }
  FUZZ_CHECK(image->file_size() == size);
  return 0;
}
