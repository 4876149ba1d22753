// SPDX-License-Identifier: Apache-2.0
//
// Actions as the 32 bits a filter returns, and back the way __seccomp_filter (kernel/seccomp.c) reads them.
#include <algorithm>

#include <stile/filter.h>

#include "filter/opcodes.h"

namespace stile {

using namespace filter;

uint32_t return_value(Action action) {
  switch (action.kind) {
    case ActionKind::Allow:
      return kRetAllow;
    case ActionKind::Errno:
      return kRetErrno | action.data;
    case ActionKind::KillProcess:
      return kRetKillProcess;
    case ActionKind::KillThread:
      return kRetKillThread;
    case ActionKind::Log:
      return kRetLog;
    case ActionKind::Trap:
      return kRetTrap | action.data;
    case ActionKind::Trace:
      return kRetTrace | action.data;
    case ActionKind::Notify:
      return kRetUserNotif;
  }
  return kRetKillProcess;
}

Action action_of(uint32_t value) {
  const uint32_t data = value & kRetDataMask;
  switch (value & kRetActionMask) {
    case kRetAllow:
      return {ActionKind::Allow, 0};
    case kRetErrno:
      return {ActionKind::Errno, static_cast<uint16_t>(std::min(data, kMaxErrno))};
    case kRetKillThread:
      return {ActionKind::KillThread, 0};
    case kRetLog:
      return {ActionKind::Log, 0};
    case kRetTrap:
      return {ActionKind::Trap, static_cast<uint16_t>(data)};
    case kRetTrace:
      return {ActionKind::Trace, static_cast<uint16_t>(data)};
    case kRetUserNotif:
      return {ActionKind::Notify, 0};
    default:
      return {ActionKind::KillProcess, 0};  // what the kernel does not know kills the process (since 4.14)
  }
}

}  // namespace stile
