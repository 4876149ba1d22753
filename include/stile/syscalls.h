// SPDX-License-Identifier: Apache-2.0
//
// What is known about system calls as such: names, groups, how much harm each can do. From data/syscalls.tsv
// and its neighbours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <stile/result.h>

namespace stile {

// Whether a system call table of any architecture has this name.
bool is_syscall(std::string_view name);

// The name of a number in the table of an architecture such as "x86_64"; empty if there is none.
std::string syscall_name(std::string_view arch, uint32_t number);

// How much a call matters to somebody who reads a profile. A judgement, see data/risk.tsv; nothing is decided
// by it.
struct Risk {
  std::string_view group;  // "process-inspection"; empty for a name that is not known
  unsigned level =
      0;  // 4 = ask why it is there, 3 = know why, 2 = usual, 1 = harmless in itself, 0 = not known
  std::string_view reason;  // what makes the group what it is
};
Risk risk_of(std::string_view name);

// A name gives itself, "@group" its members, sorted. Usage error for what does not exist, with the nearest
// that does.
Result<std::vector<std::string>> expand_syscalls(std::string_view name_or_group);

// All groups, with their "@".
std::vector<std::string> syscall_groups();

// The container runtimes whose own system calls are known: what ProfileOptions::runtime takes, "none"
// included.
std::vector<std::string> container_runtimes();

// Those of `among` that do much the same job as `name` (open, openat, openat2), else the one it may be a slip
// for.
std::vector<std::string> related_syscalls(std::string_view name, const std::vector<std::string>& among);

}  // namespace stile
