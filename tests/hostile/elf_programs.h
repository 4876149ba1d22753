// SPDX-License-Identifier: Apache-2.0
//
// Small C-like programs, each with some of what the analysis has to follow.
#pragma once

#include "elf_writer.h"

namespace stile::hostile {

// exit_group straight; getpid through a wrapper; a number kept in a global; one on the stack; int 0x80 and sysenter.
inline Blob wrapper_program() {
  constexpr uint64_t kWrapper = kText + 0x80, kStackWrapper = kText + 0xa0, kGlobalUser = kText + 0xc0;
  Code code(kText);
  code.mov_edi(39).call(kWrapper);
  code.raw({0x68}).word(102).call(kStackWrapper).raw({0x5f});                 // push; call; pop %rdi
  code.raw({0xc7, 0x05}).relative(kData, 4).word(186).call(kGlobalUser);       // movl $186, global(%rip)
  code.mov_eax(20).raw({0xcd, 0x80}).mov_eax(24).raw({0x0f, 0x34});
  code.mov_eax(231).syscall().raw({0xf4});
  code.bytes.resize(0x80, 0xcc);
  code.raw({0x89, 0xf8}).syscall().ret();  // mov %edi, %eax
  code.bytes.resize(0xa0, 0xcc);
  code.raw({0x48, 0x8b, 0x44, 0x24, 0x08}).syscall().ret();  // mov 8(%rsp), %rax
  code.bytes.resize(0xc0, 0xcc);
  code.raw({0x8b, 0x05}).relative(kData).syscall().ret();  // mov global(%rip), %eax
  code.bytes.resize(0xe0, 0xcc);
  Blob data;
  for (const uint64_t word : {uint64_t{3}, uint64_t{0}, kWrapper, kGlobalUser}) append(data, word);
  return program(code.bytes, data, Blob(64, 1));
}

// A switch through a table of addresses and one through a table of offsets; a loop; a conditional move; a comparison.
inline Blob table_program() {
  Code code(kText);
  Blob rodata;
  code.raw({0x89, 0xf8, 0x83, 0xff, 0x03, 0x77, 0x40});          // mov %edi,%eax; cmp $3,%edi; ja
  code.raw({0xff, 0x24, 0xc5}).word(kRodata);                    // jmp *table(,%rax,8)
  for (const uint32_t number : {1u, 2u, 3u}) {
    append(rodata, code.here());
    code.mov_eax(number).raw({0xeb, 0x20});
  }
  append(rodata, code.here());
  code.bytes.resize(0x40, 0x90);
  code.syscall().raw({0x85, 0xc0, 0x74, 0xf0});                  // test %eax,%eax; jz back
  code.mov_eax(12).raw({0xb9}).word(13).raw({0x0f, 0x45, 0xc1}); // mov $13,%ecx; cmovne %ecx,%eax
  code.syscall().raw({0x3d}).word(60).raw({0x75, 0x02}).syscall().raw({0x48, 0x8d, 0x0d}).relative(kRodata + 64);
  code.raw({0x48, 0x63, 0x04, 0x81, 0x48, 0x01, 0xc8, 0xff, 0xe0});  // movslq (%rcx,%rax,4),%rax; add; jmp *%rax
  rodata.resize(64);
  for (const uint64_t target : {kText + 0x40, kText + 0x42}) append(rodata, static_cast<uint32_t>(target - kRodata - 64));
  code.bytes.resize(0x90, 0xcc);
  code.raw({0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10});    // a frame
  code.raw({0xc7, 0x45, 0xf8}).word(39).raw({0x8b, 0x45, 0xf8}).syscall().raw({0xc9}).ret();
  code.raw({0x0f, 0x10, 0x06, 0x0f, 0x11, 0x04, 0x24, 0x58}).syscall().ret();  // movups through the stack
  return program(code.bytes, {}, rodata);
}

// A position-independent program with all dynamic tables: symbols, versions, both hashes, three kinds of relocation.
inline Blob dynamic_program() {
  Code code(kText);
  const uint64_t slot = kData + 0x200;
  code.raw({0xff, 0x15}).relative(slot).raw({0xff, 0x15}).relative(slot + 8).mov_eax(231).syscall().raw({0xf4});
  code.bytes.resize(0x40, 0xcc);
  code.mov_eax(39).syscall().ret();
  code.bytes.resize(0x60, 0xcc);

  Blob data;
  const auto dynamic = [&](int64_t tag, uint64_t value) {
    append(data, tag);
    append(data, value);
  };
  const uint64_t strings = kRodata, symbols = kRodata + 0x80, versions = kRodata + 0x100, need = kRodata + 0x110,
                 defined = kRodata + 0x140, hash = kRodata + 0x180, gnu_hash = kRodata + 0x1a0, rela = kRodata + 0x200,
                 jumps = kRodata + 0x250, relr = kRodata + 0x270, interpreter = kRodata + 0x290,
                 unwind = kRodata + 0x2b0, note = kRodata + 0x2d0;
  Blob ro;
  append(ro, std::string_view("\0libc.so.6\0puts\0own\0V_1\0lib.so.1\0$ORIGIN/x:/y\0", 47));
  const auto symbol = [&](unsigned i, uint32_t name, uint8_t info, uint16_t section, uint64_t value) {
    put(ro, symbols - kRodata + i * 24, Elf64_Sym{name, info, 0, section, value, 16});
  };
  symbol(0, 0, 0, 0, 0);
  symbol(1, 11, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 0);
  symbol(2, 16, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 1, kText + 0x40);
  symbol(3, 16, ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC), 1, kText + 0x40);
  for (unsigned i = 0; i < 4; ++i) put(ro, versions - kRodata + i * 2, static_cast<uint16_t>(i == 3 ? 0x8003 : i + 1));
  put(ro, need - kRodata, Elf64_Verneed{1, 1, 1, 16, 0});
  put(ro, need - kRodata + 16, Elf64_Vernaux{0, 0, 2, 20, 0});
  put(ro, defined - kRodata, Elf64_Verdef{1, 0, 3, 1, 0, 20, 0});
  put(ro, defined - kRodata + 20, Elf64_Verdaux{20, 0});
  for (unsigned i = 0; i < 7; ++i) put(ro, hash - kRodata + i * 4, uint32_t{i == 0 ? 1u : i == 1 ? 4u : i - 2});
  const uint32_t gnu[] = {1, 2, 1, 6, 0xffffffff, 0xffffffff, 2, 0x1234, 0x1235};
  put(ro, gnu_hash - kRodata, gnu);
  put(ro, rela - kRodata, Elf64_Rela{kData + 0x208, ELF64_R_INFO(2, R_X86_64_GLOB_DAT), 0});
  put(ro, rela - kRodata + 24, Elf64_Rela{kData + 0x210, ELF64_R_INFO(0, R_X86_64_RELATIVE), static_cast<int64_t>(kText + 0x40)});
  put(ro, rela - kRodata + 48, Elf64_Rela{kData + 0x218, ELF64_R_INFO(0, R_X86_64_IRELATIVE), static_cast<int64_t>(kText + 0x40)});
  put(ro, jumps - kRodata, Elf64_Rela{slot, ELF64_R_INFO(1, R_X86_64_JUMP_SLOT), 0});
  put(ro, relr - kRodata, uint64_t{kData + 0x220});
  put(ro, relr - kRodata + 8, uint64_t{0xb});
  ro.resize(interpreter - kRodata);
  append(ro, std::string_view("/lib64/ld-linux-x86-64.so.2\0", 28));
  put(ro, unwind - kRodata, uint32_t{0x3b031b01});
  put(ro, unwind - kRodata + 8, uint32_t{1});
  put(ro, unwind - kRodata + 12, static_cast<uint32_t>(kText - unwind));
  put(ro, unwind - kRodata + 16, uint32_t{0});
  put(ro, note - kRodata, Elf64_Nhdr{4, 8, NT_GNU_BUILD_ID});
  ro.resize(note - kRodata + 12);
  append(ro, std::string_view("GNU\0\x01\x02\x03\x04\x05\x06\x07\x08", 12));
  for (const auto& [tag, value] : std::initializer_list<std::pair<int64_t, uint64_t>>{
           {DT_NEEDED, 1}, {DT_SONAME, 24}, {DT_RUNPATH, 33}, {DT_STRTAB, strings}, {DT_STRSZ, 47}, {DT_SYMTAB, symbols},
           {DT_VERSYM, versions}, {DT_VERNEED, need}, {DT_VERNEEDNUM, 1}, {DT_VERDEF, defined}, {DT_VERDEFNUM, 1},
           {DT_HASH, hash}, {DT_GNU_HASH, gnu_hash}, {DT_RELA, rela}, {DT_RELASZ, 72}, {DT_PLTREL, DT_RELA},
           {DT_JMPREL, jumps}, {DT_PLTRELSZ, 24}, {DT_RELR, relr}, {DT_RELRSZ, 16}, {DT_INIT, kText + 0x40}, {DT_NULL, 0}}) {
    dynamic(tag, value);
  }
  const uint64_t dynamic_size = data.size();
  data.resize(0x260);
  put(data, 0x220, uint64_t{kText + 0x40});

  ElfFile file;
  file.type = ET_DYN;
  file.entry = kText;
  file.load(kText, code.bytes, PF_R | PF_X);
  file.load(kRodata, ro, PF_R);
  file.load(kData, data, PF_R | PF_W, 64);
  file.describe(PT_DYNAMIC, kData, dynamic_size);
  file.describe(PT_INTERP, interpreter, 28);
  file.describe(PT_GNU_EH_FRAME, unwind, 20);
  file.describe(PT_NOTE, note, 24);
  return file.build();
}

}  // namespace stile::hostile
