// SPDX-License-Identifier: Apache-2.0
//
// The opcodes whose shape or validity hangs on more than opcode, mandatory prefix and ModRM.reg: groups that
// differ between memory and register form, opcodes hidden in ModRM bytes, x87, 3DNow!. Intel SDM vol. 2,
// tables.
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "arch/x86_64_attributes.h"

namespace stile::arch::x86_64 {
namespace {

constexpr uint8_t bits(std::initializer_list<int> values) {
  unsigned mask = 0;
  for (int v : values) mask |= 1U << v;
  return static_cast<uint8_t>(mask);
}

bool in(uint64_t mask, unsigned bit) {
  return ((mask >> bit) & 1U) != 0;
}

// Defined ModRM.reg values of a group, for each mandatory prefix (none, 66, F3, F2), in memory and in
// register form.
struct Group {
  uint8_t memory[4], reg[4];
};
bool in_group(const Group& group, const Draft& d) {
  const bool is_register = d.modrm >= 0xC0;
  return in(is_register ? group.reg[d.pp] : group.memory[d.pp], (d.modrm >> 3) & 7);
}

constexpr uint8_t kTo5 = bits({0, 1, 2, 3, 4, 5});
constexpr Group kGroup6 = {{kTo5, kTo5, kTo5, kTo5 | bits({6})},
                           {kTo5, kTo5, kTo5, kTo5 | bits({6})}};  // F2 /6: LKGS
constexpr uint8_t kDescriptor = bits({0, 1, 2, 3, 4, 6, 7});
constexpr Group kGroup7 = {{kDescriptor, kDescriptor, kDescriptor | bits({5}), kDescriptor},
                           {}};  // F3 /5: RSTORSSP
constexpr Group kGroup9 = {{bits({1, 3, 4, 5, 6, 7}), bits({1, 6}), bits({1, 6}), bits({1})},
                           {bits({6, 7}), bits({6, 7}), bits({6, 7}), 0}};
constexpr Group kGroup14 = {{}, {bits({2, 6}), bits({2, 3, 6, 7}), 0, 0}};
constexpr Group kGroup15 = {{0xFF, bits({6, 7}), bits({4, 6}), 0},
                            {bits({5, 6, 7}), bits({6}), bits({0, 1, 2, 3, 4, 5, 6}), bits({6})}};

// 0F 01 with mod = 3: defined values of ModRM & 3F, one mask for each mandatory prefix.
constexpr uint64_t kGroup7Always = 0xFFULL << 0x18     // D8-DF VMRUN .. INVLPGA (SVM)
                                   | 0xFFULL << 0x20   // E0-E7 SMSW
                                   | 0xFFULL << 0x30   // F0-F7 LMSW
                                   | 0x33ULL << 0x38;  // F8 SWAPGS, F9 RDTSCP, FC CLZERO, FD RDPRU
constexpr uint64_t kGroup7Register[4] = {
    kGroup7Always | 0x7FULL << 0x00   // C0-C6 ENCLV VMCALL VMLAUNCH VMRESUME VMXOFF PCONFIG WRMSRNS
        | 0x0FULL << 0x08             // C8-CB MONITOR MWAIT CLAC STAC
        | 0x01ULL << 0x0F             // CF ENCLS
        | 0xF3ULL << 0x10             // D0 XGETBV, D1 XSETBV, D4-D7 VMFUNC XEND XTEST ENCLU
        | 0xC1ULL << 0x28             // E8 SERIALIZE, EE RDPKRU, EF WRPKRU
        | 0xCCULL << 0x38,            // FA MONITORX, FB MWAITX, FE, FF (INVLPGB, TLBSYNC)
    kGroup7Always | 0x0FULL << 0x0C,  // CC-CF TDCALL SEAMRET SEAMOPS SEAMCALL
    kGroup7Always | 0x01ULL << 0x06   // C6 WRMSRLIST
        | 0x01ULL << 0x0A             // CA ERETU
        | 0xF5ULL << 0x28             // E8 SETSSBSY, EA SAVEPREVSSP, EC-EF UIRET TESTUI CLUI STUI
        | 0xC4ULL << 0x38,            // FA MCOMMIT, FE RMPADJUST, FF PSMASH
    kGroup7Always | 0x01ULL << 0x06   // C6 RDMSRLIST
        | 0x01ULL << 0x0A             // CA ERETS
        | 0x03ULL << 0x28             // E8 XSUSLDTRK, E9 XRESLDTRK
        | 0xC0ULL << 0x38,            // FE RMPUPDATE, FF PVALIDATE
};

// x87 (SDM vol. 2, A.5): defined ModRM.reg values of D8 .. DF with memory, defined values of ModRM & 3F with
// mod = 3.
constexpr uint8_t kX87Memory[8] = {0xFF, 0xFD, 0xFF, 0xAF, 0xFF, 0xDF, 0xFF, 0xFF};
constexpr uint64_t kX87Register[8] = {
    0xFFFFFFFFFFFFFFFF,  // D8 FADD FMUL FCOM FCOMP FSUB FSUBR FDIV FDIVR
    0xFFFF7F33FF01FFFF,  // D9 FLD FXCH, D0 FNOP, D8-DF FSTPNCE, E0 E1 E4 E5, E8-EE constants, F0-FF
    0x00000200FFFFFFFF,  // DA FCMOVcc, E9 FUCOMPP
    0x00FFFF1FFFFFFFFF,  // DB FCMOVNcc, E0-E4 FNCLEX FNINIT.., FUCOMI, FCOMI
    0xFFFFFFFFFFFFFFFF,  // DC
    0x0000FFFFFFFFFFFF,  // DD FFREE FXCH FST FSTP FUCOM FUCOMP
    0xFFFFFFFF02FFFFFF,  // DE FADDP FMULP FCOMP, D9 FCOMPP, FSUBRP ..
    0x00FFFF01FFFFFFFF,  // DF FFREEP FXCH FSTP FSTP, E0 FNSTSW, FUCOMIP, FCOMIP
};

// VIA PadLock: ModRM is C0, C8, .. ; which, by prefix.
constexpr Group kPadlockA6 = {{}, {0, 0, bits({0, 1, 2}), 0}};
constexpr Group kPadlockA7 = {{}, {bits({0}), bits({0}), bits({0, 1, 2, 3, 4, 5}), 0}};

// 3DNow! opcodes (APM vol. 3, table A-13), by the value of the immediate.
constexpr uint8_t k3DNow[] = {0x0C, 0x0D, 0x1C, 0x1D, 0x8A, 0x8E, 0x90, 0x94, 0x96, 0x97, 0x9A, 0x9E,
                              0xA0, 0xA4, 0xA6, 0xA7, 0xAA, 0xAE, 0xB0, 0xB4, 0xB6, 0xB7, 0xBB, 0xBF};

void drop_memory(Draft& d) {
  d.imm_at = static_cast<uint8_t>(d.modrm_at + 1);
  d.disp_at = 0;
  d.flags &= static_cast<uint16_t>(~kAbsoluteDisp);
}

bool settle_one_byte(Draft& d) {
  const unsigned reg = (d.modrm >> 3) & 7;
  switch (d.opcode) {
    case 0xC6:  // XABORT is C6 F8 alone
      return reg == 0 || d.modrm == 0xF8;
    case 0xCD:
      if (d.bytes[d.imm_at] == 0x80) d.flow = Flow::Int80;
      return true;
    case 0xF6:
    case 0xF7:  // only TEST, /0 and its alias /1, has an immediate
      if (reg <= 1) {
        const bool word = (d.flags & kPrefix66) != 0 && (d.rex & 8) == 0;
        d.imm_size = static_cast<uint8_t>(d.opcode == 0xF6 ? 1 : word ? 2 : 4);
      }
      return true;
    case 0xFF: {
      if ((reg == 3 || reg == 5) && d.modrm >= 0xC0) return false;  // far pointers stand in memory
      if (reg == 4 || reg == 5) d.flow = Flow::IndirectJump;
      if (reg == 2 || reg == 3) d.flow = Flow::IndirectCall;
      constexpr uint8_t kSixteen[4] = {0x10, 0, 0, 0};
      if (reg == 2 && (d.flags & kPrefixGs) != 0 && (d.flags & kAbsoluteDisp) != 0 &&
          std::memcmp(d.bytes + d.modrm_at + 2, kSixteen, sizeof kSixteen) == 0) {
        d.flow = Flow::GsCall;
      }
      return true;
    }
    default:  // D8 .. DF
      return d.modrm >= 0xC0 ? in(kX87Register[d.opcode & 7], d.modrm & 0x3F)
                             : in(kX87Memory[d.opcode & 7], reg);
  }
}

bool settle_two_byte(Draft& d) {
  const bool is_register = d.modrm >= 0xC0;
  switch (d.opcode) {
    case 0x00: return in_group(kGroup6, d);
    case 0x01:
      if (!is_register) return in_group(kGroup7, d);
      if ((d.pp == 2 && (d.modrm == 0xEC || d.modrm == 0xCA)) || (d.pp == 3 && d.modrm == 0xCA))
        d.flow = Flow::Return;
      return in(kGroup7Register[d.pp], d.modrm & 0x3F);
    case 0x0F: return std::memchr(k3DNow, d.bytes[d.imm_at], sizeof k3DNow) != nullptr;
    case 0x12:
    case 0x16: return !(d.pp == 1 && is_register);
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23: drop_memory(d); return true;
    case 0x73: return in_group(kGroup14, d);
    case 0x78:
      if (d.pp == 0) return true;
      d.imm_size = 2;
      return is_register && (d.pp == 3 || (d.modrm & 0x38) == 0);
    case 0x79: return d.pp == 0 || is_register;
    case 0xA6: return (d.modrm & 7) == 0 && in_group(kPadlockA6, d);
    case 0xA7: return (d.modrm & 7) == 0 && in_group(kPadlockA7, d);
    case 0xAE: return in_group(kGroup15, d);
    case 0xC7: return in_group(kGroup9, d);
    case 0xD6: return d.pp == 1 || is_register;
    default: return false;
  }
}

bool settle_three_byte(Draft& d) {
  const bool is_register = d.modrm >= 0xC0;
  if (d.map == 3) return d.modrm == 0xC0;  // HRESET
  switch (d.opcode) {
    case 0xDD:
    case 0xDE:
    case 0xDF: return d.pp == 1 || !is_register;
    case 0xF0:
    case 0xF1: return d.pp == 3 || !is_register;
    case 0xF6: return d.pp != 0 || !is_register;
    case 0xF8: return d.pp >= 2 || !is_register;
    default: return false;
  }
}

}  // namespace

bool settle_special(Draft& d) noexcept {
  if (d.map == 0) return settle_one_byte(d);
  if (d.map == 1) return settle_two_byte(d);
  return settle_three_byte(d);
}

bool may_lock(const Draft& d) noexcept {
  const unsigned reg = (d.modrm >> 3) & 7;
  if ((d.flags & kHasModrm) == 0 || d.modrm >= 0xC0) return false;  // the destination must be memory
  if (d.map == 0) {
    if (d.opcode < 0x38) return (d.opcode & 7) <= 1;  // ADD OR ADC SBB AND SUB XOR to memory
    switch (d.opcode) {
      case 0x80:
      case 0x81:
      case 0x83: return reg != 7;  // all of group 1 but CMP
      case 0x86:
      case 0x87: return true;  // XCHG
      case 0xF6:
      case 0xF7: return reg == 2 || reg == 3;  // NOT, NEG
      case 0xFE:
      case 0xFF: return reg <= 1;  // INC, DEC
      default: return false;
    }
  }
  if (d.map != 1) return false;
  switch (d.opcode) {
    case 0xAB:
    case 0xB3:
    case 0xBB: return true;      // BTS BTR BTC
    case 0xBA: return reg >= 5;  // the same with an immediate
    case 0xB0:
    case 0xB1:
    case 0xC0:
    case 0xC1: return true;      // CMPXCHG, XADD
    case 0xC7: return reg == 1;  // CMPXCHG8B, CMPXCHG16B
    default: return false;
  }
}

}  // namespace stile::arch::x86_64
