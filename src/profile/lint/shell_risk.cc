// SPDX-License-Identifier: Apache-2.0
#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.is_general() || !subject.has_profile) return;
  if (!subject.allowed("memfd_create") || !subject.allowed("execveat")) return;
  if (!subject.allowed("mprotect") && !subject.allowed("mmap")) return;
  report.add(
      "memfd_create",
      "memfd_create, execveat and executable memory are all allowed: code can be run that is in no file",
      "stile edit PROFILE --drop execveat -i");
}

}  // namespace

extern const Check kShellRisk = {
    {"shell-risk", Severity::Note, "all that it takes to run code from memory is allowed",
     "memfd_create, execveat and executable memory together let whoever takes the program over run programs "
     "that are in no file."},
    run,
    false};

}  // namespace stile::linting
