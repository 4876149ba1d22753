// SPDX-License-Identifier: Apache-2.0
//
// The JSON of rust-vmm's seccompiler (Firecracker): an object of filters by the kind of thread they are for, each with two actions and no more.
// Facts from its docs/json_format.md and src/frontend/json.rs (2026): a rule matches when all its conditions hold; a dword condition
// looks at the low 32 bits; masked_eq compares (argument & mask) with (val & mask); other architectures kill the process, and numbers of
// x32 are unknown calls. A rule without conditions beside others for the same call has no effect (make_seccomp_filter drops it).
// Conditions are exact; a name must be one of the machine's own table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <stile/format.h>

#include "format/plan.h"

namespace stile::format::seccompiler {

Result<Plan> plan(const Profile& profile, Losses& losses);
Result<std::string> write(const Profile& profile, std::vector<std::string>* lost);
// context.thread says which filter of several.
Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings);

}  // namespace stile::format::seccompiler
