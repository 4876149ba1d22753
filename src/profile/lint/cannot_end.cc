// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.has_profile) return;
  for (const std::string_view call : {"rt_sigreturn", "exit", "exit_group"}) {
    const std::string name(call);
    if (subject.said(name).empty() || subject.allowed(name)) continue;
    const char* what = name == "exit"         ? "no thread can end"
                       : name == "exit_group" ? "no process can end by itself"
                                              : "the first signal handler crashes";
    report.add(name, fmt::format("{} is not allowed: {}", name, what),
               fmt::format("stile edit PROFILE --allow {} -i", name));
  }
}

}  // namespace

extern const Check kCannotEnd = {
    {"cannot-end", Severity::Error, "rt_sigreturn, exit or exit_group is missing",
     "Every process ends by exit_group, every thread by exit, and every signal handler by rt_sigreturn: "
     "without them it crashes at the first."},
    run,
    false};

}  // namespace stile::linting
