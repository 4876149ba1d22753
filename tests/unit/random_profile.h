// SPDX-License-Identifier: Apache-2.0
//
// Random profiles that collide: few calls, few values, so that two of them have much to agree and to disagree
// on.
#pragma once

#include <random>
#include <string>
#include <vector>

#include <stile/filter.h>
#include <stile/profile.h>

namespace stile::testing {

class ProfileMaker {
 public:
  explicit ProfileMaker(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t bound) { return random_() % bound; }
  template <typename T>
  const T& pick(const std::vector<T>& list) {
    return list[below(list.size())];
  }

  Action action() {
    static const std::vector<Action> kActions = {
        {ActionKind::Allow, 0},       {ActionKind::Allow, 0},  {ActionKind::Errno, 1},
        {ActionKind::Errno, 38},      {ActionKind::Log, 0},    {ActionKind::KillThread, 0},
        {ActionKind::KillProcess, 0}, {ActionKind::Trap, 0},   {ActionKind::Trap, 3},
        {ActionKind::Trace, 0},       {ActionKind::Notify, 0}, {ActionKind::Errno, 13}};
    return pick(kActions);
  }

  Test test() {
    static const std::vector<uint64_t> kMasks = {~uint64_t{0}, ~uint64_t{0}, 0xffffffff,        0x3,
                                                 0x6,          0x7e020000,   0xffffffff00000000};
    static const std::vector<uint64_t> kValues = {0,       1,          2,           3,           5,
                                                  0x20000, 0xffffffff, 0x100000000, ~uint64_t{0}};
    Test test{static_cast<uint8_t>(below(2)), pick(kMasks), {}};
    for (uint64_t i = 1 + below(2); i > 0; --i) {
      const uint64_t a = pick(kValues), b = below(2) == 0 ? a : pick(kValues);
      test.in.push_back({std::min(a, b), std::max(a, b)});
    }
    return test;
  }

  Condition condition() {
    Condition condition;
    for (uint64_t i = below(8) == 0 ? 0 : 1 + below(2); i > 0; --i) {
      std::vector<Test> tests;
      for (uint64_t j = below(10) == 0 ? 0 : 1 + below(2); j > 0; --j) tests.push_back(test());
      condition.any.push_back(std::move(tests));
    }
    return below(4) == 0 ? !condition : condition;
  }

  Profile profile() {
    static const std::vector<std::string> kNames = {
        "read", "write", "socket", "clone", "clone3", "openat2", "463", "3", "4294967295", "470", "execve"};
    Profile profile;
    if (below(3) == 0) profile.also_arches = {"i386"};
    if (below(6) == 0) profile.also_arches.push_back("x32");
    if (below(8) == 0) profile.also_arches.push_back("arm64");
    if (below(10) == 0) profile.arch = "arm64";
    if (below(3) == 0) profile.otherwise = action();
    if (below(5) == 0) profile.bad_arch = action();
    if (below(4) == 0) profile.written_for = below(2) == 0 ? "5.4" : "6.1";
    for (uint64_t i = below(6); i > 0; --i) {
      Rule& rule = profile.rules[pick(kNames)];
      rule.action = action();
      rule.cases.clear();
      for (uint64_t j = below(3); j > 0; --j) rule.cases.push_back({condition(), action()});
      if (below(3) == 0) rule.arches = {below(2) == 0 ? "x86_64" : "i386"};
      rule.because = {{EvidenceKind::Human, {}, {}, "rule " + std::to_string(below(1000))}};
    }
    return profile;
  }

 private:
  std::mt19937_64 random_;
};

// A caller of this table can pass these arguments.
inline bool can_be_passed(const Event& event) {
  constexpr uint32_t k64Bit = 0x80000000;  // __AUDIT_ARCH_64BIT
  if ((event.arch & k64Bit) != 0) return true;
  for (const uint64_t value : event.args) {
    if (value > 0xffffffff) return false;
  }
  return true;
}

}  // namespace stile::testing
