// SPDX-License-Identifier: Apache-2.0
#include "profile/witness.h"

#include <algorithm>
#include <set>

#include "profile/ranges.h"

namespace stile {
namespace {

// Prefixes looked at for one argument. A single test needs at most one for each bit and end of a range; only
// masks that are made to contradict each other come near this.
constexpr size_t kMaxPrefixes = 1 << 18;

// Looks for a number bit by bit, the highest first: what is decided of it narrows each test to the values its
// mask leaves open.
class Search {
 public:
  Search(std::vector<Test> tests, uint64_t width) : tests_(std::move(tests)), width_(width) {
    for (Test& test : tests_) test.in = canonical(std::move(test.in), test.mask);
  }

  std::optional<uint64_t> run() {
    uint64_t value = 0;
    if (!extend(value, 64)) return std::nullopt;
    return value;
  }
  bool gave_up() const { return prefixes_ > kMaxPrefixes; }

 private:
  enum class Left : uint8_t { None, Some, All };

  // What a test says once all bits from `bit` up are those of `value`, by the values that the bits below can
  // still make.
  static Left left(const Test& test, uint64_t value, uint64_t open) {
    const uint64_t first = value & test.mask;
    const uint64_t last = first | (open & test.mask);
    for (const Range& range : test.in) {
      if (range.last < first || range.first > last) continue;
      if (range.first <= first && last <= range.last) return Left::All;
      // `first` and `last` are the least and the greatest number that are left, and so are the range's ends
      // for the mask. With a width some numbers between them cannot be, which the bits below will show.
      return Left::Some;
    }
    return Left::None;
  }

  bool extend(uint64_t& value, int bits) {
    if (++prefixes_ > kMaxPrefixes) return false;
    const uint64_t below = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    const uint64_t open = below & width_;
    std::vector<uint64_t> key = {static_cast<uint64_t>(bits)};
    uint64_t asked = 0;  // bits that a test not yet decided looks at
    for (size_t i = 0; i < tests_.size(); ++i) {
      const Left what = left(tests_[i], value, open);
      if (what == Left::None) return false;
      if (what == Left::All) continue;
      asked |= tests_[i].mask;
      key.push_back(i);
      key.push_back(value & tests_[i].mask);
    }
    if (asked == 0) return true;
    if (bits == 0) return false;
    if (failed_.contains(key)) return false;
    // Bits that nobody asks for, or that cannot be set, stay 0.
    int next = bits - 1;
    while (next > 0 && ((asked & width_) >> next & 1) == 0) --next;
    const uint64_t bit = uint64_t{1} << next;
    uint64_t with_zero = value;
    if (extend(with_zero, next)) return value = with_zero, true;
    if ((asked & width_ & bit) != 0) {
      uint64_t with_one = value | bit;
      if (extend(with_one, next)) return value = with_one, true;
    }
    failed_.insert(std::move(key));
    return false;
  }

  std::vector<Test> tests_;
  uint64_t width_;
  size_t prefixes_ = 0;
  std::set<std::vector<uint64_t>> failed_;
};

}  // namespace

Result<std::optional<Arguments>> find_witness(const std::vector<Test>& alternative, uint64_t width) {
  Arguments args{};
  for (uint8_t arg = 0; arg < args.size(); ++arg) {
    std::vector<Test> tests;
    for (const Test& test : alternative) {
      if (test.arg == arg) tests.push_back(test);
    }
    if (tests.empty()) continue;
    Search search(std::move(tests), width);
    const std::optional<uint64_t> value = search.run();
    if (!value && search.gave_up())
      return fail(Code::Limit, "the masks of a condition are too tangled to tell whether it can hold");
    if (!value) return std::nullopt;
    args[arg] = *value;
  }
  const bool beyond = std::any_of(alternative.begin(), alternative.end(),
                                  [&](const Test& test) { return test.arg >= args.size(); });
  if (beyond) return std::nullopt;  // such a test never holds
  return args;
}

Result<std::optional<Satisfiable>> satisfiable(const Condition& condition, uint64_t width) {
  auto normal = normalise(condition);
  if (!normal) return tl::unexpected(normal.error());
  Satisfiable found;
  for (std::vector<Test>& alternative : normal->any) {
    auto witness = find_witness(alternative, width);
    if (!witness) return tl::unexpected(witness.error());
    if (!*witness) continue;
    if (found.when.any.empty()) found.witness = **witness;
    found.when.any.push_back(std::move(alternative));
  }
  if (found.when.any.empty()) return std::nullopt;
  return found;
}

}  // namespace stile
