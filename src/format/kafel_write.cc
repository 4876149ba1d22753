// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "format/kafel.h"
#include "format/refusals.h"

namespace stile::format::kafel {
namespace {

using arch::ArchId;

std::string number(uint64_t value) { return value < 4096 ? std::to_string(value) : fmt::format("{:#x}", value); }

std::string word(Action action) {
  switch (action.kind) {
    case ActionKind::Allow:
      return "ALLOW";
    case ActionKind::Errno:
      return fmt::format("ERRNO({})", action.data);
    case ActionKind::KillProcess:
      return "KILL_PROCESS";
    case ActionKind::KillThread:
      return "KILL";
    case ActionKind::Log:
      return "LOG";
    case ActionKind::Trap:
      return fmt::format("TRAP({})", action.data);
    case ActionKind::Trace:
      return fmt::format("TRACE({})", action.data);
    case ActionKind::Notify:
      break;
  }
  return "USER_NOTIF";
}

// Any of them, in parentheses that halve the list: kafel nests no more than 200 deep, and a plain chain of || nests as deep as it is long.
std::string any_of(const std::vector<std::string>& parts, size_t first, size_t last) {
  if (last - first == 1) return parts[first];
  const size_t middle = first + (last - first) / 2;
  return fmt::format("({} || {})", any_of(parts, first, middle), any_of(parts, middle, last));
}

std::string test_text(const Test& test) {
  constexpr uint64_t kAll = ~uint64_t{0};
  const std::string left = test.mask == kAll ? fmt::format("a{}", test.arg) : fmt::format("(a{} & {})", test.arg, number(test.mask));
  const auto& in = test.in;
  if (in.size() == 2 && in[0].first == 0 && in[1].last >= test.mask && in[1].first - in[0].last == 2)
    return fmt::format("{} != {}", left, number(in[0].last + 1));
  std::vector<std::string> parts;
  for (const Range& range : in) {
    if (range.first == range.last) {
      parts.push_back(fmt::format("{} == {}", left, number(range.first)));
    } else if (range.first == 0) {
      parts.push_back(fmt::format("{} <= {}", left, number(range.last)));
    } else if (range.last >= test.mask) {
      parts.push_back(fmt::format("{} >= {}", left, number(range.first)));
    } else {
      parts.push_back(fmt::format("({0} >= {1} && {0} <= {2})", left, number(range.first), number(range.last)));
    }
  }
  return any_of(parts, 0, parts.size());
}

bool can_be_said(const filter::Decision& decision) {
  return std::all_of(decision.begin(), decision.end(), [](const Case& one) {
    return std::all_of(one.when.any.begin(), one.when.any.end(), [](const std::vector<Test>& all) {
      return all.size() < 64 && std::none_of(all.begin(), all.end(), [](const Test& test) { return test.in.empty(); });
    });
  });
}

std::string name_of(filter::Call call) {
  if (call.first == ArchId::X86_64) {
    const KafelCall* known = call_by_number(call.second);
    // Its lexer takes no name that begins with an underscore.
    if (known != nullptr && known->name[0] != '_') return std::string(known->name);
  }
  const auto name = arch::syscall_name(call.first, call.second);
  return name ? fmt::format("/* {} */ SYSCALL[{}]", *name, call.second) : fmt::format("SYSCALL[{}]", call.second);
}

// The rules of one call with one condition: one for each alternative.
void add_rules(filter::Call call, const Condition& when, const std::string& guard, std::vector<std::string>& rules) {
  for (const std::vector<Test>& alternative : when.any) {
    if (alternative.empty()) {
      rules.push_back(name_of(call) + guard);
      continue;
    }
    uint8_t last = 0;
    std::vector<std::string> all, arguments;
    for (const Test& test : alternative) {
      last = std::max(last, test.arg);
      all.push_back(test_text(test));
    }
    for (unsigned i = 0; i <= last; ++i) arguments.push_back(fmt::format("a{}", i));
    rules.push_back(fmt::format("{}({}){} {{ {} }}", name_of(call), fmt::join(arguments, ", "), guard, fmt::join(all, " && ")));
  }
}

}  // namespace

Result<Plan> plan(const Profile& profile, Losses& losses) {
  auto made = plan_of(profile, losses);
  if (!made) return made;
  Plan& plan = *made;
  if (arch_name(plan.arch).empty())
    return fail(Code::Unsupported, fmt::format("kafel has no name for the architecture '{}'", profile.arch));
  const Action was = plan.bad_arch;
  set_bad_arch(plan, kKillThread, losses);
  std::set<ArchId> tables = {plan.arch};
  for (const auto& [call, decision] : plan.calls) {
    // Calls of x32 are said as numbers of x86-64, where that is answered for.
    const ArchId table = call.first == ArchId::X32 ? ArchId::X86_64 : call.first;
    if (plan.tables.contains(table) && !arch_name(table).empty()) tables.insert(table);
  }
  if (plan.tables.contains(ArchId::X32) && tables.contains(ArchId::X86_64)) tables.insert(ArchId::X32);
  keep_tables(plan, tables, losses);
  take_x32_for_unlisted(plan, was, losses);
  const auto calls = plan.calls;
  for (const auto& [call, decision] : calls) {
    if (can_be_said(decision)) continue;
    losses.add(fmt::format("{}: its conditions are too long; it gets {} whatever its arguments are", filter::call_name(call), to_string(mildest(decision))));
    set_decision(plan, call, {{Condition::always(), mildest(decision)}});
  }
  return made;
}

Result<std::string> write(const Profile& profile, std::vector<std::string>* lost) {
  Losses losses(lost);
  const auto made = plan(profile, losses);
  if (!made) return tl::unexpected(made.error());
  std::set<ArchId> tables = made->tables;
  tables.erase(ArchId::X32);
  // By step of the decisions, then by action: what stands in an earlier block decides first.
  std::vector<std::map<std::pair<ActionKind, uint16_t>, std::vector<std::string>>> steps;
  for (const auto& [call, decision] : made->calls) {
    const std::string guard = tables.size() < 2 ? "" : fmt::format(" ON {}", arch_name(call.first == ArchId::X32 ? ArchId::X86_64 : call.first));
    if (steps.size() < decision.size()) steps.resize(decision.size());
    for (size_t i = 0; i < decision.size(); ++i) {
      const Action action = decision[i].action;
      if (i + 1 == decision.size() && action == made->otherwise) continue;
      add_rules(call, decision[i].when, guard, steps[i][{action.kind, action.data}]);
    }
  }
  std::vector<std::string> blocks;
  for (auto& step : steps) {
    for (auto& [action, rules] : step) {
      std::sort(rules.begin(), rules.end());
      if (!rules.empty()) blocks.push_back(fmt::format("  {} {{\n    {}\n  }}", word({action.first, action.second}), fmt::join(rules, ",\n    ")));
    }
  }
  return fmt::format("POLICY stile {{{}{}}}\n\nUSE stile DEFAULT {}\n", blocks.empty() ? "" : "\n", blocks.empty() ? "" : fmt::format("{}\n", fmt::join(blocks, ",\n")),
                     word(made->otherwise));
}

}  // namespace stile::format::kafel
