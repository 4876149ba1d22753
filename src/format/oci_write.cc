// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "format/json_text.h"
#include "format/oci.h"
#include "format/oci_format.h"
#include "format/plan.h"

namespace stile::format::oci {
namespace {

// Calls that one and the same entry of the file is for.
using Entries = std::map<std::tuple<ActionKind, uint16_t, Comparisons>, std::set<std::string>>;

// --- rules ---

// A rule as conditions of which no two hold at once, each with its action, those left out that the default
// answers alike. So no order of entries matters.
std::vector<Case> regions(const Rule& rule, Action otherwise) {
  std::vector<Case> all;
  const bool one_action = rule.action == otherwise &&
                          std::all_of(rule.cases.begin(), rule.cases.end(),
                                      [&](const Case& one) { return one.action == rule.cases[0].action; });
  if (one_action) {
    Condition any = Condition::never();
    for (const Case& one : rule.cases) any = any || one.when;
    if (!rule.cases.empty() && rule.cases[0].action != otherwise)
      all.push_back({std::move(any), rule.cases[0].action});
    return all;
  }
  Condition rest = Condition::always();
  for (const Case& one : rule.cases) {
    if (one.action != otherwise) all.push_back({rest && one.when, one.action});
    rest = rest && !one.when;
  }
  if (rule.action != otherwise) all.push_back({std::move(rest), rule.action});
  return all;
}

// From the one that lets through most.
int strictness(ActionKind kind) {
  constexpr ActionKind kOrder[] = {ActionKind::Allow,      ActionKind::Log,        ActionKind::Notify,
                                   ActionKind::Trace,      ActionKind::Errno,      ActionKind::Trap,
                                   ActionKind::KillThread, ActionKind::KillProcess};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), kind) - std::begin(kOrder));
}

Action mildest(const Rule& rule) {
  Action mild = rule.action;
  for (const Case& one : rule.cases) {
    if (strictness(one.action.kind) < strictness(mild.kind)) mild = one.action;
  }
  return mild;
}

void write_rule(const std::string& name, const Rule& rule, Action otherwise, Entries& entries,
                Losses& losses) {
  const auto put = [&](Action action, Comparisons all) {
    entries[{action.kind, action.data, std::move(all)}].insert(name);
  };
  std::vector<std::pair<Action, Comparisons>> found;
  for (const Case& region : regions(rule, otherwise)) {
    const auto normal = normalise(region.when);
    const auto alternatives = normal ? entries_of(*normal) : std::nullopt;
    if (!alternatives || found.size() + alternatives->size() > kMaxEntries) {
      const Action mild = mildest(rule);
      losses.add(
          fmt::format("{}: its conditions take more than {} entries; it gets {} whatever its arguments are",
                      name, kMaxEntries, to_string(mild)));
      if (mild != otherwise) put(mild, {});
      return;
    }
    for (const Comparisons& all : *alternatives) found.emplace_back(region.action, all);
  }
  for (auto& [action, all] : found) put(action, std::move(all));
}

// --- the rest of the profile ---

void name_losses(const Profile& profile, const std::vector<const arch::ArchInfo*>& tables, Losses& losses) {
  if (!profile.written_for.empty()) {
    losses.add(fmt::format("calls that came after Linux {} answer {}, not ENOSYS", profile.written_for,
                           to_string(profile.otherwise)));
  }
  const ActionKind bad = profile.bad_arch.kind;
  if (bad != ActionKind::KillProcess && bad != ActionKind::KillThread) {
    losses.add(
        fmt::format("calls by other architectures are killed, not given {}", to_string(profile.bad_arch)));
  }
  if (!profile.paths.empty()) {
    losses.add(fmt::format("{} path rule{}: no filter can look at a path", profile.paths.size(),
                           profile.paths.size() == 1 ? "" : "s"));
  }
  std::map<std::string_view, std::set<std::string>> also;  // by table: calls that no rule is there for
  for (const auto& [name, rule] : profile.rules) {
    if (rule.arches.empty() || (rule.cases.empty() && rule.action == profile.otherwise)) continue;
    for (const arch::ArchInfo* table : tables) {
      const bool meant = std::find(rule.arches.begin(), rule.arches.end(), table->name) != rule.arches.end();
      if (!meant && arch::syscall_number(table->id, name)) also[table->name].insert(name);
    }
  }
  for (const auto& [table, names] : also) {
    losses.add(
        fmt::format("rules hold for every architecture listed, so on {} too: {}", table, some_of(names)));
  }
}

Result<std::vector<const arch::ArchInfo*>> tables_of(const Profile& profile) {
  std::set<std::string> wanted = {profile.arch};
  wanted.insert(profile.also_arches.begin(), profile.also_arches.end());
  for (const auto& [name, rule] : profile.rules) wanted.insert(rule.arches.begin(), rule.arches.end());
  std::vector<const arch::ArchInfo*> tables;
  for (const arch::ArchInfo& info : arch::all_archs()) {
    if (!info.oci_name.empty() && wanted.erase(std::string(info.name)) != 0) tables.push_back(&info);
  }
  if (wanted.empty()) return tables;
  return stile::fail(Code::Unsupported,
                     fmt::format("the OCI format has no name for the architecture '{}'", *wanted.begin()));
}

ordered_json write_comparison(const Comparison& one) {
  ordered_json object = ordered_json::object();
  object["index"] = one.arg;
  object["value"] = one.value;
  if (one.op == Op::MaskedEq) object["valueTwo"] = one.value_two;
  object["op"] = op_name(one.op);
  return object;
}

// An error as containers/common names it, beside its number; nothing where the number has no name.
void name_error(ordered_json& object, const char* key, Action action) {
  const std::string word = to_string(action);
  if (action.kind == ActionKind::Errno && word.starts_with("errno:E")) object[key] = word.substr(6);
}

ordered_json write_entries(const Entries& entries, Flavour flavour) {
  ordered_json list = ordered_json::array();
  for (const auto& [what, names] : entries) {
    const auto& [kind, data, all] = what;
    ordered_json entry = ordered_json::object();
    entry["names"] = names;
    entry["action"] = action_name(kind);
    if (takes_errno(kind)) entry["errnoRet"] = data;
    if (flavour == Flavour::Podman) name_error(entry, "errno", {kind, data});
    for (const Comparison& one : all) entry["args"].push_back(write_comparison(one));
    list.push_back(std::move(entry));
  }
  return list;
}

// Filters that look at numbers alone take x32's calls for unknown ones. Here every listed architecture gets every rule, and so x32
// would get all that is let through: it is better left out.
Profile without_idle_x32(Profile profile, Losses& losses) {
  const bool refuses = strictness(profile.otherwise.kind) > strictness(ActionKind::Log);
  const bool has_rules = std::any_of(profile.rules.begin(), profile.rules.end(), [](const auto& entry) {
    const auto& arches = entry.second.arches;
    return arches.empty() || std::find(arches.begin(), arches.end(), "x32") != arches.end();
  });
  if (!refuses || has_rules || std::erase(profile.also_arches, "x32") == 0) return profile;
  losses.add(fmt::format("calls by x32 are killed, not given {}", to_string(profile.otherwise)));
  return profile;
}

// The machine's own table and those of programs that it also runs.
ordered_json arch_map(const std::vector<const arch::ArchInfo*>& tables, std::string_view own) {
  ordered_json entry = ordered_json::object();
  ordered_json others = ordered_json::array();
  for (const arch::ArchInfo* table : tables) {
    if (arch::arch_by_name(own) == table->id) {
      entry["architecture"] = table->oci_name;
    } else {
      others.push_back(table->oci_name);
    }
  }
  entry["subArchitectures"] = std::move(others);
  return entry;
}

}  // namespace

Result<ordered_json> document_of(const Profile& original, Flavour flavour, std::vector<std::string>* lost) {
  Losses losses(lost);
  const Profile profile = without_idle_x32(original, losses);
  auto tables = tables_of(profile);
  if (!tables) return tl::unexpected(tables.error());
  Entries
      entries;  // Allow comes first, being the first of its enumeration, and before conditions their absence
  bool trap_data = profile.otherwise.kind == ActionKind::Trap && profile.otherwise.data != 0;
  for (const auto& [name, rule] : profile.rules) {
    if (!arch::is_syscall_name(name)) {
      losses.add(fmt::format("{}: the OCI format knows system calls by name; this one is left out", name));
      continue;
    }
    write_rule(name, rule, profile.otherwise, entries, losses);
  }
  for (const auto& [what, names] : entries) {
    if (std::get<0>(what) == ActionKind::Trap && std::get<1>(what) != 0) trap_data = true;
  }
  if (trap_data) losses.add("the number that trap gives to the signal handler");
  name_losses(profile, *tables, losses);

  ordered_json document = ordered_json::object();
  document["defaultAction"] = action_name(profile.otherwise.kind);
  if (takes_errno(profile.otherwise.kind)) document["defaultErrnoRet"] = profile.otherwise.data;
  if (flavour == Flavour::Podman) name_error(document, "defaultErrno", profile.otherwise);
  if (flavour == Flavour::Oci) {
    for (const arch::ArchInfo* table : *tables) document["architectures"].push_back(table->oci_name);
  } else {
    document["archMap"] = ordered_json::array({arch_map(*tables, profile.arch)});
  }
  document["syscalls"] = write_entries(entries, flavour);
  return document;
}

Result<std::string> write(const Profile& profile, std::vector<std::string>* lost) {
  return document_of(profile, Flavour::Oci, lost).map(print_json);
}

Result<std::string> write_docker(const Profile& profile, std::vector<std::string>* lost) {
  return document_of(profile, Flavour::Docker, lost).map(print_json);
}

Result<std::string> write_podman(const Profile& profile, std::vector<std::string>* lost) {
  return document_of(profile, Flavour::Podman, lost).map(print_json);
}

}  // namespace stile::format::oci
