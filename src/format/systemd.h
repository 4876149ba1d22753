// SPDX-License-Identifier: Apache-2.0
//
// The settings of systemd.exec(5) that make a system call filter. Names alone: no conditions, one answer to all that an allow-list leaves
// out, an errno for each call of a deny-list. A filter holds on every architecture of the machine that has the name.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <stile/format.h>

#include "format/plan.h"

namespace stile::format::systemd {

// SystemCallArchitectures= names architectures otherwise than libseccomp; empty for one that systemd has no name for.
std::string_view arch_name(arch::ArchId id);
std::optional<arch::ArchId> arch_from(std::string_view name);
// The tables that a machine runs programs of: its own first (seccomp_local_archs of systemd's src/shared/seccomp-util.c).
std::set<arch::ArchId> local_tables(arch::ArchId own);

// What of a profile the settings can carry.
Result<Plan> plan(const Profile& profile, Losses& losses);
Result<std::string> write(const Profile& profile, std::vector<std::string>* lost);
Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings);

}  // namespace stile::format::systemd
