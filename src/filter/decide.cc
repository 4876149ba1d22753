// SPDX-License-Identifier: Apache-2.0
//
// What a profile says of one call, step by step as the words in profile.h have it. Slow on purpose: it is
// what the compiler is measured against, so it shares none of its work.
#include <fmt/format.h>

#include <stile/filter.h>

#include "filter/numbers.h"

namespace stile {
namespace {

using namespace filter;

ArchSet answered_by(const Profile& profile) {
  ArchSet set;
  for (const std::string& name : arches_of(profile)) {
    if (const auto id = arch::arch_by_name(name)) set.add(*id);
  }
  return set;
}

bool is_for(const Rule& rule, arch::ArchId table) {
  if (rule.arches.empty()) return true;
  for (const std::string& name : rule.arches) {
    if (arch::arch_by_name(name) == table) return true;
  }
  return false;
}

struct Answer {
  enum class By : uint8_t { OtherArch, Rule, Newer, Default } by = By::Default;
  Action action;
  const std::string* key = nullptr;  // By::Rule: its key
  const Condition* when = nullptr;   // By::Rule: the condition that held; null when none did
};

Answer answer(const Profile& profile, const Event& event) {
  const std::optional<arch::ArchId> table = table_for(answered_by(profile), event.arch, event.number);
  if (!table) return {Answer::By::OtherArch, profile.bad_arch};

  for (const auto& [key, rule] : profile.rules) {
    std::optional<uint32_t> number = number_from_key(key);
    if (!number) number = arch::syscall_number(*table, key);
    if (number != event.number || !is_for(rule, *table)) continue;
    for (const Case& one : rule.cases) {
      if (holds(one.when, event.args)) return {Answer::By::Rule, one.action, &key, &one.when};
    }
    return {Answer::By::Rule, rule.action, &key};
  }

  if (const auto release = release_from(profile.written_for)) {
    if (came_later(*table, event.number, *release, highest_number_at(*table, *release)))
      return {Answer::By::Newer, no_such_call(*table)};
  }
  return {Answer::By::Default, profile.otherwise};
}

}  // namespace

Action decide(const Profile& profile, const Event& event) {
  // As the kernel reads it: data of actions that carry none is nothing.
  return action_of(return_value(answer(profile, event).action));
}

std::string decided_by(const Profile& profile, const Event& event) {
  const Answer found = answer(profile, event);
  switch (found.by) {
    case Answer::By::OtherArch:
      return "other architecture";
    case Answer::By::Newer:
      return "newer than " + profile.written_for;
    case Answer::By::Default:
      return "default";
    case Answer::By::Rule:
      break;
  }
  const std::string when = found.when == nullptr ? std::string() : ": " + to_string(*found.when);
  return fmt::format("{}{} -> {}", *found.key, when, to_string(found.action));
}

}  // namespace stile
