// SPDX-License-Identifier: Apache-2.0
//
// The same profile said to libseccomp, as far as it can be said there: the program it makes is a second
// opinion on ours.
#pragma once

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <stile/filter.h>

#include "arch/syscalls.h"

namespace stile::libseccomp {

inline std::optional<uint32_t> action_code(Action action) {
  switch (action.kind) {
    case ActionKind::Allow:
      return SCMP_ACT_ALLOW;
    case ActionKind::Errno:
      return SCMP_ACT_ERRNO(action.data);
    case ActionKind::KillProcess:
      return SCMP_ACT_KILL_PROCESS;
    case ActionKind::KillThread:
      return SCMP_ACT_KILL_THREAD;
    case ActionKind::Log:
      return SCMP_ACT_LOG;
    case ActionKind::Trace:
      return SCMP_ACT_TRACE(action.data);
    case ActionKind::Trap:
      return action.data == 0 ? std::optional<uint32_t>(SCMP_ACT_TRAP) : std::nullopt;
    case ActionKind::Notify:
      return SCMP_ACT_NOTIFY;
  }
  return std::nullopt;
}

inline std::optional<uint32_t> arch_token(const std::string& name) {
  if (name == "x86_64") return SCMP_ARCH_X86_64;
  if (name == "i386") return SCMP_ARCH_X86;
  if (name == "x32") return SCMP_ARCH_X32;
  if (name == "arm64") return SCMP_ARCH_AARCH64;
  if (name == "arm") return SCMP_ARCH_ARM;
  if (name == "riscv64") return SCMP_ARCH_RISCV64;
  return std::nullopt;
}

using Comparisons = std::vector<scmp_arg_cmp>;

// The comparisons any of which is the test: one for each range. Nothing for a range with two ends (libseccomp
// compares an argument once in a rule) and for masks with more than one value.
inline std::optional<Comparisons> comparisons(const Test& test) {
  Comparisons any;
  const bool masked = ~test.mask != 0;
  if (!masked && test.in.size() == 2 && test.in[0].first == 0 && ~test.in[1].last == 0 &&
      test.in[1].first - test.in[0].last == 2) {
    any.push_back({test.arg, SCMP_CMP_NE, test.in[0].last + 1, 0});
    return any;
  }
  for (const Range& range : test.in) {
    if (range.first == range.last) {
      any.push_back(masked ? scmp_arg_cmp{test.arg, SCMP_CMP_MASKED_EQ, test.mask, range.first}
                           : scmp_arg_cmp{test.arg, SCMP_CMP_EQ, range.first, 0});
    } else if (masked) {
      return std::nullopt;
    } else if (range.first == 0) {
      any.push_back({test.arg, SCMP_CMP_LE, range.last, 0});
    } else if (~range.last == 0) {
      any.push_back({test.arg, SCMP_CMP_GE, range.first, 0});
    } else {
      return std::nullopt;
    }
  }
  return any;
}

// Rules of a call, each of which all comparisons of must hold.
inline std::optional<std::vector<Comparisons>> rules_of(const Condition& condition) {
  std::vector<Comparisons> rules;
  for (const auto& alternative : condition.any) {
    std::vector<Comparisons> products = {{}};
    unsigned used = 0;
    for (const Test& test : alternative) {
      if ((used >> test.arg & 1) != 0) return std::nullopt;
      used |= 1U << test.arg;
      const auto any = comparisons(test);
      if (!any) return std::nullopt;
      std::vector<Comparisons> longer;
      for (const Comparisons& product : products) {
        for (const scmp_arg_cmp& one : *any) {
          longer.push_back(product);
          longer.back().push_back(one);
        }
      }
      products = std::move(longer);
    }
    rules.insert(rules.end(), products.begin(), products.end());
  }
  return rules;
}

struct Rule {
  std::string call;
  uint32_t action = 0;
  std::vector<Comparisons> any;  // without any: always
};

// A profile in libseccomp's words.
struct Policy {
  uint32_t otherwise = 0;
  uint32_t bad_arch = 0;
  std::vector<uint32_t> arches;
  std::vector<Rule> rules;
};

// Nothing when the profile says what libseccomp cannot.
inline std::optional<Policy> translate(const Profile& profile) {
  Policy policy;
  const auto otherwise = action_code(profile.otherwise);
  const auto bad_arch = action_code(profile.bad_arch);
  if (!otherwise || !bad_arch || !profile.written_for.empty()) return std::nullopt;
  policy.otherwise = *otherwise;
  policy.bad_arch = *bad_arch;
  for (const std::string& name : arches_of(profile)) {
    const auto token = arch_token(name);
    if (!token) return std::nullopt;
    policy.arches.push_back(*token);
  }
  for (const auto& [call, rule] : profile.rules) {
    if (!rule.arches.empty() || rule.cases.size() > 1) return std::nullopt;
    const auto action = action_code(rule.cases.empty() ? rule.action : rule.cases[0].action);
    if (!action) return std::nullopt;
    if (rule.cases.empty()) {
      if (*action != *otherwise) policy.rules.push_back({call, *action, {}});
      continue;
    }
    if (!(rule.action == profile.otherwise)) return std::nullopt;
    const Result<Condition> when = normalise(rule.cases[0].when);
    if (!when || *when == Condition::always()) return std::nullopt;
    auto any = rules_of(*when);
    if (!any) return std::nullopt;
    if (*action != *otherwise && !any->empty()) policy.rules.push_back({call, *action, std::move(*any)});
  }
  return policy;
}

// What a program does to get a filter from libseccomp: rules by name, then the finished program. `tree`: its
// binary tree.
inline std::optional<Program> compile(const Policy& policy, bool tree) {
  scmp_filter_ctx ctx = seccomp_init(policy.otherwise);
  if (ctx == nullptr) return std::nullopt;
  bool good = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, policy.bad_arch) == 0;
  if (tree) good = good && seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
  bool native = false;
  for (const uint32_t arch : policy.arches) {
    native = native || arch == seccomp_arch_native();
    if (arch != seccomp_arch_native()) good = good && seccomp_arch_add(ctx, arch) == 0;
  }
  if (!native) good = good && seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE) == 0;
  for (const Rule& rule : policy.rules) {
    const int number = seccomp_syscall_resolve_name(rule.call.c_str());
    if (number == __NR_SCMP_ERROR) continue;  // it does not know the call
    if (rule.any.empty()) good = good && seccomp_rule_add(ctx, rule.action, number, 0) == 0;
    for (const Comparisons& all : rule.any) {
      good = good && seccomp_rule_add_array(ctx, rule.action, number, static_cast<unsigned>(all.size()),
                                            all.data()) == 0;
    }
  }
  std::optional<Program> program;
  const int file = memfd_create("filter", MFD_CLOEXEC);
  if (good && file >= 0 && seccomp_export_bpf(ctx, file) == 0) {
    const off_t size = lseek(file, 0, SEEK_END);
    program.emplace(static_cast<size_t>(size) / sizeof(Instruction));
    if (pread(file, program->data(), static_cast<size_t>(size), 0) != size) program.reset();
  }
  if (file >= 0) close(file);
  seccomp_release(ctx);
  return program;
}

}  // namespace stile::libseccomp
