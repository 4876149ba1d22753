// SPDX-License-Identifier: Apache-2.0
//
// The whole road: prefixes in any number and order, all maps, all checks. x86_64_decode.cc takes a short cut
// past it for what most code is made of, and must come to the same answers; the tests hold both to Zydis.
// Encoding: Intel SDM vol. 2, 2.1 to 2.3 and 2.7.
#include <array>
#include <cstdint>

#include "arch/x86_64_attributes.h"

namespace stile::arch::x86_64 {
namespace {

#include "arch/x86_64_vector_opcodes.inc"

constexpr OpcodeTable kVex[3] = {make_table(kVexMap1Rules), make_table(kVexMap2Rules),
                                 make_table(kVexMap3Rules)};
constexpr OpcodeTable kEvex[7] = {{},  // maps 0, 4 and 7 are empty
                                  make_table(kEvexMap1Rules),
                                  make_table(kEvexMap2Rules),
                                  make_table(kEvexMap3Rules),
                                  {},
                                  make_table(kEvexMap5Rules),
                                  make_table(kEvexMap6Rules)};
constexpr OpcodeTable kXop[3] = {make_table(kXopMap8Rules), make_table(kXopMap9Rules),
                                 make_table(kXopMapARules)};

// Bytes of an immediate, by kind (Ib = 1 .. Iwb = 7), for: neither prefix, 66, REX.W, and moffs with 67.
enum SizeMode : unsigned { kPlain, kWord, kRexW, kShortAddress };
constexpr uint8_t kImmediateBytes[4][8] = {
    {0, 1, 2, 4, 4, 4, 8, 3},
    {0, 1, 2, 4, 2, 2, 8, 3},
    {0, 1, 2, 4, 4, 8, 8, 3},
    {0, 1, 2, 4, 4, 4, 4, 3},
};

// ModRM alone gives the bytes of ModRM + SIB + displacement (SDM vol. 2, table 2-2), but for mod = 0 with
// SIB, where SIB.base = 5 adds a disp32.
constexpr uint8_t kShapeBytes = 0x0F;
constexpr unsigned kShapeSibMod0Bit = 4;
constexpr unsigned kShapeRipBit = 5;
constexpr std::array<uint8_t, 256> make_modrm_shapes() {
  std::array<uint8_t, 256> shapes{};
  for (unsigned modrm = 0; modrm < 256; ++modrm) {
    const unsigned mod = modrm >> 6, rm = modrm & 7;
    unsigned shape = 1;
    if (mod < 3 && rm == 4) shape += 1;
    if (mod == 1) shape += 1;
    if (mod == 2) shape += 4;
    if (mod == 0 && rm == 4) shape |= 1U << kShapeSibMod0Bit;
    if (mod == 0 && rm == 5) shape = 5 | 1U << kShapeRipBit;
    shapes[modrm] = static_cast<uint8_t>(shape);
  }
  return shapes;
}
constexpr std::array<uint8_t, 256> kModrmShape = make_modrm_shapes();

// What stands before the opcode.
struct Lead {
  unsigned at = 0;  // offset of the last opcode byte
  unsigned map = 0;
  unsigned rex = 0;
  unsigned pp = 0;
  unsigned flags = 0;
  unsigned mode = kPlain;
};

// The unlikely rest of measure(): opcodes marked Special, LOCK, and what does not fit.
[[gnu::noinline]] Insn measure_special(Draft d, bool fits) {
  if (d.map == 0 && d.modrm == 0xF8 && d.opcode == 0xC7) {
    d.flow = Flow::Branch;  // XBEGIN hides in MOV's group. Its rel16 form is real: 66 is not ignored
  } else if (!fits) {
    return {};
  }
  if ((d.attr & Special) != 0 && !settle_special(d)) return {};
  if ((d.attr & Vsib) != 0) {
    if ((d.modrm & 7) != 4) return {};
    d.flags &= static_cast<uint16_t>(~kAbsoluteDisp);  // index 4 is a register here
  }
  if ((d.attr & Locked) != 0 && !may_lock(d)) return {};
  Insn insn;
  const unsigned length = d.imm_at + d.imm_size;
  insn.length = static_cast<uint8_t>(length);
  insn.flow = d.flow;
  insn.disp_at = d.disp_at;
  insn.imm_at = d.imm_size != 0 ? d.imm_at : uint8_t{0};
  insn.imm_size = d.imm_size;
  insn.map = d.map;
  insn.opcode = d.opcode;
  insn.modrm = d.modrm;
  insn.rex = d.rex;
  insn.modrm_at = d.modrm_at;
  insn.flags = d.flags;
  return insn;
}

// All ones if bit `n` of `v` is set, else 0. Where code has no pattern a predictor could learn, masks beat
// branches.
inline unsigned mask_of_bit(unsigned v, unsigned n) {
  return 0U - ((v >> n) & 1U);
}

// Measures the instruction whose opcode, with these attributes, is the lowest byte of `window`. Branches only
// to measure_special.
[[gnu::always_inline]] inline Insn measure(const uint8_t* p, uint64_t window, Attr attr, const Lead& lead) {
  const unsigned modrm_mask = mask_of_bit(attr, kModrmBit);
  const unsigned modrm = static_cast<unsigned>(window >> 8) & 0xFF & modrm_mask;
  const unsigned sib = static_cast<unsigned>(window >> 16) & 0xFF;
  const unsigned shape = kModrmShape[(window >> 8) & 0xFF] & modrm_mask;
  const unsigned sib_disp32 = (shape >> kShapeSibMod0Bit) & unsigned{(sib & 7) == 5};
  const unsigned imm_at = lead.at + 1 + (shape & kShapeBytes) + 4 * sib_disp32;
  const unsigned imm_size = kImmediateBytes[lead.mode][(attr >> kImmediateShift) & kImmediateMask];
  const unsigned length = imm_at + imm_size;

  const unsigned absolute = sib_disp32 & unsigned{(sib & 0x38) == 0x20} & (~lead.rex >> 1);
  const unsigned modrm_at = (lead.at + 1) & modrm_mask;
  const unsigned disp_at = (lead.at + 2) & mask_of_bit(shape, kShapeRipBit);
  const unsigned flags = lead.flags | (kHasModrm & modrm_mask) | absolute * kAbsoluteDisp;

  const unsigned wrong_form = attr >> (modrm >= 0xC0 ? kMemoryOnlyBit : kRegisterOnlyBit);
  const unsigned wrong_reg = attr >> kBadRegShift >> ((modrm >> 3) & 7);
  const unsigned wrong_prefix = ~(attr >> lead.pp);
  const unsigned unfit = (wrong_form | wrong_reg | wrong_prefix) & 1;
  if ((unfit | (attr & (Special | Vsib | Locked))) != 0) [[unlikely]] {
    Draft d{};
    d.bytes = p;
    d.attr = attr;
    d.map = static_cast<uint8_t>(lead.map);
    d.opcode = static_cast<uint8_t>(window);
    d.modrm = static_cast<uint8_t>(modrm);
    d.pp = static_cast<uint8_t>(lead.pp);
    d.rex = static_cast<uint8_t>(lead.rex);
    d.modrm_at = static_cast<uint8_t>(modrm_at);
    d.disp_at = static_cast<uint8_t>(disp_at);
    d.imm_at = static_cast<uint8_t>(imm_at);
    d.imm_size = static_cast<uint8_t>(imm_size);
    d.flags = static_cast<uint16_t>(flags);
    d.flow = flow_of(attr);
    return measure_special(d, unfit == 0);
  }

  Insn insn;
  insn.length = static_cast<uint8_t>(length);
  insn.flow = flow_of(attr);
  insn.disp_at = static_cast<uint8_t>(disp_at);
  insn.imm_at = static_cast<uint8_t>(imm_size != 0 ? imm_at : 0);
  insn.imm_size = static_cast<uint8_t>(imm_size);
  insn.map = static_cast<uint8_t>(lead.map);
  insn.opcode = static_cast<uint8_t>(window);
  insn.modrm = static_cast<uint8_t>(modrm);
  insn.rex = static_cast<uint8_t>(lead.rex);
  insn.modrm_at = static_cast<uint8_t>(modrm_at);
  insn.flags = static_cast<uint16_t>(flags);
  return insn;
}

Insn measure_at(const uint8_t* p, Attr attr, const Lead& lead) {
  const Insn insn = measure(p, load_bytes(p + lead.at), attr, lead);
  return insn.length <= kMaxLength ? insn : Insn{};
}

// VEX, EVEX or XOP. `lead.at` is the offset of C4, C5, 62 or 8F.
Insn decode_vector(const uint8_t* p, Lead lead) {
  // A REX, LOCK or mandatory prefix before them is undefined (SDM vol. 2, 2.3.2 to 2.3.4, 2.7.3).
  constexpr uint16_t kForbidden = kPrefix66 | kPrefixF2 | kPrefixF3 | kPrefixLock;
  if (lead.rex != 0 || (lead.flags & kForbidden) != 0) return {};
  const uint8_t* v = p + lead.at;
  const unsigned not_rxb = v[1] >> 5;  // R X B, inverted
  if (v[0] == 0xC5) {
    lead.map = kMapVex | 1;
    lead.rex = 0x40U | ((~unsigned{v[1]} >> 5) & 4);
    lead.pp = v[1] & 3;
    lead.at += 2;
    return measure_at(p, kVex[0][v[2]], lead);
  }
  lead.rex = 0x40U | (~not_rxb & 7) | ((v[2] >> 4) & 8U);
  lead.pp = v[2] & 3;
  if (v[0] == 0x62) {
    const unsigned map = v[1] & 7;
    if ((v[1] & 8) != 0 || (v[2] & 4) == 0 || map > 6)
      return {};  // fixed bits (SDM vol. 2, table 2-36); APX or MVEX else
    lead.map = kMapEvex | map;
    lead.at += 4;
    return measure_at(p, kEvex[map][v[4]], lead);
  }
  const unsigned map = v[1] & 0x1F;
  const bool xop = v[0] == 0x8F;
  const unsigned first = xop ? 8 : 1;
  if (map < first || map > first + 2) return {};
  lead.map = (xop ? kMapXop : kMapVex) | map;
  lead.at += 3;
  return measure_at(p, (xop ? kXop : kVex)[map - first][v[3]], lead);
}

}  // namespace

Insn decode_full(const uint8_t* p) noexcept {
  Lead lead;
  for (;; ++lead.at) {
    if (lead.at == kMaxLength) return {};
    const uint8_t byte = p[lead.at];
    if ((kOneByte[byte] & Prefix) == 0) break;
    if ((byte & 0xF0) == 0x40) {
      lead.rex = byte;
      continue;
    }
    lead.rex = 0;  // REX counts right before the opcode alone (SDM vol. 2, 2.2.1)
    switch (byte) {
      case 0x64: lead.flags = (lead.flags & ~unsigned{kPrefixGs}) | kPrefixFs; break;
      case 0x65: lead.flags = (lead.flags & ~unsigned{kPrefixFs}) | kPrefixGs; break;
      case 0x66: lead.flags |= kPrefix66; break;
      case 0x67: lead.flags |= kPrefix67; break;
      case 0xF0: lead.flags |= kPrefixLock; break;
      case 0xF2: lead.flags = (lead.flags & ~unsigned{kPrefixF3}) | kPrefixF2; break;
      case 0xF3: lead.flags = (lead.flags & ~unsigned{kPrefixF2}) | kPrefixF3; break;
      default: break;  // CS, DS, ES, SS
    }
  }
  lead.mode = (lead.rex & 8) != 0 ? kRexW : (lead.flags & kPrefix66) != 0 ? kWord : kPlain;
  lead.pp = (lead.flags & kPrefixF3) != 0   ? 2
            : (lead.flags & kPrefixF2) != 0 ? 3
            : (lead.flags & kPrefix66) != 0 ? 1
                                            : 0;

  const uint8_t opcode = p[lead.at];
  Attr attr = kOneByte[opcode];
  if (opcode == 0x0F) {
    lead.map = 1;
    attr = kTwoByte[p[++lead.at]];
    if ((attr & Escape) != 0) {
      const bool is38 = p[lead.at] == 0x38;
      lead.map = is38 ? 2 : 3;
      ++lead.at;
      attr = (is38 ? kThreeByte38 : kThreeByte3A)[p[lead.at]];
    }
  } else if ((attr & Escape) != 0) {
    const bool is_pop = opcode == 0x8F && (p[lead.at + 1] & 0x1F) < 8;
    if (!is_pop) return decode_vector(p, lead);
  } else if ((lead.flags & kPrefix67) != 0 && (opcode & 0xFC) == 0xA0) {
    lead.mode = kShortAddress;
  }
  if ((lead.flags & kPrefixLock) != 0) attr |= Locked;
  return measure_at(p, attr, lead);
}

}  // namespace stile::arch::x86_64
