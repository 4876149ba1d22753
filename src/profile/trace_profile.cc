// SPDX-License-Identifier: Apache-2.0
//
// From what was seen to what is allowed, alone or beside a static analysis.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <stile/trace.h>

#include "arch/syscalls.h"

namespace stile {
namespace {

// What a program needs when it ends or gets a signal, which may not have happened while somebody looked.
// Refusing it gives a program that cannot end (exit) or loses its way (the other two): no safety, only
// faults.
bool always_kept(std::string_view name) {
  return name == "exit" || name == "exit_group" || name == "rt_sigreturn" || name == "sigreturn" ||
         name == "restart_syscall";
}

Evidence observed(const Trace& trace, const TraceGroup* group, const CallCount& count) {
  Evidence evidence;
  evidence.kind = EvidenceKind::Observed;
  evidence.note = fmt::format("{} call{} in {} of {} run{}", count.calls, count.calls == 1 ? "" : "s",
                              count.runs, trace.runs, trace.runs == 1 ? "" : "s");
  if (!count.first_seen.empty()) evidence.note += fmt::format(", first: {}", count.first_seen);
  if (group != nullptr && !group->main) evidence.note += fmt::format("; by {}", group->program);
  return evidence;
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Numbers a table cannot hold are mistakes of the program, and answered by the kernel with ENOSYS.
bool can_be_allowed(const CallKey& key) {
  const auto arch = arch::arch_by_name(key.arch);
  return arch && arch::syscall_number(*arch, key.name).has_value();
}

// A condition for a call: the values seen in all groups and tables, or nothing where not all of them were
// recorded.
std::optional<Condition> values_of(const Trace& trace, const std::string& name, bool own_calls_only) {
  std::set<uint32_t> values;
  std::optional<uint8_t> index;
  for (const TraceGroup& group : trace.groups) {
    if (own_calls_only && !group.main) continue;
    for (const auto& [key, count] : group.calls) {
      if (key.name != name) continue;
      if (!count.argument || count.argument->incomplete || (index && *index != count.argument->arg))
        return std::nullopt;
      index = count.argument->arg;
      values.insert(count.argument->values.begin(), count.argument->values.end());
    }
  }
  if (!index || values.empty() || values.size() > kMaxArgumentValues) return std::nullopt;
  return arg32(*index).in(std::vector<uint64_t>(values.begin(), values.end()));
}

bool is_allowed(const Rule& rule) {
  const auto passes = [](const Action& action) {
    return action.kind == ActionKind::Allow || action.kind == ActionKind::Log;
  };
  return passes(rule.action) || std::any_of(rule.cases.begin(), rule.cases.end(),
                                            [&](const Case& one) { return passes(one.action); });
}

// Whether code of the program is the only reason for the rule.
bool only_from_code(const Rule& rule) {
  return !rule.because.empty() &&
         std::all_of(rule.because.begin(), rule.because.end(),
                     [](const Evidence& one) { return one.kind == EvidenceKind::CallPath; });
}

void add_arch(Rule& rule, const std::string& arch) {
  if (std::find(rule.arches.begin(), rule.arches.end(), arch) != rule.arches.end()) return;
  rule.arches.push_back(arch);
  std::sort(rule.arches.begin(), rule.arches.end());
}

std::string shown(const CallKey& key, const Profile& profile) {
  return key.arch == profile.arch ? key.name : fmt::format("{} ({})", key.name, key.arch);
}

}  // namespace

Result<Profile> trace_profile(const Trace& trace, const TraceProfileOptions& options) {
  if (!trace.complete) {
    return fail(Code::Usage, "a trace with a baseline does not hold the calls of the baseline", {},
                "trace without --baseline to make a profile");
  }
  Analysis analysis;
  std::map<CallKey, SyscallUse> uses;
  for (const TraceGroup& group : trace.groups) {
    if (group.main && analysis.origin.program.empty()) analysis.origin.program = file_name(group.program);
    if (options.own_calls_only && !group.main) continue;
    for (const auto& [key, count] : group.calls) {
      if (!can_be_allowed(key)) continue;
      SyscallUse& use = uses[key];
      use.name = key.name;
      use.arch = key.arch;
      use.number = *arch::syscall_number(*arch::arch_by_name(key.arch), key.name);
      use.because.push_back(observed(trace, &group, count));
    }
  }
  for (auto& [key, use] : uses) analysis.syscalls.push_back(std::move(use));
  auto profile = make_profile(analysis, options.profile);
  if (!profile) return profile;
  profile->origin.options.insert(profile->origin.options.begin(), "trace");
  for (auto& [name, rule] : profile->rules) {
    const bool only_seen = !rule.because.empty() &&
                           std::all_of(rule.because.begin(), rule.because.end(), [](const Evidence& one) {
                             return one.kind == EvidenceKind::Observed;
                           });
    if (!only_seen || rule.action.kind != ActionKind::Allow || !rule.cases.empty()) continue;
    auto condition = values_of(trace, name, options.own_calls_only);
    if (!condition) continue;
    rule.cases.push_back({std::move(*condition), rule.action});
    rule.action = profile->otherwise;
  }
  return profile;
}

Combined combine(const Profile& profile, const Trace& trace, Unseen unseen) {
  Combined combined;
  combined.profile = profile;
  auto& rules = combined.profile.rules;
  std::set<std::string> seen, unexpected, from_others;
  for (const TraceGroup& group : trace.groups) {
    for (const auto& [key, count] : group.calls) {
      if (!can_be_allowed(key)) continue;
      seen.insert(key.name);
      const auto known = profile.rules.find(key.name);
      const bool allowed =
          known != profile.rules.end() && is_allowed(known->second) &&
          (known->second.arches.empty() || std::find(known->second.arches.begin(), known->second.arches.end(),
                                                     key.arch) != known->second.arches.end());
      Rule& rule = rules[key.name];
      if (!allowed) {
        (group.main ? unexpected : from_others).insert(shown(key, profile));
        if (known == profile.rules.end() || !is_allowed(known->second)) {
          rule.action = {ActionKind::Allow, 0};
          rule.cases.clear();
        }
      }
      add_arch(rule, key.arch);
      rule.because.push_back(observed(trace, &group, count));
    }
  }
  for (const auto& [name, rule] : profile.rules) {
    if (seen.contains(name) || !is_allowed(rule) || !only_from_code(rule) || always_kept(name)) continue;
    combined.unseen.push_back(name);
    Rule& changed = rules[name];
    if (unseen == Unseen::Log) {
      if (changed.action.kind == ActionKind::Allow) changed.action = {ActionKind::Log, 0};
      for (Case& one : changed.cases) {
        if (one.action.kind == ActionKind::Allow) one.action = {ActionKind::Log, 0};
      }
    } else if (unseen == Unseen::Errno) {
      rules.erase(name);
    }
  }
  // What was called by the program itself is the greater surprise.
  for (const std::string& name : unexpected) from_others.erase(name);
  combined.unexpected.assign(unexpected.begin(), unexpected.end());
  combined.from_others.assign(from_others.begin(), from_others.end());
  return combined;
}

}  // namespace stile
