// SPDX-License-Identifier: Apache-2.0
//
// The short cut for what most code is made of: at most one REX prefix and an opcode of the first two maps
// that needs no special care. All else goes to decode_full. To be fast, the chain from one instruction's
// first byte to the next one's is kept short and free of unpredictable branches: the tables hold ready-made
// pieces of Insn, and an instruction is the sum of its opcode's piece, its ModRM's piece, and one unit for
// each byte before the opcode.
#include "arch/x86_64_decode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "arch/x86_64_attributes.h"

namespace stile::arch {
namespace x86_64 {
namespace {

// Bytes 0-7 of an Insn as one number, the first byte lowest. No field ever carries into the next: all sums
// stay below 256.
constexpr uint64_t length_piece(uint64_t n) {
  return n;
}
constexpr uint64_t flow_piece(Flow f) {
  return static_cast<uint64_t>(f) << 8;
}
constexpr uint64_t disp_at_piece(uint64_t n) {
  return n << 16;
}
constexpr uint64_t imm_at_piece(uint64_t n) {
  return n << 24;
}
constexpr uint64_t imm_size_piece(uint64_t n) {
  return n << 32;
}
constexpr uint64_t map_piece(uint64_t n) {
  return n << 40;
}
constexpr uint64_t opcode_piece(uint64_t n) {
  return n << 48;
}
constexpr uint64_t modrm_piece(uint64_t n) {
  return n << 56;
}

// The same for bytes 8-15.
constexpr uint64_t rex_piece(uint64_t n) {
  return n;
}
constexpr uint64_t modrm_at_piece(uint64_t n) {
  return n << 8;
}
constexpr uint64_t flags_piece(uint64_t n) {
  return n << 16;
}

Insn to_insn(uint64_t first, uint64_t second) {
  static_assert(offsetof(Insn, modrm) == 7 && offsetof(Insn, rex) == 8 && offsetof(Insn, flags) == 10);
  if constexpr (std::endian::native == std::endian::big) {
    return std::bit_cast<Insn>(std::array<uint64_t, 2>{__builtin_bswap64(first), __builtin_bswap64(second)});
  }
  return std::bit_cast<Insn>(std::array<uint64_t, 2>{first, second});
}

struct PlainOpcode {
  uint64_t piece;  // of the opcode without ModRM and prefixes
  uint64_t keep;   // what of the ModRM piece counts: nothing without ModRM; not imm_at without an immediate
  uint64_t not_here;  // for decode_full: one bit for each REX.W (high half) and ModRM.mod and .reg
  uint64_t unit;      // added for each byte before the opcode
};

constexpr PlainOpcode make_plain(Attr attr, uint64_t map, uint64_t opcode) {
  PlainOpcode plain{};
  constexpr uint64_t kSizes[8] = {0, 1, 2, 4, 4, 4, 8, 3};  // without 66 and 67; REX.W matters for Iv alone
  const uint64_t imm_size = kSizes[(attr >> kImmediateShift) & kImmediateMask];
  const bool has_imm = imm_size != 0, has_modrm = (attr & M) != 0;
  plain.piece = length_piece(1 + imm_size) + flow_piece(flow_of(attr)) + imm_at_piece(has_imm ? 1 : 0) +
                imm_size_piece(imm_size) + map_piece(map) + opcode_piece(opcode);
  plain.keep = has_modrm ? ~(has_imm ? 0 : imm_at_piece(0xFF)) : 0;
  plain.unit = length_piece(1) + imm_at_piece(has_imm ? 1 : 0);
  if ((attr & (Special | Prefix | Escape)) != 0 || (attr & NP) == 0) {
    plain.not_here = ~uint64_t{0};
  } else if (has_modrm) {
    const uint64_t bad_reg = attr >> kBadRegShift;
    const uint64_t memory = (attr & RegisterOnly) != 0 ? 0xFF : bad_reg;
    const uint64_t reg = (attr & MemoryOnly) != 0 ? 0xFF : bad_reg;
    const uint64_t half = memory | memory << 8 | memory << 16 | reg << 24;
    plain.not_here = half | half << 32;
  } else if ((attr & (kImmediateMask << kImmediateShift)) == Iv) {
    plain.not_here = uint64_t{0xFFFFFFFF} << 32;  // imm64
  }
  return plain;
}

// The one-byte map, then the 0F map.
constexpr std::array<PlainOpcode, 512> make_plain_table() {
  std::array<PlainOpcode, 512> table{};
  for (size_t op = 0; op < 256; ++op) {
    table[op] = make_plain(kOneByte[op], 0, op);
    table[256 + op] = make_plain(kTwoByte[op], 1, op);
  }
  return table;
}
constexpr std::array<PlainOpcode, 512> kPlain = make_plain_table();

// ModRM's piece (SDM vol. 2, table 2-2), by the bytes before the opcode. With mod = 0, SIB.base = 5 adds a
// disp32: marked by a bit of the map byte, which ModRM has no other use for.
constexpr unsigned kSibMod0Bit = 47;
constexpr std::array<std::array<uint64_t, 256>, 3> make_modrm_pieces() {
  std::array<std::array<uint64_t, 256>, 3> pieces{};
  for (unsigned before = 0; before < 3; ++before) {
    for (unsigned modrm = 0; modrm < 256; ++modrm) {
      const unsigned mod = modrm >> 6, rm = modrm & 7;
      const bool sib = mod < 3 && rm == 4, rip = mod == 0 && rm == 5;
      const uint64_t bytes = 1U + (sib ? 1U : 0U) + (mod == 1 ? 1U : mod == 2 || rip ? 4U : 0U);
      pieces[before][modrm] = length_piece(bytes) + imm_at_piece(bytes) +
                              disp_at_piece(rip ? before + 2 : 0) + modrm_piece(modrm) +
                              (sib && mod == 0 ? uint64_t{1} << kSibMod0Bit : 0);
    }
  }
  return pieces;
}
constexpr std::array<std::array<uint64_t, 256>, 3> kModrmPiece = make_modrm_pieces();

[[gnu::always_inline]] inline Insn decode_plain(const uint8_t* p) {
  uint64_t window = load_bytes(p);
  const uint64_t has_rex = uint64_t{(window & 0xF0) == 0x40};
  const uint64_t rex = window & 0xFF & (0 - has_rex);
  window >>= 8 * has_rex;
  uint64_t before = has_rex;  // bytes before the opcode
  const PlainOpcode* op = &kPlain[window & 0xFF];
  if ((window & 0xFF) == 0x0F) {
    window >>= 8;
    ++before;
    op = &kPlain[256 + (window & 0xFF)];
  }
  const uint64_t modrm = window >> 8 & 0xFF;
  if ((op->not_here >> (modrm >> 3 | (rex & 8) << 2) & 1) != 0) [[unlikely]]
    return decode_full(p);

  const uint64_t piece = kModrmPiece[before][modrm] & op->keep;
  const uint64_t sib = window >> 16 & 0xFF;
  const uint64_t disp32 = piece >> kSibMod0Bit & uint64_t{(sib & 7) == 5};
  const uint64_t disp32_piece = (length_piece(4) + imm_at_piece(4)) & op->keep & (0 - disp32);
  const uint64_t first =
      op->piece + before * op->unit + (piece & ~(uint64_t{1} << kSibMod0Bit)) + disp32_piece;

  const uint64_t has_modrm = op->keep >> 63;
  const uint64_t absolute = disp32 & uint64_t{(sib & 0x38) == 0x20} & ~rex >> 1;
  const uint64_t second = rex_piece(rex) + modrm_at_piece((before + 1) & (0 - has_modrm)) +
                          flags_piece(kHasModrm * has_modrm + kAbsoluteDisp * absolute);
  return to_insn(first, second);
}

// Fewer than kLookahead bytes are left: decodes a copy followed by zeros. An instruction that needs the zeros
// is longer than what was there.
[[gnu::noinline]] Insn decode_at_end(const uint8_t* p, const uint8_t* end) {
  if (p >= end) return {};
  std::array<uint8_t, kLookahead> copy{};
  const size_t available = std::min<size_t>(static_cast<size_t>(end - p), kMaxLength);
  std::memcpy(copy.data(), p, available);
  const Insn insn = decode_full(copy.data());
  return insn.length <= available ? insn : Insn{};
}

}  // namespace
}  // namespace x86_64

namespace {

int64_t load_signed(const uint8_t* p, unsigned size) {
  uint64_t v = 0;
  for (unsigned i = 0; i < size; ++i) v |= static_cast<uint64_t>(p[i]) << (8 * i);
  const uint64_t sign = uint64_t{1} << (8 * size - 1);
  return static_cast<int64_t>((v ^ sign) - sign);
}

}  // namespace

Insn decode(const uint8_t* p, const uint8_t* end) noexcept {
  if (end - p < x86_64::kLookahead) [[unlikely]]
    return x86_64::decode_at_end(p, end);
  return x86_64::decode_plain(p);
}

Insn decode(const uint8_t* p, const uint8_t* end, const uint8_t* readable) noexcept {
  if (readable - p < x86_64::kLookahead || p >= end) [[unlikely]]
    return x86_64::decode_at_end(p, end);
  const Insn insn = x86_64::decode_plain(p);
  return insn.length <= end - p ? insn : Insn{};
}

uint64_t branch_target(const Insn& insn, const uint8_t* p, uint64_t address) noexcept {
  if (insn.imm_size == 0 || insn.imm_size > 4) return 0;
  return address + insn.length + static_cast<uint64_t>(load_signed(p + insn.imm_at, insn.imm_size));
}

uint64_t rip_target(const Insn& insn, const uint8_t* p, uint64_t address) noexcept {
  if (insn.disp_at == 0) return 0;
  const uint64_t target = address + insn.length + static_cast<uint64_t>(load_signed(p + insn.disp_at, 4));
  return (insn.flags & kPrefix67) != 0 ? target & 0xFFFFFFFF : target;
}

}  // namespace stile::arch
