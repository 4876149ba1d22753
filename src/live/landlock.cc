// SPDX-License-Identifier: Apache-2.0
//
// Path rules by landlock(7): what BPF cannot do, since it sees a path's address and never its text.
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stile/live.h>

#include "live/system.h"

namespace stile::live {

namespace {

// include/uapi/linux/landlock.h. Numbers instead of that header: Debian 12's ends at ABI 2.
struct RulesetAttributes {
  uint64_t handled_access_fs;
};
struct [[gnu::packed]] PathBeneath {
  uint64_t allowed_access;
  int32_t parent_fd;
};
constexpr unsigned kCreateRulesetVersion = 1;
constexpr int kRulePathBeneath = 1;
constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDir = 1 << 3;
constexpr uint64_t kChangeDirectories =
    0x1ff << 4;                          // remove dir, file; make char, dir, reg, sock, fifo, block, sym
constexpr uint64_t kRefer = 1 << 13;     // ABI 2: link and rename between directories
constexpr uint64_t kTruncate = 1 << 14;  // ABI 3
// ABI 5's ioctl on devices is in no group: a rule that lets a terminal be read and written would not let it
// be used.

uint64_t handled_by(int abi) {
  uint64_t access = kExecute | kWriteFile | kReadFile | kReadDir | kChangeDirectories;
  if (abi >= 2) access |= kRefer;
  if (abi >= 3) access |= kTruncate;
  return access;
}

uint64_t rights_of(unsigned groups) {
  uint64_t access = 0;
  if ((groups & kPathRead) != 0) access |= kReadFile | kReadDir;
  if ((groups & kPathWrite) != 0) access |= kWriteFile | kChangeDirectories | kRefer | kTruncate;
  if ((groups & kPathExecute) != 0) access |= kExecute;
  return access;
}

// A right that only directories have is refused with EINVAL for anything else.
constexpr uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate;

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kCreateRulesetVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

long landlock_restrict_self(int ruleset) {
  return ::syscall(SYS_landlock_restrict_self, ruleset, 0);
}

Result<Descriptor> landlock_ruleset(std::span<const PathRule> rules) {
  if (rules.empty()) return Descriptor();
  for (const PathRule& rule : rules) {
    if (rule.path.empty() || rule.path.front() != '/' || rule.path.find('\0') != std::string::npos) {
      return fail(Code::Usage, "a path rule needs an absolute path", rule.path, "begin it with /");
    }
  }
  const int abi = landlock_abi();
  if (abi == 0) {
    const char* why = errno == EOPNOTSUPP ? "Landlock is built into this kernel and not switched on"
                                          : "this kernel has no Landlock";
    return fail(Code::Unsupported, fmt::format("path rules cannot be enforced: {}", why), {},
                errno == EOPNOTSUPP
                    ? "add landlock to lsm= on the kernel's command line"
                    : "Linux 5.13 and later have it; without path rules the profile can be used");
  }
  const uint64_t handled = handled_by(abi);
  const RulesetAttributes attributes{handled};
  Descriptor ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset) return fail(Code::Io, fmt::format("Landlock gives no ruleset: {}", std::strerror(errno)));
  for (const PathRule& rule : rules) {
    const Descriptor path(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status {};
    if (!path || ::fstat(path.get(), &status) != 0) {
      return fail(Code::Io, fmt::format("the path of a rule cannot be opened: {}", std::strerror(errno)),
                  rule.path,
                  "a rule holds for what is there when it is loaded; name an existing file or directory");
    }
    PathBeneath beneath{};
    beneath.allowed_access = rights_of(rule.access) & handled;
    if (!S_ISDIR(status.st_mode)) beneath.allowed_access &= kFileRights;
    beneath.parent_fd = path.get();
    if (beneath.allowed_access == 0) continue;  // an empty rule is refused, and would allow nothing
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), kRulePathBeneath, &beneath, 0) != 0) {
      return fail(Code::Io, fmt::format("Landlock does not take the rule: {}", std::strerror(errno)),
                  rule.path);
    }
  }
  return ruleset;
}

}  // namespace stile::live

namespace stile {

Result<void> restrict_paths(std::span<const PathRule> rules) {
  auto ruleset = live::landlock_ruleset(rules);
  if (!ruleset) return tl::unexpected(ruleset.error());
  if (!*ruleset) return {};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail(Code::Io, fmt::format("no_new_privs cannot be set: {}", std::strerror(errno)));
  }
  if (live::landlock_restrict_self(ruleset->get()) != 0) {
    const int error = errno;
    return fail(Code::Io, fmt::format("Landlock does not confine this thread: {}", std::strerror(error)), {},
                error == E2BIG ? "at most 16 rulesets can lie one on another" : "");
  }
  return {};
}

}  // namespace stile
