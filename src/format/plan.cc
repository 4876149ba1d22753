// SPDX-License-Identifier: Apache-2.0
#include "format/plan.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stile::format {
namespace {

using arch::ArchId;
using filter::Call;
using filter::Decision;

std::string name_of(ArchId table) { return std::string(arch::arch_info(table).name); }

// From the one that lets through most.
int strictness(ActionKind kind) {
  constexpr ActionKind kOrder[] = {ActionKind::Allow, ActionKind::Log,  ActionKind::Notify,     ActionKind::Trace,
                                   ActionKind::Errno, ActionKind::Trap, ActionKind::KillThread, ActionKind::KillProcess};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), kind) - std::begin(kOrder));
}

// Conditions in normal form, without those that never hold, that stand behind one that always does, or that only say what follows.
Decision settled(Decision decision) {
  Decision kept;
  for (Case& one : decision) {
    if (auto normal = normalise(one.when)) one.when = std::move(*normal);
    if (one.when == Condition::never()) continue;
    kept.push_back(std::move(one));
    if (kept.back().when == Condition::always()) break;
  }
  while (kept.size() > 1 && kept[kept.size() - 2].action == kept.back().action) kept.erase(kept.end() - 2);
  return kept;
}

bool contains(const std::set<ArchId>& set, ArchId id) { return set.find(id) != set.end(); }

}  // namespace

std::string some_of(const std::set<std::string>& names) {
  constexpr size_t kShown = 5;
  const auto end = std::next(names.begin(), static_cast<std::ptrdiff_t>(std::min(names.size(), kShown)));
  std::string text = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

bool milder(Action a, Action b) { return strictness(a.kind) < strictness(b.kind); }

Action mildest(const Decision& decision) {
  Action mild = decision.back().action;
  for (const Case& one : decision) {
    if (milder(one.action, mild)) mild = one.action;
  }
  return mild;
}

bool is_plain(const Decision& decision) { return decision.size() == 1; }

Decision decision_of(const Plan& plan, Call call) {
  const auto found = plan.calls.find(call);
  return found == plan.calls.end() ? Decision{{Condition::always(), plan.otherwise}} : found->second;
}

void set_decision(Plan& plan, Call call, Decision decision) {
  decision = settled(std::move(decision));
  if (is_plain(decision) && decision[0].action == plan.otherwise) {
    plan.calls.erase(call);
  } else {
    plan.calls[call] = std::move(decision);
  }
}

Result<Plan> plan_of(const Profile& profile, Losses& losses) {
  const auto own = arch::arch_by_name(profile.arch);
  if (!own) return fail(Code::Usage, fmt::format("no architecture is called '{}'", profile.arch));
  for (const std::string& name : arches_of(profile)) {
    if (!arch::arch_by_name(name)) return fail(Code::Usage, fmt::format("no architecture is called '{}'", name));
  }
  const filter::Decisions decisions(profile);
  Plan plan;
  plan.arch = *own;
  plan.tables = decisions.tables();
  plan.tables.insert(*own);
  plan.otherwise = action_of(return_value(profile.otherwise));
  plan.bad_arch = action_of(return_value(profile.bad_arch));
  for (const auto& [call, rule] : decisions.listed()) set_decision(plan, call, decisions.of(call));
  if (!profile.written_for.empty()) {
    const bool said = std::all_of(plan.tables.begin(), plan.tables.end(),
                                  [&](ArchId id) { return filter::no_such_call(id) == plan.otherwise; });
    if (!said) {
      losses.add(fmt::format("calls that came after Linux {} answer {}, not ENOSYS", profile.written_for, to_string(plan.otherwise)));
    }
  }
  if (!profile.paths.empty()) {
    losses.add(fmt::format("{} path rule{}: no filter can look at a path", profile.paths.size(), profile.paths.size() == 1 ? "" : "s"));
  }
  return plan;
}

Result<Profile> profile_of(const Plan& plan, const std::string& where) {
  Profile profile;
  profile.arch = name_of(plan.arch);
  for (const ArchId id : plan.tables) {
    if (id != plan.arch) profile.also_arches.push_back(name_of(id));
  }
  std::sort(profile.also_arches.begin(), profile.also_arches.end());
  profile.otherwise = plan.otherwise;
  profile.bad_arch = plan.bad_arch;
  const auto rule_of = [&](const Decision& decision, std::vector<std::string> arches) {
    Rule rule;
    rule.action = decision.back().action;
    rule.cases.assign(decision.begin(), decision.end() - 1);
    std::sort(arches.begin(), arches.end());
    rule.arches = std::move(arches);
    rule.because = {Evidence{EvidenceKind::Human, {}, {}, "stands in " + where}};
    return rule;
  };
  std::map<std::string, std::vector<std::pair<Call, const Decision*>>> by_name;
  for (const auto& [call, decision] : plan.calls) by_name[filter::call_name(call)].emplace_back(call, &decision);
  for (const auto& [name, calls] : by_name) {
    std::vector<std::string> arches;
    for (const auto& [call, decision] : calls) {
      if (*decision == *calls[0].second) arches.push_back(name_of(call.first));
    }
    if (!profile.rules.emplace(name, rule_of(*calls[0].second, arches)).second)
      return fail(Code::Limit, fmt::format("'{}' means different calls on different architectures, with different actions", name), where);
    for (const auto& [call, decision] : calls) {
      if (*decision == *calls[0].second) continue;
      // Another decision on another table: said by its number there.
      const std::string number = std::to_string(call.second);
      if (by_name.contains(number) || !profile.rules.emplace(number, rule_of(*decision, {name_of(call.first)})).second)
        return fail(Code::Limit, fmt::format("'{}' gets different actions on more architectures than can be told apart", name), where);
    }
  }
  return profile;
}

Action decide(const Plan& plan, const Event& event) {
  filter::ArchSet answered;
  for (const ArchId id : plan.tables) answered.add(id);
  const auto table = filter::table_for(answered, event.arch, event.number);
  if (!table) return plan.bad_arch;
  const auto found = plan.calls.find(filter::call_of(*table, event.number));
  if (found == plan.calls.end()) return plan.otherwise;
  for (const Case& one : found->second) {
    if (holds(one.when, event.args)) return one.action;
  }
  return plan.otherwise;
}

void keep_tables(Plan& plan, const std::set<ArchId>& tables, Losses& losses) {
  std::map<ArchId, size_t> rules;
  for (const ArchId id : plan.tables) {
    if (!contains(tables, id)) rules[id] = 0;
  }
  for (auto call = plan.calls.begin(); call != plan.calls.end();) {
    const bool kept = contains(tables, call->first.first);
    if (!kept) ++rules[call->first.first];
    call = kept ? std::next(call) : plan.calls.erase(call);
  }
  for (const auto& [id, count] : rules) {
    plan.tables.erase(id);
    if (count == 0 && plan.otherwise == plan.bad_arch) continue;
    losses.add(fmt::format("calls by {} get {}, as those by other architectures do{}", name_of(id), to_string(plan.bad_arch),
                           count == 0 ? "" : fmt::format(" ({} rule{})", count, count == 1 ? "" : "s")));
  }
}

std::set<ArchId> with_x32(ArchId own) {
  return own == ArchId::X86_64 ? std::set<ArchId>{own, ArchId::X32} : std::set<ArchId>{own};
}

void take_x32_for_unlisted(Plan& plan, Action was, Losses& losses) {
  if (!contains(plan.tables, ArchId::X86_64) || contains(plan.tables, ArchId::X32)) return;
  plan.tables.insert(ArchId::X32);
  if (was != plan.otherwise) {
    losses.add(fmt::format("calls by x32 get {}, as calls that are not listed do, not {}", to_string(plan.otherwise), to_string(was)));
  }
}

void one_meaning_for_all_tables(Plan& plan, Losses& losses) {
  std::set<std::string> names, changed;
  for (const auto& [call, decision] : plan.calls) names.insert(filter::call_name(call));
  for (const std::string& name : names) {
    std::vector<Call> calls;
    for (const ArchId id : plan.tables) {
      const auto number = arch::syscall_number(id, name);
      if (number) calls.push_back(filter::call_of(id, *number));
    }
    if (calls.empty()) continue;
    Decision one = decision_of(plan, calls[0]);
    bool same = true;
    Action mild = mildest(one);
    for (const Call& call : calls) {
      const Decision other = decision_of(plan, call);
      same = same && other == one;
      if (milder(mildest(other), mild)) mild = mildest(other);
    }
    if (same) continue;
    changed.insert(fmt::format("{} ({})", name, to_string(mild)));
    for (const Call& call : calls) set_decision(plan, call, {{Condition::always(), mild}});
  }
  if (!changed.empty())
    losses.add(fmt::format("rules hold for every architecture listed; where these differ the mildest action is taken: {}", some_of(changed)));
}

void keep_calls(Plan& plan, const std::function<bool(Call)>& known, std::string_view why, Losses& losses) {
  std::set<std::string> dropped;
  for (auto call = plan.calls.begin(); call != plan.calls.end();) {
    const bool kept = known(call->first);
    if (!kept) dropped.insert(filter::call_name(call->first));
    call = kept ? std::next(call) : plan.calls.erase(call);
  }
  if (!dropped.empty())
    losses.add(fmt::format("{} get{} {}, as calls that are not listed do: {}", some_of(dropped), dropped.size() == 1 ? "s" : "",
                           to_string(plan.otherwise), why));
}

void drop_conditions(Plan& plan, Losses& losses) {
  std::map<std::string, std::set<std::string>> widened;
  const auto calls = plan.calls;
  for (const auto& [call, decision] : calls) {
    if (is_plain(decision)) continue;
    const Action mild = mildest(decision);
    widened[to_string(mild)].insert(filter::call_name(call));
    set_decision(plan, call, {{Condition::always(), mild}});
  }
  for (const auto& [action, names] : widened)
    losses.add(fmt::format("conditions on arguments: {} whatever they are for {}", action, some_of(names)));
}

void map_actions(Plan& plan, const std::function<Action(Action)>& map, Losses& losses) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> changed;
  const auto calls = plan.calls;
  for (const auto& [call, decision] : calls) {
    Decision mapped = decision;
    for (Case& one : mapped) {
      const Action after = map(one.action);
      if (after != one.action) changed[{to_string(after), to_string(one.action)}].insert(filter::call_name(call));
      one.action = after;
    }
    set_decision(plan, call, std::move(mapped));
  }
  for (const auto& [actions, names] : changed)
    losses.add(fmt::format("{}, not {}, for {}", actions.first, actions.second, some_of(names)));
}

void set_otherwise(Plan& plan, Action action, std::string_view hint, Losses& losses) {
  if (action == plan.otherwise) return;
  losses.add(fmt::format("calls that are not listed get {}, not {}{}", to_string(action), to_string(plan.otherwise),
                         hint.empty() ? "" : fmt::format(" ({})", hint)));
  plan.otherwise = action;
  const auto calls = plan.calls;
  for (const auto& [call, decision] : calls) set_decision(plan, call, decision);
}

void set_bad_arch(Plan& plan, Action action, Losses& losses) {
  if (action == plan.bad_arch) return;
  losses.add(fmt::format("calls by other architectures get {}, not {}", to_string(action), to_string(plan.bad_arch)));
  plan.bad_arch = action;
}

Action one_refusal(const Plan& plan) {
  const Action no_such{ActionKind::Errno, ENOSYS};
  if (plan.otherwise.kind != ActionKind::Errno) return plan.otherwise;
  for (const auto& [call, decision] : plan.calls) {
    for (const Case& one : decision) {
      if (one.action == no_such) return no_such;
    }
  }
  return plan.otherwise;
}

}  // namespace stile::format
