// SPDX-License-Identifier: Apache-2.0
#include "elf/image.h"

#include <algorithm>
#include <array>

#include <elf.h>
#include <fmt/format.h>

namespace stile::elf {

namespace {

// Other executables people try, told apart so that the message can say what to do.
struct Foreign {
  std::string_view magic;
  const char* message;
  const char* hint;
};
constexpr Foreign kForeign[] = {
    {"#!", "is a script, not an ELF program", "name the interpreter's or the real program's binary"},
    {"MZ", "is a Windows (PE) program", "build it for Linux: GOOS=linux GOARCH=amd64"},
    {"\xcf\xfa\xed\xfe", "is a macOS (Mach-O) program", "build it for Linux: GOOS=linux GOARCH=amd64"},
    {"\xce\xfa\xed\xfe", "is a macOS (Mach-O) program", "build it for Linux: GOOS=linux GOARCH=amd64"},
    {"\xca\xfe\xba\xbe", "is a macOS universal binary or a Java class", "build it for Linux: GOOS=linux GOARCH=amd64"},
    {"!<arch>", "is an archive of object files", "name the linked program"},
    {std::string_view("\0asm", 4), "is a WebAssembly module", "build it for Linux: GOOS=linux GOARCH=amd64"},
    {"\x1f\x8b", "is a gzip file", "unpack it first"},
    {"PK", "is a zip file", "unpack it first"},
};

const char* machine_name(uint16_t machine) {
  switch (machine) {
    case EM_386: return "i386";
    case EM_ARM: return "arm";
    case EM_AARCH64: return "arm64";
    case EM_RISCV: return "riscv64";
    case EM_S390: return "s390x";
    case EM_PPC64: return "ppc64";
    case EM_MIPS: return "mips";
    case EM_LOONGARCH: return "loongarch64";
    default: return nullptr;
  }
}

// Rejects what is not an x86-64 Linux ELF file, naming the field.
Result<void> check_identity(Bytes file, const std::string& path) {
  const std::string_view head = file.text(0, std::min<size_t>(file.size(), 8));
  if (!head.starts_with("\x7f" "ELF")) {
    for (const Foreign& foreign : kForeign) {
      if (head.starts_with(foreign.magic)) return fail(Code::NotElf, foreign.message, path, foreign.hint);
    }
    return fail(Code::NotElf, "is not an ELF file", path, "name a compiled Linux program");
  }
  if (file.size() < sizeof(Elf64_Ehdr)) {
    return fail(Code::Malformed, fmt::format("ends inside the ELF header, after {} bytes", file.size()), path,
                "the file is truncated: copy or build it again");
  }
  const uint8_t* e = file.data();
  const uint16_t machine =
      e[EI_DATA] == ELFDATA2MSB ? static_cast<uint16_t>(e[18] << 8 | e[19]) : load<uint16_t>(e + 18);
  if (e[EI_CLASS] != ELFCLASS64 || e[EI_DATA] != ELFDATA2LSB || machine != EM_X86_64) {
    const char* name = machine_name(machine);
    return fail(Code::Unsupported,
                fmt::format("is an ELF file for {}{}", name ? name : fmt::format("machine {}", machine),
                            machine == EM_X86_64 ? " with 32-bit pointers or big-endian data" : ""),
                path, "this version analyses 64-bit x86-64 programs");
  }
  if (e[EI_OSABI] != ELFOSABI_SYSV && e[EI_OSABI] != ELFOSABI_GNU) {
    return fail(Code::Unsupported, fmt::format("is an ELF file for another system (EI_OSABI {})", e[EI_OSABI]), path,
                "build it for Linux");
  }
  return {};
}

uint64_t dynamic_value(const std::vector<std::pair<int64_t, uint64_t>>& dynamic, int64_t tag, uint64_t otherwise = 0) {
  for (const auto& [key, value] : dynamic) {
    if (key == tag) return value;
  }
  return otherwise;
}

}  // namespace

Result<Image> Image::parse(FileBytes bytes, std::string path) {
  Image image(std::move(bytes), std::move(path));
  if (auto ok = check_identity(image.file(), image.path_); !ok) return tl::unexpected(ok.error());
  if (auto ok = image.parse_headers(); !ok) return tl::unexpected(ok.error());
  image.parse_sections();
  if (auto ok = image.parse_dynamic(); !ok) return tl::unexpected(ok.error());
  image.parse_symtab();
  return image;
}

Result<void> Image::parse_headers() {
  const Bytes file = this->file();
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  if (header.e_type == ET_REL) {
    return fail(Code::Unsupported, "is a relocatable object, not a linked program", path_, "link it first");
  }
  if (header.e_type == ET_CORE) return fail(Code::Unsupported, "is a core dump", path_, "name the program itself");
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    return fail(Code::Malformed, fmt::format("e_type is {}, neither EXEC nor DYN", header.e_type), path_);
  }
  position_independent_ = header.e_type == ET_DYN;
  entry_ = header.e_entry;
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(Elf64_Phdr) ||
      !file.holds(header.e_phoff, uint64_t{header.e_phnum} * sizeof(Elf64_Phdr))) {
    return fail(Code::Malformed,
                fmt::format("the program header table ({} entries of {} bytes at {:#x}) does not fit the file",
                            header.e_phnum, header.e_phentsize, header.e_phoff),
                path_, "the file is truncated or damaged: copy or build it again");
  }
  headers_size_ = std::max<uint64_t>(sizeof header, header.e_phoff + uint64_t{header.e_phnum} * sizeof(Elf64_Phdr));
  // The kernel refuses a larger table (fs/binfmt_elf.c, load_elf_phdrs).
  if (header.e_phnum * sizeof(Elf64_Phdr) > 65536) {
    return fail(Code::Malformed, fmt::format("has {} program headers, more than the kernel takes", header.e_phnum), path_);
  }
  uint64_t eh_frame_hdr = 0;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr ph;
    std::memcpy(&ph, file.data() + header.e_phoff + i * sizeof ph, sizeof ph);
    const auto misfit = [&](const char* what) {
      return fail(Code::Malformed, fmt::format("program header {} {}", i, what), path_,
                  "the file is truncated or damaged: copy or build it again");
    };
    switch (ph.p_type) {
      case PT_LOAD: {
        if (!file.holds(ph.p_offset, ph.p_filesz)) return misfit("reaches beyond the end of the file");
        if (ph.p_memsz < ph.p_filesz) return misfit("has a file size above its memory size");
        // The kernel refuses a segment beyond TASK_SIZE (fs/binfmt_elf.c); 2^47 also keeps sums from wrapping.
        if (ph.p_vaddr >= uint64_t{1} << 47 || ph.p_memsz > uint64_t{1} << 46) return misfit("lies outside user memory");
        if (ph.p_memsz == 0) break;
        segments_.push_back({ph.p_vaddr, ph.p_memsz, ph.p_offset, ph.p_filesz, (ph.p_flags & PF_R) != 0,
                             (ph.p_flags & PF_W) != 0, (ph.p_flags & PF_X) != 0});
        break;
      }
      case PT_DYNAMIC:
        dynamic_address_ = ph.p_vaddr;
        dynamic_size_ = ph.p_filesz;
        break;
      case PT_TLS:
        thread_local_ = {ph.p_vaddr, ph.p_filesz};
        break;
      case PT_INTERP:
        interpreter_ = file.part(ph.p_offset, ph.p_filesz).c_string(0);
        if (interpreter_.empty()) return misfit("(PT_INTERP) names no interpreter");
        break;
      case PT_GNU_EH_FRAME: eh_frame_hdr = ph.p_vaddr; break;
      case PT_NOTE: notes_.emplace_back(ph.p_offset, ph.p_filesz); break;
      default: break;
    }
  }
  if (segments_.empty()) return fail(Code::Malformed, "has no loadable segment", path_);
  std::stable_sort(segments_.begin(), segments_.end(),
                   [](const Segment& a, const Segment& b) { return a.address < b.address; });
  for (size_t i = 1; i < segments_.size(); ++i) {
    if (segments_[i].address < segments_[i - 1].end()) {
      return fail(Code::Malformed,
                  fmt::format("loadable segments at {:#x} and {:#x} overlap", segments_[i - 1].address,
                              segments_[i].address),
                  path_, "no linker writes such a file");
    }
  }
  if (std::none_of(segments_.begin(), segments_.end(), [](const Segment& s) { return s.executable && s.file_size; })) {
    return fail(Code::Malformed, "has no executable segment", path_, "this may be a debug file: name the program itself");
  }
  eh_frame_hdr_ = eh_frame_hdr;
  return {};
}

void Image::parse_sections() {
  const Bytes file = this->file();
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff == 0) return;
  if (!file.holds(header.e_shoff, uint64_t{header.e_shnum} * sizeof(Elf64_Shdr))) return;
  std::vector<Elf64_Shdr> table(header.e_shnum);
  if (!table.empty()) std::memcpy(table.data(), file.data() + header.e_shoff, table.size() * sizeof(Elf64_Shdr));
  Bytes names;
  if (header.e_shstrndx < table.size()) {
    names = file.part(table[header.e_shstrndx].sh_offset, table[header.e_shstrndx].sh_size);
  }
  for (const Elf64_Shdr& sh : table) {
    if (sh.sh_type != SHT_NOBITS && !file.holds(sh.sh_offset, sh.sh_size)) continue;
    sections_.push_back({names.c_string(sh.sh_name), sh.sh_type, sh.sh_flags, sh.sh_addr, sh.sh_offset, sh.sh_size});
  }
}

const Section* Image::section(std::string_view name) const {
  for (const Section& section : sections_) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

Result<void> Image::parse_dynamic() {
  if (dynamic_address_ == 0) return {};
  const Bytes table = at(dynamic_address_, dynamic_size_);
  if (table.empty()) {
    return fail(Code::Malformed, fmt::format("the dynamic table at {:#x} does not fit its segment", dynamic_address_),
                path_, "the file is truncated or damaged: copy or build it again");
  }
  for (uint64_t i = 0; table.holds(i, 16); i += 16) {
    const int64_t tag = load<int64_t>(table.data() + i);
    if (tag == DT_NULL) break;
    dynamic_.emplace_back(tag, load<uint64_t>(table.data() + i + 8));
  }
  const auto value = [&](int64_t tag) { return dynamic_value(dynamic_, tag); };
  const uint64_t strings = value(DT_STRTAB);
  const uint64_t strings_size = value(DT_STRSZ);
  const Bytes string_table = at(strings, strings_size);
  for (const auto& [tag, offset] : dynamic_) {
    if (tag == DT_NEEDED && !string_table.c_string(offset).empty()) needed_.push_back(string_table.c_string(offset));
    if (tag == DT_SONAME) soname_ = string_table.c_string(offset);
    if (tag == DT_RPATH) rpath_ = string_table.c_string(offset);
    if (tag == DT_RUNPATH) {
      runpath_ = string_table.c_string(offset);
      has_runpath_ = true;
    }
    if (tag == DT_FILTER || tag == DT_AUXILIARY) filters_.push_back({string_table.c_string(offset), tag == DT_FILTER});
    if (tag == DT_AUDIT || tag == DT_DEPAUDIT) auditors_.push_back(string_table.c_string(offset));
    if (tag == DT_SYMBOLIC || (tag == DT_FLAGS && (offset & DF_SYMBOLIC) != 0)) binds_to_itself_ = true;
    if (tag == DT_FLAGS_1 && (offset & DF_1_NODEFLIB) != 0) no_default_libraries_ = true;
  }
  parse_rela(value(DT_RELA), value(DT_RELASZ));
  if (value(DT_PLTREL) == DT_RELA) parse_rela(value(DT_JMPREL), value(DT_PLTRELSZ));
  if (!parse_relr(value(DT_RELR), value(DT_RELRSZ))) {
    return fail(Code::Malformed, "has more packed relocations than words", path_, "the file is damaged: copy or build it again");
  }
  std::sort(relocations_.begin(), relocations_.end(), [](const Relocation& a, const Relocation& b) {
    return a.address < b.address || (a.address == b.address && a.type < b.type);
  });

  // The dynamic symbol table has no size of its own. The string table follows it in every linker's layout; the highest
  // symbol that a relocation or the hash table names is the other bound.
  uint64_t count = 0;
  const uint64_t symtab = value(DT_SYMTAB);
  if (symtab != 0) {
    for (const Relocation& relocation : relocations_) count = std::max<uint64_t>(count, relocation.symbol + 1);
    if (const uint64_t hash = value(DT_HASH); hash != 0) {
      count = std::max<uint64_t>(count, at(hash).read_or_zero<uint32_t>(4));
    }
    if (const uint64_t gnu = value(DT_GNU_HASH); gnu != 0) {
      // nbuckets, symoffset, bloom_size, bloom_shift; buckets hold first symbols, chains end with bit 0 set.
      const Bytes table_bytes = at(gnu);
      const uint64_t buckets = table_bytes.read_or_zero<uint32_t>(0);
      const uint64_t first = table_bytes.read_or_zero<uint32_t>(4);
      const uint64_t bloom = table_bytes.read_or_zero<uint32_t>(8);
      const uint64_t bucket_at = 16 + bloom * 8;
      uint64_t last = 0;
      if (table_bytes.holds(bucket_at, buckets * 4)) {
        for (uint64_t i = 0; i < buckets; ++i) {
          last = std::max<uint64_t>(last, load<uint32_t>(table_bytes.data() + bucket_at + i * 4));
        }
        if (last >= first) {
          uint64_t chain = bucket_at + buckets * 4 + (last - first) * 4;
          while (table_bytes.holds(chain, 4) && (load<uint32_t>(table_bytes.data() + chain) & 1) == 0) {
            chain += 4;
            ++last;
          }
        }
      }
      if (last != 0) count = std::max(count, last + 1);
      count = std::max(count, first);
    }
    parse_symbols(symtab, strings, strings_size, count);
    if (!parse_versions(value(DT_VERSYM), value(DT_VERNEED), value(DT_VERNEEDNUM), value(DT_VERDEF), value(DT_VERDEFNUM),
                        strings, strings_size)) {
      return fail(Code::Malformed, "has symbol versions that overlap", path_, "the file is damaged: copy or build it again");
    }
  }
  return {};
}

void Image::parse_symbols(uint64_t table, uint64_t strings, uint64_t strings_size, uint64_t count) {
  const Bytes bytes = at(table);
  const Bytes names = at(strings, strings_size);
  count = std::min<uint64_t>(count, bytes.size() / sizeof(Elf64_Sym));
  dynamic_symbols_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    Elf64_Sym sym;
    std::memcpy(&sym, bytes.data() + i * sizeof sym, sizeof sym);
    Symbol symbol;
    symbol.name = names.c_string(sym.st_name);
    symbol.value = sym.st_value;
    symbol.size = sym.st_size;
    symbol.type = ELF64_ST_TYPE(sym.st_info);
    symbol.binding = ELF64_ST_BIND(sym.st_info);
    symbol.section = sym.st_shndx;
    symbol.visibility = ELF64_ST_VISIBILITY(sym.st_other);
    dynamic_symbols_.push_back(symbol);
  }
}

// GNU symbol versions: LSB "Symbol Versioning". Verneed names what an import wants, verdef what an export gives.
bool Image::parse_versions(uint64_t versym, uint64_t verneed, uint64_t verneed_count, uint64_t verdef,
                           uint64_t verdef_count, uint64_t strings, uint64_t strings_size) {
  if (versym == 0) return true;
  const Bytes indices = at(versym, dynamic_symbols_.size() * 2);
  if (indices.empty()) return true;
  const Bytes names = at(strings, strings_size);
  // Each entry takes 16 bytes or more of the file, so one that is asked for more entries than that is a loop of them.
  uint64_t most = file_size() / 16;
  std::vector<std::string_view> versions;
  const auto set = [&](uint16_t index, std::string_view name) {
    index &= 0x7fff;
    if (versions.size() <= index) versions.resize(index + 1u);
    versions[index] = name;
  };
  const Bytes need = at(verneed);
  uint64_t offset = 0;
  for (uint64_t i = 0; verneed != 0 && i < verneed_count && need.holds(offset, 16); ++i) {
    uint64_t aux = offset + need.read_or_zero<uint32_t>(offset + 8);
    const unsigned aux_count = need.read_or_zero<uint16_t>(offset + 2);
    for (unsigned k = 0; k < aux_count && need.holds(aux, 16); ++k) {
      if (most-- == 0) return false;
      set(need.read_or_zero<uint16_t>(aux + 6), names.c_string(need.read_or_zero<uint32_t>(aux + 8)));
      const uint32_t next = need.read_or_zero<uint32_t>(aux + 12);
      if (next == 0) break;
      aux += next;
    }
    const uint32_t next = need.read_or_zero<uint32_t>(offset + 12);
    if (next == 0) break;
    offset += next;
  }
  const Bytes defined = at(verdef);
  offset = 0;
  for (uint64_t i = 0; verdef != 0 && i < verdef_count && defined.holds(offset, 20); ++i) {
    if (most-- == 0) return false;
    const uint64_t aux = offset + defined.read_or_zero<uint32_t>(offset + 12);
    set(defined.read_or_zero<uint16_t>(offset + 4), names.c_string(defined.read_or_zero<uint32_t>(aux)));
    const uint32_t next = defined.read_or_zero<uint32_t>(offset + 16);
    if (next == 0) break;
    offset += next;
  }
  for (size_t i = 0; i < dynamic_symbols_.size(); ++i) {
    const uint16_t index = load<uint16_t>(indices.data() + i * 2);
    dynamic_symbols_[i].hidden_version = (index & 0x8000) != 0;
    dynamic_symbols_[i].version_index = index & 0x7fff;
    if ((index & 0x7fff) > 1 && (index & 0x7fff) < versions.size()) {
      dynamic_symbols_[i].version = versions[index & 0x7fff];
    }
  }
  return true;
}

void Image::parse_symtab() {
  for (size_t i = 0; i < sections_.size(); ++i) {
    if (sections_[i].type != SHT_SYMTAB) continue;
    const Bytes table = file().part(sections_[i].file_offset, sections_[i].size);
    const Section* strings = section(".strtab");
    if (strings == nullptr) return;
    const Bytes names = file().part(strings->file_offset, strings->size);
    for (uint64_t at = 0; table.holds(at, sizeof(Elf64_Sym)); at += sizeof(Elf64_Sym)) {
      Elf64_Sym sym;
      std::memcpy(&sym, table.data() + at, sizeof sym);
      const uint8_t type = ELF64_ST_TYPE(sym.st_info);
      if (sym.st_shndx != SHN_UNDEF && type == STT_OBJECT) variables_.emplace_back(sym.st_value, sym.st_size);
      if (sym.st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)) continue;
      Symbol symbol;
      symbol.name = names.c_string(sym.st_name);
      symbol.value = sym.st_value;
      symbol.size = sym.st_size;
      symbol.type = type;
      symbol.binding = ELF64_ST_BIND(sym.st_info);
      symbol.section = sym.st_shndx;
      if (!symbol.name.empty()) symbols_.push_back(symbol);
    }
    std::sort(variables_.begin(), variables_.end());
    return;
  }
}

void Image::parse_rela(uint64_t address, uint64_t size) {
  if (address == 0 || size == 0) return;
  const Bytes table = at(address, size);
  relocations_.reserve(relocations_.size() + table.size() / sizeof(Elf64_Rela));
  for (uint64_t i = 0; table.holds(i, sizeof(Elf64_Rela)); i += sizeof(Elf64_Rela)) {
    Elf64_Rela rela;
    std::memcpy(&rela, table.data() + i, sizeof rela);
    relocations_.push_back({rela.r_offset, static_cast<uint32_t>(ELF64_R_TYPE(rela.r_info)),
                            static_cast<uint32_t>(ELF64_R_SYM(rela.r_info)), rela.r_addend});
  }
}

// Packed relative relocations: an even word is an address, an odd word a bitmap of the 63 words after it.
bool Image::parse_relr(uint64_t address, uint64_t size) {
  if (address == 0 || size == 0) return true;
  const Bytes table = at(address, size);
  uint64_t where = 0;
  const auto add = [&](uint64_t slot) {
    if (const auto value = read<uint64_t>(slot)) {
      relocations_.push_back({slot, R_X86_64_RELATIVE, 0, static_cast<int64_t>(*value)});
    }
  };
  // A relocated word takes eight bytes of the file.
  const size_t most = relocations_.size() + file_size() / 8;
  for (uint64_t i = 0; table.holds(i, 8); i += 8) {
    if (relocations_.size() > most) return false;
    const uint64_t entry = load<uint64_t>(table.data() + i);
    if ((entry & 1) == 0) {
      add(entry);
      where = entry + 8;
    } else {
      for (unsigned bit = 0; bit < 63; ++bit) {
        if ((entry >> (bit + 1)) & 1) add(where + bit * 8);
      }
      where += 63 * 8;
    }
  }
  return true;
}

Bytes Image::at(uint64_t address) const {
  const Segment* segment = segment_of(address);
  if (segment == nullptr) return {};
  const uint64_t inside = address - segment->address;
  if (inside >= segment->file_size) return {};
  return file().part(segment->file_offset + inside, segment->file_size - inside);
}

const Segment* Image::segment_of(uint64_t address) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), address,
                                      [](uint64_t value, const Segment& segment) { return value < segment.address; });
  if (after == segments_.begin()) return nullptr;
  const Segment& segment = *(after - 1);
  return address - segment.address < segment.memory_size ? &segment : nullptr;
}

std::vector<uint64_t> Image::initialiser_functions() const {
  std::vector<uint64_t> functions;
  for (const int64_t tag : {DT_INIT, DT_FINI}) {
    if (const uint64_t address = dynamic_value(dynamic_, tag); address != 0) functions.push_back(address);
  }
  return functions;
}

std::pair<uint64_t, uint64_t> Image::initialiser_array() const {
  return {dynamic_value(dynamic_, DT_INIT_ARRAY), dynamic_value(dynamic_, DT_INIT_ARRAYSZ)};
}

std::pair<uint64_t, uint64_t> Image::finaliser_array() const {
  return {dynamic_value(dynamic_, DT_FINI_ARRAY), dynamic_value(dynamic_, DT_FINI_ARRAYSZ)};
}

void Image::write_word(uint64_t address, uint64_t value) {
  const Bytes target = at(address, 8);
  if (target.empty()) return;
  std::memcpy(bytes_.data() + (target.data() - bytes_.data()), &value, sizeof value);
  written_.resize(segments_.size());
  written_[static_cast<size_t>(segment_of(address) - segments_.data())] = true;
}

void Image::release(uint64_t address, uint64_t length) const {
  const Segment* segment = segment_of(address);
  const Bytes bytes = at(address, length);
  if (segment == nullptr || bytes.empty()) return;
  const auto i = static_cast<size_t>(segment - segments_.data());
  if (i < written_.size() && written_[i]) return;
  bytes_.release(static_cast<size_t>(bytes.data() - bytes_.data()), length);
}

void Image::release(bool executable) const {
  for (size_t i = 0; i < segments_.size(); ++i) {
    const bool written = i < written_.size() && written_[i];
    if (segments_[i].executable == executable && !written) bytes_.release(segments_[i].file_offset, segments_[i].file_size);
  }
}

std::string Image::gnu_build_id() const {
  for (const auto& [offset, size] : notes_) {
    const Bytes notes = file().part(offset, size);
    for (uint64_t at = 0; notes.holds(at, 12);) {
      const uint64_t name_size = notes.read_or_zero<uint32_t>(at);
      const uint64_t data_size = notes.read_or_zero<uint32_t>(at + 4);
      const uint32_t type = notes.read_or_zero<uint32_t>(at + 8);
      const uint64_t data_at = at + 12 + ((name_size + 3) & ~uint64_t{3});
      if (type == NT_GNU_BUILD_ID && notes.text(at + 12, name_size) == std::string_view("GNU\0", 4) &&
          notes.holds(data_at, data_size) && data_size <= 64) {
        std::string hex;
        for (uint64_t i = 0; i < data_size; ++i) hex += fmt::format("{:02x}", notes.data()[data_at + i]);
        return hex;
      }
      at = data_at + ((data_size + 3) & ~uint64_t{3});
    }
  }
  return {};
}

}  // namespace stile::elf
