// SPDX-License-Identifier: Apache-2.0
#include "filter/numbers.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "filter/opcodes.h"

namespace stile::filter {

std::optional<uint32_t> number_from_key(std::string_view key) {
  if (key.empty() || key[0] < '0' || key[0] > '9' || (key[0] == '0' && key.size() > 1)) return std::nullopt;
  uint32_t number = 0;
  const char* end = key.data() + key.size();
  const auto [stop, error] = std::from_chars(key.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<arch::ArchId> table_for(const ArchSet& answered, uint32_t audit_arch, uint32_t number) {
  using arch::ArchId;
  if (audit_arch == kAuditX86_64 && number >= kX32Bit) {
    if (answered.has(ArchId::X32)) return ArchId::X32;
    if (number != kSkipped || !answered.has(ArchId::X86_64)) return std::nullopt;
    return ArchId::X86_64;
  }
  const std::optional<ArchId> id = arch::arch_by_audit(audit_arch, number);
  return id && answered.has(*id) ? id : std::nullopt;
}

std::optional<arch::KernelVersion> release_from(std::string_view text) {
  uint8_t parts[3] = {};
  size_t read = 0;
  while (read < 3) {
    unsigned part = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, part);
    if (error != std::errc()) break;
    parts[read++] = static_cast<uint8_t>(std::min(part, 255U));
    text = std::string_view(stop, static_cast<size_t>(end - stop));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  if (read < 2 || parts[0] == 0) return std::nullopt;
  return arch::KernelVersion{parts[0], parts[1], parts[2]};
}

Action no_such_call(arch::ArchId arch) {
  using arch::ArchId;
  uint16_t number = 38;  // include/uapi/asm-generic/errno.h
  switch (arch) {        // arch/*/include/uapi/asm/errno.h
    case ArchId::Alpha:
      number = 78;
      break;
    case ArchId::Mips:
    case ArchId::Mipsel:
    case ArchId::Mips64:
    case ArchId::Mipsel64:
    case ArchId::Mips64n32:
    case ArchId::Mipsel64n32:
      number = 89;
      break;
    case ArchId::Sparc:
    case ArchId::Sparc64:
      number = 90;
      break;
    case ArchId::Parisc:
    case ArchId::Parisc64:
      number = 251;
      break;
    default:
      break;
  }
  return {ActionKind::Errno, number};
}

int64_t highest_number_at(arch::ArchId arch, arch::KernelVersion release) {
  int64_t highest = -1;
  for (const arch::Syscall& call : arch::all_syscalls(arch)) {
    if (call.since.known() && call.since <= release) highest = std::max<int64_t>(highest, call.number);
  }
  return highest;
}

bool came_later(arch::ArchId arch, uint32_t number, arch::KernelVersion release, int64_t highest) {
  if (number == kSkipped) return false;
  const arch::KernelVersion since = arch::syscall_since(arch, number);
  return since.known() ? since > release : int64_t{number} > highest;
}

}  // namespace stile::filter
