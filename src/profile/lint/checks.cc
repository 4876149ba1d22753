// SPDX-License-Identifier: Apache-2.0
//
// All checks, in the order in which they are listed for people: what lets an attacker through, what breaks
// programs, what does nothing.
#include "profile/lint/check.h"

namespace stile::linting {

extern const Check kArchUnchecked;
extern const Check kX32Gap;
extern const Check kExtraTable;
extern const Check kDenylist;
extern const Check kTwinGap;
extern const Check kClone3Eperm;
extern const Check kPointerArgument;
extern const Check kFallbackErrno;
extern const Check kEnosysLine;
extern const Check kIoUring;
extern const Check kRestartSyscall;
extern const Check kCannotEnd;
extern const Check kVdsoFallback;
extern const Check kVdsoRule;
extern const Check kPtraceBypass;
extern const Check kNeedsSupervisor;
extern const Check kKillThread;
extern const Check kSameArgumentTwice;
extern const Check kSignOfArgument;
extern const Check kHalfOfArgument;
extern const Check kMultiplexer;
extern const Check kS390Clone;
extern const Check kUnknownName;
extern const Check kForeignName;
extern const Check kDuplicate;
extern const Check kVoidCondition;
extern const Check kUnreachable;
extern const Check kSameAsDefault;
extern const Check kTooLong;
extern const Check kNoExecve;
extern const Check kDockerFields;
extern const Check kWideComparison;
extern const Check kShellRisk;
extern const Check kTiocsti;

std::span<const Check* const> checks() {
  static const Check* const kAll[] = {
      &kArchUnchecked,   &kX32Gap,          &kExtraTable,        &kDenylist,       &kTwinGap,
      &kClone3Eperm,     &kPointerArgument, &kFallbackErrno,     &kEnosysLine,     &kIoUring,
      &kRestartSyscall,  &kCannotEnd,       &kVdsoFallback,      &kVdsoRule,       &kPtraceBypass,
      &kNeedsSupervisor, &kKillThread,      &kSameArgumentTwice, &kSignOfArgument, &kHalfOfArgument,
      &kMultiplexer,     &kS390Clone,       &kUnknownName,       &kForeignName,    &kDuplicate,
      &kVoidCondition,   &kUnreachable,     &kSameAsDefault,     &kTooLong,        &kNoExecve,
      &kDockerFields,    &kWideComparison,  &kShellRisk,         &kTiocsti,
  };
  return kAll;
}

}  // namespace stile::linting
