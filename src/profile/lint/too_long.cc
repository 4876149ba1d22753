// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.does_not_compile.empty()) {
    return report.add("", subject.does_not_compile,
                      "fewer conditions: ranges and masks take less than single values");
  }
  if (subject.instructions > kMaxInstructions) {
    report.add(
        "", fmt::format("{} instructions, and the kernel takes {}", subject.instructions, kMaxInstructions));
  }
}

}  // namespace

extern const Check kTooLong = {{"too-long", Severity::Error, "the filter is longer than the kernel takes",
                                "A program has at most 4096 instructions (BPF_MAXINSNS): a longer one is "
                                "refused, and the container does not start."},
                               run,
                               true};

}  // namespace stile::linting
