// SPDX-License-Identifier: Apache-2.0
//
// Policies said in code.
#include <algorithm>

#include <fmt/format.h>

#include <stile/filter.h>
#include <stile/syscalls.h>

#include "filter/numbers.h"

namespace stile {
namespace {

constexpr uint8_t kArguments = 6;

Evidence said_in_code() {
  Evidence evidence;
  evidence.kind = EvidenceKind::Human;
  evidence.note = "said in code";
  return evidence;
}

bool is_always(const Condition& condition) {
  for (const auto& alternative : condition.any) {
    if (alternative.empty()) return true;
  }
  return false;
}

bool has_unknown_argument(const Condition& condition) {
  for (const auto& alternative : condition.any) {
    for (const Test& test : alternative) {
      if (test.arg >= kArguments) return true;
    }
  }
  return false;
}

}  // namespace

Policy::Policy(Action otherwise) {
  profile_.otherwise = otherwise;
}

Policy& Policy::allow(std::initializer_list<std::string_view> calls) {
  for (const std::string_view call : calls) allow(call);
  return *this;
}

Policy& Policy::allow(std::string_view call, Condition when) {
  return on(call, allow_action(), std::move(when));
}

Policy& Policy::deny(std::string_view call, uint16_t errno_number, Condition when) {
  return on(call, errno_action(errno_number), std::move(when));
}

Policy& Policy::on(std::string_view call, Action action, Condition when) {
  constexpr uint16_t kMaxErrno = 4095;  // MAX_ERRNO, include/linux/err.h
  const std::string where = fmt::format("rule {}", call);
  const auto wrong = [&](Error error) {
    error.where = where;
    errors_.push_back(std::move(error));
  };
  if (action.kind == ActionKind::Errno && action.data > kMaxErrno) {
    wrong({Code::Usage,
           fmt::format("there is no error number {}", action.data),
           {},
           fmt::format("the kernel knows up to {}", kMaxErrno)});
    return *this;
  }
  if (has_unknown_argument(when)) {
    wrong({Code::Usage,
           "a condition on an argument that does not exist",
           {},
           "a system call has the arguments 0 to 5"});
    return *this;
  }
  Result<Condition> normal = normalise(when);
  if (!normal) {
    wrong(normal.error());
    return *this;
  }

  std::vector<std::string> names;
  if (filter::number_from_key(call)) {
    names.emplace_back(call);
  } else if (Result<std::vector<std::string>> known = expand_syscalls(call)) {
    names = std::move(*known);
  } else {
    wrong(known.error());
    return *this;
  }
  for (const std::string& name : names) {
    const auto [at, is_new] = profile_.rules.try_emplace(name);
    Rule& rule = at->second;
    if (is_new) {
      rule.action = profile_.otherwise;
      rule.because.push_back(said_in_code());
    }
    if (!is_always(*normal)) {
      // Behind a rule without condition it can still come first: that one decides what no condition did.
      rule.cases.push_back({*normal, action});
      continue;
    }
    const bool decided = settled_.contains(name);
    if (decided && !(rule.action == action)) {
      wrong({Code::Usage,
             fmt::format("{} is to be {} and {}", name, to_string(rule.action), to_string(action)),
             {},
             "give one of them a condition"});
    }
    if (!decided) rule.action = action;
    settled_.insert(name);
  }
  return *this;
}

Policy& Policy::architectures(std::vector<std::string> names) {
  if (names.empty())
    errors_.push_back({Code::Usage, "a policy needs an architecture", "architectures", "such as x86_64"});
  profile_.also_arches.clear();
  for (size_t i = 0; i < names.size(); ++i) {
    const auto id = arch::arch_by_name(names[i]);
    if (!id) {
      errors_.push_back({Code::Usage, fmt::format("no architecture is called '{}'", names[i]),
                         "architectures", "such as x86_64, i386, arm64"});
      continue;
    }
    std::string name(arch::arch_info(*id).name);
    if (i == 0) {
      profile_.arch = std::move(name);
    } else {
      profile_.also_arches.push_back(std::move(name));
    }
  }
  std::sort(profile_.also_arches.begin(), profile_.also_arches.end());
  return *this;
}

Policy& Policy::other_architectures(Action action) {
  profile_.bad_arch = action;
  return *this;
}

Policy& Policy::written_for(std::string_view kernel) {
  if (!filter::release_from(kernel)) {
    errors_.push_back(
        {Code::Usage, fmt::format("'{}' is no kernel release", kernel), "written_for", "such as 6.1"});
  }
  profile_.written_for = kernel;
  return *this;
}

Policy& Policy::path(std::string_view path, unsigned access) {
  constexpr unsigned kAllAccess = kPathRead | kPathWrite | kPathExecute;
  if (!path.starts_with('/')) {
    errors_.push_back({Code::Usage, "a path rule needs an absolute path", fmt::format("path {}", path), {}});
  } else if (access == 0 || (access & ~kAllAccess) != 0) {
    errors_.push_back({Code::Usage, "a path rule needs an access", fmt::format("path {}", path),
                       "kPathRead, kPathWrite, kPathExecute or a combination"});
  }
  profile_.paths.push_back({std::string(path), access});
  return *this;
}

Result<Profile> Policy::build() const {
  if (!errors_.empty()) return tl::unexpected(errors_.front());
  return profile_;
}

}  // namespace stile
