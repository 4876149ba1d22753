// SPDX-License-Identifier: Apache-2.0
//
// Profiles as files. Each format is one const struct in src/format/<name>.cc, listed in src/format/formats.cc.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

// What a profile that speaks of "this kernel" and "these capabilities" (docker's includes, excludes, minKernel, archMap) is resolved for.
struct ReadContext {
  std::string arch = "x86_64";         // stile's name
  std::string kernel;                  // release, "6.1"; empty = newer than any named
  std::set<std::string> capabilities;  // of the bounding set, "CAP_SYS_ADMIN"; empty = none (an ordinary container has some, none matters here)
  std::string thread;                  // whose filter, where a file holds several (seccompiler); empty = the only one
  // Reads a file that a policy includes (minijail's @include, kafel's #include); `path` is relative to the policy's own. Bounds what it reads.
  // Empty: such a policy is an error.
  std::function<Result<std::string>(const std::string& path)> include;
};

struct Format {
  std::string_view name;     // what --format takes
  std::string_view summary;  // one line for --help
  bool binary = false;       // bytes, not for a terminal; all others are text and end in a newline
  // Deterministic: the same profile gives the same bytes. What the format cannot carry of what is decided or enforced is added to `lost`, a
  // sentence each (null: not asked for); where that cannot be helped more is allowed than the profile says, never less, so that no program
  // breaks under its own profile. Evidence, gaps and origin are in the native format alone and not mentioned.
  Result<std::string> (*write)(const Profile& profile, std::vector<std::string>* lost);
  // Reads what write wrote, and what other tools write in this format. `where` is used in messages. What other tools silently get wrong in such
  // a file is added to `warnings`, each with its place (null: not asked for). May be null.
  Result<Profile> (*read)(std::string_view text, const std::string& where, const ReadContext& context,
                          std::vector<std::string>* warnings);
};

std::span<const Format* const> formats();
// Null if there is none of that name.
const Format* find_format(std::string_view name);
// The format a text is in, by its content; null when it looks like none of them.
const Format* recognise_format(std::string_view text);

}  // namespace stile
