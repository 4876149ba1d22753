// SPDX-License-Identifier: Apache-2.0
#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.document == nullptr) return;
  if (subject.may_be_allowed("execve") || subject.may_be_allowed("execveat")) return;
  report.add("execve", "execve is not allowed, and a container runtime executes the program under the filter",
             "stile edit PROFILE --allow execve -i, or make it with stile profile --runtime runc");
}

}  // namespace

extern const Check kNoExecve = {
    {"no-execve", Severity::Error, "nobody can start the program under this profile",
     "A container runtime loads the filter first and executes the program after: without execve the "
     "container does not start."},
    run,
    false};

}  // namespace stile::linting
