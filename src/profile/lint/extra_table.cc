// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (subject.profile.arch != "x86_64" || !subject.profile.origin.program.empty()) return;
  std::vector<std::string> extra;
  for (const std::string_view table : {"i386", "x32"}) {
    if (subject.tables.contains(std::string(table))) extra.emplace_back(table);
  }
  if (extra.empty()) return;
  report.add_at(subject.document == nullptr ? ""
                : subject.document->mapped  ? "/archMap"
                                            : "/architectures",
                "",
                fmt::format("answers for {} beside x86_64: needed for 32-bit programs alone",
                            fmt::join(extra, " and ")),
                "leave x86_64 alone in the list of architectures if all programs are 64-bit");
}

}  // namespace

extern const Check kExtraTable = {
    {"extra-table", Severity::Note, "32-bit or x32 calls are answered for beside the native ones",
     "A program of one architecture never makes them. They are a second way into the kernel, with older and "
     "less tested code."},
    run,
    false};

}  // namespace stile::linting
