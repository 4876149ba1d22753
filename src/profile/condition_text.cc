// SPDX-License-Identifier: Apache-2.0
//
// Conditions as text. The grammar is in condition.h.
#include <stile/condition.h>

#include <charconv>

#include <fmt/format.h>

#include "arch/constants.h"
#include "arch/syscalls.h"
#include "profile/comparison.h"
#include "profile/ranges.h"
#include "profile/simplify.h"

namespace stile {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};
constexpr uint64_t kLow32 = 0xffffffff;

// --- writing ---

// Big numbers are most likely bit patterns.
std::string number(uint64_t value) {
  return value < 0x10000 ? fmt::format("{}", value) : fmt::format("{:#x}", value);
}

std::string set_text(const Ranges& ranges) {
  std::string text = "{";
  for (const Range& range : ranges) {
    if (text.size() > 1) text += ", ";
    text += number(range.first);
    if (range.last == range.first) continue;
    text += fmt::format("{}{}", range.last - range.first == 1 ? ", " : "..", number(range.last));
  }
  return text + "}";
}

std::string test_text(const Test& test) {
  const Ranges in = canonical(test.in, test.mask);
  if (in.empty()) return "never";
  if (is_everything(in, test.mask)) return "always";

  std::string text = fmt::format("arg{}", test.arg);
  if (test.mask == kLow32) {
    text += ":32";
  } else if (test.mask != kAll) {
    text += fmt::format(" & {:#x}", test.mask);
  }
  const Ranges out = complement(in, test.mask);
  if (in.size() == 1) {
    const Range& only = in[0];
    if (only.first == only.last) return text + " == " + number(only.first);
    if (only.first == 0 && out.size() == 1 && out[0].first == out[0].last)
      return text + " != " + number(out[0].first);
    if (only.first == 0) return text + " <= " + number(only.last);
    if (only.last == test.mask) {
      if (out[0].first == out[0].last) return text + " != " + number(out[0].first);
      return text + " >= " + number(only.first);
    }
  }
  if (out.size() == 1 && out[0].first == out[0].last) return text + " != " + number(out[0].first);
  // In a set, a..b means all numbers from a to b that the mask lets be, so the ranges can stand as they are.
  if (out.size() < in.size()) return text + " not in " + set_text(out);
  return text + " in " + set_text(in);
}

std::string alternative_text(const Alternative& alternative) {
  std::string text;
  for (const Test& test : alternative) {
    std::string one = test_text(test);
    if (one == "never") return one;
    if (one == "always") continue;
    if (!text.empty()) text += " && ";
    text += one;
  }
  return text.empty() ? "always" : text;
}

// --- reading ---

constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Condition> condition() {
    Condition condition;
    do {
      Result<std::optional<Alternative>> one = alternative();
      if (!one) return tl::unexpected(one.error());
      if (*one) condition.any.push_back(std::move(**one));
      if (condition.any.size() > kMaxAlternatives) return normalise(condition);  // says what is wrong
    } while (take("||"));
    skip();
    if (at_ != text_.size()) return wrong("expected && or ||");
    return normalise(condition);
  }

 private:
  void skip() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  bool take(std::string_view token) {
    skip();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  // A whole word.
  bool take_word(std::string_view word) {
    skip();
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(word) || (rest.size() > word.size() && is_word(rest[word.size()]))) return false;
    at_ += word.size();
    return true;
  }

  tl::unexpected<Error> wrong(std::string what, std::string hint = {}) const {
    return fail(Code::Usage, std::move(what), fmt::format("condition, character {}", at_ + 1),
                std::move(hint));
  }

  // Nothing: "never".
  Result<std::optional<Alternative>> alternative() {
    if (take_word("never")) return std::nullopt;
    Alternative tests;
    if (take_word("always")) return tests;
    do {
      Result<Test> one = test();
      if (!one) return tl::unexpected(one.error());
      tests.push_back(std::move(*one));
    } while (take("&&"));
    return tests;
  }

  Result<Test> test() {
    Test test;
    Axis axis;
    if (!take("arg") || at_ == text_.size() || !is_digit(text_[at_]))
      return wrong("expected a test such as arg0 == 1", "or always, or never");
    if (text_[at_] > '5') return wrong("a system call has the arguments arg0 to arg5");
    test.arg = static_cast<uint8_t>(text_[at_++] - '0');
    if (at_ < text_.size() && is_word(text_[at_]))
      return wrong("a system call has the arguments arg0 to arg5");
    if (take(":")) {
      if (take_word("32")) {
        axis.mask = kLow32;
      } else if (take_word("s32")) {
        axis = {kLow32, true};
      } else if (take_word("s64")) {
        axis.is_signed = true;
      } else {
        return wrong("no such width", "one of :32, :s32, :s64; all 64 bits without one");
      }
    }
    skip();
    if (!text_.substr(at_).starts_with("&&") && take("&")) {
      if (axis.is_signed)
        return wrong("a masked argument has no sign", "leave out :s32 or :s64, or the mask");
      Result<Value> mask = value();
      if (!mask) return tl::unexpected(mask.error());
      axis.mask &= mask->bits;
    }
    test.mask = axis.mask;
    Result<Ranges> in = comparison(axis);
    if (!in) return tl::unexpected(in.error());
    test.in = std::move(*in);
    return test;
  }

  Result<Ranges> comparison(Axis axis) {
    struct Operator {
      std::string_view text;
      Compare op;
    };
    static constexpr Operator kOperators[] = {{"==", Compare::Equal},       {"!=", Compare::NotEqual},
                                              {"<=", Compare::LessOrEqual}, {">=", Compare::GreaterOrEqual},
                                              {"<", Compare::Less},         {">", Compare::Greater}};
    for (const Operator& known : kOperators) {
      if (!take(known.text)) continue;
      Result<Value> with = value();
      if (!with) return tl::unexpected(with.error());
      return values_that(axis, known.op, *with);
    }
    const bool negated = take_word("not");
    if (!take_word("in")) return wrong("expected a comparison", "one of == != < <= > >= in not in");
    if (!take("{")) return wrong("expected a set such as {1, 2, 8..15}");
    Ranges all;
    do {
      Result<Value> first = value();
      if (!first) return tl::unexpected(first.error());
      Value last = *first;
      if (take("..")) {
        Result<Value> end = value();
        if (!end) return tl::unexpected(end.error());
        last = *end;
      }
      const Ranges item = values_between(axis, *first, last);
      all.insert(all.end(), item.begin(), item.end());
    } while (take(","));
    if (!take("}")) return wrong("expected , or } in the set");
    all = canonical(std::move(all), axis.mask);
    return negated ? complement(all, axis.mask) : all;
  }

  Result<Value> value() {
    const bool minus = take("-");
    skip();
    const size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    Value value;
    if (!word.empty() && is_digit(word[0])) {
      int base = 10;
      std::string_view digits = word;
      if (word.starts_with("0x") || word.starts_with("0X")) {
        base = 16;
        digits.remove_prefix(2);
      } else if (word.size() > 1 && word[0] == '0') {
        base = 8;
        digits.remove_prefix(1);
      }
      const char* end = digits.data() + digits.size();
      const auto [stop, error] = std::from_chars(digits.data(), end, value.bits, base);
      at_ = start;
      if (error == std::errc::result_out_of_range) return wrong("the number is larger than 64 bits");
      if (error != std::errc() || stop != end) return wrong("not a number");
      at_ = start + word.size();
    } else {
      at_ = start;
      if (word.empty()) return wrong("expected a number");
      const std::optional<uint64_t> known = arch::constant(word);
      if (!known) {
        const std::string near = std::string(arch::nearest_name(word, arch::constant_names()));
        return wrong(
            fmt::format("no constant is called '{}'", word.substr(0, 64)),
            near.empty() ? "a number can be written instead" : fmt::format("did you mean {}?", near));
      }
      value = value_of(static_cast<int64_t>(*known));  // AT_FDCWD and its like are below 0
      at_ = start + word.size();
    }
    if (minus && value.bits != 0) {
      if (value.bits > uint64_t{1} << 63) return wrong("the number is smaller than 64 bits can hold");
      value = {~value.bits + 1, true};
    }
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string to_string(const Condition& condition) {
  std::string text;
  for (const Alternative& alternative : condition.any) {
    std::string one = alternative_text(alternative);
    if (one == "never") continue;
    if (!text.empty()) text += " || ";
    text += one;
  }
  return text.empty() ? "never" : text;
}

Result<Condition> parse_condition(std::string_view text) {
  return Parser(text).condition();
}

}  // namespace stile
