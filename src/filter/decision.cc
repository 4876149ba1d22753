// SPDX-License-Identifier: Apache-2.0
#include "filter/decision.h"

#include <algorithm>

#include <stile/filter.h>

namespace stile::filter {
namespace {

// As the kernel reads it: data of actions that carry none is nothing.
Action plain(Action action) {
  return action_of(return_value(action));
}

}  // namespace

Call call_of(arch::ArchId table, uint32_t number) {
  if (table == arch::ArchId::X86_64 && number >= arch::kX32Bit) return {arch::ArchId::X32, number};
  return {table, number};
}

Decisions::Decisions(const Profile& profile)
    : profile_(profile), release_(release_from(profile.written_for)) {
  for (const std::string& name : arches_of(profile)) {
    if (const auto id = arch::arch_by_name(name)) tables_.insert(*id);
  }
  for (const arch::ArchId id : tables_) answered_.add(id);
  for (const arch::ArchId id : tables_) {
    if (release_) highest_[id] = highest_number_at(id, *release_);
    const std::string_view table = arch::arch_info(id).name;
    for (const auto& entry : profile.rules) {
      const Rule& rule = entry.second;
      const bool meant = rule.arches.empty() ||
                         std::any_of(rule.arches.begin(), rule.arches.end(), [&](const std::string& name) {
                           return name == table || arch::arch_by_name(name) == id;
                         });
      if (!meant) continue;
      std::optional<uint32_t> number = number_from_key(entry.first);
      if (!number) number = arch::syscall_number(id, entry.first);
      if (!number) continue;
      const Call call = call_of(id, *number);
      // The first one decides.
      if (table_of(call) == id) listed_.emplace(call, &entry);
    }
  }
}

std::optional<arch::ArchId> Decisions::table_of(Call call) const {
  return table_for(answered_, arch::arch_info(call.first).audit_arch, call.second);
}

const Rule* Decisions::rule(Call call) const {
  const auto found = listed_.find(call);
  return found == listed_.end() ? nullptr : &found->second->second;
}

Action Decisions::unlisted(Call call) const {
  const std::optional<arch::ArchId> table = table_of(call);
  if (!table) return plain(profile_.bad_arch);
  if (release_ && came_later(*table, call.second, *release_, highest_.at(*table)))
    return no_such_call(*table);
  return plain(profile_.otherwise);
}

Decision Decisions::of(Call call) const {
  const Rule* found = rule(call);
  if (found == nullptr) return {{Condition::always(), unlisted(call)}};
  Decision decision;
  for (const Case& one : found->cases) decision.push_back({one.when, plain(one.action)});
  decision.push_back({Condition::always(), plain(found->action)});
  return decision;
}

Action Decisions::action(Call call, const Arguments& args) const {
  const Rule* found = rule(call);
  if (found == nullptr) return unlisted(call);
  for (const Case& one : found->cases) {
    if (holds(one.when, args)) return plain(one.action);
  }
  return plain(found->action);
}

std::vector<Case> parts(const Decision& decision) {
  std::vector<Case> all;
  Condition rest = Condition::always();
  for (const Case& one : decision) {
    Condition here = rest && one.when;
    const auto same =
        std::find_if(all.begin(), all.end(), [&](const Case& part) { return part.action == one.action; });
    if (same == all.end()) {
      all.push_back({std::move(here), one.action});
    } else {
      same->when = same->when || here;
    }
    if (one.when == Condition::always()) break;
    rest = rest && !one.when;
  }
  return all;
}

std::string call_name(Call call) {
  const auto name = arch::syscall_name(call.first, call.second);
  return name ? std::string(*name) : std::to_string(call.second);
}

uint32_t unknown_number(arch::ArchId arch, const Decisions& a, const Decisions& b) {
  const std::vector<arch::Syscall> all = arch::all_syscalls(arch);
  uint32_t number = all.empty() ? 0 : all.back().number;
  // Far enough above that no kernel soon will have it, so that what is said of it stays true.
  number += 1000;
  while (a.listed().contains({arch, number}) || b.listed().contains({arch, number})) ++number;
  return number;
}

uint64_t argument_width(arch::ArchId arch) {
  constexpr uint32_t k64Bit = 0x80000000;  // __AUDIT_ARCH_64BIT, include/uapi/linux/audit.h
  return (arch::arch_info(arch).audit_arch & k64Bit) != 0 ? ~uint64_t{0} : 0xffffffff;
}

}  // namespace stile::filter
