// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stile/syscalls.h>

#include "arch/syscalls.h"

namespace stile {
namespace {

Result<arch::ArchId> known_arch(std::string_view name) {
  if (const auto id = arch::arch_by_name(name)) return *id;
  std::vector<std::string_view> names;
  for (const arch::ArchInfo& info : arch::all_archs()) names.push_back(info.name);
  const std::string_view near = arch::nearest_name(name, names);
  return fail(Code::Usage, fmt::format("no architecture is called '{}'", name.substr(0, 64)), {},
              near.empty() ? fmt::format("one of {}", fmt::join(names, ", "))
                           : fmt::format("did you mean {}?", near));
}

// Which groups hold a name.
using Groups = std::map<std::string_view, std::vector<std::string>>;
Groups all_memberships() {
  Groups groups;
  for (const std::string_view group : arch::all_groups()) {
    const auto members = arch::group(group);
    if (!members) continue;
    for (const std::string_view member : *members) groups[member].emplace_back(group);
  }
  for (auto& [member, list] : groups) std::sort(list.begin(), list.end());
  return groups;
}

SyscallInfo describe(const arch::Syscall& call, arch::ArchId id, const Groups& groups) {
  SyscallInfo info;
  info.name = call.name;
  info.number = call.number;
  info.arch = arch::arch_info(id).name;
  if (call.since.known()) info.since = arch::to_string(call.since);
  info.since_exact = call.since.known() && call.since.exact;
  if (const auto found = groups.find(call.name); found != groups.end()) info.groups = found->second;
  info.risk = risk_of(call.name);
  return info;
}

Result<std::optional<uint32_t>> number_from(std::string_view what) {
  if (what.empty() || what[0] < '0' || what[0] > '9') return std::nullopt;
  const bool hexadecimal = what.starts_with("0x") || what.starts_with("0X");
  const std::string_view digits = hexadecimal ? what.substr(2) : what;
  uint32_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, hexadecimal ? 16 : 10);
  if (error != std::errc() || stop != end)
    return fail(Code::Usage, fmt::format("'{}' is no system call number", what.substr(0, 64)));
  return number;
}

}  // namespace

std::string_view group_description(std::string_view group) {
  return arch::group_description(group);
}

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const arch::ArchInfo& info : arch::all_archs()) names.emplace_back(info.name);
  return names;
}

std::vector<std::string> architectures_with(std::string_view name) {
  std::vector<std::string> names;
  for (const arch::ArchInfo& info : arch::all_archs()) {
    if (arch::syscall_number(info.id, name)) names.emplace_back(info.name);
  }
  return names;
}

Result<std::vector<SyscallInfo>> syscall_table(std::string_view arch_name) {
  const auto id = known_arch(arch_name);
  if (!id) return tl::unexpected(id.error());
  const Groups groups = all_memberships();
  std::vector<SyscallInfo> table;
  for (const arch::Syscall& call : arch::all_syscalls(*id)) table.push_back(describe(call, *id, groups));
  return table;
}

Result<std::vector<SyscallInfo>> find_syscalls(std::string_view what, std::string_view arch_name) {
  const auto id = known_arch(arch_name);
  if (!id) return tl::unexpected(id.error());
  const Groups groups = all_memberships();
  const auto number = number_from(what);
  if (!number) return tl::unexpected(number.error());
  std::vector<SyscallInfo> found;
  const auto add = [&](uint32_t of, std::string_view name) {
    found.push_back(describe({of, name, arch::syscall_since(*id, of)}, *id, groups));
  };
  if (*number) {
    if (const auto name = arch::syscall_name(*id, **number)) add(**number, *name);
    return found;
  }
  const auto names = expand_syscalls(what);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (const auto of = arch::syscall_number(*id, name)) add(*of, name);
  }
  std::sort(found.begin(), found.end(),
            [](const SyscallInfo& a, const SyscallInfo& b) { return a.number < b.number; });
  return found;
}

}  // namespace stile
