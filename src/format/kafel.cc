// SPDX-License-Identifier: Apache-2.0
#include "format/kafel.h"

#include "format/recognise.h"

namespace stile {
namespace format {
namespace kafel {
namespace {

constexpr KafelCall kCalls[] = {
#include "format/kafel_calls.inc"
};

}  // namespace

const KafelCall* call_by_name(std::string_view name) {
  for (const KafelCall& one : kCalls) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

const KafelCall* call_by_number(uint32_t number) {
  for (const KafelCall& one : kCalls) {
    if (one.number == number) return &one;
  }
  return nullptr;
}

std::string_view arch_name(arch::ArchId id) {
  // arch_name_map of src/syscall.c.
  constexpr std::pair<arch::ArchId, std::string_view> kNames[] = {
      {arch::ArchId::X86_64, "x86_64"}, {arch::ArchId::I386, "x86"}, {arch::ArchId::Arm, "arm"},         {arch::ArchId::Arm64, "aarch64"},
      {arch::ArchId::Mips, "mips"},     {arch::ArchId::Mips64, "mips64"}, {arch::ArchId::Riscv64, "riscv64"}, {arch::ArchId::M68k, "m68k"},
  };
  for (const auto& [known, name] : kNames) {
    if (known == id) return name;
  }
  return {};
}

}  // namespace kafel

bool looks_like_kafel(std::string_view text) {
  return has_line(text, [](std::string_view line) {
    for (const std::string_view word :
         {"POLICY", "USE", "DEFAULT", "ALLOW", "LOG", "DENY", "KILL", "KILL_PROCESS", "KILL_THREAD", "ERRNO", "TRAP", "TRACE", "USER_NOTIF"}) {
      if (!line.starts_with(word)) continue;
      const std::string_view rest = stripped(line.substr(word.size()));
      const bool apart = line.size() > word.size() && (line[word.size()] == ' ' || line[word.size()] == '\t');
      if (rest.starts_with('{') || rest.starts_with('(') || (apart && rest[0] != ':' && rest[0] != '=')) return true;
    }
    return false;
  });
}

}  // namespace format

extern const Format kKafelFormat = {"kafel", "kafel's policy language (nsjail)", false, format::kafel::write, format::kafel::read};

}  // namespace stile
