// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "format/clauses.h"
#include "format/minijail.h"
#include "format/recognise.h"
#include "format/refusals.h"

namespace stile {
namespace format {
namespace minijail {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

std::string number(uint64_t value) { return value < 4096 ? std::to_string(value) : fmt::format("{:#x}", value); }

// As atoms, joined by &&.
void add_atoms(const Atom& atom, std::vector<std::string>& all) {
  const auto add = [&](std::string_view op, const std::string& value) { all.push_back(fmt::format("arg{} {} {}", atom.arg, op, value)); };
  if (atom.mask == kAll) {
    constexpr std::string_view kOps[] = {"==", "!=", "<=", ">="};
    return add(kOps[static_cast<size_t>(atom.op)], number(atom.value));
  }
  // Equality under a mask: each bit that must be set, and none of those that must not.
  for (uint64_t bit = 1; bit != 0; bit <<= 1) {
    if ((atom.value & bit) != 0) add("&", fmt::format("{:#x}", bit));
  }
  const uint64_t clear = atom.mask & ~atom.value;
  if (clear != 0) add("in", fmt::format("{:#x}", ~clear));
}

std::string expression(const std::vector<Clause>& clauses) {
  std::vector<std::string> any;
  for (const Clause& clause : clauses) {
    std::vector<std::string> all;
    for (const Atom& atom : clause) add_atoms(atom, all);
    if (all.empty()) all.push_back(fmt::format("arg0 in {:#x}", kAll));
    any.push_back(fmt::format("{}", fmt::join(all, " && ")));
  }
  return fmt::format("{}", fmt::join(any, " || "));
}

std::string word(Action action) {
  switch (action.kind) {
    case ActionKind::Allow:
      return "allow";
    case ActionKind::Errno:
      return fmt::format("return {}", action.data);
    case ActionKind::KillProcess:
      return "kill-process";
    case ActionKind::KillThread:
      return "kill-thread";
    case ActionKind::Log:
      return "log";
    case ActionKind::Trap:
      return "trap";
    case ActionKind::Trace:
      return "trace";
    case ActionKind::Notify:
      break;
  }
  return "user-notify";
}

std::optional<std::vector<Clause>> clauses(const Condition& when) {
  auto found = clauses_of(when, Ordered::Whole);
  if (!found) return found;
  size_t atoms = 0;
  for (const Clause& clause : *found) {
    for (const Atom& atom : clause) {
      std::vector<std::string> all;
      add_atoms(atom, all);
      atoms += all.size();
    }
  }
  constexpr size_t kMaxAtoms = 4096;  // beyond it no filter of them fits the kernel
  if (atoms > kMaxAtoms) return std::nullopt;
  return found;
}

std::string statement(const std::string& name, const filter::Decision& decision, Action otherwise) {
  if (is_plain(decision)) return fmt::format("{}: {}\n", name, decision[0].action == kAllow ? "1" : word(decision[0].action));
  // What both tools take: allowed where it holds, else as calls that are not listed.
  if (decision.size() == 2 && decision[0].action == kAllow && decision[1].action == otherwise)
    return fmt::format("{}: {}\n", name, expression(*clauses(decision[0].when)));
  std::vector<std::string> filters;
  for (size_t i = 0; i + 1 < decision.size(); ++i) {
    std::string filter = expression(*clauses(decision[i].when));
    if (decision[i].action != kAllow) filter += "; " + word(decision[i].action);
    filters.push_back(std::move(filter));
  }
  if (decision.back().action != otherwise) filters.push_back(word(decision.back().action));
  return fmt::format("{}: {{ {} }}\n", name, fmt::join(filters, ", "));
}

}  // namespace

Result<Plan> plan(const Profile& profile, Losses& losses) {
  auto made = plan_of(profile, losses);
  if (!made) return made;
  Plan& plan = *made;
  const Action was = plan.bad_arch;
  set_bad_arch(plan, kKillThread, losses);
  keep_tables(plan, with_x32(plan.arch), losses);
  keep_calls(plan, [&](filter::Call call) { return call.first == plan.arch && arch::syscall_name(call.first, call.second).has_value(); },
             "minijail knows calls by their names on one architecture", losses);
  if (lets_through(plan.otherwise)) {
    set_otherwise(plan, kAllow, "", losses);
    // A list of what is denied can return errors and nothing else.
    map_actions(plan, [](Action action) { return lets_through(action) ? kAllow : as_errno(action); }, losses);
  } else {
    const ActionKind kind = plan.otherwise.kind;
    const bool said = kind == ActionKind::Trap || kind == ActionKind::Notify;
    const std::string hint = plan.otherwise.kind == ActionKind::Errno
                                 ? fmt::format("compile_seccomp_policy.py --default-action 'return {}' gives it", plan.otherwise.data)
                                 : std::string();
    set_otherwise(plan, said ? Action{kind, 0} : kKillThread, hint, losses);
    map_actions(plan, [](Action action) {
      if (action.kind != ActionKind::Errno) action.data = 0;
      return action;
    }, losses);
  }
  const auto calls = plan.calls;
  for (const auto& [call, decision] : calls) {
    const bool fits = std::all_of(decision.begin(), decision.end(), [](const Case& one) { return clauses(one.when).has_value(); });
    if (fits) continue;
    const Action mild = mildest(decision);
    losses.add(fmt::format("{}: its conditions are too long; it gets {} whatever its arguments are", filter::call_name(call), to_string(mild)));
    set_decision(plan, call, {{Condition::always(), mild}});
  }
  take_x32_for_unlisted(plan, was, losses);
  return made;
}

Result<std::string> write(const Profile& profile, std::vector<std::string>* lost) {
  Losses losses(lost);
  const auto made = plan(profile, losses);
  if (!made) return tl::unexpected(made.error());
  std::string text;
  if (made->otherwise == kAllow) text += "@denylist\n";
  if (made->otherwise.kind == ActionKind::Trap || made->otherwise.kind == ActionKind::Notify) text += fmt::format("@default {}\n", word(made->otherwise));
  std::map<std::string, const filter::Decision*> by_name;
  for (const auto& [call, decision] : made->calls) by_name.emplace(filter::call_name(call), &decision);
  for (const auto& [name, decision] : by_name) text += statement(name, *decision, made->otherwise);
  // A file of no statement would be no policy.
  return text.empty() ? "@default kill-thread\n" : text;
}

}  // namespace minijail

bool looks_like_minijail(std::string_view text) {
  const std::string_view line = first_line(text);
  for (const std::string_view word : {"@include ", "@default ", "@frequency ", "@denylist"}) {
    if (line.starts_with(word)) return true;
  }
  const bool braces = line.starts_with('{');
  std::string_view name = braces ? stripped(line.substr(1)) : line;
  const size_t end = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789");
  if (end == std::string_view::npos || end == 0) return false;
  const std::string_view rest = stripped(name.substr(end));
  name = name.substr(0, end);
  const bool is_call = arch::is_syscall_name(name) || filter::number_from_key(name).has_value();
  return is_call && (rest.starts_with(':') || rest.starts_with('[') || (braces && (rest.starts_with(',') || rest.starts_with('}'))));
}

}  // namespace format

extern const Format kMinijailFormat = {"minijail", "a policy of minijail (minijail0 -S, compile_seccomp_policy.py)", false,
                                       format::minijail::write, format::minijail::read};

}  // namespace stile
