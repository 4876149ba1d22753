// SPDX-License-Identifier: Apache-2.0
//
// What the two directions of the OCI format share: its words, and one entry of its list of system calls as a
// value.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <stile/condition.h>
#include <stile/profile.h>

#include "arch/syscalls.h"

namespace stile::format::oci {

// SCMP_ACT_*. KILL is the older word for KILL_THREAD.
std::string_view action_name(ActionKind kind);
std::optional<ActionKind> action_from(std::string_view name);
// Whether errnoRet may stand beside it.
bool takes_errno(ActionKind kind);

// SCMP_CMP_*.
enum class Op : uint8_t { Ne, Lt, Le, Eq, Ge, Gt, MaskedEq };
std::string_view op_name(Op op);
std::optional<Op> op_from(std::string_view name);

// One element of "args".
struct Comparison {
  uint8_t arg = 0;
  Op op = Op::Eq;
  uint64_t value = 0;      // MaskedEq: the mask
  uint64_t value_two = 0;  // MaskedEq: what the masked argument must be; otherwise 0
  auto operator<=>(const Comparison&) const = default;
};
// All of them hold; no two are of one argument. Empty: always.
using Comparisons = std::vector<Comparison>;
Condition condition_of(const Comparisons& all);

// One name of one element of "syscalls".
struct Entry {
  std::string place;  // its JSON pointer
  Action action;
  Comparisons all;
  bool chosen = false;   // it is there for this machine or these capabilities (includes, excludes)
  bool implied = false;  // not in the file: the runtime adds it (see multiplexed)
};

// socketcall(2) and ipc(2) reach many calls through one number. For a rule on one of those libseccomp adds
// one on the multiplexer, with the first argument for the sub-call in place of whatever was asked of it
// (abi_rule_add in its src/syscalls.c).
struct Multiplexed {
  std::string_view by;  // "socketcall", "ipc"
  uint64_t sub_call;    // its first argument
};
std::optional<Multiplexed> multiplexed(std::string_view name);
// Whether libseccomp does so on this architecture.
bool has_multiplexers(arch::ArchId arch);

// What a container runtime makes of the entries of one call. `name` and `warnings` are for messages only.
// Malformed with the places of two entries that contradict each other, Limit for too many conditions.
Result<Rule> merge(std::string_view name, std::vector<Entry> entries, Action otherwise,
                   const std::string& where, std::vector<std::string>& warnings);

// The same decision as `when`, as entries without two comparisons of one argument. Nothing when it takes more
// than kMaxEntries.
inline constexpr size_t kMaxEntries = 1024;
std::optional<std::vector<Comparisons>> entries_of(const Condition& when);

}  // namespace stile::format::oci
