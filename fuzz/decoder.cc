// SPDX-License-Identifier: Apache-2.0
//
// The two decoders against each other: the fast one that sees shapes, and the full one that sees operands. Where both
// take some bytes, they must agree on length, flow and target: a pass that uses one trusts places found with the other.
#include <cstring>

#include "arch/effects.h"
#include "arch/x86_64_decode.h"
#include "check.h"

namespace stile::fuzz::decoder {

void check_flow(const arch::Insn& insn, const arch::Effect& effect, const uint8_t* p, uint64_t address) {
  using arch::Flow;
  using arch::Step;
  switch (insn.flow) {
    case Flow::None: FUZZ_CHECK(effect.step == Step::Plain); break;
    case Flow::Call:
    case Flow::IndirectCall: FUZZ_CHECK(effect.step == Step::Call); break;
    case Flow::Jump:
    case Flow::IndirectJump: FUZZ_CHECK(effect.step == Step::Jump); break;
    case Flow::Branch: FUZZ_CHECK(effect.step == Step::Branch); break;
    case Flow::Return: FUZZ_CHECK(effect.step == Step::Return); break;
    case Flow::Syscall:
    case Flow::Sysenter:
    case Flow::Int80:
    case Flow::GsCall: FUZZ_CHECK(effect.step == Step::EnterKernel); break;
    case Flow::Trap: FUZZ_CHECK(effect.step == Step::Stop || effect.step == Step::Plain); break;  // int3 may go on
  }
  if (insn.flow == Flow::Call || insn.flow == Flow::Jump || insn.flow == Flow::Branch) {
    FUZZ_CHECK(effect.has_target && effect.target == arch::branch_target(insn, p, address));
  } else {
    FUZZ_CHECK(!effect.has_target);
  }
}

void check_bounds(const arch::Insn& insn) {
  FUZZ_CHECK(insn.length <= 15);
  FUZZ_CHECK(insn.disp_at == 0 || insn.disp_at + 4 <= insn.length);
  FUZZ_CHECK(insn.imm_at + insn.imm_size <= insn.length);
  FUZZ_CHECK(insn.modrm_at < insn.length);
}

}  // namespace stile::fuzz::decoder

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  // A copy of its own, so that a read beyond the end is seen.
  const std::vector<uint8_t> bytes = fuzz::copy(data, size);
  const uint8_t* const end = bytes.data() + bytes.size();
  constexpr uint64_t kAddress = 0x401000;
  for (const uint8_t* p = bytes.data(); p < end;) {
    const uint64_t address = kAddress + static_cast<uint64_t>(p - bytes.data());
    const arch::Insn insn = arch::decode(p, end);
    const arch::Effect effect = arch::effect_of(Bytes(p, static_cast<size_t>(end - p)), address);
    FUZZ_CHECK(effect.length <= 15);
    if (insn.length == 0) {
      static constexpr arch::Insn kNone{};
      FUZZ_CHECK(std::memcmp(&insn, &kNone, sizeof insn) == 0);
      ++p;
      continue;
    }
    fuzz::decoder::check_bounds(insn);
    fuzz::use(arch::rip_target(insn, p, address));
    if (effect.length != 0) {
      FUZZ_CHECK(effect.length == insn.length);
      fuzz::decoder::check_flow(insn, effect, p, address);
    }
    p += insn.length;
  }
  return 0;
}
