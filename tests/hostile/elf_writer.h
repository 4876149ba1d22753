// SPDX-License-Identifier: Apache-2.0
//
// Small ELF files made by hand, right or wrong on purpose: for tests, and for the seeds of the fuzzers.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <elf.h>

namespace stile::hostile {

using Blob = std::vector<uint8_t>;

template <typename T>
void append(Blob& to, const T& value) {
  const auto* p = reinterpret_cast<const uint8_t*>(&value);
  to.insert(to.end(), p, p + sizeof value);
}
inline void append(Blob& to, std::string_view text) { to.insert(to.end(), text.begin(), text.end()); }
template <typename T>
void put(Blob& to, uint64_t at, const T& value) {
  if (to.size() < at + sizeof value) to.resize(at + sizeof value);
  std::memcpy(to.data() + at, &value, sizeof value);
}
inline void align(Blob& blob, size_t to) { blob.resize((blob.size() + to - 1) / to * to); }

// x86-64 code that stands at a known address.
class Code {
 public:
  explicit Code(uint64_t address) : address_(address) {}
  uint64_t here() const { return address_ + bytes.size(); }
  Code& raw(std::initializer_list<int> values) {
    for (const int value : values) bytes.push_back(static_cast<uint8_t>(value));
    return *this;
  }
  Code& word(uint64_t value) {
    append(bytes, static_cast<uint32_t>(value));
    return *this;
  }
  Code& mov_eax(uint32_t number) { return raw({0xb8}).word(number); }
  Code& mov_edi(uint32_t number) { return raw({0xbf}).word(number); }
  Code& syscall() { return raw({0x0f, 0x05}); }
  Code& ret() { return raw({0xc3}); }
  Code& call(uint64_t target) { return raw({0xe8}).relative(target); }
  Code& jump(uint64_t target) { return raw({0xe9}).relative(target); }
  // A 32-bit displacement that leads to `target` from the end of the instruction, `after` bytes behind it.
  Code& relative(uint64_t target, uint64_t after = 0) { return word(target - (here() + 4 + after)); }

  Blob bytes;

 private:
  uint64_t address_;
};

// An executable of some segments, laid into the file one behind the other.
class ElfFile {
 public:
  uint16_t type = ET_EXEC;
  uint64_t entry = 0;

  void load(uint64_t address, Blob bytes, uint32_t flags, uint64_t more_memory = 0) {
    parts_.push_back({PT_LOAD, address, std::move(bytes), flags, more_memory});
  }
  // A header for bytes that some load() holds: PT_DYNAMIC, PT_INTERP, PT_GNU_EH_FRAME, PT_NOTE.
  void describe(uint32_t header_type, uint64_t address, uint64_t size) { marks_.push_back({header_type, address, size}); }

  Blob build() const {
    const size_t count = parts_.size() + marks_.size();
    Blob file(sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr));
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_entry = entry;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<uint16_t>(count);
    put(file, 0, header);
    std::vector<Elf64_Phdr> table;
    for (const Part& part : parts_) {
      align(file, 16);
      Elf64_Phdr ph{};
      ph.p_type = part.type;
      ph.p_flags = part.flags;
      ph.p_offset = file.size();
      ph.p_vaddr = ph.p_paddr = part.address;
      ph.p_filesz = part.bytes.size();
      ph.p_memsz = part.bytes.size() + part.more_memory;
      file.insert(file.end(), part.bytes.begin(), part.bytes.end());
      table.push_back(ph);
    }
    for (const Mark& mark : marks_) {
      Elf64_Phdr ph{};
      ph.p_type = mark.type;
      ph.p_flags = PF_R;
      ph.p_vaddr = mark.address;
      ph.p_filesz = ph.p_memsz = mark.size;
      for (size_t i = 0; i < parts_.size(); ++i) {
        const bool inside = mark.address >= table[i].p_vaddr && mark.address - table[i].p_vaddr < table[i].p_memsz;
        if (inside) ph.p_offset = table[i].p_offset + (mark.address - table[i].p_vaddr);
      }
      table.push_back(ph);
    }
    for (size_t i = 0; i < table.size(); ++i) put(file, sizeof header + i * sizeof(Elf64_Phdr), table[i]);
    return file;
  }

 private:
  struct Part {
    uint32_t type;
    uint64_t address;
    Blob bytes;
    uint32_t flags;
    uint64_t more_memory;
  };
  struct Mark {
    uint32_t type;
    uint64_t address;
    uint64_t size;
  };
  std::vector<Part> parts_;
  std::vector<Mark> marks_;
};

constexpr uint64_t kText = 0x401000;
constexpr uint64_t kRodata = 0x500000;
constexpr uint64_t kData = 0x600000;

// A program of one text segment that starts at its first byte.
inline Blob program(Blob text, Blob data = {}, Blob rodata = {}) {
  ElfFile file;
  file.entry = kText;
  file.load(kText, std::move(text), PF_R | PF_X);
  if (!rodata.empty()) file.load(kRodata, std::move(rodata), PF_R);
  if (!data.empty()) file.load(kData, std::move(data), PF_R | PF_W);
  return file.build();
}

}  // namespace stile::hostile
