// SPDX-License-Identifier: Apache-2.0
#include "profile/lint/check.h"

namespace stile::linting {
namespace {

void run(const Subject& subject, Report& report) {
  if (!subject.has_profile || subject.is_denylist()) return;
  if (!subject.may_be_allowed("io_uring_setup")) return;
  report.add("io_uring_setup",
             "io_uring does file and network operations that this profile cannot see or refuse",
             "stile edit PROFILE --drop io_uring_setup,io_uring_enter,io_uring_register -i");
}

}  // namespace

extern const Check kIoUring = {{"io-uring", Severity::Warning, "io_uring is allowed",
                                "Reads, writes, opens, connects and more go through its rings without a "
                                "system call, so no filter sees them."},
                               run,
                               false};

}  // namespace stile::linting
