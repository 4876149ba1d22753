// SPDX-License-Identifier: Apache-2.0
//
// What a program gets to do under one profile and not under another, by what they decide and not by how they are written.
//
//     auto difference = stile::diff(*old_profile, *new_profile);
//     if (difference && difference->wider) ask_somebody(*difference);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <stile/filter.h>
#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

// How much an action lets the program do, in steps: 4 = the call is made (allow, log); 3 = somebody outside decides (notify, trace); 2 = the
// call is refused and the program goes on and can try otherwise (errno, trap); 1 = the thread ends; 0 = the process ends.
unsigned latitude(ActionKind kind);

enum class Change {
  Added,     // let through for some arguments, where it never was before
  Removed,   // never let through any more
  Widened,   // more is let through, or refused more gently, for some arguments, and nothing less
  Narrowed,  // the other way round
  Mixed,     // both, for different arguments
  Altered,   // another answer of the same latitude: EPERM for ENOSYS, log for allow
};
std::string_view to_string(Change change);

// Calls with these arguments are answered differently.
struct Region {
  Condition when;    // "always" where the arguments do not matter
  Action before;
  Action after;
  Event witness;     // a call of the region: decide() gives `before` for the old profile and `after` for the new one
  bool operator==(const Region&) const = default;
};

struct Difference {
  Change change = Change::Altered;
  std::string arch;                // table
  std::string call;                // name, or number where there is no name
  uint32_t number = 0;
  std::vector<Region> regions;     // those that widen first; at least one
  std::vector<Evidence> because;   // why it is let through: the new rule's, and the old rule's where less is let through
  std::vector<std::string> brought_by;
  std::vector<std::string> packages;
  bool operator==(const Difference&) const = default;
};

// Calls of one table that neither profile lists, among them those that no kernel has yet.
struct UnlistedDifference {
  std::string arch;                // "" = all tables that neither profile answers for
  Action before;
  Action after;
  std::vector<std::string> calls;  // those that have a name, sorted
  bool unknown = false;            // numbers that no table knows are among them
  Event witness;
  bool operator==(const UnlistedDifference&) const = default;
};

// What Landlock lets be done under a path that one of the profiles names; "/" = everywhere else.
struct PathDifference {
  std::string path;
  unsigned before = 0;  // kPathRead | kPathWrite | kPathExecute
  unsigned after = 0;
  bool operator==(const PathDifference&) const = default;
};

struct Diff {
  std::vector<Difference> calls;             // sorted by name, then by table
  std::vector<UnlistedDifference> unlisted;
  std::vector<PathDifference> paths;
  std::vector<Gap> new_gaps;                 // what the new profile does not know and the old one did; decides nothing
  bool wider = false;                        // something has more latitude
  bool narrower = false;                     // something has less
  bool same() const { return calls.empty() && unlisted.empty() && paths.empty(); }
};

// Exact: a difference is reported if and only if there are arguments, of the width that a caller of the table can pass, for which the two
// decide differently. Errors: Limit for conditions that are too tangled to compare, Usage for an architecture there is none of.
Result<Diff> diff(const Profile& before, const Profile& after);

}  // namespace stile
