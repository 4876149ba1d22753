// SPDX-License-Identifier: Apache-2.0
//
// A condition of a kafel rule: comparisons of one argument, some of its bits perhaps, with a number, joined by !, &&, || and commas.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <stile/condition.h>

#include "format/kafel_tokens.h"

namespace stile::format::kafel {

// Walks over the words; keeps the first mistake, after which everything is at its end.
class Cursor {
 public:
  explicit Cursor(const Tokens& tokens) : tokens_(tokens) {}

  const Token& token() const { return failed_ ? tokens_.all.back() : tokens_.all[at_]; }
  bool is(std::string_view text) const { return token().kind != Token::Kind::End && token().text == text; }
  void next() {
    if (at_ + 1 < tokens_.all.size()) ++at_;
  }
  bool take(std::string_view text) {
    if (!is(text)) return false;
    next();
    return true;
  }
  void expect(std::string_view text);
  bool at_end() const { return token().kind == Token::Kind::End; }

  void fail(const Token& at, const std::string& message, const std::string& hint = {}, Code code = Code::Malformed);
  void fail(const std::string& message, const std::string& hint = {}) { fail(token(), message, hint); }
  bool failed() const { return failed_; }
  const Error& error() const { return error_; }
  std::string place(const Token& token) const;
  // Without the name of the file where it is the one that includes the others.
  std::string place_in_main(const Token& token) const;

 private:
  const Tokens& tokens_;
  size_t at_ = 0;
  bool failed_ = false;
  Error error_;
};

// An argument as a name stands for it.
struct Argument {
  uint8_t index = 0;
  uint64_t width = ~uint64_t{0};  // mask of the bits that are compared
};
struct Names {
  const std::map<std::string, uint64_t, std::less<>>& constants;
  std::function<std::optional<Argument>(std::string_view)> argument;
  std::string call;                                                     // for messages
  std::function<void(const Token&, const std::string&)> warn;
};

// Up to the brace that ends it, in normal form.
Condition read_expression(Cursor& cursor, const Names& names);

}  // namespace stile::format::kafel
