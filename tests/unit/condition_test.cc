// SPDX-License-Identifier: Apache-2.0
//
// Conditions are sets: the laws of sets have to hold at every boundary value, and text has to give back what
// it was made from.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include <stile/condition.h>

#include "profile/ranges.h"

namespace stile {

static void PrintTo(const Condition& condition, std::ostream* out) {
  *out << to_string(condition);
}

namespace {

constexpr uint64_t kAll = ~uint64_t{0};

// --- random material ---

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t bound) { return random_() % bound; }

  uint64_t number() {
    switch (below(6)) {
      case 0:
        return below(8);
      case 1:
        return below(1 << 16);
      case 2:
        return kAll - below(4);
      case 3:
        return (uint64_t{1} << below(64)) - below(2);
      case 4:
        return 0xffffffff + below(3) - 1;
      default:
        return random_();
    }
  }

  uint64_t mask() {
    switch (below(6)) {
      case 0:
        return 0xffffffff;
      case 1:
        return random_() & random_();
      case 2:
        return uint64_t{0xff} << below(57);
      case 3:
        return ~(uint64_t{0xfff} >> below(12));
      default:
        return kAll;
    }
  }

  Test test() {
    Test test{static_cast<uint8_t>(below(3)), mask(), {}};
    for (uint64_t i = 1 + below(3); i > 0; --i) {
      const uint64_t first = number();
      test.in.push_back(
          {first, below(3) == 0 ? number() : first + below(3)});  // some empty, some wrap around
    }
    return test;
  }

  Condition condition() {
    Condition condition;
    for (uint64_t i = below(5); i > 0; --i) {
      std::vector<Test> tests;
      for (uint64_t j = below(20) == 0 ? 0 : 1 + below(3); j > 0; --j) tests.push_back(test());
      condition.any.push_back(std::move(tests));
    }
    return condition;
  }

 private:
  std::mt19937_64 random_;
};

// Arguments at the boundaries of all these conditions, and some in between.
std::vector<Arguments> arguments_for(Maker& maker, std::initializer_list<const Condition*> conditions) {
  std::vector<uint64_t> values[3];
  for (uint8_t arg = 0; arg < 3; ++arg) {
    for (const Condition* condition : conditions) {
      const std::vector<uint64_t> more = boundary_values(*condition, arg);
      values[arg].insert(values[arg].end(), more.begin(), more.end());
    }
    values[arg].push_back(maker.number());
  }
  std::vector<Arguments> all;
  for (int i = 0; i < 300; ++i) {
    Arguments args{};
    for (uint8_t arg = 0; arg < 3; ++arg) args[arg] = values[arg][maker.below(values[arg].size())];
    all.push_back(args);
  }
  return all;
}

// --- ranges ---

TEST(Ranges, PossibleNumbersUnderAMask) {
  for (uint64_t mask : {0x00U, 0x01U, 0x80U, 0x5aU, 0xf0U, 0xffU, 0x81U}) {
    for (uint64_t value = 0; value < 300; ++value) {
      std::optional<uint64_t> next;
      for (uint64_t x = value; x < 256 && !next; ++x) {
        if ((x & ~mask) == 0) next = x;
      }
      uint64_t previous = value;
      while ((previous & ~mask) != 0) --previous;
      EXPECT_EQ(next_possible(value, mask), next) << value << " " << mask;
      EXPECT_EQ(previous_possible(value, mask), previous) << value << " " << mask;
    }
  }
  EXPECT_EQ(next_possible(kAll, kAll), kAll);
  EXPECT_EQ(next_possible(kAll, ~uint64_t{1}), std::nullopt);
  EXPECT_EQ(previous_possible(kAll, 0), 0U);
  EXPECT_EQ(next_possible(1, uint64_t{1} << 63), uint64_t{1} << 63);
}

// The values below 256 that are in a set and that the mask lets be.
std::vector<bool> members(const std::vector<Range>& ranges, uint64_t mask) {
  std::vector<bool> in(256);
  for (const Range& range : ranges) {
    for (uint64_t x = range.first; x <= range.last && x < 256; ++x) in[x] = (x & ~mask) == 0;
  }
  return in;
}

TEST(Ranges, AreSets) {
  Maker maker(1);
  for (int i = 0; i < 3000; ++i) {
    const uint64_t mask = maker.below(3) == 0 ? 0xff : maker.below(256);
    std::vector<Range> raw[2];
    for (auto& ranges : raw) {
      for (uint64_t n = maker.below(5); n > 0; --n) {
        const uint64_t first = maker.below(256);
        ranges.push_back({first, std::min<uint64_t>(255, first + maker.below(40))});
      }
    }
    const Ranges a = canonical(raw[0], mask);
    const Ranges b = canonical(raw[1], mask);
    const std::vector<bool> in_a = members(raw[0], mask);
    const std::vector<bool> in_b = members(raw[1], mask);
    EXPECT_EQ(members(a, mask), in_a);
    EXPECT_EQ(canonical(a, mask), a);
    EXPECT_EQ(a == b, in_a == in_b) << "one canonical form for one set";
    std::vector<bool> both(256), either(256), out(256);
    bool subset = true;
    for (size_t x = 0; x < 256; ++x) {
      both[x] = in_a[x] && in_b[x];
      either[x] = in_a[x] || in_b[x];
      out[x] = (x & ~mask) == 0 && !in_a[x];
      subset = subset && (!in_a[x] || in_b[x]);
    }
    EXPECT_EQ(intersection(a, b), canonical(intersection(a, b), mask));
    EXPECT_EQ(members(intersection(a, b), mask), both);
    EXPECT_EQ(members(union_of(a, b, mask), mask), either);
    EXPECT_EQ(members(complement(a, mask), mask), out);
    EXPECT_EQ(complement(complement(a, mask), mask), a);
    EXPECT_EQ(is_subset(a, b), subset);
  }
}

// --- algebra ---

TEST(Condition, LawsHoldAtBoundaries) {
  Maker maker(2);
  for (int i = 0; i < 1500; ++i) {
    const Condition a = maker.condition();
    const Condition b = maker.condition();
    const Condition both = a && b;
    const Condition either = a || b;
    const Condition not_a = !a;
    const Condition not_both = !both;
    const Condition morgan = !a || !b;
    const Result<Condition> normal = normalise(a);
    ASSERT_TRUE(normal) << to_line(normal.error());
    EXPECT_EQ(*normalise(*normal), *normal) << "normal form of " << to_string(a);
    const Result<Condition> reread = parse_condition(to_string(a));
    ASSERT_TRUE(reread) << to_string(a) << ": " << to_line(reread.error());
    EXPECT_EQ(*reread, *normal) << to_string(a);
    EXPECT_EQ(to_string(*parse_condition(to_string(*normal))), to_string(*normal));
    for (const Arguments& args : arguments_for(maker, {&a, &b})) {
      const bool in_a = holds(a, args);
      const bool in_b = holds(b, args);
      ASSERT_EQ(holds(both, args), in_a && in_b) << to_string(a) << "\n" << to_string(b);
      ASSERT_EQ(holds(either, args), in_a || in_b);
      ASSERT_EQ(holds(not_a, args), !in_a) << to_string(a);
      ASSERT_EQ(holds(not_both, args), !(in_a && in_b));
      ASSERT_EQ(holds(morgan, args), !(in_a && in_b));
      ASSERT_EQ(holds(*normal, args), in_a) << to_string(a);
    }
  }
}

TEST(Condition, BoundaryValuesFindEveryChange) {
  // On eight bits everything can be looked at: where neighbours differ, a boundary value stands on either
  // side.
  Maker maker(3);
  for (int i = 0; i < 500; ++i) {
    stile::Test test{0, maker.below(2) == 0 ? kAll : maker.below(256), {}};
    for (uint64_t n = 1 + maker.below(3); n > 0; --n) {
      const uint64_t first = maker.below(200);
      test.in.push_back({first, first + maker.below(30)});
    }
    const Condition condition{{{test}}};
    const std::vector<uint64_t> values = boundary_values(condition, 0);
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
    EXPECT_EQ(values.front(), 0U);
    EXPECT_EQ(values.back(), kAll);
    const auto answers = [&](bool answer) {
      return std::any_of(values.begin(), values.end(),
                         [&](uint64_t value) { return holds(condition, {value}) == answer; });
    };
    bool yes = false, no = false;
    for (uint64_t x = 0; x < 512; ++x) (holds(condition, {x}) ? yes : no) = true;
    EXPECT_EQ(answers(true), yes) << to_string(condition);
    EXPECT_EQ(answers(false), no) << to_string(condition);
  }
}

TEST(Condition, NormalFormJoinsAndAbsorbs) {
  EXPECT_EQ(to_string(*normalise(arg(0) == 1 || arg(0) == 2 || arg(0) == 9)), "arg0 in {1, 2, 9}");
  EXPECT_EQ(to_string(*normalise(arg(0) <= 1 || arg(0) >= 2)), "always");
  EXPECT_EQ(to_string(*normalise(arg(0) == 1 && arg(0) == 2)), "never");
  EXPECT_EQ(to_string(*normalise((arg(0) == 1 && arg(1) == 2) || arg(0) == 1)), "arg0 == 1");
  EXPECT_EQ(to_string(*normalise((arg(0) == 1 && arg(1) == 2) || (arg(0) == 1 && arg(1) == 3))),
            "arg0 == 1 && arg1 in {2, 3}");
  EXPECT_EQ(to_string(!(arg(0) == 1 && arg32(1) > 5)), "arg0 != 1 || arg1:32 <= 5");
  EXPECT_EQ(to_string(arg(0).masked(0x7e020000) == 0), "arg0 & 0x7e020000 == 0");
  EXPECT_EQ(to_string(arg(0).masked(0x3) == 4), "never");
  EXPECT_EQ(to_string(arg(2).masked(0) == 0), "always");
}

// --- operators ---

TEST(Operand, ReadsAsCWould) {
  Maker maker(4);
  for (int i = 0; i < 20000; ++i) {
    const int64_t value = static_cast<int64_t>(maker.number());
    const uint64_t x =
        maker.below(2) == 0 ? maker.number() : static_cast<uint64_t>(value) + maker.below(3) - 1;
    const Arguments args = {x};
    const auto check = [&](const Operand& operand, auto left, auto right) {
      EXPECT_EQ(holds(operand == value, args), left == right) << x << " " << value;
      EXPECT_EQ(holds(operand != value, args), left != right) << x << " " << value;
      EXPECT_EQ(holds(operand < value, args), left < right) << x << " " << value;
      EXPECT_EQ(holds(operand <= value, args), left <= right) << x << " " << value;
      EXPECT_EQ(holds(operand > value, args), left > right) << x << " " << value;
      EXPECT_EQ(holds(operand >= value, args), left >= right) << x << " " << value;
    };
    check(arg(0), x, static_cast<uint64_t>(value));
    check(arg(0).as_signed(), static_cast<int64_t>(x), value);
    check(arg32(0).as_signed(), static_cast<int64_t>(static_cast<int32_t>(x)), value);
    const bool fits_int = value >= INT32_MIN && value < 0;
    check(arg32(0), x & 0xffffffff, fits_int ? static_cast<uint32_t>(value) : static_cast<uint64_t>(value));
    const uint64_t mask = maker.mask() | uint64_t{1}
                                             << 40;  // wider than 32 bits: values are taken as they are
    check(arg(0).masked(mask), x & mask, static_cast<uint64_t>(value));
  }
}

TEST(Operand, SetsAndRanges) {
  EXPECT_EQ(to_string(arg(0).in({3, 1, 2})), "arg0 in {1..3}");
  EXPECT_TRUE(holds(arg32(0).in({-1, 5}), {0xffffffff}));
  EXPECT_TRUE(holds(arg32(0).in({-1, 5}), {kAll}));
  EXPECT_FALSE(holds(arg(0).in({-1, 5}), {0xffffffff}));
  EXPECT_TRUE(holds(arg(0).in(std::vector<uint64_t>{kAll}), {kAll}));
  EXPECT_FALSE(holds(arg(0).not_in({1, 2}), {2}));
  EXPECT_TRUE(holds(arg(0).not_in({1, 2}), {3}));
  const Condition near_zero = arg32(1).as_signed().between(-2, 2);
  for (const uint64_t in : {uint64_t{0}, uint64_t{2}, uint64_t{0xffffffff}, uint64_t{0xfffffffe}, kAll})
    EXPECT_TRUE(holds(near_zero, {0, in})) << in;
  for (const uint64_t out : {uint64_t{3}, uint64_t{0xfffffffd}, uint64_t{0x80000000}})
    EXPECT_FALSE(holds(near_zero, {0, out})) << out;
  EXPECT_EQ(arg(0).between(5, 4), Condition::never());
  EXPECT_TRUE(holds(arg(0).between(5, -1), {kAll})) << "without a sign, -1 is the largest number";
  EXPECT_EQ(arg(0).in({}), Condition::never());
}

// --- text ---

TEST(ConditionText, SaysWhatItMeans) {
  const std::pair<const char*, Condition> kTexts[] = {
      {"arg0 == 1", arg(0) == 1},
      {"arg0==1&&arg1!=0x10", arg(0) == 1 && arg(1) != 16},
      {" arg5:32 in { 1 , 2..4, 017 } ", arg32(5).in({1, 2, 3, 4, 15})},
      {"arg1:s32 < 0", arg32(1).as_signed() < 0},
      {"arg1:s64 >= -5", arg(1).as_signed() >= -5},
      {"arg0 & 0x7E020000 == 0", arg(0).masked(0x7e020000) == 0},
      {"arg0:32 & 0xff00000003 not in {1}", arg32(0).masked(3) != 1},
      {"arg0 == AF_UNIX || arg0 == AF_INET", arg(0) == 1 || arg(0) == 2},
      {"arg0:32 == AT_FDCWD", arg32(0) == -100},
      {"arg0:s32 == AT_FDCWD", arg32(0) == -100},
      {"arg0 == AT_FDCWD", arg(0) == -100},
      {"arg2:s32 in {-3..-1}", arg32(2).as_signed().between(-3, -1)},
      {"arg0 > 18446744073709551614", arg(0) == -1},
      {"always", Condition::always()},
      {"never", Condition::never()},
      {"never || arg3 < 4", arg(3) < 4},
      {"arg0 in {5..4}", Condition::never()},
  };
  for (const auto& [text, condition] : kTexts) {
    const Result<Condition> parsed = parse_condition(text);
    ASSERT_TRUE(parsed) << text << ": " << to_line(parsed.error());
    EXPECT_EQ(*parsed, *normalise(condition)) << text;
  }
}

TEST(ConditionText, RefusesNonsenseWithItsPlace) {
  const char* kTexts[] = {"",
                          "arg",
                          "arg6 == 1",
                          "arg10 == 1",
                          "arg0",
                          "arg0 =",
                          "arg0 = 1",
                          "arg0 ==",
                          "arg0 == 1 &&",
                          "arg0 == 1 ||",
                          "arg0 == 1 arg1 == 2",
                          "arg0 == 1 & arg1 == 2",
                          "arg0 == 18446744073709551616",
                          "arg0 == -9223372036854775809",
                          "arg0 == 08",
                          "arg0 == 0x",
                          "arg0 == 1x",
                          "arg0 == NO_SUCH_CONSTANT",
                          "arg0 in {}",
                          "arg0 in {1",
                          "arg0 in {1,}",
                          "arg0 in {1..}",
                          "arg0 not {1}",
                          "arg0:16 == 1",
                          "arg0:32x == 1",
                          "arg0:s32 & 3 == 1",
                          "always && arg0 == 1",
                          "alwaysarg0 == 1",
                          "(arg0 == 1)"};
  for (const char* text : kTexts) {
    const Result<Condition> parsed = parse_condition(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::Usage) << text;
    EXPECT_NE(parsed.error().where.find("character "), std::string::npos) << text;
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
  }
}

TEST(ConditionText, SurvivesAnything) {
  Maker maker(5);
  const char* kPieces[] = {
      "arg0", "arg", "0",  "5",   ":32",    ":s32",  "&",       "&&",   "||",
      "==",   "<",   "in", "not", "{",      "}",     ",",       "..",   "-",
      "0x",   "ff",  " ",  "\n",  "always", "never", "AF_UNIX", "\xff", "9999999999999999999999"};
  size_t accepted = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string text;
    for (uint64_t n = maker.below(12); n > 0; --n) text += kPieces[maker.below(std::size(kPieces))];
    if (const Result<Condition> parsed = parse_condition(text)) {
      ++accepted;
      EXPECT_EQ(*parse_condition(to_string(*parsed)), *parsed) << text;
    }
  }
  EXPECT_GT(accepted, 100U);
  EXPECT_FALSE(parse_condition(std::string(1 << 20, '(')));
  EXPECT_FALSE(parse_condition(std::string("arg0 == 1\0", 10)));
}

// --- bounds ---

TEST(ConditionLimits, TooManyAlternativesAreAnError) {
  Condition many;
  for (size_t i = 0; i <= kMaxAlternatives; ++i)
    many = many || (arg(0) == static_cast<int64_t>(2 * i) && arg(1) == static_cast<int64_t>(3 * i));
  const Result<Condition> normal = normalise(many);
  ASSERT_FALSE(normal);
  EXPECT_EQ(normal.error().code, Code::Limit);
  // What was too large once stays so, whatever is done with it.
  EXPECT_FALSE(normalise(!many));
  EXPECT_FALSE(normalise(!!many && arg(0) == 1));
  EXPECT_FALSE(normalise(many && Condition::never()));
  EXPECT_FALSE(normalise(Condition::always() || many));

  Condition values;  // a set is not limited: joined, it is one alternative
  for (int64_t i = 0; i < 10000; ++i) values = values || arg(0) == 2 * i;
  const Result<Condition> set = normalise(values);
  ASSERT_FALSE(!set && set.error().code != Code::Limit);
  if (set) {
    EXPECT_EQ(set->any.size(), 1U);
  }
}

TEST(ConditionLimits, NothingTakesLong) {
  const auto start = std::chrono::steady_clock::now();
  Maker maker(6);
  Condition tangled;
  for (size_t i = 0; i < kMaxAlternatives; ++i) {
    std::vector<stile::Test> tests;
    for (uint8_t arg = 0; arg < 6; ++arg) {
      const uint64_t first = maker.below(1000);
      tests.push_back({arg, kAll, {{first, first + maker.below(1000)}}});
    }
    tangled.any.push_back(std::move(tests));
  }
  (void)normalise(tangled);
  (void)!tangled;
  (void)(tangled && tangled);
  Condition grid = Condition::always();  // 2^24 alternatives, were it multiplied out
  for (uint8_t bit = 0; bit < 24; ++bit)
    grid = grid && (arg(bit % 6).masked(uint64_t{1} << bit) == 0 || arg((bit + 1) % 6).masked(2) == 2);
  (void)normalise(grid);
  std::string text = "arg0 in {0";
  for (int i = 1; i < 100000; ++i) text += "," + std::to_string(i * 7 % 100003);
  EXPECT_TRUE(parse_condition(text + "}"));
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(std::chrono::duration<double>(took).count(), 20.0);
  RecordProperty("seconds", std::to_string(std::chrono::duration<double>(took).count()));
}

}  // namespace
}  // namespace stile
