// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <stile/profile.h>

#include "arch/syscalls.h"

namespace stile {

std::vector<std::string> arches_of(const Profile& profile) {
  std::set<std::string_view> said(profile.also_arches.begin(), profile.also_arches.end());
  said.insert(profile.arch);
  for (const auto& [name, rule] : profile.rules) said.insert(rule.arches.begin(), rule.arches.end());

  std::set<arch::ArchId> known;
  std::vector<std::string> unknown;
  for (const std::string_view name : said) {
    if (const auto id = arch::arch_by_name(name)) {
      known.insert(*id);
    } else {
      unknown.emplace_back(name);
    }
  }
  std::vector<std::string> names;
  for (const arch::ArchId id : known) names.emplace_back(arch::arch_info(id).name);
  // What is no architecture comes last, so that whoever uses the list finds it; compile() refuses it.
  names.insert(names.end(), unknown.begin(), unknown.end());
  return names;
}

}  // namespace stile
