// SPDX-License-Identifier: Apache-2.0
//
// Writes eBPF instructions (Documentation/bpf/standardization/instruction-set.rst) with labels for jumps, so
// that no compiler for BPF is needed, neither to build nor to run.
#pragma once

#include <cstdint>
#include <vector>

#include <linux/bpf.h>

namespace stile::live::bpf {

enum Register : uint8_t { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };
enum Size : uint8_t { Byte = BPF_B, Word = BPF_W, Double = BPF_DW };

class Assembler {
 public:
  // A place to jump to, given before or after it is bound.
  using Label = size_t;
  Label label() {
    targets_.push_back(0);
    return targets_.size() - 1;
  }
  void bind(Label label) { targets_[label] = code_.size(); }

  void move(Register to, Register from) { put(BPF_ALU64 | BPF_MOV | BPF_X, to, from); }
  void move(Register to, int32_t value) { put(BPF_ALU64 | BPF_MOV | BPF_K, to, R0, 0, value); }
  // The low 32 bits; the high ones become 0.
  void move32(Register to, Register from) { put(BPF_ALU | BPF_MOV | BPF_X, to, from); }
  void move32(Register to, int32_t value) { put(BPF_ALU | BPF_MOV | BPF_K, to, R0, 0, value); }
  // operation: BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH
  void alu(uint8_t operation, Register to, Register from) { put(BPF_ALU64 | operation | BPF_X, to, from); }
  void alu(uint8_t operation, Register to, int32_t value) {
    put(BPF_ALU64 | operation | BPF_K, to, R0, 0, value);
  }

  void load(Size size, Register to, Register base, int16_t offset) {
    put(BPF_LDX | BPF_MEM | size, to, base, offset);
  }
  void store(Size size, Register base, int16_t offset, Register from) {
    put(BPF_STX | BPF_MEM | size, base, from, offset);
  }
  void store(Size size, Register base, int16_t offset, int32_t value) {
    put(BPF_ST | BPF_MEM | size, base, R0, offset, value);
  }
  void atomic_add(Size size, Register base, int16_t offset, Register value) {
    put(BPF_STX | BPF_ATOMIC | size, base, value, offset, BPF_ADD);
  }
  // `value` becomes what was there before.
  void atomic_fetch_add(Size size, Register base, int16_t offset, Register value) {
    put(BPF_STX | BPF_ATOMIC | size, base, value, offset, BPF_ADD | BPF_FETCH);
  }

  void map(Register to, int fd) { wide(to, BPF_PSEUDO_MAP_FD, fd, 0); }
  // An address inside the value of an array of one element.
  void map_value(Register to, int fd, int32_t offset) { wide(to, BPF_PSEUDO_MAP_VALUE, fd, offset); }

  void call(int32_t helper) { put(BPF_JMP | BPF_CALL, R0, R0, 0, helper); }
  void leave() { put(BPF_JMP | BPF_EXIT, R0); }

  void jump(Label to) { branch(BPF_JMP | BPF_JA, R0, R0, 0, to); }
  // condition: BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLE, BPF_JSET, ... of whole registers, unsigned
  void jump(uint8_t condition, Register a, int32_t b, Label to) {
    branch(BPF_JMP | condition | BPF_K, a, R0, b, to);
  }
  void jump(uint8_t condition, Register a, Register b, Label to) {
    branch(BPF_JMP | condition | BPF_X, a, b, 0, to);
  }

  // With all jumps resolved.
  std::vector<bpf_insn> finish() {
    for (const Fix& fix : fixes_) {
      code_[fix.at].off =
          static_cast<int16_t>(static_cast<int64_t>(targets_[fix.to]) - static_cast<int64_t>(fix.at) - 1);
    }
    return code_;
  }

 private:
  struct Fix {
    size_t at;
    Label to;
  };
  void put(uint8_t code, Register to, Register from = R0, int16_t offset = 0, int32_t value = 0) {
    bpf_insn one{};
    one.code = code;
    one.dst_reg = to;
    one.src_reg = from;
    one.off = offset;
    one.imm = value;
    code_.push_back(one);
  }
  void wide(Register to, uint8_t kind, int32_t low, int32_t high) {
    put(BPF_LD | BPF_DW | BPF_IMM, to, static_cast<Register>(kind), 0, low);
    put(0, R0, R0, 0, high);
  }
  void branch(uint8_t code, Register a, Register b, int32_t value, Label to) {
    fixes_.push_back({code_.size(), to});
    put(code, a, b, 0, value);
  }

  std::vector<bpf_insn> code_;
  std::vector<size_t> targets_;
  std::vector<Fix> fixes_;
};

}  // namespace stile::live::bpf
