// SPDX-License-Identifier: Apache-2.0
#include "format/kafel_expression.h"

#include <optional>

#include <fmt/format.h>

#include <stile/filter.h>

#include "format/text_lines.h"

namespace stile::format::kafel {

void Cursor::expect(std::string_view text) {
  if (!take(text)) fail(at_end() ? fmt::format("ends where '{}' is missing", text) : fmt::format("'{}' is missing before '{}'", text, shown(token().text)));
}

std::string Cursor::place_in_main(const Token& token) const {
  return token.file == 0 ? fmt::format("{}:{}", token.line, token.column) : place(token);
}

std::string Cursor::place(const Token& token) const { return fmt::format("{}:{}:{}", tokens_.names[token.file], token.line, token.column); }

void Cursor::fail(const Token& at, const std::string& message, const std::string& hint, Code code) {
  if (failed_) return;
  error_ = Error{code, message, place(at), hint};
  failed_ = true;
}

namespace {

constexpr size_t kMaxDepth = 200;  // MAX_EXPRESSION_DEPTH of kafel's src/expression.h
constexpr uint64_t kAll = ~uint64_t{0};

// What stands on one side: a number, bits of an argument, or what a comparison says.
struct Value {
  enum class Kind { Number, Argument, Truth } kind = Kind::Number;
  uint64_t number = 0;   // Number
  uint8_t index = 0;     // Argument
  uint64_t mask = kAll;  // Argument
  Condition truth;       // Truth
};

class Expression {
 public:
  Expression(Cursor& cursor, const Names& names) : cursor_(cursor), names_(names) {}

  Condition read() { return truth(list(0)); }

 private:
  Condition truth(Value value) {
    if (value.kind == Value::Kind::Truth) return std::move(value.truth);
    cursor_.fail("a comparison is missing here", "as in fd == 1");
    return Condition::never();
  }

  Value made(Condition condition) {
    auto normal = normalise(condition);
    if (!normal) cursor_.fail(cursor_.token(), normal.error().message, normal.error().hint, normal.error().code);
    return {Value::Kind::Truth, 0, 0, 0, normal ? std::move(*normal) : Condition::never()};
  }

  bool too_deep(size_t depth) {
    if (depth <= kMaxDepth) return cursor_.failed();
    cursor_.fail(cursor_.token(), fmt::format("an expression more than {} deep", kMaxDepth), {}, Code::Limit);
    return true;
  }

  // A comma is || that binds least.
  Value list(size_t depth) {
    if (too_deep(depth)) return {};
    Value left = either(depth);
    while (!cursor_.failed() && cursor_.take(",")) left = made(truth(std::move(left)) || truth(either(depth)));
    return left;
  }

  Value either(size_t depth) {
    Value left = both(depth);
    while (!cursor_.failed() && cursor_.take("||")) left = made(truth(std::move(left)) || truth(both(depth)));
    return left;
  }

  Value both(size_t depth) {
    Value left = comparison(depth);
    while (!cursor_.failed() && cursor_.take("&&")) left = made(truth(std::move(left)) && truth(comparison(depth)));
    return left;
  }

  Value comparison(size_t depth) {
    if (too_deep(depth)) return {};
    if (cursor_.take("!")) return made(!truth(comparison(depth + 1)));
    Value left = bits(depth);
    for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
      const Token at = cursor_.token();
      if (cursor_.failed() || !cursor_.take(op)) continue;
      return compare(at, std::move(left), op, bits(depth));
    }
    return left;
  }

  Value bits(size_t depth) {
    Value left = masked(depth);
    while (!cursor_.failed() && cursor_.is("|")) {
      const Token at = cursor_.token();
      cursor_.next();
      const Value right = masked(depth);
      if (left.kind == Value::Kind::Number && right.kind == Value::Kind::Number) {
        left.number |= right.number;
      } else {
        cursor_.fail(at, "| with an argument is not read", "compare the argument's bits: (flags & MASK) == BITS", Code::Unsupported);
      }
    }
    return left;
  }

  Value masked(size_t depth) {
    Value left = operand(depth);
    while (!cursor_.failed() && cursor_.is("&")) {
      const Token at = cursor_.token();
      cursor_.next();
      Value right = operand(depth);
      if (right.kind == Value::Kind::Argument) std::swap(left, right);
      if (right.kind != Value::Kind::Number || left.kind == Value::Kind::Truth) {
        cursor_.fail(at, "& takes a number and an argument, or two numbers", {}, right.kind == Value::Kind::Argument ? Code::Unsupported : Code::Malformed);
      } else if (left.kind == Value::Kind::Argument) {
        left.mask &= right.number;
      } else {
        left.number &= right.number;
      }
    }
    return left;
  }

  Value operand(size_t depth) {
    const Token at = cursor_.token();
    if (cursor_.take("(")) {
      Value inner = list(depth + 1);
      cursor_.expect(")");
      return inner;
    }
    Value value;
    if (at.kind == Token::Kind::Number) {
      value.number = at.number;
    } else if (at.kind != Token::Kind::Word) {
      cursor_.fail(at.kind == Token::Kind::End ? "ends within a condition" : fmt::format("'{}' where a number or an argument is needed", shown(at.text)));
    } else if (const auto constant = names_.constants.find(at.text); constant != names_.constants.end()) {
      value.number = constant->second;
    } else if (const auto argument = names_.argument(at.text)) {
      value = {Value::Kind::Argument, 0, argument->index, argument->width, {}};
    } else if (const auto known = symbolic_constant(at.text)) {
      names_.warn(at, fmt::format("{} is not defined: kafel refuses it; read as {:#x} (#define it)", at.text, *known));
      value.number = *known;
    } else {
      cursor_.fail(fmt::format("no argument of '{}' is called '{}'", names_.call, shown(at.text)),
                   fmt::format("declare its arguments: {}(first, second) {{ ... }}", names_.call));
    }
    cursor_.next();
    return value;
  }

  Value compare(const Token& at, Value left, std::string_view op, Value right) {
    if (left.kind == Value::Kind::Truth || right.kind == Value::Kind::Truth) {
      cursor_.fail(at, "a comparison cannot be compared");
      return {};
    }
    if (right.kind == Value::Kind::Argument) {
      if (left.kind == Value::Kind::Argument) {
        cursor_.fail(at, "two arguments are compared: stile compares an argument with a number", {}, Code::Unsupported);
        return {};
      }
      std::swap(left, right);
      if (op == "<") {
        op = ">";
      } else if (op == ">") {
        op = "<";
      } else if (op == "<=") {
        op = ">=";
      } else if (op == ">=") {
        op = "<=";
      }
    }
    const uint64_t k = right.number;
    Test test{left.index, left.mask, {}};
    const auto below = [&] {
      if (k != 0) test.in.push_back({0, k - 1});
    };
    const auto above = [&] {
      if (k != kAll) test.in.push_back({k + 1, kAll});
    };
    if (op == "!=" || op == "<" || op == "<=") below();
    if (op == "==" || op == "<=" || op == ">=") test.in.push_back({k, k});
    if (op == "!=" || op == ">" || op == ">=") above();
    if (left.kind == Value::Kind::Number || left.mask == 0) {
      const uint64_t number = left.kind == Value::Kind::Number ? left.number : 0;
      for (const Range& range : test.in) {
        if (range.first <= number && number <= range.last) return made(Condition::always());
      }
      return made(Condition::never());
    }
    return made({{{std::move(test)}}});
  }

  Cursor& cursor_;
  const Names& names_;
};

}  // namespace

Condition read_expression(Cursor& cursor, const Names& names) { return Expression(cursor, names).read(); }

}  // namespace stile::format::kafel
