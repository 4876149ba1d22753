// SPDX-License-Identifier: Apache-2.0
#include "embed/elf_file.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace stile::embed {
namespace {

constexpr uint8_t kMagic[] = {0x7f, 'E', 'L', 'F'};
constexpr uint8_t kClass64 = 2, kLittleEndian = 1;
constexpr uint16_t kMachineX86_64 = 62;
// No address beyond user space: 47 bits.
constexpr uint64_t kAddressLimit = uint64_t{1} << 47;
constexpr uint64_t kDtFlags1 = 0x6ffffffb, kDf1Pie = 0x08000000;

template <typename T>
bool copy_table(Bytes bytes, uint64_t offset, size_t count, std::vector<T>* out) {
  const Bytes part = bytes.part(offset, count * sizeof(T));
  if (count == 0 || part.size() != count * sizeof(T)) return false;
  out->resize(count);
  std::memcpy(out->data(), part.data(), part.size());
  return true;
}

tl::unexpected<Error> malformed(const std::string& what, const std::string& name) {
  return fail(Code::Malformed, what, name, "a file that the kernel would not start cannot be given a filter");
}

Result<void> check_segments(const ElfFile& elf, const std::string& name) {
  uint64_t last = 0;
  bool any = false;
  for (const ProgramHeader& segment : elf.segments) {
    if (segment.type != kLoad) continue;
    if (!elf.bytes.holds(segment.offset, segment.file_size))
      return malformed("a segment lies outside the file", name);
    if (segment.memory_size < segment.file_size)
      return malformed("a segment is larger in the file than in memory", name);
    if (segment.memory_size == 0) continue;
    if (segment.address >= kAddressLimit || segment.memory_size >= kAddressLimit - segment.address) {
      return malformed("a segment lies outside the address space", name);
    }
    if ((segment.address - segment.offset) % kPage != 0)
      return malformed("a segment is not aligned to a page", name);
    if (any && segment.address < last) return malformed("segments overlap or are not in order", name);
    last = segment.address + segment.memory_size;
    any = true;
  }
  if (!any) return malformed("has nothing to load", name);
  return {};
}

Result<void> read_sections(ElfFile& elf, const std::string& name) {
  const FileHeader& header = elf.header;
  if (header.section_offset == 0 && header.section_count == 0) return {};
  if (header.section_count == 0 || header.section_count >= kMaxSections) {
    return fail(Code::Unsupported,
                "has no or more than 65,279 section headers behind a section header offset", name);
  }
  if (header.section_entry_size != sizeof(SectionHeader) ||
      !copy_table(elf.bytes, header.section_offset, header.section_count, &elf.sections)) {
    return malformed("has section headers outside the file", name);
  }
  if (header.names_index >= elf.sections.size()) return malformed("has no table of section names", name);
  const SectionHeader& names = elf.sections[header.names_index];
  if (names.type != kStringTable || !elf.bytes.holds(names.offset, names.size)) {
    return malformed("has section names outside the file", name);
  }
  for (const SectionHeader& section : elf.sections) {
    if (section.type == 0 || section.type == kNoBits) continue;
    if (!elf.bytes.holds(section.offset, section.size))
      return malformed("has a section outside the file", name);
  }
  return {};
}

bool position_independent_executable(const ElfFile& elf) {
  for (const ProgramHeader& segment : elf.segments) {
    if (segment.type != kDynamic) continue;
    const Bytes table = elf.bytes.part(segment.offset, segment.file_size);
    for (uint64_t at = 0; at + 16 <= table.size(); at += 16) {
      const auto tag = load<uint64_t>(table.data() + at);
      if (tag == 0) break;
      if (tag == kDtFlags1) return (load<uint64_t>(table.data() + at + 8) & kDf1Pie) != 0;
    }
  }
  return false;
}

// Where the ELF file ends, going by its own tables.
uint64_t end_of(const ElfFile& elf) {
  uint64_t end = elf.table_end();
  for (const ProgramHeader& segment : elf.segments) {
    if (elf.bytes.holds(segment.offset, segment.file_size))
      end = std::max(end, segment.offset + segment.file_size);
  }
  for (const SectionHeader& section : elf.sections) {
    if (section.type != 0 && section.type != kNoBits) end = std::max(end, section.offset + section.size);
  }
  if (!elf.sections.empty()) {
    end = std::max<uint64_t>(end, elf.header.section_offset + elf.sections.size() * sizeof(SectionHeader));
  }
  return end;
}

// Programs look for what was appended to them (archives, bytecode, signatures) from the end of their file.
Result<void> refuse_appended(const ElfFile& elf, const std::string& name) {
  const Bytes rest = elf.bytes.from(end_of(elf));
  if (std::all_of(rest.begin(), rest.end(), [](uint8_t byte) { return byte == 0; })) return {};
  if (elf.sections.empty()) {
    return fail(
        Code::Unsupported,
        fmt::format("has {} bytes behind its last segment, and no section headers that say what they are",
                    rest.size()),
        name, "they may be data the program looks for at the end of its file");
  }
  return fail(Code::Unsupported,
              fmt::format("has {} bytes of data behind the end of the ELF file", rest.size()), name,
              "the program, or a check of its signature, may look for them at the end; embed first and "
              "append then, if that is how it "
              "is built");
}

Result<void> refuse_special(const ElfFile& elf, const std::string& name) {
  // UPX puts this behind the program headers, see analysis/packed.cc.
  const Bytes head = elf.bytes.part(0, std::min<uint64_t>(elf.bytes.size(), 1024));
  if (head.text(0, head.size()).find("UPX!") != std::string_view::npos) {
    return fail(Code::Unsupported, "is packed with UPX: the program itself is compressed inside it", name,
                "unpack it first: upx -d FILE");
  }
  for (const SectionHeader& section : elf.sections) {
    const std::string_view called = elf.section_name(section);
    // bsign(1) and elfsign.
    if (called == "signature" || called == ".signature" || called == ".sig") {
      return fail(Code::Unsupported,
                  fmt::format("is signed (section {}): the signature would no longer hold", called), name,
                  "embed first, sign then");
    }
  }
  return {};
}

}  // namespace

const ProgramHeader* ElfFile::load_of(uint64_t address) const {
  for (const ProgramHeader& segment : segments) {
    if (segment.type == kLoad && address >= segment.address && address - segment.address < segment.file_size)
      return &segment;
  }
  return nullptr;
}

uint64_t ElfFile::top() const {
  uint64_t top = 0;
  for (const ProgramHeader& segment : segments) {
    if (segment.type == kLoad) top = std::max(top, segment.address + segment.memory_size);
  }
  return top;
}

std::string_view ElfFile::section_name(const SectionHeader& section) const {
  const SectionHeader& names = sections[header.names_index];
  if (section.name >= names.size) return {};
  return bytes.part(names.offset, names.size).c_string(section.name);
}

Result<ElfFile> read_elf(Bytes bytes, const std::string& name) {
  const std::string_view start = bytes.text(0, std::min<size_t>(bytes.size(), 4));
  if (start.starts_with("#!")) {
    return fail(Code::NotElf, "is a script", name,
                "a filter can be embedded in the interpreter, or use stile run");
  }
  if (start != std::string_view(reinterpret_cast<const char*>(kMagic), sizeof kMagic)) {
    return fail(Code::NotElf, "is not an ELF file", name);
  }
  if (bytes.size() < sizeof(FileHeader)) return malformed("ends inside the ELF header", name);
  ElfFile elf;
  elf.bytes = bytes;
  std::memcpy(&elf.header, bytes.data(), sizeof(FileHeader));
  const FileHeader& header = elf.header;
  if (header.ident[4] != kClass64 || header.ident[5] != kLittleEndian || header.machine != kMachineX86_64) {
    return fail(Code::Unsupported, "is not for x86-64", name,
                "the code that installs the filter exists for x86-64 alone");
  }
  if (header.program_entry_size != sizeof(ProgramHeader) || header.program_count == 0 ||
      header.program_count > kMaxProgramHeaders || header.program_offset < sizeof(FileHeader) ||
      !copy_table(bytes, header.program_offset, header.program_count, &elf.segments)) {
    if (header.type == 1)
      return fail(Code::Unsupported, "is an object file, not an executable", name, "link it first");
    return malformed("has no program headers that could be read", name);
  }
  if (auto segments = check_segments(elf, name); !segments) return tl::unexpected(segments.error());
  if (auto sections = read_sections(elf, name); !sections) return tl::unexpected(sections.error());
  return elf;
}

Result<void> check_embeddable(const ElfFile& elf, const std::string& name) {
  const FileHeader& header = elf.header;
  if (header.type != kTypeExecutable && header.type != kTypeDynamic) {
    return fail(Code::Unsupported, "is not an executable", name);
  }
  const bool interpreted =
      std::any_of(elf.segments.begin(), elf.segments.end(),
                  [](const ProgramHeader& segment) { return segment.type == kInterpreter; });
  if (header.type == kTypeDynamic && !interpreted && !position_independent_executable(elf)) {
    return fail(Code::Unsupported, "is a shared library, not an executable", name,
                "embed into the programs that use it");
  }
  const ProgramHeader* start = elf.load_of(header.entry);
  if (header.entry == 0 || start == nullptr || (start->flags & kExecutable) == 0) {
    return fail(Code::Unsupported, "has no entry point in executable memory", name,
                "is it a shared library?");
  }
  if (auto special = refuse_special(elf, name); !special) return special;
  return refuse_appended(elf, name);
}

}  // namespace stile::embed
