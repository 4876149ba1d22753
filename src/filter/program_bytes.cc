// SPDX-License-Identifier: Apache-2.0
//
// Programs as files: raw, as the kernel's struct sock_filter lies in memory, and as C source.
#include <cstring>

#include <fmt/format.h>

#include <stile/filter.h>

#include "filter/lines.h"

namespace stile {
namespace {

static_assert(sizeof(Instruction) == 8 && std::is_trivially_copyable_v<Instruction>);
static_assert(offsetof(Instruction, jt) == 2 && offsetof(Instruction, jf) == 3 &&
              offsetof(Instruction, k) == 4);

// A name that C takes, whatever was given.
std::string identifier(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (digit && out.empty()) out += '_';
    out += letter || digit ? c : '_';
  }
  return out.empty() ? "filter" : out;
}

}  // namespace

std::string to_bytes(std::span<const Instruction> program) {
  std::string bytes(program.size_bytes(), '\0');
  if (!program.empty()) std::memcpy(bytes.data(), program.data(), bytes.size());
  return bytes;
}

Result<Program> from_bytes(std::string_view bytes) {
  if (bytes.size() % sizeof(Instruction) != 0) {
    return fail(Code::Malformed,
                fmt::format("{} bytes are no BPF program: an instruction has eight", bytes.size()));
  }
  if (bytes.size() / sizeof(Instruction) > kMaxInstructions) {
    return fail(Code::Malformed, fmt::format("{} instructions, the kernel takes {}",
                                             bytes.size() / sizeof(Instruction), kMaxInstructions));
  }
  Program program(bytes.size() / sizeof(Instruction));
  if (!program.empty()) std::memcpy(program.data(), bytes.data(), bytes.size());
  return program;
}

std::string to_c_array(std::span<const Instruction> program, std::string_view name) {
  const std::vector<std::string> lines = filter::describe_instructions(program);
  std::string out = fmt::format(
      "/* {} instructions, for struct sock_fprog; include <linux/filter.h> first. */\n", program.size());
  out += fmt::format("static const struct sock_filter {}[{}] = {{\n", identifier(name), program.size());
  for (size_t i = 0; i < program.size(); ++i) {
    const Instruction& insn = program[i];
    out += fmt::format("  {{{:#04x}, {:3}, {:3}, {:#010x}}},  /* {:04}: {} */\n", insn.code, insn.jt, insn.jf,
                       insn.k, i, lines[i]);
  }
  return out + "};\n";
}

}  // namespace stile
