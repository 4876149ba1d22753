// SPDX-License-Identifier: Apache-2.0
//
// What a profile says of one system call as a list that can be compared and joined: decide() for all
// arguments at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <stile/profile.h>

#include "arch/syscalls.h"
#include "filter/numbers.h"

namespace stile::filter {

// Looked at in order; the last one holds always.
using Decision = std::vector<Case>;

// A call of one table. Numbers as seccomp_data.nr holds them.
using Call = std::pair<arch::ArchId, uint32_t>;
// One call has one name: numbers with x32's bit are x32's, whether a profile answers for x32 or not.
Call call_of(arch::ArchId table, uint32_t number);

// The rules of a profile by call. The profile must outlive it.
class Decisions {
 public:
  explicit Decisions(const Profile& profile);

  const std::set<arch::ArchId>& tables() const { return tables_; }
  // Every call that a rule speaks of.
  const std::map<Call, const std::pair<const std::string, Rule>*>& listed() const { return listed_; }
  // The rule that speaks of a call; null when there is none.
  const Rule* rule(Call call) const;

  Decision of(Call call) const;
  // What is done with one call: of() looked through with its arguments, without making it.
  Action action(Call call, const Arguments& args) const;
  // What is said of a call that no rule speaks of.
  Action unlisted(Call call) const;
  // The table of this profile that answers a call; nothing when it is a call from another architecture.
  std::optional<arch::ArchId> table_of(Call call) const;

 private:
  const Profile& profile_;
  std::set<arch::ArchId> tables_;
  ArchSet answered_;
  std::map<Call, const std::pair<const std::string, Rule>*> listed_;
  std::optional<arch::KernelVersion> release_;
  std::map<arch::ArchId, int64_t> highest_;
};

// Action by action, the condition under which the decision gives it: no two hold at once, and one always
// does.
std::vector<Case> parts(const Decision& decision);

// The name of a call; its number where it has none.
std::string call_name(Call call);

// A number that no table knows and no rule of the two profiles speaks of, above all those that are known.
uint32_t unknown_number(arch::ArchId arch, const Decisions& a, const Decisions& b);

// The bits that an argument of a call of this table can have.
uint64_t argument_width(arch::ArchId arch);

}  // namespace stile::filter
