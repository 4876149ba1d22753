// SPDX-License-Identifier: Apache-2.0
//
// Operand meaning comes from Zydis; this file says which of it matters. Intel SDM volume 2 for what each writes.
#include "arch/effects.h"

#include <Zydis/Zydis.h>

namespace stile::arch {

namespace {

const ZydisDecoder& decoder() {
  static const ZydisDecoder instance = [] {
    ZydisDecoder d;
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return d;
  }();
  return instance;
}

Reg vector_of(ZydisRegister reg) {
  if (reg >= ZYDIS_REGISTER_XMM0 && reg <= ZYDIS_REGISTER_XMM31) return static_cast<Reg>(kVector + (reg - ZYDIS_REGISTER_XMM0));
  if (reg >= ZYDIS_REGISTER_YMM0 && reg <= ZYDIS_REGISTER_YMM31) return static_cast<Reg>(kVector + (reg - ZYDIS_REGISTER_YMM0));
  if (reg >= ZYDIS_REGISTER_ZMM0 && reg <= ZYDIS_REGISTER_ZMM31) return static_cast<Reg>(kVector + (reg - ZYDIS_REGISTER_ZMM0));
  return kNoReg;
}

Reg reg_of(ZydisRegister reg) {
  const ZydisRegister full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  if (full >= ZYDIS_REGISTER_RAX && full <= ZYDIS_REGISTER_R15) return static_cast<Reg>(full - ZYDIS_REGISTER_RAX);
  return kNoReg;
}

bool high_byte(ZydisRegister reg) { return reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH; }

Memory memory_of(const ZydisDecodedInstruction& insn, const ZydisDecodedOperand& operand, uint64_t address) {
  Memory memory;
  memory.segment = operand.mem.segment == ZYDIS_REGISTER_FS || operand.mem.segment == ZYDIS_REGISTER_GS;
  memory.displacement = operand.mem.disp.value;
  if (operand.mem.base == ZYDIS_REGISTER_RIP || operand.mem.base == ZYDIS_REGISTER_EIP) {
    memory.displacement = static_cast<int64_t>(address + insn.length + static_cast<uint64_t>(operand.mem.disp.value));
  } else {
    memory.base = operand.mem.base == ZYDIS_REGISTER_NONE ? kNoReg : reg_of(operand.mem.base);
  }
  if (operand.mem.index != ZYDIS_REGISTER_NONE) {
    memory.index = reg_of(operand.mem.index);
    // A vector index (gather) is not a general-purpose register: it must not read as "no index".
    if (memory.index == kNoReg) memory.index = kRsp;
    memory.scale = operand.mem.scale;
  }
  return memory;
}

Operand operand_of(const ZydisDecodedInstruction& insn, const ZydisDecodedOperand& operand, uint64_t address) {
  Operand result;
  switch (operand.type) {
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
      result.kind = Source::Constant;
      result.constant = operand.imm.is_signed ? operand.imm.value.s : static_cast<int64_t>(operand.imm.value.u);
      break;
    case ZYDIS_OPERAND_TYPE_REGISTER:
      result.reg = reg_of(operand.reg.value);
      if (result.reg != kNoReg && !high_byte(operand.reg.value)) result.kind = Source::Register;
      break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
      result.memory = memory_of(insn, operand, address);
      result.kind = operand.mem.type == ZYDIS_MEMOP_TYPE_AGEN ? Source::Address : Source::Memory;
      break;
    default: break;
  }
  return result;
}

// What every instruction may overwrite, from Zydis's operand actions, hidden operands included.
void add_clobbers(const ZydisDecodedInstruction& insn, const ZydisDecodedOperand* operands, uint64_t address, Effect& effect) {
  const bool repeats = (insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
  for (unsigned i = 0; i < insn.operand_count; ++i) {
    const ZydisDecodedOperand& operand = operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0) {
      const Reg reg = reg_of(operand.reg.value);
      if (reg != kNoReg) effect.reads |= static_cast<uint16_t>(1u << reg);
    }
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      const Reg index = memory_of(insn, operand, address).index;
      if (index != kNoReg) effect.reads |= static_cast<uint16_t>(1u << index);
      if (operand.mem.type == ZYDIS_MEMOP_TYPE_AGEN || repeats) {
        const Reg base = memory_of(insn, operand, address).base;
        if (base != kNoReg) effect.reads |= static_cast<uint16_t>(1u << base);
      }
    }
    if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) continue;
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      const Reg reg = reg_of(operand.reg.value);
      if (reg != kNoReg) effect.clobbers |= static_cast<uint16_t>(1u << reg);
      if (vector_of(operand.reg.value) != kNoReg) effect.vector_dst = vector_of(operand.reg.value);
    } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      effect.stores = true;
      effect.store = memory_of(insn, operand, address);
      effect.store_width = static_cast<uint8_t>(operand.size / 8 > 255 ? 255 : operand.size / 8);
      effect.store_unbounded = repeats || effect.store_width == 0;
    }
  }
}

Compute compute_of(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_ADD: return Compute::Add;
    case ZYDIS_MNEMONIC_SUB: return Compute::Sub;
    case ZYDIS_MNEMONIC_AND: return Compute::And;
    case ZYDIS_MNEMONIC_OR: return Compute::Or;
    case ZYDIS_MNEMONIC_XOR: return Compute::Xor;
    case ZYDIS_MNEMONIC_SHL: return Compute::ShiftLeft;
    case ZYDIS_MNEMONIC_SHR: return Compute::ShiftRight;
    default: return Compute::Copy;
  }
}

bool conditional_move(ZydisMnemonic m) { return m >= ZYDIS_MNEMONIC_CMOVB && m <= ZYDIS_MNEMONIC_CMOVZ; }

// Moves between whole vector registers and memory, and the ways to clear one.
void set_vector_move(const ZydisDecodedInstruction& insn, const ZydisDecodedOperand* ops, uint64_t address, Effect& effect) {
  switch (insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOVUPS:
    case ZYDIS_MNEMONIC_MOVAPS:
    case ZYDIS_MNEMONIC_MOVUPD:
    case ZYDIS_MNEMONIC_MOVAPD:
    case ZYDIS_MNEMONIC_MOVDQU:
    case ZYDIS_MNEMONIC_MOVDQA:
    case ZYDIS_MNEMONIC_VMOVUPS:
    case ZYDIS_MNEMONIC_VMOVAPS:
    case ZYDIS_MNEMONIC_VMOVDQU:
    case ZYDIS_MNEMONIC_VMOVDQA: {
      if (insn.operand_count_visible != 2) return;  // no masks
      Operand source;
      if (ops[1].type == ZYDIS_OPERAND_TYPE_MEMORY) {
        source = operand_of(insn, ops[1], address);
      } else if (ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER && vector_of(ops[1].reg.value) != kNoReg) {
        source.kind = Source::Register;
        source.reg = vector_of(ops[1].reg.value);
      }
      if (effect.vector_dst != kNoReg) {
        effect.vector_source = source;
      } else if (effect.stores) {
        effect.value = source;
      }
      return;
    }
    case ZYDIS_MNEMONIC_XORPS:
    case ZYDIS_MNEMONIC_PXOR:
      if (ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER && ops[0].reg.value == ops[1].reg.value) {
        effect.vector_source.kind = Source::Constant;
      }
      return;
    case ZYDIS_MNEMONIC_VXORPS:
    case ZYDIS_MNEMONIC_VPXOR:
      if (insn.operand_count_visible == 3 && ops[2].type == ZYDIS_OPERAND_TYPE_REGISTER &&
          ops[1].reg.value == ops[2].reg.value) {
        effect.vector_source.kind = Source::Constant;
      }
      return;
    default: return;
  }
}

void set_flow(const ZydisDecodedInstruction& insn, const ZydisDecodedOperand* operands, uint64_t address, Effect& effect) {
  const auto aim = [&](Step step) {
    effect.step = step;
    if (insn.operand_count > 0 && operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
      ZyanU64 target = 0;
      effect.has_target = ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&insn, &operands[0], address, &target));
      effect.target = target;
    } else if (insn.operand_count > 0) {
      effect.through = operand_of(insn, operands[0], address);
    }
  };
  switch (insn.meta.category) {
    case ZYDIS_CATEGORY_CALL: aim(Step::Call); break;
    case ZYDIS_CATEGORY_UNCOND_BR: aim(Step::Jump); break;
    case ZYDIS_CATEGORY_COND_BR: aim(Step::Branch); break;
    case ZYDIS_CATEGORY_RET: effect.step = Step::Return; break;
    default: break;
  }
  switch (insn.mnemonic) {
    case ZYDIS_MNEMONIC_SYSCALL:
    case ZYDIS_MNEMONIC_SYSENTER: effect.step = Step::EnterKernel; break;
    case ZYDIS_MNEMONIC_INT:
      if (operands[0].imm.value.u == 0x80) effect.step = Step::EnterKernel;
      break;
    case ZYDIS_MNEMONIC_XBEGIN: aim(Step::Branch); break;
    case ZYDIS_MNEMONIC_XEND:  // no branch of its own
    case ZYDIS_MNEMONIC_XABORT: effect.step = Step::Plain; break;  // nothing at all outside a transaction
    case ZYDIS_MNEMONIC_SYSRET:  // these fault outside the kernel, or return like iret
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_RSM:
    case ZYDIS_MNEMONIC_UIRET: effect.step = Step::Return; break;
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_HLT: effect.step = Step::Stop; break;
    case ZYDIS_MNEMONIC_JZ: effect.if_equal = true; break;
    case ZYDIS_MNEMONIC_JNZ: effect.if_not_equal = true; break;
    default: break;
  }
  // The i386 vDSO entry through the thread block: call *%gs:0x10.
  if (effect.step == Step::Call && effect.through.kind == Source::Memory && effect.through.memory.segment &&
      effect.through.memory.base == kNoReg && effect.through.memory.index == kNoReg &&
      effect.through.memory.displacement == 0x10 && (insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_GS) != 0) {
    effect.step = Step::EnterKernel;
  }
}

}  // namespace

Effect effect_of(Bytes bytes, uint64_t address) {
  Effect effect;
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder(), bytes.data(), bytes.size(), &insn, ops))) return effect;
  effect.length = insn.length;
  set_flow(insn, ops, address, effect);
  if (effect.step == Step::Call || effect.step == Step::Jump || effect.step == Step::Branch ||
      effect.step == Step::Return || effect.step == Step::Stop) {
    if (insn.mnemonic == ZYDIS_MNEMONIC_LOOP || insn.mnemonic == ZYDIS_MNEMONIC_LOOPE ||
        insn.mnemonic == ZYDIS_MNEMONIC_LOOPNE) {
      effect.clobbers |= 1u << kRcx;
    }
    return effect;
  }
  if (effect.step == Step::EnterKernel) {
    effect.clobbers = 1u << kRax | 1u << kRcx | 1u << kR11;
    // sysenter and the i386 entry leave less intact.
    if (insn.mnemonic != ZYDIS_MNEMONIC_SYSCALL) effect.clobbers = static_cast<uint16_t>(~(1u << kRsp));
    return effect;
  }

  const auto to_register = [&](Reg dst, unsigned width_bits, Compute compute, Operand a, Operand b = {}) {
    effect.dst = dst;
    effect.width = static_cast<uint8_t>(width_bits / 8);
    effect.compute = compute;
    effect.a = a;
    effect.b = b;
  };
  const auto plain_register = [&](unsigned i) {
    return ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER && reg_of(ops[i].reg.value) != kNoReg && !high_byte(ops[i].reg.value);
  };
  const auto is_memory = [&](unsigned i) { return ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY; };
  const auto self = [&](unsigned i) { return operand_of(insn, ops[i], address); };
  const auto constant = [](int64_t value) {
    Operand operand;
    operand.kind = Source::Constant;
    operand.constant = value;
    return operand;
  };
  bool modelled = true;
  switch (insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
      if (plain_register(0)) {
        to_register(reg_of(ops[0].reg.value), ops[0].size, Compute::Copy, self(1));
      } else if (is_memory(0)) {
        effect.stores = true;
        effect.store = memory_of(insn, ops[0], address);
        effect.store_width = static_cast<uint8_t>(ops[0].size / 8);
        effect.value = self(1);
      } else {
        modelled = false;
      }
      break;
    case ZYDIS_MNEMONIC_MOVZX:
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
      if (!plain_register(0)) {
        modelled = false;
        break;
      }
      to_register(reg_of(ops[0].reg.value), ops[0].size,
                  insn.mnemonic == ZYDIS_MNEMONIC_MOVZX ? Compute::Copy : Compute::SignExtend, self(1));
      effect.source_width = static_cast<uint8_t>(ops[1].size / 8);
      break;
    case ZYDIS_MNEMONIC_LEA: to_register(reg_of(ops[0].reg.value), ops[0].size, Compute::Copy, self(1)); break;
    case ZYDIS_MNEMONIC_XOR:
    case ZYDIS_MNEMONIC_SUB:
      if (plain_register(0) && plain_register(1) && ops[0].reg.value == ops[1].reg.value) {
        to_register(reg_of(ops[0].reg.value), ops[0].size, Compute::Copy, constant(0));
        break;
      }
      [[fallthrough]];
    case ZYDIS_MNEMONIC_ADD:
    case ZYDIS_MNEMONIC_AND:
    case ZYDIS_MNEMONIC_OR:
    case ZYDIS_MNEMONIC_SHL:
    case ZYDIS_MNEMONIC_SHR:
      if (!plain_register(0)) {
        modelled = false;
        break;
      }
      to_register(reg_of(ops[0].reg.value), ops[0].size, compute_of(insn.mnemonic), self(0), self(1));
      break;
    case ZYDIS_MNEMONIC_INC:
    case ZYDIS_MNEMONIC_DEC:
      if (plain_register(0)) {
        to_register(reg_of(ops[0].reg.value), ops[0].size, insn.mnemonic == ZYDIS_MNEMONIC_INC ? Compute::Add : Compute::Sub,
                    self(0), constant(1));
      } else {
        modelled = false;
      }
      break;
    case ZYDIS_MNEMONIC_BTS:  // the compiler's way to or in one high bit
      if (plain_register(0) && ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        to_register(reg_of(ops[0].reg.value), ops[0].size, Compute::Or, self(0),
                    constant(static_cast<int64_t>(uint64_t{1} << (ops[1].imm.value.u & 63))));
      } else {
        modelled = false;
      }
      break;
    case ZYDIS_MNEMONIC_PUSH:
      effect.stack_delta = ops[0].size == 16 ? -2 : -8;
      effect.stores = true;
      effect.store.base = kRsp;
      effect.store.displacement = effect.stack_delta;  // relative to rsp before the push
      effect.store_width = static_cast<uint8_t>(-effect.stack_delta);
      effect.value = self(0);
      return effect;
    case ZYDIS_MNEMONIC_POP:
      effect.stack_delta = ops[0].size == 16 ? 2 : 8;
      if (plain_register(0) && ops[0].size == 64) {
        Operand top;
        top.kind = Source::Memory;
        top.memory.base = kRsp;
        to_register(reg_of(ops[0].reg.value), 64, Compute::Copy, top);
        if (effect.dst == kRsp) effect.stack_lost = true;
      } else {
        modelled = false;
      }
      break;
    case ZYDIS_MNEMONIC_LEAVE:
    case ZYDIS_MNEMONIC_ENTER:
      effect.clobbers = 1u << kRbp | 1u << kRsp;
      effect.stack_lost = true;
      return effect;
    case ZYDIS_MNEMONIC_PUSHFQ:
    case ZYDIS_MNEMONIC_POPFQ:
      effect.stack_delta = insn.mnemonic == ZYDIS_MNEMONIC_PUSHFQ ? -8 : 8;
      if (effect.stack_delta < 0) {
        effect.stores = true;
        effect.store.base = kRsp;
        effect.store.displacement = -8;
        effect.store_width = 8;
      }
      return effect;
    case ZYDIS_MNEMONIC_CMP:
      if (plain_register(0) && ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        effect.compared = reg_of(ops[0].reg.value);
        effect.compared_width = static_cast<uint8_t>(ops[0].size / 8);
        effect.compared_with = self(1).constant;
      }
      return effect;
    case ZYDIS_MNEMONIC_TEST:
      if (plain_register(0) && plain_register(1) && ops[0].reg.value == ops[1].reg.value) {
        effect.compared = reg_of(ops[0].reg.value);
        effect.compared_width = static_cast<uint8_t>(ops[0].size / 8);
      }
      return effect;
    case ZYDIS_MNEMONIC_NOP:
    case ZYDIS_MNEMONIC_INT3:  // a debugger, or a SIGTRAP handler, may let it go on
    case ZYDIS_MNEMONIC_ENDBR64:
    case ZYDIS_MNEMONIC_PAUSE: return effect;
    default:
      if (conditional_move(insn.mnemonic) && plain_register(0)) {
        to_register(reg_of(ops[0].reg.value), ops[0].size, Compute::Either, self(1));
      } else {
        modelled = false;
      }
      break;
  }
  if (!modelled) {
    effect.dst = kNoReg;
    add_clobbers(insn, ops, address, effect);
    set_vector_move(insn, ops, address, effect);
    if ((effect.clobbers >> kRsp) & 1) effect.stack_lost = true;
    // push and pop in other sizes still move the stack pointer by what is set above
    return effect;
  }
  if (effect.dst == kRsp && insn.mnemonic != ZYDIS_MNEMONIC_POP) {
    const bool by_constant = effect.b.kind == Source::Constant && effect.a.kind == Source::Register && effect.a.reg == kRsp;
    if (by_constant && effect.compute == Compute::Add) {
      effect.stack_delta = static_cast<int32_t>(effect.b.constant);
    } else if (by_constant && effect.compute == Compute::Sub) {
      effect.stack_delta = static_cast<int32_t>(-effect.b.constant);
    } else if (effect.a.kind == Source::Address && effect.a.memory.base == kRsp && effect.a.memory.index == kNoReg) {
      effect.stack_delta = static_cast<int32_t>(effect.a.memory.displacement);
    } else {
      effect.stack_lost = true;
    }
  }
  return effect;
}

}  // namespace stile::arch
