// SPDX-License-Identifier: Apache-2.0
#include <stile/syscalls.h>

#include <algorithm>

#include <fmt/format.h>

#include <stile/nearest.h>

#include "arch/syscalls.h"

namespace stile {
namespace {

std::vector<std::string> strings(std::span<const std::string_view> views) {
  return std::vector<std::string>(views.begin(), views.end());
}

// What is left of a name when its variants are taken away: openat2, openat, open -> open; rt_sigaction ->
// sigaction; clock_nanosleep_time64 -> clock_nanosleep; newfstatat, fstat64 -> fstat.
std::string_view stem(std::string_view name) {
  for (const std::string_view head : {"rt_", "new", "old"}) {
    if (name.starts_with(head)) name.remove_prefix(head.size());
  }
  bool shorter = true;
  while (shorter) {
    shorter = false;
    for (const std::string_view tail :
         {"_time64", "64", "32", "16", "4", "3", "2", "1", "at", "_time", "v"}) {
      if (name.size() <= tail.size() + 2 || !name.ends_with(tail)) continue;
      name.remove_suffix(tail.size());
      shorter = true;
    }
  }
  return name;
}

}  // namespace

bool is_syscall(std::string_view name) {
  return arch::is_syscall_name(name);
}

std::string syscall_name(uint32_t audit_arch, uint32_t number) {
  const auto id = arch::arch_by_audit(audit_arch, number);
  return id ? std::string(arch::syscall_name(*id, number).value_or("")) : std::string();
}

std::string syscall_name(std::string_view arch, uint32_t number) {
  const auto id = arch::arch_by_name(arch);
  return id ? std::string(arch::syscall_name(*id, number).value_or("")) : std::string();
}

Risk risk_of(std::string_view name) {
  const auto risk = arch::risk_of(name);
  return risk ? Risk{risk->group, risk->level, risk->reason} : Risk{};
}

Result<std::vector<std::string>> expand_syscalls(std::string_view name_or_group) {
  const bool is_group = name_or_group.starts_with('@');
  if (is_group) {
    if (auto members = arch::group(name_or_group)) return strings(*members);
  } else if (arch::is_syscall_name(name_or_group)) {
    return std::vector<std::string>{std::string(name_or_group)};
  }
  const auto candidates = is_group ? arch::all_groups() : arch::all_names();
  const std::string_view near = arch::nearest_name(name_or_group, candidates);
  return fail(Code::Usage,
              fmt::format("no system call{} is called '{}'", is_group ? " group" : "", name_or_group), {},
              near.empty() ? std::string() : fmt::format("did you mean {}?", near));
}

std::vector<std::string> syscall_groups() {
  return strings(arch::all_groups());
}

std::vector<std::string> container_runtimes() {
  return strings(arch::all_runtimes());
}

std::vector<std::string> related_syscalls(std::string_view name, const std::vector<std::string>& among) {
  std::vector<std::string> related;
  for (const std::string& other : among) {
    if (other != name && stem(other) == stem(name)) related.push_back(other);
  }
  if (!related.empty() || arch::is_syscall_name(name)) return related;
  std::string meant = nearest(name, among);
  if (!meant.empty()) related.push_back(std::move(meant));
  return related;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  return std::string(arch::nearest_name(word, views));
}

}  // namespace stile
