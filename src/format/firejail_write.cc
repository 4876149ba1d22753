// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "format/firejail.h"
#include "format/refusals.h"

namespace stile::format::firejail {
namespace {

using arch::ArchId;

// firejail knows errors by name alone.
Action named_errno(Action action) {
  const Action error = as_errno(action);
  return to_string(error).starts_with("errno:E") ? error : Action{ActionKind::Errno, EPERM};
}

std::string word(Action action) {
  if (kills(action)) return "kill";
  if (action.kind == ActionKind::Log) return "log";
  return to_string(action).substr(6);  // errno:
}

void set_on_all(Plan& plan, std::string_view name, const std::function<filter::Decision(filter::Decision)>& change) {
  for (const ArchId id : plan.tables) {
    const auto number = arch::syscall_number(id, name);
    if (!number) continue;
    const filter::Call call = filter::call_of(id, *number);
    set_decision(plan, call, change(decision_of(plan, call)));
  }
}

// i386 gets a list that lets nothing through but what every list does.
bool needs_empty_list(const Plan& plan) {
  if (plan.tables.contains(ArchId::I386) || lets_through(plan.otherwise)) return false;
  const auto number = arch::syscall_number(ArchId::X86_64, "personality");
  return lets_through(mildest(decision_of(plan, {ArchId::X86_64, *number})));
}
constexpr std::string_view kHarmless = "restart_syscall";  // a list has to have something in it

std::string list(const Plan& plan, ArchId table, bool keep) {
  std::vector<std::string> words;
  for (const auto& [call, decision] : plan.calls) {
    if (call.first != table) continue;
    const auto name = arch::syscall_name(table, call.second);
    std::string entry = name ? std::string(*name) : fmt::format("${}", call.second);
    const Action action = decision.back().action;  // personality alone has a condition, which is not of the list
    if (keep && lets_through(action) && std::find(std::begin(kAlwaysKept), std::end(kAlwaysKept), entry) != std::end(kAlwaysKept)) continue;
    if (!keep && lets_through(action)) continue;
    if (!lets_through(action)) entry += ":" + word(action);
    words.push_back(std::move(entry));
  }
  std::sort(words.begin(), words.end());
  return fmt::format("{}", fmt::join(words, ","));
}

}  // namespace

Result<Plan> plan(const Profile& profile, Losses& losses) {
  auto made = plan_of(profile, losses);
  if (!made) return made;
  Plan& plan = *made;
  if (plan.arch != ArchId::X86_64)
    return fail(Code::Unsupported, fmt::format("firejail's lines are written for x86_64, not for {}", profile.arch));
  drop_conditions(plan, losses);
  // Numbers beyond the tables are x32's, whatever a list says.
  keep_calls(plan, [](filter::Call call) { return call.first == ArchId::X32 || call.second < arch::kX32Bit; },
             "firejail takes such numbers for x32's", losses);
  const bool keeps = plan.otherwise.kind != ActionKind::Allow;
  Action error{ActionKind::Errno, EPERM};
  if (keeps) {
    error = kills(plan.otherwise) ? kKillThread : plan.otherwise == kLog ? kLog : named_errno(plan.otherwise);
    set_otherwise(plan, error, "", losses);
  }
  map_actions(plan, [&](Action action) {
    if (lets_through(action)) return kAllow;
    return kills(action) ? kKillThread : named_errno(action);
  }, losses);
  set_bad_arch(plan, error, losses);
  keep_tables(plan, {ArchId::X86_64, ArchId::I386}, losses);
  if (keeps) {
    for (const std::string_view name : kAlwaysKept) {
      const auto number = arch::syscall_number(ArchId::X86_64, name);
      if (!lets_through(decision_of(plan, {ArchId::X86_64, *number})[0].action))
        losses.add(fmt::format("{} is let through: firejail starts the program with it", name));
    }
    if (needs_empty_list(plan)) {
      losses.add(fmt::format("calls by i386 get {}, but for {}, {}: seccomp.block-secondary would limit personality too", to_string(error),
                             kHarmless, fmt::join(kAlwaysKept, ", ")));
      plan.tables.insert(ArchId::I386);
      set_decision(plan, {ArchId::I386, *arch::syscall_number(ArchId::I386, kHarmless)}, {{Condition::always(), kAllow}});
    }
    for (const std::string_view name : kAlwaysKept)
      set_on_all(plan, name, [](const filter::Decision&) { return filter::Decision{{Condition::always(), kAllow}}; });
    for (const ArchId table : plan.tables) {
      if (!list(plan, table, true).empty()) continue;
      losses.add(fmt::format("{} is let through on {}: a list must have something in it", kHarmless, arch::arch_info(table).name));
      set_decision(plan, {table, *arch::syscall_number(table, kHarmless)}, {{Condition::always(), kAllow}});
    }
  }
  if (!plan.tables.contains(ArchId::I386)) {
    const filter::Call call{ArchId::X86_64, *arch::syscall_number(ArchId::X86_64, "personality")};
    const filter::Decision before = decision_of(plan, call);
    set_decision(plan, call, personality(before, error));
    if (decision_of(plan, call) != before)
      losses.add(fmt::format("personality: {} for all arguments but 0 and 0xffffffff, by seccomp.block-secondary", to_string(error)));
  }
  return made;
}

Result<std::string> write(const Profile& profile, std::vector<std::string>* lost) {
  Losses losses(lost);
  const auto made = plan(profile, losses);
  if (!made) return tl::unexpected(made.error());
  const bool keep = made->otherwise.kind != ActionKind::Allow;
  std::string text;
  if (made->bad_arch != Action{ActionKind::Errno, EPERM}) text += fmt::format("seccomp-error-action {}\n", word(made->bad_arch));
  if (!made->tables.contains(ArchId::I386)) text += "seccomp.block-secondary\n";
  for (const ArchId table : made->tables) {
    const std::string words = list(*made, table, keep);
    const std::string_view middle = table == ArchId::I386 ? ".32" : "";
    if (!words.empty()) text += fmt::format("seccomp{}.{} {}\n", middle, keep ? "keep" : "drop", words);
  }
  if (text.empty()) return fail(Code::Unsupported, "firejail has no lines for a filter that refuses nothing");
  return text;
}

}  // namespace stile::format::firejail
