// SPDX-License-Identifier: Apache-2.0
//
// What stands for an action that a format has no word for.
#pragma once

#include <cerrno>

#include <stile/profile.h>

namespace stile::format {

inline constexpr Action kAllow{ActionKind::Allow, 0};
inline constexpr Action kLog{ActionKind::Log, 0};
inline constexpr Action kKillProcess{ActionKind::KillProcess, 0};
inline constexpr Action kKillThread{ActionKind::KillThread, 0};

inline bool lets_through(Action action) { return action.kind == ActionKind::Allow || action.kind == ActionKind::Log; }
inline bool kills(Action action) { return action.kind == ActionKind::KillProcess || action.kind == ActionKind::KillThread; }

// The errno that stands for a refusal a format cannot say: ENOSYS where the kernel says that itself when no tracer or supervisor is there
// (seccomp(2)), else EPERM.
inline Action as_errno(Action action) {
  if (action.kind == ActionKind::Errno) return action;
  const bool asks = action.kind == ActionKind::Trace || action.kind == ActionKind::Notify;
  return {ActionKind::Errno, static_cast<uint16_t>(asks ? ENOSYS : EPERM)};
}

}  // namespace stile::format
