// SPDX-License-Identifier: Apache-2.0
//
// A second opinion: what libseccomp makes of the same policy decides alike, run by the same emulator.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <stile/filter.h>
#include <stile/format.h>

#include "libseccomp_policy.h"
#include "random_policy.h"

namespace stile {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Profile engine_profile(const std::string& name) {
  const std::string path = std::string(STILE_SOURCE_DIR) + "/tests/fixtures/profiles/" + name;
  const Result<Profile> profile = find_format("oci")->read(text_of(path), path, {}, nullptr);
  EXPECT_TRUE(profile) << to_line(profile.error());
  return profile ? *profile : Profile{};
}

// What random_policy.h makes is mostly beyond libseccomp; here all is within.
Profile simple_profile(PolicyMaker& maker) {
  // libseccomp looks at the low halves alone where it takes a machine for a 32-bit one, x32 included. The
  // upper halves are zero there, so that is no difference as long as no condition asks for more than 32 bits.
  // One byte order in a filter: all of these are little-endian.
  const bool wide = maker.once_in(2);
  const std::vector<std::string> kArches =
      wide ? std::vector<std::string>{"x86_64", "arm64", "riscv64"}
           : std::vector<std::string>{"x86_64", "x32", "i386", "arm64", "arm"};
  const uint64_t fits = wide ? ~uint64_t{0} : 0xffffffff;
  Profile profile;
  profile.arch = kArches[maker.below(kArches.size())];
  for (const std::string& name : kArches) {
    if (maker.once_in(3) && name != profile.arch) profile.also_arches.push_back(name);
  }
  profile.otherwise = maker.once_in(2) ? Action{ActionKind::Errno, 1} : Action{ActionKind::Allow, 0};
  profile.bad_arch = maker.once_in(2) ? Action{ActionKind::KillProcess, 0} : Action{ActionKind::Errno, 7};
  const auto names = arch::all_names();
  for (uint64_t n = 1 + maker.below(20); n > 0; --n) {
    Rule rule;
    rule.action = profile.otherwise;
    const Action other = maker.once_in(3) ? Action{ActionKind::Errno, 13} : Action{ActionKind::Allow, 0};
    if (maker.once_in(2)) {
      rule.action = other;
    } else {
      Condition when;
      // libseccomp 2.5.4 loses alternatives of one call where several compare an argument by size or under
      // masks (its trees of comparisons are merged as if equal): such a comparison stands in a single
      // alternative here.
      const bool alone = maker.once_in(2);
      for (uint64_t i = alone ? 1 : 1 + maker.below(3); i > 0; --i) {
        std::vector<Test> tests;
        for (uint8_t arg = 0; arg < 6; ++arg) {
          if (!maker.once_in(3)) continue;
          const uint64_t value = maker.number() & fits;
          switch (alone ? maker.below(4) : 0) {
            case 0:
              tests.push_back({arg, ~uint64_t{0}, {{value, value}}});
              break;
            case 1:
              tests.push_back({arg, ~uint64_t{0}, {{0, value}}});
              break;
            case 2:
              tests.push_back({arg, ~uint64_t{0}, {{value, ~uint64_t{0}}}});
              break;
            default: {
              const uint64_t mask = maker.mask() & fits;
              tests.push_back({arg, mask, {{value & mask, value & mask}}});
            }
          }
        }
        if (!tests.empty()) when.any.push_back(std::move(tests));
      }
      rule.cases.push_back({std::move(when), other});
    }
    profile.rules[std::string(names[maker.below(names.size())])] = std::move(rule);
  }
  // Where an architecture has one call only, libseccomp 2.5.4 forgets to load the number: here each has more.
  for (const char* everywhere : {"getppid", "kill", "write"}) {
    profile.rules[everywhere] = Rule();
    profile.rules[everywhere].action = errno_action(2);
  }
  return profile;
}

// Calls whose numbers the two know alike; the tables of libseccomp are older, and differ on some calls that
// are multiplexed or were never there (socketcall, ipc: it rewrites their parts on i386).
bool known_alike(const std::string& call, const Profile& profile) {
  for (const std::string& name : arches_of(profile)) {
    const auto id = arch::arch_by_name(name);
    const auto ours = arch::syscall_number(*id, call);
    const int theirs = seccomp_syscall_resolve_name_arch(*libseccomp::arch_token(name), call.c_str());
    const bool same = ours ? theirs >= 0 && static_cast<uint32_t>(theirs) == *ours : theirs < 0;
    if (!same) return false;
    // On i386 and others libseccomp also adds socketcall or ipc when a part of them is named.
    if (*id == arch::ArchId::I386) {
      const int rewritten = seccomp_syscall_resolve_name_rewrite(SCMP_ARCH_X86, call.c_str());
      if (theirs < -1 && rewritten == theirs && rewritten > -300) return false;
      if (arch::risk_of(call) &&
          (theirs < 0 || (theirs >= 359 && theirs <= 373) || (theirs >= 393 && theirs <= 402)))
        return false;
    }
  }
  return true;
}

void expect_alike(const Profile& profile, const Program& theirs, PolicyMaker& maker, size_t count) {
  const Result<Program> ours = compile(profile);
  ASSERT_TRUE(ours) << to_line(ours.error());
  const Profile* const both[] = {&profile};
  std::vector<Event> events = boundary_events(both);
  const size_t all = events.size();
  for (size_t i = 0; i < std::min(count, all); ++i) {
    const Event& event = events[count >= all ? i : maker.below(all)];
    const bool narrow = (event.arch & 0x80000000) == 0 || (event.number & 0x40000000) != 0;
    if (narrow &&
        (event.args[0] | event.args[1] | event.args[2] | event.args[3] | event.args[4] | event.args[5]) >>
                32 !=
            0)
      continue;
    const Result<Verdict> mine = emulate(*ours, event);
    const Result<Verdict> other = emulate(theirs, event);
    ASSERT_TRUE(mine && other);
    ASSERT_EQ(mine->action, other->action)
        << std::hex << event.arch << " number " << event.number << " args " << event.args[0] << " "
        << event.args[1] << " " << event.args[2] << "\n"
        << decided_by(profile, event) << "\n"
        << disassemble(theirs);
  }
}

TEST(Libseccomp, RandomPoliciesDecideAlike) {
  PolicyMaker maker(21);
  size_t compared = 0;
  for (size_t i = 0; i < random_policies(400) && !HasFatalFailure(); ++i) {
    Profile profile = simple_profile(maker);
    std::erase_if(profile.rules, [&](const auto& entry) { return !known_alike(entry.first, profile); });
    const auto policy = libseccomp::translate(profile);
    if (!policy) continue;
    const auto theirs = libseccomp::compile(*policy, maker.once_in(2));
    if (!theirs) continue;  // rules that it takes for doubles of each other
    ++compared;
    expect_alike(profile, *theirs, maker, 300);
  }
  EXPECT_GT(compared, random_policies(400) / 2) << "most of them can be said to both";
}

TEST(Libseccomp, EngineProfilesDecideAlike) {
  PolicyMaker maker(22);
  for (const char* name : {"docker-default.json", "docker-20.10-default.json"}) {
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"x32", "i386"}}) {
      Profile profile = engine_profile(name);
      profile.also_arches = more;
      for (auto& [call, rule] : profile.rules) rule.arches.clear();
      std::erase_if(profile.rules, [&](const auto& entry) { return !known_alike(entry.first, profile); });
      EXPECT_GT(profile.rules.size(), 250U);
      const auto policy = libseccomp::translate(profile);
      ASSERT_TRUE(policy) << name;
      for (const bool tree : {false, true}) {
        const auto theirs = libseccomp::compile(*policy, tree);
        ASSERT_TRUE(theirs) << name;
        expect_alike(profile, *theirs, maker, 3000);
      }
    }
  }
}

}  // namespace
}  // namespace stile
