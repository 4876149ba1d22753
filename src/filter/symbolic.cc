// SPDX-License-Identifier: Apache-2.0
#include "filter/symbolic.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include <fmt/format.h>

#include "filter/known.h"
#include "filter/opcodes.h"

namespace stile::filter {
namespace {

constexpr uint32_t kAll = 0xffffffff;
// From this bit on a mask splits the numbers into few enough stretches to look at each.
constexpr unsigned kCoarseBit = 20;
constexpr unsigned kTopBit = 28;

// The lowest bit that is set; 32 when none is.
unsigned lowest_bit(uint32_t mask) {
  return static_cast<unsigned>(std::countr_zero(mask));
}

// Masks of the number under which boundaries() knows all the places where decisions can change: those that
// leave high bits alone, and those that take some of the highest away (x32's).
bool is_coarse(uint32_t mask) {
  return lowest_bit(mask) >= kCoarseBit;
}
bool clears_top(uint32_t mask) {
  return mask != kAll && lowest_bit(~mask) >= kTopBit;
}

constexpr uint8_t kFromNumber = 1, kFromArch = 2;

// What a register can hold: a constant, or ((word & mask) >> shift) + k of an argument's half, or something
// that must not be tested.
struct Value {
  enum Kind : uint8_t { Constant, Half, Opaque } kind = Constant;
  uint8_t word = 0;
  uint8_t shift = 0;
  uint8_t origin = 0;  // a constant's: what it was computed from, kFromNumber and kFromArch
  uint32_t k = 0;
  uint32_t mask = kAll;
  const char* why = nullptr;  // Opaque: what it is
};

Value constant(uint32_t k, uint8_t origin = 0) {
  return {Value::Constant, 0, 0, origin, k, kAll, nullptr};
}
Value opaque(const char* why) {
  return {Value::Opaque, 0, 0, 0, 0, kAll, why};
}

constexpr const char* kArithmetic = "arithmetic on an argument that is no mask";
constexpr const char* kPointer = "the instruction pointer";

struct State {
  size_t at = 0;
  Value a, x;
  std::array<Value, kMemoryWords> memory{};
  std::vector<WordTest> tests;
};

uint32_t compute(uint16_t operation, uint32_t a, uint32_t b) {
  switch (operation) {
    case kAddK:
      return a + b;
    case kSubK:
      return a - b;
    case kMulK:
      return a * b;
    case kDivK:
      return a / b;  // never 0 here
    case kOrK:
      return a | b;
    case kAndK:
      return a & b;
    case kLshK:
      return a << (b & 31);
    case kRshK:
      return a >> (b & 31);
    case kXorK:
      return a ^ b;
    default:
      return 0;
  }
}

// Arithmetic with a constant on the right.
Value apply(uint16_t operation, Value a, uint32_t b) {
  switch (operation) {
    case kAddK:
      a.k += b;
      return a;
    case kSubK:
      a.k -= b;
      return a;
    case kAndK:
      if (a.k != 0) return opaque(kArithmetic);
      a.mask &= b << a.shift;
      return a.mask == 0 ? constant(0) : a;
    case kOrK:
      // The bits that are set now are no longer the argument's.
      if (a.k != 0) return opaque(kArithmetic);
      if (b > kAll >> a.shift) return opaque(kArithmetic);
      a.mask &= ~(b << a.shift);
      a.k = b;
      return a.mask == 0 ? constant(b) : a;
    case kRshK: {
      const unsigned shift = a.shift + (b & 31);
      if (a.k != 0) return opaque(kArithmetic);
      if (shift >= 32) return constant(0);
      a.shift = static_cast<uint8_t>(shift);
      a.mask &= kAll << shift;
      return a.mask == 0 ? constant(0) : a;
    }
    case kLshK:
    case kXorK:
      return b == 0 ? a : opaque(kArithmetic);
    default:
      return opaque(kArithmetic);
  }
}

// A test of a half as ranges of (word & mask); the mask may shrink.
WordTest test_of(const Value& a, uint16_t comparison, uint32_t b) {
  WordTest test = {a.word, a.mask, {}};
  if (comparison == kJumpSetK) {
    test.mask &= b << a.shift;
    if (test.mask != 0) test.in = canonical({{1, test.mask}}, test.mask);
    return test;
  }
  if (comparison == kJumpGtK && b == kAll) return test;
  const uint32_t first = comparison == kJumpGtK ? b + 1 : b;
  const uint32_t last = comparison == kJumpEqK ? b : kAll;
  // The values first..last of m + k, as values of m: taking k away may lead round zero.
  const uint32_t low = first - a.k, high = last - a.k;
  const uint64_t rest = (uint64_t{1} << a.shift) - 1;
  const auto scaled = [&](uint64_t from, uint64_t to) -> Range {
    return {from << a.shift, (to << a.shift) | rest};
  };
  if (low <= high) {
    test.in = {scaled(low, high)};
  } else {
    test.in = {scaled(0, high), scaled(low, kAll)};
  }
  test.in = canonical(std::move(test.in), test.mask);
  return test;
}

// A mask that leaves out low bits alone compares as ranges of the whole word do.
void widen(WordTest& test) {
  const uint32_t low = ~test.mask;
  if (low == 0 || (low & (low + 1)) != 0) return;
  for (Range& range : test.in) range.last |= low;
  test.mask = kAll;
  test.in = canonical(std::move(test.in), test.mask);
}

bool contains(const Ranges& ranges, uint64_t value) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& r) { return r.first <= value && value <= r.last; });
}

// False when the test contradicts what is known on this way.
bool add_test(std::vector<WordTest>& tests, const WordTest& test) {
  if (test.in.empty()) return false;
  if (is_everything(test.in, test.mask)) return true;
  for (const WordTest& known : tests) {
    const bool exact = known.word == test.word && known.mask == kAll && known.in.size() == 1 &&
                       known.in[0].first == known.in[0].last;
    if (exact) return contains(test.in, known.in[0].first & test.mask);
  }
  for (WordTest& known : tests) {
    if (known.word != test.word || known.mask != test.mask) continue;
    known.in = intersection(known.in, test.in);
    return !known.in.empty();
  }
  tests.push_back(test);
  return true;
}

class Walker {
 public:
  Walker(std::span<const Instruction> program, uint32_t arch, uint32_t number, Budget& budget)
      : program_(program), arch_(arch), number_(number), budget_(budget) {}

  Result<std::vector<Leaf>> run() {
    open_.emplace_back();
    while (!open_.empty()) {
      State state = std::move(open_.back());
      open_.pop_back();
      if (auto done = follow(state); !done) return tl::unexpected(done.error());
    }
    return std::move(leaves_);
  }

 private:
  // Goes on to the end of one way; other ways that branch off are put on the stack.
  Result<void> follow(State& state) {
    for (;; ++state.at) {
      if (budget_.steps == 0)
        return fail(Code::Limit, "too much work to follow all ways through the program");
      --budget_.steps;
      const Instruction& insn = program_[state.at];
      if (is_return(insn.code)) {
        if (insn.code == kReturnA && state.a.kind != Value::Constant)
          return unsupported(state.at, "returns a computed value");
        if (insn.code == kReturnA) calculates_with(state.a.origin);
        return finish(state, insn.code == kReturnK ? insn.k : state.a.k);
      }
      if (insn.code == kJump) {
        state.at += insn.k;
      } else if (is_branch(insn.code)) {
        if (auto on = branch(state, insn); !on || !*on)
          return on ? Result<void>() : tl::unexpected(on.error());
      } else if (insn.code == kDivX) {
        if (state.x.kind != Value::Constant) return unsupported(state.at, "divides by an argument");
        calculates_with(state.x.origin);
        if (state.x.k == 0) return finish(state, 0);
        arithmetic(state.a, kDivK, state.x);
      } else {
        step(state, insn);
      }
    }
  }

  Result<void> finish(State& state, uint32_t value) {
    if (budget_.leaves == 0) return fail(Code::Limit, "too many ways through the program");
    --budget_.leaves;
    std::sort(state.tests.begin(), state.tests.end());
    leaves_.push_back({std::move(state.tests), value});
    return {};
  }

  tl::unexpected<Error> unsupported(size_t at, std::string_view what) const {
    return fail(Code::Unsupported, fmt::format("the program {}", what), fmt::format("instruction {}", at),
                "rules can say what numbers and arguments are, and no more");
  }

  Value load(uint32_t offset) const {
    if (offset == kOffsetNumber) return constant(number_, kFromNumber);
    if (offset == kOffsetArch) return constant(arch_, kFromArch);
    if (offset < kOffsetArgs) return opaque(kPointer);
    return {Value::Half, static_cast<uint8_t>(offset / 4), 0, 0, 0, kAll, nullptr};
  }

  void step(State& s, const Instruction& insn) {
    switch (insn.code) {
      case kLoadImm:
        s.a = constant(insn.k);
        break;
      case kLoadAbs:
        s.a = load(insn.k);
        break;
      case kLoadMem:
        s.a = s.memory[insn.k];
        break;
      case kLoadLen:
        s.a = constant(kDataSize);
        break;
      case kLoadXImm:
        s.x = constant(insn.k);
        break;
      case kLoadXMem:
        s.x = s.memory[insn.k];
        break;
      case kLoadXLen:
        s.x = constant(kDataSize);
        break;
      case kStore:
        s.memory[insn.k] = s.a;
        break;
      case kStoreX:
        s.memory[insn.k] = s.x;
        break;
      case kTax:
        s.x = s.a;
        break;
      case kTxa:
        s.a = s.x;
        break;
      case kNeg:
        calculates_with(s.a.origin);
        s.a = s.a.kind == Value::Constant ? constant(0 - s.a.k, s.a.origin)
              : s.a.kind == Value::Opaque ? s.a
                                          : opaque(kArithmetic);
        break;
      default: {
        const bool by_x = (insn.code & 0x08) != 0;
        arithmetic(s.a, insn.code & 0xf7, by_x ? s.x : constant(insn.k));
      }
    }
  }

  void arithmetic(Value& a, uint16_t operation, const Value& b) {
    const uint8_t origin = a.origin | b.origin;
    const bool coarse = operation == kAndK && (is_coarse(b.k) || clears_top(b.k)) && origin == kFromNumber;
    if (!coarse) calculates_with(origin);
    if (a.kind == Value::Constant && b.kind == Value::Constant) {
      a = constant(compute(operation, a.k, b.k), origin);
    } else if (a.kind == Value::Opaque || b.kind == Value::Opaque) {
      if (a.kind != Value::Opaque) a = b;
    } else if (b.kind == Value::Constant) {
      a = apply(operation, a, b.k);
    } else if (a.kind == Value::Constant && (operation == kAddK || operation == kAndK || operation == kOrK)) {
      a = apply(operation, b, a.k);
    } else {
      a = opaque(kArithmetic);
    }
  }

  // Something that shows only when each number or architecture is looked at.
  void calculates_with(uint8_t origin) {
    budget_.number_arithmetic |= (origin & kFromNumber) != 0;
    budget_.arch_arithmetic |= (origin & kFromArch) != 0;
  }

  // Moves to one side of a branch and puts the other aside; false: neither side is possible.
  Result<bool> branch(State& state, const Instruction& insn) {
    const size_t on_true = state.at + insn.jt, on_false = state.at + insn.jf;  // the loop adds 1
    if (insn.jt == insn.jf) {
      state.at = on_true;
      return true;
    }
    Value a = state.a;
    Value b = (insn.code & 0x08) != 0 ? state.x : constant(insn.k);
    uint16_t comparison = insn.code & 0xf7;
    bool negate = false;
    if (a.kind == Value::Constant && b.kind == Value::Half) {
      // c == v, c & v: symmetric. c > v is !(v >= c), c >= v is !(v > c).
      std::swap(a, b);
      negate = comparison == kJumpGtK || comparison == kJumpGeK;
      if (negate) comparison = comparison == kJumpGtK ? uint16_t{kJumpGeK} : uint16_t{kJumpGtK};
    }
    if (a.kind == Value::Opaque || b.kind == Value::Opaque) {
      const char* why = a.kind == Value::Opaque ? a.why : b.why;
      return unsupported(state.at, fmt::format("tests {}", why));
    }
    if (b.kind == Value::Half) return unsupported(state.at, "compares two arguments");
    if (a.kind == Value::Constant) {
      // What boundaries() and the caller know of: numbers compared with constants, and "is it this
      // architecture".
      const bool expected =
          a.origin == kFromNumber ? comparison != kJumpSetK || is_coarse(b.k) : comparison == kJumpEqK;
      if (!expected || (insn.code & 0x08) != 0) calculates_with(a.origin | b.origin);
      state.at = is_true(comparison, a.k, b.k) != negate ? on_true : on_false;
      return true;
    }
    if (comparison == kJumpSetK && a.k != 0)
      return unsupported(state.at, fmt::format("tests {}", kArithmetic));
    WordTest holds = test_of(a, comparison, b.k);
    WordTest fails = holds;
    if (holds.mask == 0) {  // no bit of the argument is left: never set
      state.at = on_false;
      return true;
    }
    fails.in = complement(holds.in, holds.mask);
    widen(holds);
    widen(fails);
    if (negate) std::swap(holds, fails);
    // Long lists of ranges are copied here: that is work too.
    uint64_t copied = 1;
    for (const WordTest& test : state.tests) copied += 1 + test.in.size() / 8;
    budget_.steps -= std::min(budget_.steps, copied);
    std::vector<WordTest> before = state.tests;
    const bool can_fail = add_test(before, fails);
    if (!add_test(state.tests, holds)) {
      state.tests = std::move(before);
      state.at = on_false;
      return can_fail;
    }
    if (can_fail) {
      State other = state;
      other.tests = std::move(before);
      other.at = on_false + 1;
      open_.push_back(std::move(other));
    }
    state.at = on_true;
    return true;
  }

  static bool is_true(uint16_t comparison, uint32_t a, uint32_t b) {
    switch (comparison) {
      case kJumpEqK:
        return a == b;
      case kJumpGtK:
        return a > b;
      case kJumpGeK:
        return a >= b;
      default:
        return (a & b) != 0;
    }
  }

  std::span<const Instruction> program_;
  uint32_t arch_;
  uint32_t number_;
  Budget& budget_;
  std::vector<State> open_;
  std::vector<Leaf> leaves_;
};

}  // namespace

Result<std::vector<Leaf>> walk(std::span<const Instruction> program, uint32_t arch, uint32_t number,
                               Budget& budget) {
  return Walker(program, arch, number, budget).run();
}

std::vector<uint32_t> boundaries(std::span<const Instruction> program) {
  std::set<uint32_t> points = {0};
  std::set<uint32_t> compared;
  unsigned cleared = 32;  // lowest bit that some mask takes away from the top
  const std::vector<Known> known = find_known(program);
  for (size_t i = 0; i < program.size(); ++i) {
    const Instruction& insn = program[i];
    // Not what is compared with an argument or the architecture for sure.
    if (!known[i].reached || (known[i].a.kind == Held::Word && known[i].a.k != kOffsetNumber)) continue;
    if (insn.code == kAndK && clears_top(insn.k)) cleared = std::min(cleared, lowest_bit(~insn.k));
    if (insn.code == kJumpSetK || insn.code == kAndK) {
      const unsigned bit = lowest_bit(insn.k);
      if (bit < kCoarseBit || bit >= 32) continue;
      for (uint64_t point = 0; point <= kAll; point += uint64_t{1} << bit)
        points.insert(static_cast<uint32_t>(point));
    } else if (insn.code == kJumpEqK || insn.code == kJumpGtK || insn.code == kJumpGeK) {
      compared.insert(insn.k);
      if (insn.k != kAll) compared.insert(insn.k + 1);
    }
  }
  points.insert(compared.begin(), compared.end());
  // What is compared without its top bits repeats itself with each of their values.
  if (cleared < 32) {
    const uint64_t step = uint64_t{1} << cleared;
    for (uint64_t top = 0; top <= kAll; top += step) {
      points.insert(static_cast<uint32_t>(top));
      for (const uint32_t k : compared) points.insert(static_cast<uint32_t>(top + k % step));
    }
  }
  return {points.begin(), points.end()};
}

}  // namespace stile::filter
