// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "format/oci.h"

namespace stile::format::oci {
namespace {

struct NamedAction {
  std::string_view name;
  ActionKind kind;
};

constexpr NamedAction kActions[] = {
    {"SCMP_ACT_ALLOW", ActionKind::Allow},
    {"SCMP_ACT_ERRNO", ActionKind::Errno},
    {"SCMP_ACT_KILL_PROCESS", ActionKind::KillProcess},
    {"SCMP_ACT_KILL_THREAD", ActionKind::KillThread},
    {"SCMP_ACT_KILL", ActionKind::KillThread},
    {"SCMP_ACT_LOG", ActionKind::Log},
    {"SCMP_ACT_TRAP", ActionKind::Trap},
    {"SCMP_ACT_TRACE", ActionKind::Trace},
    {"SCMP_ACT_NOTIFY", ActionKind::Notify},
};

// In the order of Op.
constexpr std::string_view kOps[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
                                     "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};

struct SubCall {
  std::string_view name;
  Multiplexed how;
};

// SYS_* of include/uapi/linux/net.h, SEMOP and the like of include/uapi/linux/ipc.h.
constexpr SubCall kSubCalls[] = {
    {"socket", {"socketcall", 1}},
    {"bind", {"socketcall", 2}},
    {"connect", {"socketcall", 3}},
    {"listen", {"socketcall", 4}},
    {"accept", {"socketcall", 5}},
    {"getsockname", {"socketcall", 6}},
    {"getpeername", {"socketcall", 7}},
    {"socketpair", {"socketcall", 8}},
    {"send", {"socketcall", 9}},
    {"recv", {"socketcall", 10}},
    {"sendto", {"socketcall", 11}},
    {"recvfrom", {"socketcall", 12}},
    {"shutdown", {"socketcall", 13}},
    {"setsockopt", {"socketcall", 14}},
    {"getsockopt", {"socketcall", 15}},
    {"sendmsg", {"socketcall", 16}},
    {"recvmsg", {"socketcall", 17}},
    {"accept4", {"socketcall", 18}},
    {"recvmmsg", {"socketcall", 19}},
    {"sendmmsg", {"socketcall", 20}},
    {"semop", {"ipc", 1}},
    {"semget", {"ipc", 2}},
    {"semctl", {"ipc", 3}},
    {"semtimedop", {"ipc", 4}},
    {"msgsnd", {"ipc", 11}},
    {"msgrcv", {"ipc", 12}},
    {"msgget", {"ipc", 13}},
    {"msgctl", {"ipc", 14}},
    {"shmat", {"ipc", 21}},
    {"shmdt", {"ipc", 22}},
    {"shmget", {"ipc", 23}},
    {"shmctl", {"ipc", 24}},
};

}  // namespace

std::string_view action_name(ActionKind kind) {
  for (const NamedAction& action : kActions) {
    if (action.kind == kind) return action.name;
  }
  return "SCMP_ACT_KILL_PROCESS";
}

std::optional<ActionKind> action_from(std::string_view name) {
  for (const NamedAction& action : kActions) {
    if (action.name == name) return action.kind;
  }
  return std::nullopt;
}

bool takes_errno(ActionKind kind) {
  return kind == ActionKind::Errno || kind == ActionKind::Trace;
}

std::string_view op_name(Op op) {
  return kOps[static_cast<size_t>(op)];
}

std::optional<Op> op_from(std::string_view name) {
  const auto found = std::find(std::begin(kOps), std::end(kOps), name);
  if (found == std::end(kOps)) return std::nullopt;
  return static_cast<Op>(found - std::begin(kOps));
}

std::optional<Multiplexed> multiplexed(std::string_view name) {
  for (const SubCall& call : kSubCalls) {
    if (call.name == name) return call.how;
  }
  return std::nullopt;
}

bool has_multiplexers(arch::ArchId arch) {
  using enum arch::ArchId;
  // Those whose arch_def in libseccomp 2.5 sets rule_add to abi_rule_add.
  constexpr arch::ArchId kThese[] = {I386, S390x, S390, Ppc, Ppc64, Ppc64le, Mips, Mipsel};
  return std::find(std::begin(kThese), std::end(kThese), arch) != std::end(kThese);
}

Condition condition_of(const Comparisons& all) {
  constexpr uint64_t kMax = ~uint64_t{0};
  std::vector<Test> tests;
  for (const Comparison& one : all) {
    Test test{one.arg, kMax, {}};
    const uint64_t value = one.value;
    switch (one.op) {
      case Op::Ne:
        if (value != 0) test.in.push_back({0, value - 1});
        if (value != kMax) test.in.push_back({value + 1, kMax});
        break;
      case Op::Lt:
        if (value != 0) test.in.push_back({0, value - 1});
        break;
      case Op::Le:
        test.in.push_back({0, value});
        break;
      case Op::Eq:
        test.in.push_back({value, value});
        break;
      case Op::Ge:
        test.in.push_back({value, kMax});
        break;
      case Op::Gt:
        if (value != kMax) test.in.push_back({value + 1, kMax});
        break;
      case Op::MaskedEq:
        test.mask = value;
        test.in.push_back({one.value_two, one.value_two});
        break;
    }
    tests.push_back(std::move(test));
  }
  return Condition{{std::move(tests)}};
}

}  // namespace stile::format::oci
