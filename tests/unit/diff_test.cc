// SPDX-License-Identifier: Apache-2.0
//
// diff() and merge() against decide(), call by call, on random profiles.
#include <gtest/gtest.h>

#include <cerrno>

#include <stile/diff.h>
#include <stile/edit.h>
#include <stile/filter.h>

#include "arch/syscalls.h"
#include "profile/witness.h"
#include "random_profile.h"

namespace stile {

static void PrintTo(const Condition& condition, std::ostream* out) {
  *out << to_string(condition);
}

namespace {

using testing::can_be_passed;
using testing::ProfileMaker;

std::string arch_of(const Event& event) {
  const auto id = arch::arch_by_audit(event.arch, event.number);
  if (id == arch::ArchId::X86_64 && event.number >= arch::kX32Bit) return "x32";
  return id ? std::string(arch::arch_info(*id).name) : std::string("?");
}

std::string text_of(const Profile& profile) {
  std::string text = "arch " + profile.arch + " otherwise " + to_string(profile.otherwise) + " bad " +
                     to_string(profile.bad_arch) + " for " + profile.written_for + " also";
  for (const std::string& name : profile.also_arches) text += " " + name;
  for (const auto& [name, rule] : profile.rules) {
    text += "\n  " + name + " [";
    for (const std::string& arch : rule.arches) text += arch + " ";
    text += "]: ";
    for (const Case& one : rule.cases) text += to_string(one.action) + " if " + to_string(one.when) + "; ";
    text += to_string(rule.action);
  }
  return text + "\n";
}

// What the difference says of one call: what was decided and what is; nothing where it says nothing.
std::optional<std::pair<Action, Action>> said(const Diff& diff, const Event& event, bool& twice) {
  std::optional<std::pair<Action, Action>> found;
  for (const Difference& one : diff.calls) {
    if (one.arch != arch_of(event) || one.number != event.number) continue;
    for (const Region& region : one.regions) {
      if (!holds(region.when, event.args)) continue;
      twice = twice || found.has_value();
      found = {region.before, region.after};
    }
  }
  return found;
}

std::vector<Event> events_of(const Profile& a, const Profile& b) {
  const Profile* both[] = {&a, &b};
  std::vector<Event> events = boundary_events(both);
  std::erase_if(events, [](const Event& event) { return !can_be_passed(event); });
  return events;
}

bool listed(const Profile& a, const Profile& b, const Event& event) {
  for (const Profile* profile : {&a, &b}) {
    const std::string by = decided_by(*profile, event);
    if (by != "default" && !by.starts_with("newer than") && by != "other architecture") return true;
  }
  return false;
}

TEST(Diff, AgreesWithDecideOnRandomProfiles) {
  ProfileMaker maker(7);
  size_t compared = 0, different = 0, equal_pairs = 0;
  for (int i = 0; i < 1200; ++i) {
    const Profile a = maker.profile(), b = maker.profile();
    const auto found = diff(a, b);
    ASSERT_TRUE(found) << to_line(found.error()) << "\n" << text_of(a) << text_of(b);
    equal_pairs += found->same();
    bool wider = false, narrower = false;
    for (const Event& event : events_of(a, b)) {
      const Action was = decide(a, event), is = decide(b, event);
      ++compared;
      different += was != is;
      wider = wider || latitude(is.kind) > latitude(was.kind);
      narrower = narrower || latitude(is.kind) < latitude(was.kind);
      bool twice = false;
      const auto says = said(*found, event, twice);
      ASSERT_FALSE(twice) << "two regions hold\n" << text_of(a) << text_of(b);
      if (says) {
        ASSERT_NE(was, is) << event.number << "\n" << text_of(a) << text_of(b);
        ASSERT_EQ(says->first, was);
        ASSERT_EQ(says->second, is);
        continue;
      }
      if (was == is) continue;
      ASSERT_FALSE(listed(a, b, event))
          << arch_of(event) << " " << event.number << " " << event.args[0] << " " << event.args[1] << "\n"
          << text_of(a) << text_of(b);
      const bool grouped =
          std::any_of(found->unlisted.begin(), found->unlisted.end(), [&](const UnlistedDifference& one) {
            // A tracer's -1 is answered by whichever table of the two there is.
            const bool here = one.arch.empty() || one.arch == arch_of(event) ||
                              (event.number == 0xffffffff && one.arch == "x86_64");
            return here && one.before == was && one.after == is;
          });
      ASSERT_TRUE(grouped) << arch_of(event) << " " << event.number << " " << to_string(was) << " "
                           << to_string(is) << "\n"
                           << text_of(a) << text_of(b);
    }
    // All that differs at a boundary is said; what is said is more than the boundaries show only by its own
    // witness.
    EXPECT_LE(wider, found->wider);
    EXPECT_LE(narrower, found->narrower);
    for (const Difference& one : found->calls) {
      ASSERT_FALSE(one.regions.empty());
      for (const Region& region : one.regions) {
        ASSERT_TRUE(holds(region.when, region.witness.args));
        ASSERT_TRUE(can_be_passed(region.witness));
        ASSERT_EQ(decide(a, region.witness), region.before);
        ASSERT_EQ(decide(b, region.witness), region.after);
        ASSERT_NE(region.before, region.after);
      }
    }
    for (const UnlistedDifference& one : found->unlisted) {
      ASSERT_EQ(decide(a, one.witness), one.before);
      ASSERT_EQ(decide(b, one.witness), one.after);
    }
  }
  EXPECT_GT(compared, 200000u);
  EXPECT_GT(different, compared / 20);
  EXPECT_GT(equal_pairs, 0u);
}

TEST(Diff, WitnessesAreWhatTheEmulatorDoes) {
  ProfileMaker maker(8);
  size_t witnesses = 0;
  for (int i = 0; i < 400; ++i) {
    const Profile a = maker.profile(), b = maker.profile();
    const auto found = diff(a, b);
    ASSERT_TRUE(found);
    const auto old_program = compile(a), new_program = compile(b);
    ASSERT_TRUE(old_program) << to_line(old_program.error());
    ASSERT_TRUE(new_program) << to_line(new_program.error());
    const auto check = [&](const Event& event, Action before, Action after) {
      EXPECT_EQ(emulate(*old_program, event)->action, before);
      EXPECT_EQ(emulate(*new_program, event)->action, after);
      ++witnesses;
    };
    for (const Difference& one : found->calls) {
      for (const Region& region : one.regions) check(region.witness, region.before, region.after);
    }
    for (const UnlistedDifference& one : found->unlisted) check(one.witness, one.before, one.after);
  }
  EXPECT_GT(witnesses, 1000u);
}

TEST(Diff, IsSymmetric) {
  ProfileMaker maker(9);
  for (int i = 0; i < 2000; ++i) {
    const Profile a = maker.profile(), b = maker.profile();
    const auto there = diff(a, b), back = diff(b, a);
    ASSERT_TRUE(there && back);
    EXPECT_EQ(there->wider, back->narrower);
    EXPECT_EQ(there->narrower, back->wider);
    ASSERT_EQ(there->calls.size(), back->calls.size());
    for (size_t j = 0; j < there->calls.size(); ++j) {
      const Difference& one = there->calls[j];
      const Difference& other = back->calls[j];
      EXPECT_EQ(one.call, other.call);
      EXPECT_EQ(one.arch, other.arch);
      ASSERT_EQ(one.regions.size(), other.regions.size());
      for (const Region& region : one.regions) {
        EXPECT_TRUE(std::any_of(other.regions.begin(), other.regions.end(), [&](const Region& mirrored) {
          return mirrored.before == region.after && mirrored.after == region.before &&
                 holds(mirrored.when, region.witness.args);
        }));
      }
    }
    EXPECT_EQ(there->unlisted.size(), back->unlisted.size());
    EXPECT_TRUE(diff(a, a)->same());
  }
}

// The same profile, written otherwise.
Profile rewritten(const Profile& profile, ProfileMaker& maker) {
  Profile other = profile;
  for (auto& [name, rule] : other.rules) {
    std::vector<Case> cases;
    Condition before = Condition::never();
    for (const Case& one : rule.cases) {
      switch (maker.below(3)) {
        case 0:  // in two halves
          cases.push_back({one.when && arg(0) < 2, one.action});
          cases.push_back({one.when, one.action});
          break;
        case 1:  // what is already decided, said again
          cases.push_back({!!one.when && !before, one.action});
          break;
        default:
          cases.push_back({one.when || (one.when && arg(1) == 7), one.action});
      }
      before = before || one.when;
    }
    if (maker.below(2) == 0) cases.push_back({Condition::always(), rule.action});
    rule.cases = std::move(cases);
  }
  return other;
}

TEST(Diff, ProfilesThatDecideAlikeAreEqualHoweverTheyAreWritten) {
  ProfileMaker maker(10);
  for (int i = 0; i < 1500; ++i) {
    const Profile a = maker.profile(), b = rewritten(a, maker), c = rewritten(b, maker);
    const auto ab = diff(a, b), bc = diff(b, c), ac = diff(a, c);
    ASSERT_TRUE(ab && bc && ac);
    EXPECT_TRUE(ab->same()) << text_of(a) << text_of(b);
    EXPECT_TRUE(bc->same());
    EXPECT_TRUE(ac->same());
    EXPECT_FALSE(ab->wider || ab->narrower);
  }
}

TEST(Diff, NotWiderIsTransitive) {
  ProfileMaker maker(11);
  size_t chains = 0;
  for (int i = 0; i < 700; ++i) {
    const Profile a = maker.profile(), b = maker.profile();
    const Profile both[] = {a, b};
    const auto narrow = merge(both, Merge::Intersection), wide = merge(both, Merge::Union);
    if (!narrow || !wide) continue;
    ++chains;
    EXPECT_FALSE(diff(a, *narrow)->wider) << text_of(a) << text_of(b) << text_of(*narrow);
    EXPECT_FALSE(diff(*wide, a)->wider) << text_of(a) << text_of(b) << text_of(*wide);
    EXPECT_FALSE(diff(*wide, *narrow)->wider);
  }
  EXPECT_GT(chains, 300u);
}

// What is said from the first to the second and from the second to the third adds up to what is said from the first to the third.
TEST(Diff, AddsUpAlongChains) {
  ProfileMaker maker(12);
  size_t compared = 0, there_and_back = 0, wider_chains = 0;
  for (int i = 0; i < 500; ++i) {
    const Profile a = maker.profile(), other = maker.profile(), another = maker.profile();
    // Half of the chains only grow, so that wider and narrower can be followed along them.
    const Profile grows[] = {a, other};
    const auto b = i % 2 == 0 ? Result<Profile>(other) : merge(grows, Merge::Union);
    if (!b) continue;
    const Profile grows_on[] = {*b, another};
    const auto c = i % 2 == 0 ? Result<Profile>(another) : merge(grows_on, Merge::Union);
    if (!c) continue;
    const auto ab = diff(a, *b), bc = diff(*b, *c), ac = diff(a, *c);
    ASSERT_TRUE(ab && bc && ac);
    if (ab->same() && bc->same()) {
      EXPECT_TRUE(ac->same()) << text_of(a) << text_of(*c);
    }
    if (!ab->narrower && !bc->narrower) {
      EXPECT_FALSE(ac->narrower) << text_of(a) << text_of(*b) << text_of(*c);
      EXPECT_EQ(ac->wider, ab->wider || bc->wider) << text_of(a) << text_of(*b) << text_of(*c);
      wider_chains += ac->wider;
    }
    const Profile* all[] = {&a, &*b, &*c};
    for (const Event& event : boundary_events(all)) {
      if (!can_be_passed(event)) continue;
      bool twice = false;
      const auto first = said(*ab, event, twice), second = said(*bc, event, twice), both = said(*ac, event, twice);
      ASSERT_FALSE(twice);
      if (!listed(a, *b, event) || !listed(*b, *c, event) || !listed(a, *c, event)) continue;  // grouped, see above
      ++compared;
      const Action from = first ? first->first : decide(a, event);
      const Action to = second ? second->second : decide(*b, event);
      if (first && second) {
        ASSERT_EQ(first->second, second->first);
      }
      ASSERT_EQ(both.has_value(), from != to) << arch_of(event) << " " << event.number << "\n" << text_of(a) << text_of(*b) << text_of(*c);
      if (both) {
        ASSERT_EQ(both->first, from);
        ASSERT_EQ(both->second, to);
      }
      there_and_back += first && second && from == to;
    }
  }
  EXPECT_GT(compared, 20000u);
  EXPECT_GT(there_and_back, 100u);
  EXPECT_GT(wider_chains, 50u);
}

TEST(Diff, SaysWhatKindOfChangeItIs) {
  const auto one = [](const Condition& when, Action action, Action otherwise) {
    Profile profile;
    Rule& rule = profile.rules["socket"];
    rule.action = otherwise;
    rule.cases = {{when, action}};
    return profile;
  };
  const Action eperm = errno_action(EPERM);
  const auto change = [&](const Profile& a, const Profile& b) { return diff(a, b)->calls.at(0).change; };
  Profile none, all;
  all.rules["socket"].action = allow_action();
  const Profile unix_only = one(arg32(0) == 1, allow_action(), eperm);
  const Profile inet_only = one(arg32(0) == 2, allow_action(), eperm);
  EXPECT_EQ(change(none, unix_only), Change::Added);
  EXPECT_EQ(change(unix_only, none), Change::Removed);
  EXPECT_EQ(change(unix_only, all), Change::Widened);
  EXPECT_EQ(change(all, unix_only), Change::Narrowed);
  EXPECT_EQ(change(unix_only, inet_only), Change::Mixed);
  EXPECT_EQ(change(none, one(Condition::always(), errno_action(ENOSYS), eperm)), Change::Altered);
  EXPECT_EQ(change(none, one(Condition::always(), kill_process(), eperm)), Change::Narrowed);

  const auto widened = diff(unix_only, all);
  ASSERT_EQ(widened->calls[0].regions.size(), 1u);
  EXPECT_EQ(to_string(widened->calls[0].regions[0].when), to_string(*normalise(arg32(0) != 1)));
  EXPECT_TRUE(widened->wider);
  EXPECT_FALSE(widened->narrower);
}

TEST(Diff, MasksThatContradictEachOtherAreNoDifference) {
  Profile a, b;
  a.rules["clone"].action = errno_action(EPERM);
  b.rules["clone"].action = errno_action(EPERM);
  // No number has bit 0 set and the low two bits clear.
  b.rules["clone"].cases = {{arg(0).masked(1) == 1 && arg(0).masked(3) == 0, allow_action()}};
  EXPECT_TRUE(diff(a, b)->same());
  b.rules["clone"].cases = {{arg(0).masked(1) == 1 && arg(0).masked(3) == 3, allow_action()}};
  const auto found = diff(a, b);
  ASSERT_EQ(found->calls.size(), 1u);
  EXPECT_EQ(found->calls[0].regions[0].witness.args[0], 3u);
}

TEST(Diff, ThirtyTwoBitCallersHaveNoUpperHalf) {
  Profile a, b;
  a.arch = b.arch = "i386";
  b.rules["read"].action = errno_action(EPERM);
  b.rules["read"].cases = {{arg(2) > 0xffffffff, allow_action()}};
  EXPECT_TRUE(diff(a, b)->same());
  b.arch = a.arch = "x86_64";
  EXPECT_FALSE(diff(a, b)->same());
}

TEST(Diff, Paths) {
  Profile a, b;
  a.paths = {{"/usr", kPathRead}, {"/usr/lib", kPathExecute}};
  EXPECT_TRUE(diff(a, b)->wider);
  EXPECT_TRUE(diff(b, a)->narrower);
  b.paths = {{"/usr/", kPathRead}, {"/usr/lib", kPathRead | kPathExecute}};
  EXPECT_TRUE(diff(a, b)->same());
  b.paths.push_back({"/tmp", kPathWrite});
  const auto found = diff(a, b);
  ASSERT_EQ(found->paths.size(), 1u);
  EXPECT_EQ(found->paths[0], (PathDifference{"/tmp", 0, kPathWrite}));
  EXPECT_TRUE(found->wider && !found->narrower);
}

TEST(Diff, AnArchitectureThatDoesNotExistIsAnError) {
  Profile a, b;
  b.also_arches = {"vax"};
  EXPECT_FALSE(diff(a, b));
}

// --- merge ---

Action expected(Action a, Action b, Merge how) {
  const unsigned x = latitude(a.kind), y = latitude(b.kind);
  if (x != y) return (x > y) == (how == Merge::Union) ? a : b;
  return {};
}

TEST(Merge, DecidesAsOneOfTheTwo) {
  ProfileMaker maker(21);
  size_t merged_pairs = 0, refused = 0;
  for (int i = 0; i < 600; ++i) {
    const Profile both[] = {maker.profile(), maker.profile()};
    for (const Merge how : {Merge::Union, Merge::Intersection}) {
      const auto merged = merge(both, how);
      if (!merged) {
        ASSERT_EQ(merged.error().code, Code::Unsupported) << to_line(merged.error());
        ++refused;
        continue;
      }
      ++merged_pairs;
      const Profile turned[] = {both[1], both[0]};
      const auto other_way = merge(turned, how);
      ASSERT_TRUE(other_way) << to_line(other_way.error());
      EXPECT_TRUE(diff(*merged, *other_way)->same());
      for (const Event& event : events_of(both[0], both[1])) {
        // A tracer's -1 belongs to x32 or else to x86_64: no profile answers for it alone.
        if (event.number == 0xffffffff && arch_of(event) == "x32") continue;
        const Action a = decide(both[0], event), b = decide(both[1], event), m = decide(*merged, event);
        if (latitude(a.kind) != latitude(b.kind)) {
          ASSERT_EQ(m, expected(a, b, how)) << event.number << " " << arch_of(event) << "\n"
                                            << text_of(both[0]) << text_of(both[1]) << text_of(*merged);
        } else {
          ASSERT_TRUE(m == a || m == b) << event.number << " " << arch_of(event) << " " << to_string(a) << " "
                                        << to_string(b) << " " << to_string(m) << "\n"
                                        << text_of(both[0]) << text_of(both[1]) << text_of(*merged);
        }
      }
    }
  }
  EXPECT_GT(merged_pairs, 600u);
  EXPECT_GT(refused, 0u);
}

TEST(Merge, WithItselfChangesNothing) {
  ProfileMaker maker(22);
  for (int i = 0; i < 500; ++i) {
    const Profile profile = maker.profile();
    const Profile twice[] = {profile, profile};
    for (const Merge how : {Merge::Union, Merge::Intersection}) {
      const auto merged = merge(twice, how);
      ASSERT_TRUE(merged) << to_line(merged.error()) << text_of(profile);
      EXPECT_TRUE(diff(profile, *merged)->same());
    }
  }
}

TEST(Merge, KeepsReasonsAndJoinsConditions) {
  Profile a, b;
  a.rules["socket"] = {errno_action(EPERM), {{arg32(0) == 1, allow_action()}},         2, {"net"}, {"x"},
                       {"x86_64"},          {{EvidenceKind::Human, {}, {}, "logging"}}};
  b.rules["socket"] = {errno_action(EPERM), {{arg32(0) == 2, allow_action()}},     3, {"net"}, {"y"},
                       {"x86_64"},          {{EvidenceKind::Human, {}, {}, "web"}}};
  const Profile both[] = {a, b};
  const auto merged = merge(both);
  ASSERT_TRUE(merged);
  const Rule& rule = merged->rules.at("socket");
  ASSERT_EQ(rule.cases.size(), 1u);
  EXPECT_EQ(rule.cases[0].when, *normalise(arg32(0).in({1, 2})));
  EXPECT_EQ(rule.sites, 5u);
  EXPECT_EQ(rule.brought_by, (std::vector<std::string>{"x", "y"}));
  ASSERT_EQ(rule.because.size(), 2u);
  // Nothing is in both.
  const auto narrow = merge(both, Merge::Intersection);
  ASSERT_TRUE(narrow);
  EXPECT_FALSE(narrow->rules.contains("socket"));
  EXPECT_FALSE(merge({}));
}

// --- find_witness ---

TEST(Witness, FindsOneExactlyWhenThereIsOne) {
  ProfileMaker maker(31);
  size_t found_some = 0, found_none = 0;
  for (int i = 0; i < 30000; ++i) {
    // Eight bits, so that all numbers can be tried.
    std::vector<stile::Test> tests;
    for (uint64_t j = 1 + maker.below(4); j > 0; --j) {
      stile::Test test{0, maker.below(256), {}};
      for (uint64_t k = 1 + maker.below(3); k > 0; --k) {
        const uint64_t first = maker.below(256);
        test.in.push_back({first, first + maker.below(40)});
      }
      tests.push_back(test);
    }
    const uint64_t width = maker.below(2) == 0 ? ~uint64_t{0} : maker.below(256);
    bool exists = false;
    for (uint64_t value = 0; value < 256 && !exists; ++value) {
      if ((value & ~width) == 0) exists = holds(Condition{{tests}}, {value});
    }
    const auto witness = find_witness(tests, width);
    ASSERT_TRUE(witness);
    ASSERT_EQ(witness->has_value(), exists);
    if (!exists) {
      ++found_none;
      continue;
    }
    ++found_some;
    ASSERT_TRUE(holds(Condition{{tests}}, **witness));
    ASSERT_EQ((**witness)[0] & ~width, 0u);
  }
  EXPECT_GT(found_some, 1000u);
  EXPECT_GT(found_none, 1000u);
}

}  // namespace
}  // namespace stile
