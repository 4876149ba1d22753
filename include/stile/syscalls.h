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
// The same for what a filter sees: AUDIT_ARCH_* and seccomp_data.nr.
std::string syscall_name(uint32_t audit_arch, uint32_t number);

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

// What a group is for, one line; empty for an unknown one.
std::string_view group_description(std::string_view group);

// One call of one table.
struct SyscallInfo {
  std::string name;                 // empty for a number that has no name
  uint32_t number = 0;              // as seccomp_data.nr holds it
  std::string arch;
  std::string since;                // the kernel release that brought it, "5.3"; empty where nobody knows
  bool since_exact = false;         // false: not earlier than that
  std::vector<std::string> groups;  // those that hold it, sorted
  Risk risk;
};
// All calls of an architecture, by number. Usage error for one that does not exist, with the nearest that does.
Result<std::vector<SyscallInfo>> syscall_table(std::string_view arch);
// Those of the table that a name, a number (decimal or 0x hexadecimal) or an @group stands for, by number. Usage error for what does not
// exist at all, with the nearest that does; an empty list for a name that only other tables have.
Result<std::vector<SyscallInfo>> find_syscalls(std::string_view what, std::string_view arch);
// The architectures whose table has the name, in the order of data/architectures.tsv.
std::vector<std::string> architectures_with(std::string_view name);
// All architectures.
std::vector<std::string> architectures();

// The container runtimes whose own system calls are known: what ProfileOptions::runtime takes, "none"
// included.
std::vector<std::string> container_runtimes();

// Those of `among` that do much the same job as `name` (open, openat, openat2), else the one it may be a slip
// for.
std::vector<std::string> related_syscalls(std::string_view name, const std::vector<std::string>& among);

}  // namespace stile
