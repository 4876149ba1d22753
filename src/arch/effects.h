// SPDX-License-Identifier: Apache-2.0
//
// What one instruction does to registers and memory, as far as following a system call number needs it. An instruction
// that is not modelled says which registers it overwrites and what it stores to; nothing is ever assumed unchanged.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace stile::arch {

// General-purpose registers in hardware order: 0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp, 5 rbp, 6 rsi, 7 rdi, 8 r8 ... 15 r15.
using Reg = uint8_t;
constexpr Reg kRax = 0, kRcx = 1, kRdx = 2, kRbx = 3, kRsp = 4, kRbp = 5, kRsi = 6, kRdi = 7, kR8 = 8, kR11 = 11,
              kNoReg = 0xff;
// Vector registers, only as far as they copy memory: xmm0 = kVector, ... xmm31 = kVector + 31 (ymm and zmm are the same).
constexpr Reg kVector = 32;
constexpr bool is_vector(Reg reg) { return reg >= kVector && reg < kVector + 32; }

struct Memory {
  Reg base = kNoReg;
  Reg index = kNoReg;
  uint8_t scale = 0;
  bool segment = false;   // relative to fs or gs: thread-local, or the kernel's entry pointer on i386
  int64_t displacement = 0;  // the absolute address where there is neither base nor index (RIP-relative included)
  bool absolute() const { return base == kNoReg && index == kNoReg && !segment; }
};

enum class Source : uint8_t { None, Constant, Register, Memory, Address };  // None: not modelled

struct Operand {
  Source kind = Source::None;
  Reg reg = kNoReg;
  int64_t constant = 0;
  Memory memory;
};

enum class Compute : uint8_t {
  Copy,        // a
  SignExtend,  // a, from `source_width` bytes
  Either,      // the register's old value or a (conditional move)
  Add, Sub, And, Or, Xor, ShiftLeft, ShiftRight,  // a op b
};

enum class Step : uint8_t {
  Plain,
  Call,           // target, or through memory/register
  Jump,           // unconditional
  Branch,         // conditional: target or the next instruction
  Return,
  EnterKernel,    // syscall, sysenter, int 0x80, call *%gs:0x10
  Stop,           // ud2, hlt: control does not go on
};

struct Effect {
  uint8_t length = 0;  // 0 = not an instruction
  Step step = Step::Plain;
  bool has_target = false;  // direct call, jump, branch
  uint64_t target = 0;
  Operand through;          // indirect call or jump: where the target comes from
  bool if_equal = false;      // jump if the comparison before it found equality (je, jz)
  bool if_not_equal = false;  // jump if it did not

  // cmp register, constant; test register, itself (compares with 0). `compared` is kNoReg for anything else.
  Reg compared = kNoReg;
  uint8_t compared_width = 0;
  int64_t compared_with = 0;

  // Register result: dst = compute(a, b), `width` bytes wide (4 zero-extends to 8; 1 and 2 leave the rest).
  Reg dst = kNoReg;
  uint8_t width = 0;
  uint8_t source_width = 0;
  Compute compute = Compute::Copy;
  Operand a, b;

  // Vector result: dst = what stands in memory, in another vector register, or zero; None: something else.
  Reg vector_dst = kNoReg;
  Operand vector_source;

  // Memory result: [store] = value, `store_width` bytes. value.kind None = something not modelled.
  bool stores = false;
  bool store_unbounded = false;  // string instructions: length not in the instruction
  Memory store;
  uint8_t store_width = 0;
  Operand value;

  uint16_t clobbers = 0;    // other registers overwritten, one bit each
  uint16_t reads = 0;       // registers whose value an instruction that is not modelled uses, other than to address memory
  int32_t stack_delta = 0;  // change of rsp by push, pop, add, sub, lea; calls leave 0 (the callee pops its return address)
  bool stack_lost = false;  // rsp set in a way that is not modelled
};

// Decodes the instruction at the start of `bytes`, which stands at `address`.
Effect effect_of(Bytes bytes, uint64_t address);

}  // namespace stile::arch
