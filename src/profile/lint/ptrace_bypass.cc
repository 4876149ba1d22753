// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  unsigned version = 0, patch = 0;
  if (std::sscanf(subject.input.context.kernel.c_str(), "%u.%u", &version, &patch) != 2) return;
  if (version > 4 || (version == 4 && patch >= 8)) return;
  if (!subject.has_profile || !subject.may_be_allowed("ptrace")) return;
  report.add("ptrace",
             fmt::format("ptrace is allowed, and on Linux {} a tracer goes around the filter",
                         subject.input.context.kernel),
             "stile edit PROFILE --drop ptrace -i");
}

}  // namespace

extern const Check kPtraceBypass = {
    {"ptrace-bypass", Severity::Error, "ptrace is allowed on a kernel before 4.8",
     "There the tracer changes the number of a call after the filter has looked at it: whoever may trace a "
     "child may call anything."},
    run,
    false};

}  // namespace stile::linting
