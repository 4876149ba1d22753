// SPDX-License-Identifier: Apache-2.0
#include "arch/x86_64_level.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace stile::arch {

#if defined(__x86_64__)

namespace {

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers leaf(unsigned number) {
  Registers r;
  if (__get_cpuid_count(number, 0, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

bool all(unsigned value, unsigned bits) { return (value & bits) == bits; }

}  // namespace

unsigned x86_64_level_here() {
  const Registers basic = leaf(1), extended = leaf(7), amd = leaf(0x80000001);
  constexpr unsigned kLahf = 1, kLzcnt = 1 << 5, kMovbe = 1 << 22, kFma = 1 << 12, kCx16 = 1 << 13, kF16c = 1 << 29;
  if (!all(basic.ecx, bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | kCx16) || !all(amd.ecx, kLahf)) return 1;
  if (!all(basic.ecx, bit_OSXSAVE)) return 2;
  uint32_t saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if (!all(saved, 0x6) || !all(basic.ecx, bit_AVX | kFma | kF16c | kMovbe) || !all(amd.ecx, kLzcnt) ||
      !all(extended.ebx, bit_AVX2 | bit_BMI | bit_BMI2)) {
    return 2;
  }
  constexpr unsigned kAvx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
  return all(saved, 0xe0) && all(extended.ebx, kAvx512) ? 4 : 3;
}

#else

unsigned x86_64_level_here() { return 1; }

#endif

}  // namespace stile::arch
