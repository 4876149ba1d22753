// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stile/filter.h>

#include "filter/resolve.h"

namespace stile::filter {

// The plainest program for a profile, of any length: one number after the other, one condition after the
// other, each argument loaded whenever it is looked at. `conditions` holds, in step with the rules, their
// cases in normal form.
Program linear_program(const Profile& profile, const Resolved& resolved,
                       const std::vector<std::vector<Case>>& conditions, bool big_endian);

}  // namespace stile::filter
