// SPDX-License-Identifier: Apache-2.0
//
// The parts of a merged profile that decide nothing about calls: reasons, paths, where it comes from.
#pragma once

#include <stile/edit.h>
#include <stile/profile.h>

namespace stile::filter {

void add_reasons(Rule& rule, const Rule& from);
// Error when no path is left: a profile without path rules has no limit.
Result<void> merge_paths(const Profile& a, const Profile& b, Merge how, Profile& merged);
// Origin and gaps.
void merge_origin(const Profile& a, const Profile& b, Profile& merged);

}  // namespace stile::filter
