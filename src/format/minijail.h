// SPDX-License-Identifier: Apache-2.0
//
// minijail's policy language (minijail0(5); tools/parser.py of google/minijail for what its compiler takes beyond that). Exact for conditions.
// Two tools read it: minijail0 -S itself, and compile_seccomp_policy.py. They differ:
// - groups in braces, actions other than 1 and return, @default, @denylist and [arch=...] are the compiler's alone; minijail0 refuses them;
// - "CALL: EXPRESSION; return N" means to minijail0, and in the manual: allowed where EXPRESSION holds, else N. To the compiler it means N where it
//   holds. It is read as the manual says, with a warning, and never written: "CALL: { EXPRESSION, return N }" is misunderstood by nobody.
// Without @default what is not listed ends the thread (SECCOMP_RET_KILL), and so do other architectures. Numbers of x32 are unknown calls.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <stile/format.h>

#include "format/plan.h"

namespace stile::format::minijail {

Result<Plan> plan(const Profile& profile, Losses& losses);
Result<std::string> write(const Profile& profile, std::vector<std::string>* lost);
// context.include reads what @include names.
Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings);

}  // namespace stile::format::minijail
