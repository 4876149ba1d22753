// SPDX-License-Identifier: Apache-2.0
//
// The seccomp lines of a firejail profile (firejail-profile(5)), for x86-64, with i386 beside it. Names alone, or numbers as $165; what is not
// kept gets one answer (seccomp-error-action), and each call that is listed may have an errno of its own. Measured on firejail 0.9.72
// with its own compiler, fseccomp:
// - seccomp.keep lets execve, execveat and prctl through whatever it says;
// - numbers of x32, and with seccomp.block-secondary other architectures, get the error action; without it other architectures are not
//   filtered at all, unless seccomp.32.keep or seccomp.32.drop speaks of i386;
// - seccomp.block-secondary gives the error action to personality(2) too, but for the arguments 0 and 0xffffffff;
// - kill ends the thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <stile/format.h>

#include "format/plan.h"

namespace stile::format::firejail {

// What stands in front of every list of calls to keep.
inline constexpr std::string_view kAlwaysKept[] = {"execve", "execveat", "prctl"};

// The members of a group of firejail's own; nothing for a name that is none.
std::optional<std::vector<std::string_view>> group(std::string_view name);
std::vector<std::string_view> groups();

// What personality(2) gets with seccomp.block-secondary where it would get `decision`.
filter::Decision personality(const filter::Decision& decision, Action error);

Result<Plan> plan(const Profile& profile, Losses& losses);
Result<std::string> write(const Profile& profile, std::vector<std::string>* lost);
Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings);

}  // namespace stile::format::firejail
