// SPDX-License-Identifier: Apache-2.0
//
// What one opcode needs to be measured, in 32 bits, and the tables of them. Private to the x86-64 decoder.
// The rules behind the tables are in x86_64_opcodes.inc and x86_64_vector_opcodes.inc.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "arch/x86_64_decode.h"

namespace stile::arch::x86_64 {

using Attr = uint32_t;

// Which mandatory prefix the opcode takes: none, 66, F3, F2, in the order of VEX.pp. No bit at all: not an
// opcode.
constexpr Attr NP = 1 << 0;
constexpr Attr P66 = 1 << 1;
constexpr Attr PF3 = 1 << 2;
constexpr Attr PF2 = 1 << 3;
constexpr Attr PAny = NP | P66 | PF3 | PF2;  // the prefixes have other meanings or none

// The immediate. Its value is a row of kImmediateBytes.
constexpr unsigned kImmediateShift = 4;
constexpr Attr kImmediateMask = 7;
constexpr Attr Ib = 1 << kImmediateShift;   // one byte
constexpr Attr Iw = 2 << kImmediateShift;   // two
constexpr Attr Id = 3 << kImmediateShift;   // four, whatever the prefixes say (near branches, XOP map 10)
constexpr Attr Iz = 4 << kImmediateShift;   // four; two with 66
constexpr Attr Iv = 5 << kImmediateShift;   // four; two with 66; eight with REX.W (MOV r64, imm64)
constexpr Attr Io = 6 << kImmediateShift;   // eight; four with 67 (moffs)
constexpr Attr Iwb = 7 << kImmediateShift;  // three (ENTER)

constexpr unsigned kModrmBit = 7;
constexpr unsigned kMemoryOnlyBit = 8;
constexpr unsigned kRegisterOnlyBit = 9;
constexpr Attr M = 1 << kModrmBit;                    // has ModRM
constexpr Attr MemoryOnly = 1 << kMemoryOnlyBit;      // ModRM.mod = 3 is undefined
constexpr Attr RegisterOnly = 1 << kRegisterOnlyBit;  // ModRM.mod < 3 is undefined; only with M
constexpr Attr Special = 1 << 10;  // shape or validity depends on more than these bits: x86_64_special.cc
constexpr Attr Prefix = 1 << 11;   // a legacy or REX prefix
constexpr Attr Escape = 1 << 12;   // leads to another map: 0F 38, 0F 3A, VEX, EVEX, (may be) XOP
constexpr Attr Vsib = 1 << 13;     // a SIB byte is a must; its index is a vector register (or, AMX, a stride)
constexpr Attr Locked = 1 << 14;   // in no table: the instruction at hand has a LOCK prefix

constexpr Attr Mem = M | MemoryOnly;
constexpr Attr Reg = M | RegisterOnly;

constexpr unsigned kFlowShift = 16;
constexpr Attr flow(Flow f) {
  return static_cast<Attr>(f) << kFlowShift;
}
constexpr Flow flow_of(Attr a) {
  return static_cast<Flow>((a >> kFlowShift) & 0xF);
}

// Opcode groups: only these ModRM.reg values are defined. Kept inverted, so that 0 allows all.
constexpr unsigned kBadRegShift = 24;
template <typename... Regs>
constexpr Attr only(Regs... regs) {
  return (~((1U << regs) | ...) & 0xFFU) << kBadRegShift;
}

// All opcodes from first to last have these attributes. Within a map a later rule replaces an earlier one.
struct OpcodeRule {
  uint8_t first, last;
  Attr attr;
};

using OpcodeTable = std::array<Attr, 256>;

constexpr OpcodeTable make_table(std::span<const OpcodeRule> rules) {
  OpcodeTable table{};
  for (const OpcodeRule& rule : rules) {
    for (unsigned op = rule.first; op <= rule.last; ++op) table[op] = rule.attr;
  }
  return table;
}

#include "arch/x86_64_opcodes.inc"

constexpr OpcodeTable kOneByte = make_table(kOneByteRules);
constexpr OpcodeTable kTwoByte = make_table(kTwoByteRules);
constexpr OpcodeTable kThreeByte38 = make_table(kThreeByte38Rules);
constexpr OpcodeTable kThreeByte3A = make_table(kThreeByte3ARules);

// An instruction while it is measured; special cases may still change it.
struct Draft {
  const uint8_t* bytes;  // 32 may be read
  Attr attr;
  uint8_t map, opcode, modrm;
  uint8_t pp;  // mandatory prefix: 0 none, 1 = 66, 2 = F3, 3 = F2
  uint8_t rex;
  uint8_t modrm_at, disp_at;
  uint8_t imm_at, imm_size;
  uint16_t flags;
  Flow flow;
};

// How far the decoders read beyond the first byte: 14 prefixes, then one eight-byte load; the last immediate
// of the longest.
constexpr std::ptrdiff_t kLookahead = 32;
constexpr unsigned kMaxLength = 15;  // SDM vol. 2, 2.3.11

// Bytes p[0..7], the first one lowest.
inline uint64_t load_bytes(const uint8_t* p) {
  uint64_t v = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&v, p, sizeof v);
  } else {
    for (unsigned i = 0; i < 8; ++i) v |= static_cast<uint64_t>(p[i]) << (8 * i);
  }
  return v;
}

// x86_64_full.cc: any instruction, of which kLookahead bytes may be read.
Insn decode_full(const uint8_t* p) noexcept;
// x86_64_special.cc: settles opcodes marked Special. False: not an instruction.
bool settle_special(Draft& d) noexcept;
// May this instruction carry a LOCK prefix? (SDM vol. 2, LOCK)
bool may_lock(const Draft& d) noexcept;

}  // namespace stile::arch::x86_64
