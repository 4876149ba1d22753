// SPDX-License-Identifier: Apache-2.0
//
// A Go program of four functions in a few KiB, with a function table of each layout, moduledata, one interface table, one
// method and build information: all that the analysis reads of a real one.
#pragma once

#include "elf_writer.h"
#include "runtime/go_pclntab.h"

namespace stile::hostile {

struct GoParts {
  Blob text, rodata, data;
  uint64_t pclntab = 0;                // address
  uint64_t moduledata = 0;             // address
  std::vector<uint64_t> entries;       // function starts, and the end
  uint64_t types = 0, types_end = 0;
};

constexpr const char* kGoNames[] = {"main.main", "syscall.RawSyscall6", "example.com/x%2ey.(*T).Do", "_rt0_amd64_linux"};

// main.main calls the second with a number on the stack and in rax; an interface table alone leads to the third.
inline void write_go_text(GoParts& parts) {
  Code code(kText);
  const uint64_t wrapper = kText + 0x40;
  parts.entries = {kText, wrapper, kText + 0x60, kText + 0x80, kText + 0xa0};
  code.raw({0x48, 0x83, 0xec, 0x18});                               // sub $24, %rsp
  code.raw({0x48, 0xc7, 0x04, 0x24}).word(39).mov_eax(1).call(wrapper);  // movq $39, (%rsp)
  code.raw({0x48, 0x83, 0xc4, 0x18}).ret();
  code.bytes.resize(0x40, 0xcc);
  code.syscall().raw({0x48, 0x8b, 0x44, 0x24, 0x08}).syscall().ret();  // mov 8(%rsp), %rax
  code.bytes.resize(0x60, 0xcc);
  code.mov_eax(102).syscall().ret();
  code.bytes.resize(0x80, 0xcc);
  code.call(kText).mov_eax(231).syscall().raw({0x0f, 0x0b});
  code.bytes.resize(0xa0, 0xcc);
  parts.text = code.bytes;
}

// Facts: see runtime/go_pclntab.cc. Records say: argument size 16, one file, lines that start at 10.
inline Blob go_pclntab(go::PclntabLayout layout, const std::vector<uint64_t>& entries) {
  using go::PclntabLayout;
  const size_t count = entries.size() - 1;
  const bool go12 = layout == PclntabLayout::Go12, relative = layout >= PclntabLayout::Go118;
  const uint32_t magic = go12                               ? 0xfffffffb
                         : layout == PclntabLayout::Go116 ? 0xfffffffa
                         : layout == PclntabLayout::Go118 ? 0xfffffff0
                                                          : 0xfffffff1;
  Blob names, files, pc_table{0};
  std::vector<uint32_t> name_at;
  for (size_t i = 0; i < count; ++i) {
    name_at.push_back(static_cast<uint32_t>(names.size()));
    append(names, i < 4 ? std::string_view(kGoNames[i]) : std::string_view("main.f"));
    names.push_back(0);
  }
  append(files, std::string_view("/src/main.go\0", 13));
  const auto lines = static_cast<uint32_t>(pc_table.size());
  pc_table.insert(pc_table.end(), {22, 8, 2, 0x98, 0x01, 0});  // line 10 for 8 bytes, 11 for the rest
  const auto file = static_cast<uint32_t>(pc_table.size());
  pc_table.insert(pc_table.end(), {2, 0xa0, 0x01, 0});  // file 0

  Blob table;
  append(table, magic);
  append(table, uint32_t{0x08010000});
  append(table, uint64_t{count});
  uint64_t offsets_at = 24;
  if (!go12) {
    append(table, uint64_t{1});
    if (relative) {
      append(table, entries[0]);
      offsets_at = 32;
    }
    table.resize(offsets_at + 40);
  }
  const auto part = [&](unsigned i, const Blob& bytes) {
    put(table, offsets_at + i * 8, uint64_t{table.size()});
    table.insert(table.end(), bytes.begin(), bytes.end());
    align(table, 8);
  };
  uint64_t base = 0;  // what offsets in records count from
  uint64_t functab = table.size();
  uint32_t names_at = 0, pc_at = 0;
  if (!go12) {
    part(0, names);
    part(1, Blob(4));
    part(2, files);
    part(3, pc_table);
    part(4, {});
    base = functab = table.size();
  }
  const size_t entry = relative ? 4 : 8;
  table.resize(functab + (2 * count + 1) * entry + 4);
  align(table, 8);
  if (go12) {
    names_at = static_cast<uint32_t>(table.size());
    table.insert(table.end(), names.begin(), names.end());
    pc_at = static_cast<uint32_t>(table.size());
    table.insert(table.end(), pc_table.begin(), pc_table.end());
    const auto name_of_file = static_cast<uint32_t>(table.size());
    table.insert(table.end(), files.begin(), files.end());
    align(table, 8);
    put(table, functab + count * 16 + 8, static_cast<uint32_t>(table.size()));
    append(table, name_of_file);  // file 0 is the first here
    append(table, name_of_file);
    align(table, 8);
  }
  for (size_t i = 0; i < count; ++i) {
    const uint64_t record = table.size();
    if (relative) {
      put(table, functab + i * 8, static_cast<uint32_t>(entries[i] - entries[0]));
      put(table, functab + i * 8 + 4, static_cast<uint32_t>(record - base));
      for (const uint32_t word : {static_cast<uint32_t>(entries[i] - entries[0]), name_at[i], 16u, 0u, 0u, file, lines, 0u, 0u, 0u})
        append(table, word);
    } else {
      put(table, functab + i * 16, entries[i]);
      put(table, functab + i * 16 + 8, uint64_t{record - base});
      append(table, entries[i]);
      for (const uint32_t word : {names_at + name_at[i], 16u, 0u, 0u, pc_at + file, pc_at + lines, 0u, 0u, 0u, 0u}) append(table, word);
    }
  }
  if (relative) {
    put(table, functab + count * 8, static_cast<uint32_t>(entries[count] - entries[0]));
  } else {
    put(table, functab + count * 16, entries[count]);
  }
  return table;
}

// Types, a method of one, an interface type and an interface table; see runtime/go_types.h.
inline void write_go_types(GoParts& parts) {
  Blob& ro = parts.rodata;
  align(ro, 64);
  parts.types = kRodata + ro.size();
  const uint64_t types = ro.size();
  append(ro, std::string_view("\0\0\0\0\x01\x02" "Do\0\0\0\0\0\0\0\0", 16));  // a name record at offset 4
  const auto type = [&](uint8_t kind) {
    const uint64_t at = ro.size();
    for (const uint64_t word : {uint64_t{8}, uint64_t{8}, uint64_t{0x0808000012345678} | uint64_t{kind} << 56}) append(ro, word);
    put(ro, at + 20, uint32_t{0x00080800u | uint32_t{kind} << 24});
    ro.resize(at + 48);
    return at;
  };
  const uint64_t function_type = type(19), interface_type = type(20);
  for (const uint64_t word : {uint64_t{0}, kRodata + ro.size(), uint64_t{1}, uint64_t{1}}) append(ro, word);
  const uint64_t method = parts.entries[2] - parts.entries[0];
  for (const uint64_t word : {uint64_t{4}, function_type - types, method, method}) append(ro, static_cast<uint32_t>(word));
  const uint64_t itab = ro.size();
  for (const uint64_t word : {kRodata + interface_type, kRodata + function_type, uint64_t{1}, parts.entries[2]}) append(ro, word);
  const uint64_t itab_links = ro.size();
  append(ro, kRodata + itab);
  append(ro, kRodata + itab);
  parts.types_end = kRodata + ro.size();

  Blob module(60 * 8);
  const bool early = load<uint32_t>(ro.data()) == 0xfffffffb;
  const unsigned text = early ? 12 : 22;
  const auto set = [&](unsigned i, uint64_t value) { put(module, i * 8, value); };
  set(0, parts.pclntab);
  set(text - 2, kText);
  set(text - 1, kText + parts.text.size());
  set(text, kText);
  set(text + 1, kText + parts.text.size());
  for (unsigned i = 2; i <= 9; ++i) set(text + i, i < 9 ? kData : kData + 0x1000);
  set(text + 12, parts.types);
  set(text + 13, parts.types_end);
  for (const unsigned slice : {14u, 17u, 20u}) {
    set(text + slice, slice == 20 ? kRodata + itab_links : parts.types);
    set(text + slice + 1, 2);
    set(text + slice + 2, 2);
  }
  align(parts.data, 8);
  parts.moduledata = kData + parts.data.size();
  parts.data.insert(parts.data.end(), module.begin(), module.end());
}

inline void write_go_build_info(GoParts& parts) {
  align(parts.data, 16);
  append(parts.data, std::string_view("\xff Go buildinf:\x08\x02", 16));
  parts.data.resize(parts.data.size() + 16);
  append(parts.data, std::string_view("\x06go1.20"));
  const std::string_view modules = "path\texample.com/x.y\nmod\texample.com/x.y\tv1.2.3\t\nbuild\tCGO_ENABLED=1\n";
  parts.data.push_back(static_cast<uint8_t>(modules.size() + 32));
  parts.data.resize(parts.data.size() + 16, '0');
  append(parts.data, modules);
  parts.data.resize(parts.data.size() + 16, '0');
}

inline GoParts go_parts(go::PclntabLayout layout) {
  GoParts parts;
  write_go_text(parts);
  parts.rodata = go_pclntab(layout, parts.entries);
  parts.pclntab = kRodata;
  write_go_types(parts);
  write_go_build_info(parts);
  return parts;
}

inline Blob link(const GoParts& parts) {
  ElfFile file;
  file.entry = parts.entries[3];
  file.load(kText, parts.text, PF_R | PF_X);
  file.load(kRodata, parts.rodata, PF_R);
  file.load(kData, parts.data, PF_R | PF_W, 0x1000);
  return file.build();
}

inline Blob go_program(go::PclntabLayout layout) { return link(go_parts(layout)); }

}  // namespace stile::hostile
