// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

struct Pointer {
  std::string_view call;
  uint8_t arg;
  std::string_view what;
};
constexpr Pointer kPointers[] = {
    {"clone3", 0, "struct clone_args"},
    {"openat2", 2, "struct open_how"},
    {"open", 0, "path"},
    {"openat", 1, "path"},
    {"openat2", 1, "path"},
    {"execve", 0, "path"},
    {"execveat", 1, "path"},
    {"connect", 1, "address"},
    {"bind", 1, "address"},
    {"sendto", 4, "address"},
    {"sendmsg", 1, "struct msghdr"},
    {"unlink", 0, "path"},
    {"unlinkat", 1, "path"},
    {"mount", 1, "path"},
    {"mount", 2, "file system type"},
    {"mount_setattr", 3, "struct mount_attr"},
    {"sched_setattr", 1, "struct sched_attr"},
    {"bpf", 1, "union bpf_attr"},
    {"perf_event_open", 0, "struct perf_event_attr"},
};

// Whether there is a pointer at all can be asked for.
bool compares(const Condition& when, uint8_t arg) {
  for (const auto& alternative : when.any) {
    for (const Test& test : alternative) {
      if (test.arg != arg) continue;
      const bool null =
          test.in == std::vector<Range>{{0, 0}} || test.in == std::vector<Range>{{1, test.mask}};
      if (!null) return true;
    }
  }
  return false;
}

void run(const Subject& subject, Report& report) {
  for (const auto& [name, rule] : subject.profile.rules) {
    for (const Pointer& pointer : kPointers) {
      if (pointer.call != name) continue;
      for (const Case& one : rule.cases) {
        if (!compares(one.when, pointer.arg)) continue;
        report.add(name,
                   fmt::format("argument {} of {} is a pointer ({}): its value says nothing", pointer.arg,
                               name, pointer.what),
                   name == "clone3" || name == "openat2"
                       ? fmt::format("stile edit PROFILE --set {}=errno:ENOSYS -i", name)
                       : std::string("limit paths with Landlock: see stile run --help"));
        break;
      }
    }
  }
}

}  // namespace

extern const Check kPointerArgument = {
    {"pointer-argument", Severity::Warning, "a rule compares an argument that is a pointer",
     "A filter sees the address, not what it points to: openat2 and clone3 keep their flags behind a "
     "pointer, paths are pointers too."},
    run,
    false};

}  // namespace stile::linting
