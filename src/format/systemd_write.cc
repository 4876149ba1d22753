// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "format/refusals.h"
#include "format/systemd.h"

namespace stile::format::systemd {
namespace {

using Names = std::set<std::string>;

constexpr std::string_view kAlways = "@default";  // what an allow-list begins with (config_parse_syscall_filter of src/core/load-fragment.c)
constexpr size_t kWidth = 100;
// A group is worth its name from this many members on.
constexpr size_t kWorthAGroup = 4;
// Groups grow: what came after this kernel is not in those of all versions of systemd that are in use, and so is named beside its group.
constexpr arch::KernelVersion kInEveryGroup{5, 0, 0, false};

Action one_answer(const Plan& plan) {
  const Action refusal = one_refusal(plan);
  if (kills(refusal)) return kKillProcess;
  return as_errno(refusal);
}

bool exists(const Plan& plan, std::string_view name) {
  return std::any_of(plan.tables.begin(), plan.tables.end(), [&](arch::ArchId id) { return arch::syscall_number(id, name).has_value(); });
}

bool is_new(const Plan& plan, std::string_view name) {
  return std::any_of(plan.tables.begin(), plan.tables.end(), [&](arch::ArchId id) {
    const auto number = arch::syscall_number(id, name);
    return number && kInEveryGroup < arch::syscall_since(id, *number);
  });
}

// The members of a group that the tables have.
Names members(const Plan& plan, std::string_view group) {
  Names names;
  for (const std::string_view name : arch::group(group).value_or(std::vector<std::string_view>())) {
    if (exists(plan, name)) names.emplace(name);
  }
  return names;
}

// The same set, in groups where these hold nothing else.
std::vector<std::string> in_groups(const Plan& plan, const Names& names) {
  std::vector<std::pair<std::string, Names>> groups;
  for (const std::string_view group : arch::all_groups()) {
    Names all = members(plan, group);
    if (group == kAlways || !std::includes(names.begin(), names.end(), all.begin(), all.end())) continue;
    groups.emplace_back(group, std::move(all));
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  Names left = names;
  std::vector<std::string> words;
  for (const auto& [group, all] : groups) {
    const auto covered = static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const std::string& name) { return left.contains(name); }));
    if (covered < kWorthAGroup) continue;
    words.push_back(group);
    for (const std::string& name : all) {
      if (!is_new(plan, name)) left.erase(name);
    }
  }
  std::sort(words.begin(), words.end());
  words.insert(words.end(), left.begin(), left.end());
  return words;
}

// As many lines as it takes; each begins with `prefix`.
std::string setting(std::string_view key, std::string_view prefix, const std::vector<std::string>& words) {
  std::string text, line;
  const auto end_line = [&] {
    if (!line.empty()) text += fmt::format("{}={}{}\n", key, prefix, line);
    line.clear();
  };
  for (const std::string& word : words) {
    if (line.size() + word.size() + key.size() > kWidth) end_line();
    if (!line.empty()) line += ' ';
    line += word;
  }
  end_line();
  return text;
}

std::string error_word(Action action) {
  if (kills(action)) return "kill";
  return to_string(action).substr(6);  // errno:
}

// By name: the plan says one thing on all tables.
std::map<std::string, Action> answers(const Plan& plan) {
  std::map<std::string, Action> all;
  for (const auto& [call, decision] : plan.calls) all.emplace(filter::call_name(call), decision[0].action);
  return all;
}

std::string allow_list(const Plan& plan) {
  Names allowed, logged, taken_back;
  for (const auto& [name, action] : answers(plan)) {
    allowed.insert(name);
    if (action == kLog) logged.insert(name);
  }
  const Names always = members(plan, kAlways);
  Names beyond;
  for (const std::string& name : allowed) {
    if (!always.contains(name) || is_new(plan, name)) beyond.insert(name);
  }
  for (const std::string& name : always) {
    if (!allowed.contains(name)) taken_back.insert(name);
  }
  std::vector<std::string> words = in_groups(plan, beyond);
  words.insert(words.begin(), std::string(kAlways));
  std::string text = setting("SystemCallFilter", "", words);
  // @default stands in every allow-list; this takes out what the profile refuses of it.
  text += setting("SystemCallFilter", "~", {taken_back.begin(), taken_back.end()});
  if (!kills(plan.otherwise)) text += fmt::format("SystemCallErrorNumber={}\n", error_word(plan.otherwise));
  return text + setting("SystemCallLog", "", {logged.begin(), logged.end()});
}

std::string deny_list(const Plan& plan) {
  std::vector<std::string> refused, logged, silent;
  for (const auto& [name, action] : answers(plan)) {
    if (action == kLog) {
      logged.push_back(name);
    } else if (action == kAllow) {
      silent.push_back(name);
    } else {
      refused.push_back(fmt::format("{}:{}", name, error_word(action)));
    }
  }
  std::string text = setting("SystemCallFilter", "~", refused);
  if (plan.otherwise == kAllow) return text + setting("SystemCallLog", "", logged);
  // Everything is logged but what is listed; a list of none is not there at all, so it holds something that is refused.
  if (silent.empty()) silent.push_back("restart_syscall");
  return text + setting("SystemCallLog", "~", silent);
}

}  // namespace

Result<Plan> plan(const Profile& profile, Losses& losses) {
  auto made = plan_of(profile, losses);
  if (!made) return made;
  Plan& plan = *made;
  if (arch_name(plan.arch).empty())
    return fail(Code::Unsupported, fmt::format("systemd has no name for the architecture '{}'", profile.arch));
  set_bad_arch(plan, kKillProcess, losses);
  keep_tables(plan, local_tables(plan.arch), losses);
  keep_calls(plan, [](filter::Call call) { return arch::syscall_name(call.first, call.second).has_value(); },
             "systemd knows calls by name", losses);
  drop_conditions(plan, losses);
  one_meaning_for_all_tables(plan, losses);
  if (lets_through(plan.otherwise)) {
    map_actions(plan, [](Action action) {
      if (lets_through(action)) return action;
      return kills(action) ? kKillProcess : as_errno(action);
    }, losses);
    if (plan.otherwise == kLog) {
      // See deny_list().
      const bool silent = std::any_of(plan.calls.begin(), plan.calls.end(), [](const auto& one) { return one.second[0].action == kAllow; });
      const auto number = arch::syscall_number(plan.arch, "restart_syscall");
      if (!silent && number && decision_of(plan, {plan.arch, *number})[0].action == kLog) {
        losses.add("restart_syscall is not logged: SystemCallLog= has to leave something out");
        for (const arch::ArchId id : plan.tables) {
          if (const auto there = arch::syscall_number(id, "restart_syscall")) set_decision(plan, filter::call_of(id, *there), {{Condition::always(), kAllow}});
        }
      }
    }
    return made;
  }
  const Action refusal = one_answer(plan);
  set_otherwise(plan, refusal, refusal == Action{ActionKind::Errno, ENOSYS} ? "SystemCallErrorNumber= is one for all, and some need ENOSYS" : "",
                losses);
  map_actions(plan, [&](Action action) { return lets_through(action) ? action : refusal; }, losses);
  for (const arch::ArchId id : plan.tables) {
    const auto number = arch::syscall_number(id, "execve");
    if (!number || lets_through(decision_of(plan, filter::call_of(id, *number))[0].action)) continue;
    if (id == plan.arch) losses.add("execve is let through: systemd starts the program with it");
    set_decision(plan, filter::call_of(id, *number), {{Condition::always(), kAllow}});
  }
  return made;
}

Result<std::string> write(const Profile& profile, std::vector<std::string>* lost) {
  Losses losses(lost);
  const auto made = plan(profile, losses);
  if (!made) return tl::unexpected(made.error());
  std::vector<std::string> tables;
  for (const arch::ArchId id : made->tables) tables.emplace_back(arch_name(id));
  std::string text = "[Service]\n" + setting("SystemCallArchitectures", "", tables);
  return text + (lets_through(made->otherwise) ? deny_list(*made) : allow_list(*made));
}

}  // namespace stile::format::systemd
