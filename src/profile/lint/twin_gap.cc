// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

struct Twin {
  std::string_view restricted, way_around;
};
// The second can do whatever the first can. Not here: clone3 beside clone, since refusing clone3 is how
// clone's flags are kept in sight.
constexpr Twin kTwins[] = {
    {"open", "openat"},
    {"open", "openat2"},
    {"openat", "openat2"},
    {"creat", "open"},
    {"creat", "openat"},
    {"execve", "execveat"},
    {"clone", "clone3"},
    {"fork", "clone"},
    {"vfork", "clone"},
    {"read", "readv"},
    {"read", "preadv2"},
    {"readv", "preadv2"},
    {"pread64", "preadv"},
    {"preadv", "preadv2"},
    {"write", "writev"},
    {"write", "pwritev2"},
    {"writev", "pwritev2"},
    {"pwrite64", "pwritev"},
    {"pwritev", "pwritev2"},
    {"kill", "tgkill"},
    {"kill", "pidfd_send_signal"},
    {"tkill", "tgkill"},
    {"unlink", "unlinkat"},
    {"rename", "renameat2"},
    {"renameat", "renameat2"},
    {"mkdir", "mkdirat"},
    {"rmdir", "unlinkat"},
    {"link", "linkat"},
    {"symlink", "symlinkat"},
    {"chmod", "fchmodat"},
    {"fchmodat", "fchmodat2"},
    {"chown", "fchownat"},
    {"accept", "accept4"},
    {"sendto", "sendmsg"},
    {"sendmsg", "sendmmsg"},
    {"recvfrom", "recvmsg"},
    {"recvmsg", "recvmmsg"},
    {"mount", "move_mount"},
    {"settimeofday", "clock_settime"},
    {"init_module", "finit_module"},
    {"setrlimit", "prlimit64"},
    {"dup2", "dup3"},
    {"mknod", "mknodat"},
    {"process_vm_readv", "ptrace"},
    {"process_vm_writev", "ptrace"},
    {"clock_settime", "clock_settime64"},
};

void run(const Subject& subject, Report& report) {
  if (!subject.has_profile) return;
  for (const Twin& twin : kTwins) {
    const std::string name(twin.restricted), other(twin.way_around);
    if (!subject.listed(name) || subject.allowed(name)) continue;
    if (subject.said(name).empty() || !subject.allowed(other)) continue;
    report.add(
        name,
        fmt::format("{} is {}, and {}, which does the same, is allowed whatever its arguments are", name,
                    subject.may_be_allowed(name) ? "restricted to some arguments" : "refused", other),
        fmt::format("stile edit PROFILE --drop {} -i", other));
  }
}

}  // namespace

extern const Check kTwinGap = {
    {"twin-gap", Severity::Warning, "a call is restricted, and another that does the same is not",
     "Whoever wants what was refused asks for it by the other name."},
    run,
    false};

}  // namespace stile::linting
