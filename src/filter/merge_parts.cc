// SPDX-License-Identifier: Apache-2.0
#include "filter/merge_parts.h"

#include <algorithm>
#include <map>
#include <set>

namespace stile::filter {
namespace {

void add_all(std::vector<std::string>& list, const std::vector<std::string>& more) {
  std::set<std::string> all(list.begin(), list.end());
  all.insert(more.begin(), more.end());
  list.assign(all.begin(), all.end());
}

unsigned access(const Profile& profile, const std::string& path) {
  unsigned granted = 0;
  for (const PathRule& rule : profile.paths) {
    const std::string above = rule.path.ends_with('/') ? rule.path : rule.path + '/';
    if ((path + "/").starts_with(above)) granted |= rule.access;
  }
  return granted;
}

}  // namespace

void add_reasons(Rule& rule, const Rule& from) {
  for (const Evidence& evidence : from.because) {
    if (std::find(rule.because.begin(), rule.because.end(), evidence) == rule.because.end())
      rule.because.push_back(evidence);
  }
  add_all(rule.packages, from.packages);
  add_all(rule.brought_by, from.brought_by);
}

Result<void> merge_paths(const Profile& a, const Profile& b, Merge how, Profile& merged) {
  merged.paths.clear();
  if (how == Merge::Union && (a.paths.empty() || b.paths.empty())) return {};
  if (a.paths.empty() || b.paths.empty() || a.paths == b.paths) {
    merged.paths = a.paths.empty() ? b.paths : a.paths;
    return {};
  }
  std::map<std::string, unsigned>
      rules;  // what is granted only grows from a directory to what lies beneath it
  for (const Profile* profile : {&a, &b}) {
    for (const PathRule& rule : profile->paths) {
      unsigned& granted = rules[rule.path];
      granted |= how == Merge::Union ? rule.access : access(a, rule.path) & access(b, rule.path);
    }
  }
  for (const auto& [path, granted] : rules) {
    if (granted != 0) merged.paths.push_back({path, granted});
  }
  if (merged.paths.empty())
    return fail(Code::Unsupported, "the profiles have no path in common", {},
                "take away the path rules of one of them");
  return {};
}

void merge_origin(const Profile& a, const Profile& b, Profile& merged) {
  merged.gaps = a.gaps;
  for (const Gap& gap : b.gaps) {
    if (std::find(merged.gaps.begin(), merged.gaps.end(), gap) == merged.gaps.end())
      merged.gaps.push_back(gap);
  }
  merged.origin = a.origin;
  if (a.origin == b.origin) return;
  merged.origin = Origin{};
  merged.origin.program = a.origin.program;
  if (!b.origin.program.empty() && a.origin.program != b.origin.program)
    merged.origin.program += (a.origin.program.empty() ? "" : " + ") + b.origin.program;
  merged.origin.tool_version = a.origin.tool_version;
  add_all(merged.origin.libraries, a.origin.libraries);
  add_all(merged.origin.libraries, b.origin.libraries);
}

}  // namespace stile::filter
