// SPDX-License-Identifier: Apache-2.0
//
// A kafel policy as its words, with what it includes in place (src/lexer.l).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <stile/format.h>

namespace stile::format::kafel {

struct Token {
  enum class Kind { Word, Number, Symbol, End };
  Kind kind = Kind::End;
  std::string_view text;
  uint64_t number = 0;  // of a Number; "-1" is ~0
  size_t file = 0;      // index into Tokens::names
  uint32_t line = 0;
  uint32_t column = 0;
};

struct Tokens {
  std::vector<Token> all;         // ends with one End
  std::vector<std::string> names; // of the files
  std::deque<std::string> texts;  // that the tokens point into
};
// Errors: Malformed with the place, Limit.
Result<Tokens> tokens_of(std::string_view text, const std::string& where, const ReadContext& context);

}  // namespace stile::format::kafel
