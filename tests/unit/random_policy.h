// SPDX-License-Identifier: Apache-2.0
//
// Random policies: everything a profile can say, in small amounts, with values that collide.
#pragma once

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <stile/filter.h>

#include "arch/syscalls.h"

namespace stile {

// How many random policies a test tries: STILE_RANDOM_POLICIES, or the number that keeps the test short.
inline size_t random_policies(size_t usual) {
  const char* wanted = std::getenv("STILE_RANDOM_POLICIES");
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

class PolicyMaker {
 public:
  explicit PolicyMaker(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t bound) { return random_() % bound; }
  bool once_in(uint64_t n) { return below(n) == 0; }

  uint64_t number() {
    switch (below(7)) {
      case 0:
      case 1:
        return below(6);
      case 2:
        return ~uint64_t{0} - below(3);
      case 3:
        return (uint64_t{1} << below(64)) - below(2);
      case 4:
        return 0xffffffff + below(3) - 1;
      case 5:
        return below(4) << 32 | below(4);
      default:
        return random_();
    }
  }

  uint64_t mask() {
    switch (below(9)) {
      case 0:
      case 1:
        return 0xffffffff;
      case 2:
        return random_() & random_();
      case 3:
        return uint64_t{1} << below(64);
      case 4:
        return ~uint64_t{0} << below(64);
      case 5:
        return below(256);
      default:
        return ~uint64_t{0};
    }
  }

  Test test() {
    Test test{static_cast<uint8_t>(once_in(8) ? below(6) : below(3)), mask(), {}};
    if (once_in(6)) {  // all that can be made of some bits, and perhaps something else
      const uint64_t bits = uint64_t{1} << below(30) | uint64_t{1} << below(34) | uint64_t{1} << below(8);
      for (uint64_t part = bits;; part = (part - 1) & bits) {
        test.in.push_back({part, part});
        if (part == 0) break;
      }
      if (once_in(2)) test.in.push_back({0xffffffff, 0xffffffff});
      return test;
    }
    for (uint64_t i = 1 + below(3); i > 0; --i) {
      const uint64_t first = number();
      test.in.push_back({first, once_in(3) ? number() : first + below(3)});
    }
    return test;
  }

  Condition condition() {
    Condition condition;
    for (uint64_t i = once_in(15) ? 0 : 1 + below(3); i > 0; --i) {
      std::vector<Test> tests;
      for (uint64_t j = once_in(30) ? 0 : 1 + below(3); j > 0; --j) tests.push_back(test());
      condition.any.push_back(std::move(tests));
    }
    return once_in(5) ? !condition : condition;
  }

  Action action() {
    static constexpr Action kActions[] = {
        {ActionKind::Allow, 0},      {ActionKind::Allow, 0},      {ActionKind::Errno, 1},
        {ActionKind::Errno, 38},     {ActionKind::Errno, 4095},   {ActionKind::KillProcess, 0},
        {ActionKind::KillThread, 0}, {ActionKind::Log, 0},        {ActionKind::Trap, 0},
        {ActionKind::Trap, 7},       {ActionKind::Trace, 0xffff}, {ActionKind::Notify, 0}};
    return kActions[below(std::size(kActions))];
  }

  // A call that some architecture has; mostly one of few, so that rules of different architectures meet.
  std::string call() {
    const auto names = arch::all_names();
    if (once_in(10)) return std::to_string(once_in(3) ? random_() & 0xffffffff : 440 + below(60));
    if (once_in(40)) return once_in(2) ? "4294967295" : "1073741824";
    return std::string(names[once_in(2) ? below(names.size()) : below(40) * names.size() / 40]);
  }

  Profile profile(const std::vector<std::string>& arches) {
    Profile profile;
    profile.arch = arches[below(arches.size())];
    for (const std::string& name : arches) {
      if (once_in(2) && name != profile.arch) profile.also_arches.push_back(name);
    }
    profile.otherwise = action();
    profile.bad_arch = action();
    static constexpr const char* kReleases[] = {"",     "",       "6.1",  "5.4.0",
                                                "3.10", "2.6.32", "99.0", "4.9.0-13-amd64"};
    profile.written_for = kReleases[below(std::size(kReleases))];
    const uint64_t rules = once_in(20) ? 300 : below(25);
    for (uint64_t i = 0; i < rules; ++i) {
      Rule& rule = profile.rules[call()];
      rule = Rule();
      rule.action = once_in(3) ? action() : Action{ActionKind::Allow, 0};
      if (once_in(rules > 100 ? 20 : 2)) {
        for (uint64_t n = 1 + below(2); n > 0; --n) rule.cases.push_back({condition(), action()});
      }
      if (once_in(6)) rule.arches.push_back(arches[below(arches.size())]);
    }
    return profile;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace stile
