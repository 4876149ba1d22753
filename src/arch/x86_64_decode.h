// SPDX-License-Identifier: Apache-2.0
//
// The shape of one x86-64 instruction: its length, what it does to control flow, and where the bytes stand
// that may hold an address. Nothing else, so a whole text section can be walked at memory speed; who needs
// operands decodes that one instruction again with a full decoder.
//
// 64-bit mode only. Encoding: Intel SDM vol. 2, sections 2.1 (legacy), 2.2 (REX), 2.3 (VEX), 2.7 (EVEX) and
// the opcode maps in appendix A; AMD APM vol. 3 for 3DNow!, XOP, FMA4, TBM and SSE4a; AMD and Intel differ on
// 66 + near branch, Intel's reading (the prefix is ignored) holds here, as no compiler emits the other.
//
// Not decoded, so length 0: APX (REX2 = D5, EVEX map 4 and its repurposed payload bits), VEX map 7, MVEX and
// the other encodings only Knights Corner had.
#pragma once

#include <cstdint>
#include <type_traits>

namespace stile::arch {

enum class Flow : uint8_t {
  None,          // falls through to the next instruction (so do INT n but 80, INT1, and all not named below)
  Call,          // E8
  Jump,          // E9, EB
  Branch,        // 70-7F, 0F 80-8F, E0-E3 (LOOPcc, JRCXZ), XBEGIN: two successors
  Return,        // C2 C3 CA CB, IRET, SYSRET, SYSEXIT, UIRET, ERETU, ERETS, RSM
  IndirectCall,  // FF /2, /3
  IndirectJump,  // FF /4, /5
  Syscall,       // 0F 05
  Sysenter,      // 0F 34
  Int80,         // CD 80
  Trap,          // INT3, UD0, UD1, UD2, HLT
  GsCall,  // call *%gs:0x10, the vsyscall entry of a 32-bit thread control block: 65 FF 14 25 10 00 00 00
};

// Bits of Insn::flags.
enum InsnFlag : uint16_t {
  kHasModrm = 1 << 0,
  kAbsoluteDisp =
      1 << 1,  // memory operand is a bare disp32 (mod 0, SIB base 5, no index); it stands at modrm_at + 2
  kPrefix66 = 1 << 2,
  kPrefix67 = 1 << 3,
  kPrefixF3 = 1 << 4,  // of F2 and F3 the last one counts and is the only one reported
  kPrefixF2 = 1 << 5,
  kPrefixLock = 1 << 6,
  kPrefixFs = 1 << 7,  // of FS and GS the last one counts; the other segment prefixes mean nothing here
  kPrefixGs = 1 << 8,
};

// Insn::map: 0 one-byte opcodes, 1 = 0F, 2 = 0F 38, 3 = 0F 3A; else the map number of the prefix plus one of
// these. 3DNow! (0F 0F) is map 1, opcode 0F; its real opcode is its immediate.
inline constexpr uint8_t kMapVex = 0x10;   // 0x11 - 0x13
inline constexpr uint8_t kMapEvex = 0x20;  // 0x21 - 0x23, 0x25, 0x26
inline constexpr uint8_t kMapXop = 0x30;   // 0x38 - 0x3A

struct Insn {
  uint8_t length = 0;  // 1..15; 0: no valid instruction, or it does not end before `end`; then all else is 0
  Flow flow = Flow::None;
  uint8_t disp_at =
      0;  // offset of a RIP-relative disp32, 0: none. With 67 it is EIP-relative and reported all the same
  uint8_t imm_at =
      0;  // offset of the immediate, relative branch displacement or absolute (moffs) address, 0: none
  uint8_t imm_size = 0;  // its bytes: 1, 2, 4, 8; ENTER: 3 (imm16, imm8); EXTRQ and INSERTQ: 2 (two imm8)
  uint8_t map = 0;       // see above
  uint8_t opcode = 0;    // last opcode byte
  uint8_t modrm = 0;     // 0 if none
  uint8_t rex = 0;       // 0 if none; with VEX, EVEX and XOP the REX byte that says the same (0x40 | WRXB)
  uint8_t modrm_at = 0;  // offset of ModRM, 0: none
  uint16_t flags = 0;    // InsnFlag
  uint8_t unused[4] = {};
};
static_assert(sizeof(Insn) == 16 && std::is_trivially_copyable_v<Insn>);

// Decodes the instruction at `p`. Reads bytes in [p, end) alone; p >= end gives length 0. Never fails
// otherwise.
//
// What is accepted: every opcode, group member and mandatory prefix that some x86-64 processor has. Not
// checked: rules on single operands (REX.R naming CR9, VEX.vvvv, VEX.W, vector length, the memory or register
// form of VEX and EVEX instructions that share an opcode, EVEX rounding and masks, equal gather registers).
// Such bytes fault when run, and no processor gives them another length.
Insn decode(const uint8_t* p, const uint8_t* end) noexcept;

// The same, and faster near `end`, where bytes in [end, readable) may be read too. They do not change the result: what needs
// them does not end before `end`.
Insn decode(const uint8_t* p, const uint8_t* end, const uint8_t* readable) noexcept;

// Where a Call, Jump or Branch goes. `p`: the bytes `insn` was decoded from; `address`: their address. Wraps
// around modulo 2^64. Meaningless for instructions of another flow; 0 if there is no immediate.
uint64_t branch_target(const Insn& insn, const uint8_t* p, uint64_t address) noexcept;

// The address a RIP-relative operand names (disp_at != 0), modulo 2^64, or modulo 2^32 under a 67 prefix; 0
// if there is none.
uint64_t rip_target(const Insn& insn, const uint8_t* p, uint64_t address) noexcept;

// What assemblers put between functions: nop in all its lengths, and zeroes (add %al, (%rax)).
inline bool is_filler(const Insn& insn) noexcept {
  return (insn.map == 0 && insn.opcode == 0x90) || (insn.map == 1 && insn.opcode == 0x1f) ||
         (insn.map == 0 && insn.opcode == 0x00 && insn.modrm == 0x00);
}

// Whether control never goes on with the instruction behind this one. A call may return or not.
inline bool never_falls_through(const Insn& insn) noexcept {
  return insn.flow == Flow::Return || insn.flow == Flow::Jump || insn.flow == Flow::IndirectJump || insn.flow == Flow::Trap;
}

}  // namespace stile::arch
