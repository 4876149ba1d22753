// SPDX-License-Identifier: Apache-2.0
#include "format/firejail.h"

#include <algorithm>

#include "format/recognise.h"

namespace stile {
namespace format {
namespace firejail {
namespace {

struct Group {
  std::string_view name;
  std::string_view members;  // each with a blank before it
};
constexpr Group kGroups[] = {
#include "format/firejail_groups.inc"
};

}  // namespace

std::optional<std::vector<std::string_view>> group(std::string_view name) {
  for (const Group& one : kGroups) {
    if (one.name != name) continue;
    std::vector<std::string_view> members;
    for (size_t at = 0; at < one.members.size();) {
      const size_t end = std::min(one.members.find(' ', at + 1), one.members.size());
      members.push_back(one.members.substr(at + 1, end - at - 1));
      at = end;
    }
    return members;
  }
  return std::nullopt;
}

std::vector<std::string_view> groups() {
  std::vector<std::string_view> names;
  for (const Group& one : kGroups) names.push_back(one.name);
  return names;
}

filter::Decision personality(const filter::Decision& decision, Action error) {
  filter::Decision narrowed = {{!(arg(0) == 0 || arg(0) == 0xffffffff), error}};
  narrowed.insert(narrowed.end(), decision.begin(), decision.end());
  return narrowed;
}

}  // namespace firejail

bool looks_like_firejail(std::string_view text) {
  return has_line(text, [](std::string_view line) {
    if (line.starts_with("--")) line.remove_prefix(2);
    for (const std::string_view word : {"seccomp", "seccomp.keep", "seccomp.drop", "seccomp.block-secondary", "seccomp.32.keep",
                                        "seccomp.32.drop", "seccomp.32", "seccomp-error-action"}) {
      if (!line.starts_with(word)) continue;
      const std::string_view rest = line.substr(word.size());
      if (rest.empty() || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '=') return true;
    }
    return false;
  });
}

}  // namespace format

extern const Format kFirejailFormat = {"firejail", "the seccomp lines of a firejail profile", false, format::firejail::write,
                                       format::firejail::read};

}  // namespace stile
