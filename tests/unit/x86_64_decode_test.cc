// SPDX-License-Identifier: Apache-2.0
//
// The decoder against Zydis, a complete one: over the code of real programs, over random and mutated bytes,
// and over all opcodes. Then the corners by hand.
#include "arch/x86_64_decode.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace stile::arch {
namespace {

using Bytes = std::vector<uint8_t>;

std::string hex(const uint8_t* p, size_t n) {
  std::ostringstream out;
  for (size_t i = 0; i < n; ++i)
    out << (i ? " " : "") << "0123456789abcdef"[p[i] >> 4] << "0123456789abcdef"[p[i] & 15];
  return out.str();
}

Insn decode(const Bytes& b) {
  return arch::decode(b.data(), b.data() + b.size());
}

// --- Zydis, brought into our words

class Oracle {
 public:
  Oracle() { ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64); }
  ZyanStatus decode(const uint8_t* p, size_t n, ZydisDecodedInstruction* z) const {
    return ZydisDecoderDecodeInstruction(&decoder_, nullptr, p, n, z);
  }
  size_t length(const uint8_t* p, size_t n) const {
    ZydisDecodedInstruction z;
    return ZYAN_SUCCESS(decode(p, n, &z)) ? z.length : 0;
  }

 private:
  ZydisDecoder decoder_;
};

Flow flow_of(const ZydisDecodedInstruction& z, const uint8_t* p) {
  const bool indirect = z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && z.opcode == 0xFF;
  switch (z.mnemonic) {
    case ZYDIS_MNEMONIC_CALL: {
      constexpr uint8_t kGs[] = {0x65, 0xFF, 0x14, 0x25, 0x10, 0, 0, 0};
      if (z.length == 8 && std::memcmp(p, kGs, 8) == 0) return Flow::GsCall;
      return indirect ? Flow::IndirectCall : Flow::Call;
    }
    case ZYDIS_MNEMONIC_JMP: return indirect ? Flow::IndirectJump : Flow::Jump;
    case ZYDIS_MNEMONIC_RET:
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
    case ZYDIS_MNEMONIC_SYSRET:
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_UIRET:
    case ZYDIS_MNEMONIC_RSM: return Flow::Return;
    case ZYDIS_MNEMONIC_SYSCALL: return Flow::Syscall;
    case ZYDIS_MNEMONIC_SYSENTER: return Flow::Sysenter;
    case ZYDIS_MNEMONIC_INT: return z.raw.imm[0].value.u == 0x80 ? Flow::Int80 : Flow::None;
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_HLT: return Flow::Trap;
    case ZYDIS_MNEMONIC_XBEGIN: return Flow::Branch;
    case ZYDIS_MNEMONIC_XEND:
      return Flow::None;  // Zydis calls it a branch; it goes on with the next instruction
    default: return z.meta.category == ZYDIS_CATEGORY_COND_BR ? Flow::Branch : Flow::None;
  }
}

// Empty if `insn` says of these bytes what Zydis says.
std::string differs(const Insn& insn, const ZydisDecodedInstruction& z, const uint8_t* p) {
  std::string why;  // built in the rare case alone: this runs tens of millions of times
  const auto number = [](auto n) { return std::to_string(static_cast<unsigned>(n)); };
  if (insn.length != z.length) {
    why = "length " + number(insn.length) + ", Zydis " + number(z.length);
  } else if (insn.flow != flow_of(z, p)) {
    why = "flow " + number(insn.flow) + ", Zydis " + number(flow_of(z, p));
  } else {
    const bool has_modrm = (z.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
    const bool mov_control = z.opcode_map == ZYDIS_OPCODE_MAP_0F && (z.opcode & 0xFC) == 0x20;
    const bool legacy =
        z.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY || z.encoding == ZYDIS_INSTRUCTION_ENCODING_3DNOW;
    const int rip_at =
        has_modrm && !mov_control && z.raw.modrm.mod == 0 && z.raw.modrm.rm == 5 ? z.raw.disp.offset : 0;
    if (insn.disp_at != rip_at) why += "disp_at " + number(insn.disp_at) + ", Zydis " + number(rip_at);
    if (((insn.flags & kHasModrm) != 0) != has_modrm) why += "ModRM";
    if (has_modrm && insn.modrm_at != z.raw.modrm.offset) why += "modrm_at " + number(insn.modrm_at);
    const bool moffs = z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (z.opcode & 0xFC) == 0xA0;
    const int imm_at = moffs ? z.raw.disp.offset : z.raw.imm[0].offset;
    const int imm_size = (moffs ? z.raw.disp.size : z.raw.imm[0].size + z.raw.imm[1].size) / 8;
    const bool hidden_opcode = z.encoding == ZYDIS_INSTRUCTION_ENCODING_3DNOW;  // what we call its immediate
    if (!hidden_opcode && (insn.imm_at != imm_at || insn.imm_size != imm_size)) {
      why += "imm " + number(insn.imm_at) + "+" + number(insn.imm_size) + ", Zydis " + number(imm_at) + "+" +
             number(imm_size);
    }
    if (insn.opcode != z.opcode && !hidden_opcode) why += "opcode";
    if (has_modrm && insn.modrm != p[z.raw.modrm.offset]) why += "modrm byte";
    const bool rex_counts = (z.attributes & ZYDIS_ATTRIB_HAS_REX) != 0;
    if (legacy && rex_counts && insn.rex != p[z.raw.rex.offset]) why += "rex";
    if (legacy && !rex_counts && insn.rex != 0) why += "rex";
    const bool vsib = z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
                      z.opcode_map == ZYDIS_OPCODE_MAP_0F38 &&
                      ((z.opcode >= 0x90 && z.opcode <= 0x93) || (z.opcode >= 0xA0 && z.opcode <= 0xA3) ||
                       z.opcode == 0x4B || z.opcode == 0xC6 || z.opcode == 0xC7);
    const bool absolute = has_modrm && !mov_control && !vsib && z.raw.modrm.mod == 0 && z.raw.modrm.rm == 4 &&
                          z.raw.sib.base == 5 && z.raw.sib.index == 4 && (insn.rex & 2) == 0;
    if (((insn.flags & kAbsoluteDisp) != 0) != absolute) why += "absolute";
    constexpr uint64_t kAddress = 0xFFFFFFFFFFFFFFF0;  // so that targets wrap
    if (rip_at != 0) {
      uint64_t target = kAddress + z.length + static_cast<uint64_t>(z.raw.disp.value);
      if (z.address_width == 32) target &= 0xFFFFFFFF;
      if (rip_target(insn, p, kAddress) != target) why += "rip_target";
    }
    if (insn.flow == Flow::Branch || insn.flow == Flow::Call || insn.flow == Flow::Jump) {
      if (branch_target(insn, p, kAddress) != kAddress + z.length + z.raw.imm[0].value.u)
        why += "branch_target";
    }
  }
  if (why.empty()) return {};
  return why + " in " + hex(p, 15) + " (" + ZydisMnemonicGetString(z.mnemonic) + ")";
}

// Zydis knows the encodings of Knights Corner, a coprocessor that runs no Linux program of ours; we do not.
bool knights_corner(const ZydisDecodedInstruction& z) {
  switch (z.meta.isa_set) {
    case ZYDIS_ISA_SET_KNCE:
    case ZYDIS_ISA_SET_KNCJKBR:
    case ZYDIS_ISA_SET_KNCSTREAM:
    case ZYDIS_ISA_SET_KNCV:
    case ZYDIS_ISA_SET_KNC_MISC:
    case ZYDIS_ISA_SET_KNC_PF_HINT: return true;
    default: return false;
  }
}

// Why we take bytes Zydis does not: the classes of a rule we do not check. "" is none: a defect.
std::string excuse(const Oracle& oracle, const Insn& insn, ZyanStatus status, const uint8_t* p);

struct Tally {
  std::map<std::string, std::pair<size_t, std::string>> differences, excuses;
  size_t accepted = 0, tried = 0;
  void add(std::map<std::string, std::pair<size_t, std::string>>& to, const std::string& what,
           const std::string& example) {
    auto& entry = to[what];
    if (entry.first++ == 0) entry.second = example;
  }
};

// One comparison at p, of which n bytes are there; returns the length Zydis sees.
size_t compare(const Oracle& oracle, const uint8_t* p, size_t n, Tally& tally) {
  ZydisDecodedInstruction z;
  const ZyanStatus status = oracle.decode(p, n, &z);
  const Insn insn = arch::decode(p, p + n);
  ++tally.tried;
  if (ZYAN_SUCCESS(status)) {
    ++tally.accepted;
    if (knights_corner(z)) return z.length;
    uint8_t padded[16] = {};
    std::memcpy(padded, p, std::min<size_t>(n, 15));
    const std::string why = differs(insn, z, padded);
    if (!why.empty())
      tally.add(tally.differences,
                std::string(ZydisMnemonicGetString(z.mnemonic)) + (insn.length ? "" : " rejected"), why);
    return z.length;
  }
  if (insn.length != 0) {
    const std::string why = excuse(oracle, insn, status, p);
    std::ostringstream example;
    example << hex(p, insn.length) << " status " << std::hex << status;
    if (why.empty()) {
      std::ostringstream key;
      key << "accepted alone: map " << std::hex << int{insn.map} << " opcode " << int{insn.opcode};
      tally.add(tally.differences, key.str(), example.str());
    } else {
      tally.add(tally.excuses, why, example.str());
    }
  }
  return 0;
}

void report(const Tally& tally) {
  for (const auto& [what, entry] : tally.differences) {
    ADD_FAILURE() << what << ": " << entry.first << " times, as " << entry.second;
  }
  for (const auto& [what, entry] : tally.excuses) {
    std::printf("  tolerated: %s: %zu times, as %s\n", what.c_str(), entry.first, entry.second.c_str());
  }
}

// The same opcode, prefix and ModRM.reg with other W, L, vvvv, mask, broadcast or high register bits, or the
// same opcode and prefix in memory or register form: does Zydis take one of these?
bool vector_operand_rule(const Oracle& oracle, const Insn& insn, const uint8_t* p) {
  const unsigned kind = insn.map & 0xF0;
  if (kind == 0 || (insn.flags & kHasModrm) == 0) return false;
  const unsigned pp = (kind == kMapEvex ? p[insn.modrm_at - 3] : p[insn.modrm_at - 2]) & 3;
  const unsigned map = insn.map & 0xFU;
  Bytes tails[5] = {Bytes(p + insn.modrm_at, p + insn.length),
                    {static_cast<uint8_t>((insn.modrm & 0x38) | 1)},
                    {1},
                    {0xC0},
                    {0xCB}};
  for (int i = 1; i < 5; ++i) tails[i].resize(1U + insn.imm_size);
  for (unsigned bits = 0; bits < 64; ++bits) {
    const unsigned w = bits & 1, l = (bits >> 1) & 3, vvvv = (bits & 8) != 0 ? 0xF : 5, b = (bits >> 4) & 1,
                   mask = (bits >> 5) & 1;
    const auto last = static_cast<uint8_t>(w << 7 | vvvv << 3 | (kind == kMapEvex ? 4 : (l & 1) << 2) | pp);
    for (const Bytes& tail : tails) {
      Bytes other = {kind == kMapXop ? uint8_t{0x8F} : uint8_t{0xC4}, static_cast<uint8_t>(0xE0 | map), last};
      if (kind == kMapEvex) {
        other = {0x62, static_cast<uint8_t>(0xF0 | map), last,
                 static_cast<uint8_t>(l << 5 | b << 4 | 8 | mask)};
      }
      other.push_back(insn.opcode);
      other.insert(other.end(), tail.begin(), tail.end());
      if (oracle.length(other.data(), other.size()) == other.size()) return true;
    }
  }
  return false;
}

// Defined after Zydis 4.0 was.
bool newer_than_oracle(const Insn& insn) {
  const auto between = [&](unsigned map, unsigned first, unsigned last) {
    return insn.map == map && insn.opcode >= first && insn.opcode <= last;
  };
  if (insn.map == 1 && insn.opcode == 0 && (insn.modrm & 0x38) == 0x30) return true;  // LKGS
  if (insn.map == 1 && insn.opcode == 1)
    return insn.modrm == 0xC6 || insn.modrm == 0xCA;                // WRMSRNS, MSRLIST, ERETU, ERETS
  return between(2, 0xF8, 0xF8) || between(2, 0xFC, 0xFC) ||        // URDMSR, UWRMSR; RAO-INT
         between(0x12, 0x50, 0x51) || between(0x12, 0x5C, 0x5C) ||  // AVX-VNNI-INT8, AMX-FP16
         between(0x12, 0x6C, 0x6C) || between(0x12, 0x72, 0x72) ||  // AMX-COMPLEX, AVX-NE-CONVERT
         between(0x12, 0xB0, 0xB1) || between(0x12, 0xB4, 0xB5) ||  // AVX-NE-CONVERT, AVX-IFMA
         between(0x12, 0xCB, 0xCD) || between(0x12, 0xD2, 0xD3) ||  // SHA512, AVX-VNNI-INT16
         between(0x12, 0xDA, 0xDA) || between(0x12, 0xE0, 0xEF) ||  // SM3, SM4, CMPccXADD
         between(0x13, 0xDE, 0xDE);                                 // SM3
}

// Rules on operands and on VEX, EVEX and XOP payload bits are left unchecked on purpose: such bytes fault
// when run, no compiler emits them, and they have no other length.
std::string excuse(const Oracle& oracle, const Insn& insn, ZyanStatus status, const uint8_t* p) {
  switch (status) {
    case ZYDIS_STATUS_BAD_REGISTER: return "a register that does not exist";
    case ZYDIS_STATUS_INVALID_MASK: return "EVEX mask register k0 where a mask is a must";
    case ZYDIS_STATUS_MALFORMED_EVEX: return "EVEX zeroing, rounding or high register bits";
    default: break;
  }
  if (newer_than_oracle(insn)) return "newer than Zydis 4.0";
  if (vector_operand_rule(oracle, insn, p))
    return "W, L, vvvv, mask, broadcast or form of a VEX, EVEX or XOP instruction";
  return "";
}

// --- the code of real programs

Bytes read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

// The executable sections of a 64-bit ELF file.
std::vector<Bytes> code_of(const char* path) {
  const Bytes file = read_file(path);
  std::vector<Bytes> code;
  Elf64_Ehdr header;
  if (file.size() < sizeof header) return code;
  std::memcpy(&header, file.data(), sizeof header);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    const size_t at = header.e_shoff + size_t{i} * sizeof section;
    if (at + sizeof section > file.size()) break;
    std::memcpy(&section, file.data() + at, sizeof section);
    if (section.sh_type != SHT_PROGBITS || (section.sh_flags & SHF_EXECINSTR) == 0) continue;
    if (section.sh_offset > file.size() || section.sh_size > file.size() - section.sh_offset) continue;
    const auto first = file.begin() + static_cast<std::ptrdiff_t>(section.sh_offset);
    code.emplace_back(first, first + static_cast<std::ptrdiff_t>(section.sh_size));
  }
  return code;
}

class RealCode : public testing::TestWithParam<const char*> {};

TEST_P(RealCode, IsDecodedAsByZydis) {
  const std::vector<Bytes> code = code_of(GetParam());
  if (code.empty()) GTEST_SKIP() << GetParam() << " is not here";
  const Oracle oracle;
  Tally tally;
  size_t total = 0;
  for (const Bytes& section : code) {
    total += section.size();
    for (size_t at = 0; at < section.size();) {
      const size_t length = compare(oracle, section.data() + at, section.size() - at, tally);
      at += length != 0 ? length : 1;
    }
  }
  std::printf("  %s: %zu bytes of code, %zu instructions, %zu places that are none\n", GetParam(), total,
              tally.accepted, tally.tried - tally.accepted);
  report(tally);
}

INSTANTIATE_TEST_SUITE_P(, RealCode,
                         testing::Values("/usr/local/bin/docker", "/usr/bin/docker", "/usr/bin/kubectl",
                                         "/usr/bin/python3", "/bin/bash", "/lib/x86_64-linux-gnu/libc.so.6",
                                         "/lib/x86_64-linux-gnu/libm.so.6",
                                         "/lib/x86_64-linux-gnu/libcrypto.so.3"));

// --- made-up code

uint8_t byte(std::mt19937_64& random) {
  return static_cast<uint8_t>(random());
}

constexpr uint8_t kPrefixes[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x66,
                                 0x67, 0xF0, 0xF2, 0xF3, 0x40, 0x48, 0x4F, 0x44};

TEST(MadeUpCode, RandomBytes) {
  const Oracle oracle;
  Tally tally;
  std::mt19937_64 random(1);
  std::array<uint8_t, 40> b;
  for (int i = 0; i < 1'000'000; ++i) {
    for (uint8_t& x : b) x = byte(random);
    compare(oracle, b.data(), b.size(), tally);
  }
  report(tally);
}

TEST(MadeUpCode, RandomPrefixesAndEscapes) {
  constexpr uint8_t kEscapes[][2] = {{0x0F, 0}, {0x0F, 0x38}, {0x0F, 0x3A}, {0xC5, 0},
                                     {0xC4, 0}, {0x62, 0},    {0x8F, 0},    {0, 0}};
  const Oracle oracle;
  Tally tally;
  std::mt19937_64 random(2);
  for (int i = 0; i < 1'500'000; ++i) {
    std::array<uint8_t, 40> b;
    for (uint8_t& x : b) x = byte(random);
    size_t at = 0;
    const unsigned kind = random() % 16;
    const unsigned prefixes = kind == 0 ? random() % 15 : kind < 6 ? random() % 3 : 0;
    for (unsigned k = 0; k < prefixes; ++k) b[at++] = kPrefixes[random() % sizeof kPrefixes];
    const auto& escape = kEscapes[random() % 8];
    if (escape[0] != 0) b[at++] = escape[0];
    if (escape[1] != 0) b[at++] = escape[1];
    // Payloads of VEX, EVEX and XOP in range more often than chance has it.
    if (escape[0] == 0xC4) b[at] = static_cast<uint8_t>((b[at] & 0xE0) | (1 + random() % 3));
    if (escape[0] == 0x8F) b[at] = static_cast<uint8_t>((b[at] & 0xE0) | (8 + random() % 3));
    if (escape[0] == 0x62) b[at] = static_cast<uint8_t>(b[at] & 0xF7), b[at + 1] |= 4;
    const size_t available = random() % 4 != 0 ? b.size() : 1 + random() % 20;  // truncated as well
    compare(oracle, b.data(), available, tally);
  }
  report(tally);
}

// Every opcode of every map, every mandatory prefix, every ModRM.
TEST(MadeUpCode, AllOpcodes) {
  const Oracle oracle;
  Tally tally;
  constexpr uint8_t kMandatory[] = {0, 0x66, 0xF3, 0xF2};
  std::vector<Bytes> leads;
  for (const uint8_t mandatory : kMandatory) {
    for (const uint8_t rex : {0, 0x48}) {
      for (const Bytes& escape : {Bytes{}, Bytes{0x0F}, Bytes{0x0F, 0x38}, Bytes{0x0F, 0x3A}}) {
        Bytes lead;
        if (mandatory != 0) lead.push_back(mandatory);
        if (rex != 0) lead.push_back(rex);
        lead.insert(lead.end(), escape.begin(), escape.end());
        leads.push_back(lead);
      }
    }
  }
  for (int pp = 0; pp < 4; ++pp) {
    for (const int w_l : {0x78, 0xFC}) {  // W0 L0 and W1 L1, vvvv = 1111
      const auto last = static_cast<uint8_t>(w_l | pp);
      leads.push_back({0xC5, static_cast<uint8_t>(0x80 | last)});
      for (const uint8_t map : {1, 2, 3}) leads.push_back({0xC4, static_cast<uint8_t>(0xE0 | map), last});
      for (const uint8_t map : {8, 9, 10}) leads.push_back({0x8F, static_cast<uint8_t>(0xE0 | map), last});
      for (const uint8_t map : {1, 2, 3, 5, 6}) {
        leads.push_back({0x62, static_cast<uint8_t>(0xF0 | map), static_cast<uint8_t>(last | 4), 0x48});
      }
    }
  }
  for (const Bytes& lead : leads) {
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
      for (unsigned modrm = 0; modrm < 256; ++modrm) {
        std::array<uint8_t, 40> b{};
        std::copy(lead.begin(), lead.end(), b.begin());
        b[lead.size()] = static_cast<uint8_t>(opcode);
        b[lead.size() + 1] = static_cast<uint8_t>(modrm);
        b[lead.size() + 2] = static_cast<uint8_t>(modrm * 37);
        compare(oracle, b.data(), b.size(), tally);
      }
    }
  }
  report(tally);
}

// --- corners, by hand

struct Case {
  const char* what;
  Bytes bytes;
  int length;
  Flow flow = Flow::None;
};

TEST(Corners, LengthAndFlow) {
  const Case cases[] = {
      {"call rel32", {0xE8, 1, 0, 0, 0}, 5, Flow::Call},
      {"66 call: rel32 all the same", {0x66, 0xE8, 1, 0, 0, 0}, 6, Flow::Call},
      {"66 jz", {0x66, 0x0F, 0x84, 1, 0, 0, 0}, 7, Flow::Branch},
      {"jmp rel8", {0xEB, 0xFE}, 2, Flow::Jump},
      {"jrcxz", {0xE3, 0x10}, 2, Flow::Branch},
      {"xbegin", {0xC7, 0xF8, 0, 0, 0, 0}, 6, Flow::Branch},
      {"66 xbegin: rel16", {0x66, 0xC7, 0xF8, 0, 0}, 5, Flow::Branch},
      {"xabort", {0xC6, 0xF8, 1}, 3},
      {"C7 /7 is nothing else", {0xC7, 0xF9, 0, 0, 0, 0}, 0},
      {"ret imm16", {0xC2, 8, 0}, 3, Flow::Return},
      {"rep ret", {0xF3, 0xC3}, 2, Flow::Return},
      {"iretq", {0x48, 0xCF}, 2, Flow::Return},
      {"sysretq", {0x48, 0x0F, 0x07}, 3, Flow::Return},
      {"syscall", {0x0F, 0x05}, 2, Flow::Syscall},
      {"syscall with prefixes", {0x66, 0x48, 0x0F, 0x05}, 4, Flow::Syscall},
      {"sysenter", {0x0F, 0x34}, 2, Flow::Sysenter},
      {"int 80", {0xCD, 0x80}, 2, Flow::Int80},
      {"int 81", {0xCD, 0x81}, 2},
      {"int3", {0xCC}, 1, Flow::Trap},
      {"ud2", {0x0F, 0x0B}, 2, Flow::Trap},
      {"ud1", {0x0F, 0xB9, 0x40, 0}, 4, Flow::Trap},
      {"hlt", {0xF4}, 1, Flow::Trap},
      {"call *rax", {0xFF, 0xD0}, 2, Flow::IndirectCall},
      {"notrack jmp *rax", {0x3E, 0xFF, 0xE0}, 3, Flow::IndirectJump},
      {"far call through a register", {0xFF, 0xD8}, 0},
      {"call *%gs:0x10", {0x65, 0xFF, 0x14, 0x25, 0x10, 0, 0, 0}, 8, Flow::GsCall},
      {"call *%gs:0x18", {0x65, 0xFF, 0x14, 0x25, 0x18, 0, 0, 0}, 8, Flow::IndirectCall},
      {"call *%fs:0x10", {0x64, 0xFF, 0x14, 0x25, 0x10, 0, 0, 0}, 8, Flow::IndirectCall},
      {"gs, then fs", {0x65, 0x64, 0xFF, 0x14, 0x25, 0x10, 0, 0, 0}, 9, Flow::IndirectCall},
      {"endbr64", {0xF3, 0x0F, 0x1E, 0xFA}, 4},
      {"mov imm64", {0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8}, 10},
      {"mov imm16", {0x66, 0xB8, 1, 2}, 4},
      {"REX.W beats 66", {0x66, 0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8}, 11},
      {"REX before 66 is void", {0x48, 0x66, 0xB8, 1, 2}, 5},
      {"the last REX counts", {0x48, 0x40, 0xB8, 1, 2, 3, 4}, 7},
      {"REX.W and 66 with Iz", {0x66, 0x48, 0x81, 0xC0, 1, 2, 3, 4}, 8},
      {"moffs", {0xA1, 1, 2, 3, 4, 5, 6, 7, 8}, 9},
      {"moffs32", {0x67, 0xA1, 1, 2, 3, 4}, 6},
      {"enter", {0xC8, 1, 2, 3}, 4},
      {"test imm", {0xF7, 0xC0, 1, 2, 3, 4}, 6},
      {"test imm, its alias", {0xF6, 0xC8, 1}, 3},
      {"test imm16", {0x66, 0xF7, 0xC0, 1, 2}, 5},
      {"neg", {0xF7, 0xD8}, 2},
      {"mov cr0 ignores mod", {0x0F, 0x20, 0x04}, 3},
      {"3dnow", {0x0F, 0x0F, 0xC1, 0x9E}, 4},
      {"3dnow, no such opcode", {0x0F, 0x0F, 0xC1, 0x00}, 0},
      {"extrq", {0x66, 0x0F, 0x78, 0xC0, 1, 2}, 6},
      {"vzeroupper", {0xC5, 0xF8, 0x77}, 3},
      {"66 before VEX", {0x66, 0xC5, 0xF8, 0x77}, 0},
      {"REX before VEX", {0x48, 0xC5, 0xF8, 0x77}, 0},
      {"EVEX", {0x62, 0xF1, 0x7C, 0x48, 0x10, 0x44, 0x24, 0x01}, 8},
      {"XOP imm32", {0x8F, 0xEA, 0x78, 0x10, 0xC0, 1, 2, 3, 4}, 9},
      {"pop, not XOP", {0x8F, 0xC0}, 2},
      {"lock add", {0xF0, 0x01, 0x07}, 3},
      {"lock add to a register", {0xF0, 0x01, 0xC7}, 0},
      {"lea of a register", {0x8D, 0xC0}, 0},
      {"REX2 (APX)", {0xD5, 0x00, 0x90}, 0},
      {"15 bytes",
       {0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x90},
       15},
      {"16 bytes",
       {0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x90},
       0},
  };
  for (const Case& c : cases) {
    Bytes padded = c.bytes;
    padded.resize(48, 0x90);
    for (const Insn& insn : {decode(c.bytes), decode(padded)}) {
      EXPECT_EQ(int{insn.length}, c.length) << c.what;
      EXPECT_EQ(int(insn.flow), int(c.flow)) << c.what;
    }
  }
}

TEST(Corners, UndefinedIn64BitMode) {
  for (const uint8_t opcode : {0x06, 0x07, 0x0E, 0x16, 0x17, 0x1E, 0x1F, 0x27, 0x2F, 0x37,
                               0x3F, 0x60, 0x61, 0x82, 0x9A, 0xCE, 0xD4, 0xD5, 0xD6, 0xEA}) {
    EXPECT_EQ(decode(Bytes{static_cast<uint8_t>(opcode), 0, 0, 0, 0, 0, 0, 0, 0, 0}).length, 0)
        << int{opcode};
  }
}

TEST(Corners, Targets) {
  const Bytes call = {0xE8, 0xFB, 0xFF, 0xFF, 0xFF};
  EXPECT_EQ(branch_target(decode(call), call.data(), 0x1000), 0x1000U);
  EXPECT_EQ(branch_target(decode(call), call.data(), UINT64_MAX - 1), UINT64_MAX - 1);
  const Bytes lea = {0x48, 0x8D, 0x05, 0x10, 0, 0, 0};
  EXPECT_EQ(decode(lea).disp_at, 3);
  EXPECT_EQ(rip_target(decode(lea), lea.data(), 0x1000), 0x1017U);
  EXPECT_EQ(rip_target(decode(lea), lea.data(), UINT64_MAX), 0x16U);
  const Bytes eip = {0x67, 0x48, 0x8D, 0x05, 0xF8, 0xFF, 0xFF, 0xFF};
  EXPECT_EQ(rip_target(decode(eip), eip.data(), 0x1'0000'1000), 0x1000U);
  EXPECT_EQ(branch_target(Insn{}, lea.data(), 5), 0U);
  EXPECT_EQ(rip_target(Insn{}, lea.data(), 5), 0U);
}

TEST(Corners, AbsoluteAddress) {
  const Bytes absolute = {0x8B, 0x04, 0x25, 1, 2, 3, 4}, indexed = {0x42, 0x8B, 0x04, 0x25, 1, 2, 3, 4};
  EXPECT_TRUE(decode(absolute).flags & kAbsoluteDisp);
  EXPECT_EQ(decode(absolute).modrm_at, 1);
  EXPECT_FALSE(decode(indexed).flags & kAbsoluteDisp);  // REX.X: r12 is the index
}

// Code that ends where a page that cannot be read begins; and what a longer buffer says must hold for every
// shorter one that holds the whole instruction.
TEST(Corners, NeverReadsPastTheEnd) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  uint8_t* const end = static_cast<uint8_t*>(pages) + page;
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  std::mt19937_64 random(3);
  for (int i = 0; i < 50'000; ++i) {
    uint8_t b[64];
    for (uint8_t& x : b) x = random() % 4 == 0 ? kPrefixes[random() % sizeof kPrefixes] : byte(random);
    const Insn whole = arch::decode(b, b + sizeof b);
    for (size_t n = 0; n <= 40; ++n) {
      std::memcpy(end - n, b, n);
      const Insn part = arch::decode(end - n, end);
      const Insn expected = whole.length <= n ? whole : Insn{};
      ASSERT_EQ(std::memcmp(&part, &expected, sizeof part), 0) << hex(b, n);
    }
  }
  EXPECT_EQ(arch::decode(end, end).length, 0);
  munmap(pages, 2 * page);
}

// Bytes behind the end that may be read change nothing.
TEST(Corners, WhatStandsBehindTheEndDoesNotMatter) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 50'000; ++i) {
    uint8_t b[96];
    for (uint8_t& x : b) x = random() % 4 == 0 ? kPrefixes[random() % sizeof kPrefixes] : byte(random);
    for (size_t n = 0; n <= 40; ++n) {
      const Insn alone = arch::decode(b, b + n);
      for (const size_t readable : {n, n + 7, size_t{47}, sizeof b}) {
        const Insn beside = arch::decode(b, b + n, b + std::max(n, readable));
        ASSERT_EQ(std::memcmp(&alone, &beside, sizeof alone), 0) << hex(b, n) << " of " << readable;
      }
    }
  }
}

}  // namespace
}  // namespace stile::arch
