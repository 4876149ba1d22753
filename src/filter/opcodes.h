// SPDX-License-Identifier: Apache-2.0
//
// Classic BPF as seccomp speaks it: the operation codes that seccomp_check_filter (kernel/seccomp.c) lets
// through, all of them, and the places in struct seccomp_data. Values: include/uapi/linux/bpf_common.h,
// filter.h, seccomp.h. Stated here and not included, because the library compiles on hosts without Linux
// headers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stile::filter {

enum Opcode : uint16_t {
  kLoadImm = 0x00,   // A = k
  kLoadAbs = 0x20,   // A = word k of seccomp_data
  kLoadMem = 0x60,   // A = M[k]
  kLoadLen = 0x80,   // A = sizeof(seccomp_data)
  kLoadXImm = 0x01,  // X = k
  kLoadXMem = 0x61,  // X = M[k]
  kLoadXLen = 0x81,  // X = sizeof(seccomp_data)
  kStore = 0x02,     // M[k] = A
  kStoreX = 0x03,    // M[k] = X
  kAddK = 0x04,
  kAddX = 0x0c,
  kSubK = 0x14,
  kSubX = 0x1c,
  kMulK = 0x24,
  kMulX = 0x2c,
  kDivK = 0x34,
  kDivX = 0x3c,
  kOrK = 0x44,
  kOrX = 0x4c,
  kAndK = 0x54,
  kAndX = 0x5c,
  kLshK = 0x64,
  kLshX = 0x6c,
  kRshK = 0x74,
  kRshX = 0x7c,
  kNeg = 0x84,
  kXorK = 0xa4,  // BPF_MOD (0x94, 0x9c) is classic BPF too, but not seccomp's
  kXorX = 0xac,
  kJump = 0x05,  // always, by k
  kJumpEqK = 0x15,
  kJumpEqX = 0x1d,
  kJumpGtK = 0x25,
  kJumpGtX = 0x2d,
  kJumpGeK = 0x35,
  kJumpGeX = 0x3d,
  kJumpSetK = 0x45,
  kJumpSetX = 0x4d,
  kReturnK = 0x06,
  kReturnA = 0x16,
  kTax = 0x07,  // X = A
  kTxa = 0x87,  // A = X
};

// Offsets in struct seccomp_data.
inline constexpr uint32_t kOffsetNumber = 0;
inline constexpr uint32_t kOffsetArch = 4;
inline constexpr uint32_t kOffsetPointer = 8;
inline constexpr uint32_t kOffsetArgs = 16;
inline constexpr uint32_t kDataSize = 64;

inline constexpr unsigned kMemoryWords = 16;  // BPF_MEMWORDS

inline constexpr uint32_t kRetKillProcess = 0x80000000;
inline constexpr uint32_t kRetKillThread = 0x00000000;
inline constexpr uint32_t kRetTrap = 0x00030000;
inline constexpr uint32_t kRetErrno = 0x00050000;
inline constexpr uint32_t kRetUserNotif = 0x7fc00000;
inline constexpr uint32_t kRetTrace = 0x7ff00000;
inline constexpr uint32_t kRetLog = 0x7ffc0000;
inline constexpr uint32_t kRetAllow = 0x7fff0000;
inline constexpr uint32_t kRetActionMask = 0xffff0000;  // SECCOMP_RET_ACTION_FULL
inline constexpr uint32_t kRetDataMask = 0x0000ffff;    // SECCOMP_RET_DATA
inline constexpr uint32_t kMaxErrno = 4095;             // include/linux/err.h

// A machine's byte order shows in its audit architecture (__AUDIT_ARCH_LE, include/uapi/linux/audit.h).
// Xtensa and MicroBlaze report one value for both orders: the bit is not set there.
inline constexpr uint32_t kAuditLittleEndian = 0x40000000;
constexpr bool is_big_endian(uint32_t audit_arch) {
  return (audit_arch & kAuditLittleEndian) == 0;
}

inline constexpr uint32_t kAuditX86_64 = 0xc000003e;
inline constexpr uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT

// A conditional jump, JA excluded. Only for codes validate() accepted.
constexpr bool is_branch(uint16_t code) {
  return (code & 0x07) == 0x05 && code != kJump;
}
constexpr bool is_return(uint16_t code) {
  return code == kReturnK || code == kReturnA;
}

}  // namespace stile::filter
