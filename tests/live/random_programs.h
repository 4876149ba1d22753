// SPDX-License-Identifier: Apache-2.0
//
// Random BPF programs that look like filters. About half of them are such as the kernel loads; the others
// have one to three faults of the kinds its checks are for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include <stile/filter.h>

#include "filter/opcodes.h"

namespace stile::testing {

class RandomPrograms {
 public:
  explicit RandomPrograms(uint64_t seed) : engine_(seed) {}

  Program next() {
    Program program = sound(length());
    if (chance(2)) {
      for (size_t faults = 1 + below(3); faults > 0; --faults) break_one(program);
    }
    return program;
  }

  // Without a fault, but for reads of memory words that may not have been written.
  Program sound(size_t size) {
    Program program;
    for (size_t i = 0; i + 1 < size; ++i) program.push_back(instruction(size - i - 1));
    program.push_back(chance(6) ? Instruction{filter::kReturnA, 0, 0, 0}
                                : Instruction{filter::kReturnK, 0, 0, value()});
    return program;
  }

  // A number of the kind that stands in filters.
  uint32_t word() {
    static constexpr uint32_t kCommon[] = {
        0,  1,  2,   3,          7,          31,         32,        39,         63,         64,
        20, 41, 110, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffff, 0xffffffff, 0xc000003e, 0x40000003};
    if (chance(2)) return kCommon[below(std::size(kCommon))];
    return chance(2) ? static_cast<uint32_t>(below(256)) : static_cast<uint32_t>(engine_());
  }

  uint64_t below(uint64_t bound) { return std::uniform_int_distribution<uint64_t>(0, bound - 1)(engine_); }
  bool chance(uint64_t one_in) { return below(one_in) == 0; }

 private:
  size_t length() {
    if (chance(400)) return 4096;
    if (chance(50)) return 200 + below(600);
    return 1 + below(chance(3) ? 40 : 12);
  }

  // What a filter returns.
  uint32_t value() {
    using namespace filter;
    static constexpr uint32_t kActions[] = {kRetAllow, kRetAllow, kRetAllow,     kRetErrno, kRetErrno,
                                            kRetErrno, kRetTrace, kRetUserNotif, kRetLog};
    if (chance(12)) return word();
    if (chance(20)) return chance(2) ? kRetKillProcess : chance(2) ? kRetKillThread : kRetTrap;
    const uint32_t action = kActions[below(std::size(kActions))];
    return action == kRetErrno ? action | static_cast<uint32_t>(below(chance(10) ? 0x10000 : 140)) : action;
  }

  // `after` instructions follow.
  Instruction instruction(size_t after) {
    using namespace filter;
    static constexpr uint16_t kLoads[] = {kLoadAbs,  kLoadAbs,  kLoadAbs, kLoadImm, kLoadLen,
                                          kLoadXImm, kLoadXLen, kTax,     kTxa};
    static constexpr uint16_t kMemory[] = {kStore, kStore, kStoreX, kLoadMem, kLoadXMem};
    static constexpr uint16_t kArithmetic[] = {kAddK, kAddX, kSubK, kSubX, kMulK, kMulX, kDivK,
                                               kDivX, kOrK,  kOrX,  kAndK, kAndX, kLshK, kLshX,
                                               kRshK, kRshX, kNeg,  kXorK, kXorX, kAndK};
    static constexpr uint16_t kBranches[] = {kJumpEqK, kJumpEqK, kJumpEqX,  kJumpGtK, kJumpGtX,
                                             kJumpGeK, kJumpGeX, kJumpSetK, kJumpSetX};
    const uint64_t what = below(100);
    if (what < 30) {
      const uint16_t code = kLoads[below(std::size(kLoads))];
      return {code, 0, 0, code == kLoadAbs ? 4 * static_cast<uint32_t>(below(16)) : word()};
    }
    if (what < 38)
      return {kMemory[below(std::size(kMemory))], 0, 0, static_cast<uint32_t>(below(chance(2) ? 3 : 16))};
    if (what < 55) {
      const uint16_t code = kArithmetic[below(std::size(kArithmetic))];
      uint32_t k = word();
      if (code == kLshK || code == kRshK) k %= 32;
      if (code == kDivK && k == 0) k = 1;
      return {code, 0, 0, k};
    }
    if (what < 92 && after > 1) {
      const uint64_t reach = std::min<uint64_t>(after, chance(10) ? 256 : 5);
      return {kBranches[below(std::size(kBranches))], static_cast<uint8_t>(below(reach)),
              static_cast<uint8_t>(below(reach)), word()};
    }
    if (what < 94) return {kJump, 0, 0, static_cast<uint32_t>(below(std::min<uint64_t>(after, 8)))};
    return {kReturnK, 0, 0, value()};
  }

  void break_one(Program& program) {
    using namespace filter;
    Instruction& insn = program[below(program.size())];
    switch (below(10)) {
      case 0:
        insn.code = static_cast<uint16_t>(below(256));
        break;
      case 1:
        insn.code ^= static_cast<uint16_t>(1u << below(16));
        break;
      case 2:
        insn = {kLoadAbs, 0, 0, static_cast<uint32_t>(chance(2) ? below(80) : engine_())};
        break;
      case 3:
        insn = {static_cast<uint16_t>(chance(2) ? kLshK : kRshK), 0, 0, static_cast<uint32_t>(30 + below(5))};
        break;
      case 4:
        insn = {static_cast<uint16_t>(chance(2) ? kDivK : 0x94), 0, 0, static_cast<uint32_t>(below(2))};
        break;
      case 5:
        insn = {static_cast<uint16_t>(chance(2) ? kStore : kLoadMem), 0, 0, static_cast<uint32_t>(below(20))};
        break;
      case 6:
        insn.jt = static_cast<uint8_t>(below(256));
        break;
      case 7:
        insn = {kJump, 0, 0, static_cast<uint32_t>(chance(2) ? below(program.size() + 1) : engine_())};
        break;
      case 8:
        program.back() = instruction(1);
        break;
      default:
        program.resize(chance(20) ? 4097 : 1 + below(program.size()), {kReturnK, 0, 0, kRetAllow});
        break;
    }
  }

  std::mt19937_64 engine_;
};

}  // namespace stile::testing
