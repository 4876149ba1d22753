// SPDX-License-Identifier: Apache-2.0
//
// Changing profiles: by hand, and by joining several.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <stile/condition.h>
#include <stile/format.h>
#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

// "clone3=errno:ENOSYS", "socket=allow if arg0 == 1", "@clock=errno".
struct Setting {
  std::string call;  // name, @group or number
  Action action;
  Condition when = Condition::always();
};
// Usage error that says which part is wrong.
Result<Setting> parse_setting(std::string_view text);

// Done in this order: default action, allow, drop, set.
struct Edits {
  std::optional<Action> default_action;
  std::vector<std::string> allow;  // names, @groups: allowed whatever the arguments are
  std::vector<std::string> drop;   // names, @groups: not allowed any more. What refuses them stays; where the default lets them through
                                   // they are refused with EPERM
  std::vector<Setting> set;        // replaces all that the profile says of the call. Several for one call are looked at in the order given;
                                   // where none holds it gets the default action
};

// Usage error for a name that is none, or that no table of the profile has. What somebody should know is added to `notes`, a sentence each
// (null: not asked for).
Result<Profile> edit(const Profile& profile, const Edits& edits, std::vector<std::string>* notes = nullptr);

// allow, then drop, and nothing else: what --allow and --drop of other commands do.
Result<Profile> edit_profile(Profile profile, const std::vector<std::string>& allow, const std::vector<std::string>& drop);

// The same done to the text of a profile of any format that can be read and written. A document in the OCI format, docker's and podman's
// included, is edited where it stands: order, indentation, comments, includes and excludes, and members that nobody knows are kept, and no
// edits give the same bytes. Other formats are read, edited and written anew; what is lost that way is noted. `context` only decides what
// is said in notes for the former, and how the file is read for the latter.
Result<std::string> edit_text(const Format& format, std::string_view text, const std::string& where, const Edits& edits,
                              const ReadContext& context, std::vector<std::string>* notes = nullptr);

enum class Merge {
  Union,         // of each call, what the profile says that gives it most latitude
  Intersection,  // what the one says that gives it least
};
// One profile for all of them: for every call decide() gives what one of the given profiles does, the one with the most latitude (see diff.h)
// or the least. Between equal latitudes: of the errors ENOSYS, on which C libraries fall back, then the smaller number; allow before log.
// A tracer's -1 is left aside where only one of them answers for x86_64 or x32. Every rule keeps the reasons of those it is made from. Errors: Usage (none given), Unsupported (what would have to be said differs between
// tables in a way that a profile cannot express; says where), Limit.
Result<Profile> merge(std::span<const Profile> profiles, Merge how = Merge::Union);

}  // namespace stile
