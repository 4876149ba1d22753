// SPDX-License-Identifier: Apache-2.0
#include "format/kafel_tokens.h"

#include <charconv>

#include <fmt/format.h>

#include "format/text_lines.h"

namespace stile::format::kafel {
namespace {

constexpr size_t kMaxDepth = 16;  // MAX_INCLUDE_DEPTH of src/lexer.l
constexpr size_t kMaxFiles = 64;
constexpr size_t kMaxTokens = 1u << 20;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool goes_on(char c) { return is_letter(c) || is_digit(c) || c == '_'; }

class Lexer {
 public:
  Lexer(std::string_view text, size_t file, size_t depth, Tokens& tokens, const ReadContext& context)
      : text_(text), file_(file), depth_(depth), tokens_(tokens), context_(context) {}

  Result<void> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        step(1);
      } else if (rest().starts_with("//")) {
        while (at_ < text_.size() && text_[at_] != '\n') step(1);
      } else if (rest().starts_with("/*")) {
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return error("the comment does not end");
        step(end + 2 - at_);
      } else if (rest().starts_with("#include")) {
        step(8);
        if (auto done = includes(); !done) return done;
      } else if (is_letter(c) || c == '_') {
        size_t end = at_;
        while (end < text_.size() && goes_on(text_[end])) ++end;
        put(Token::Kind::Word, end - at_, 0);
      } else if (is_digit(c) || (c == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
        if (auto done = number(); !done) return done;
      } else if (auto done = symbol(); !done) {
        return done;
      }
      if (tokens_.all.size() > kMaxTokens) return error(fmt::format("more than {} words", kMaxTokens), Code::Limit);
    }
    return {};
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }

  void step(size_t count) {
    for (; count > 0 && at_ < text_.size(); --count, ++at_) {
      if (text_[at_] == '\n') {
        ++line_;
        column_ = 1;
      } else {
        ++column_;
      }
    }
  }

  void put(Token::Kind kind, size_t length, uint64_t value) {
    tokens_.all.push_back({kind, text_.substr(at_, length), value, file_, line_, column_});
    step(length);
  }

  Result<void> error(std::string message, Code code = Code::Malformed, std::string hint = {}) {
    return wrong(tokens_.names[file_], line_, column_, std::move(message), std::move(hint), code);
  }

  Result<void> number() {
    size_t end = at_ + 1;
    while (end < text_.size() && goes_on(text_[end])) ++end;
    const std::string_view all = text_.substr(at_, end - at_);
    std::string_view digits = all;
    const bool negative = digits[0] == '-';
    if (negative) digits.remove_prefix(1);
    int base = 10;
    if (digits.starts_with("0x") || digits.starts_with("0b")) {
      base = digits[1] == 'x' ? 16 : 2;
      digits.remove_prefix(2);
    } else if (digits.size() > 1 && digits[0] == '0') {
      base = 8;
    }
    uint64_t value = 0;
    const auto [stop, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (problem != std::errc() || stop != digits.data() + digits.size() || digits.empty()) return error(fmt::format("'{}' is no number of 64 bits", shown(all)));
    put(Token::Kind::Number, all.size(), negative ? ~value + 1 : value);
    return {};
  }

  Result<void> symbol() {
    for (const std::string_view two : {"==", "!=", "<=", ">=", "||", "&&"}) {
      if (!rest().starts_with(two)) continue;
      put(Token::Kind::Symbol, 2, 0);
      return {};
    }
    if (std::string_view("{}[](),!#<>|&").find(text_[at_]) == std::string_view::npos)
      return error(fmt::format("'{}' stands for nothing here", shown(text_.substr(at_, 1))));
    put(Token::Kind::Symbol, 1, 0);
    return {};
  }

  // The names up to the end of the line, or a semicolon.
  Result<void> includes() {
    while (true) {
      while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) step(1);
      if (at_ >= text_.size() || text_[at_] == '\n') return {};
      if (text_[at_] == ';') {
        step(1);
        return {};
      }
      const size_t end = text_[at_] == '"' ? text_.find('"', at_ + 1) : std::string_view::npos;
      if (end == std::string_view::npos || end == at_ + 1) return error("#include needs a file name in double quotes");
      if (auto done = include(std::string(text_.substr(at_ + 1, end - at_ - 1))); !done) return done;
      step(end + 1 - at_);
    }
  }

  Result<void> include(std::string path) {
    if (depth_ + 1 >= kMaxDepth || tokens_.names.size() >= kMaxFiles) return error("too many files include each other", Code::Limit);
    if (!context_.include) return error("includes are not read here", Code::Malformed, "put the files together");
    const std::string& own = tokens_.names[file_];
    const size_t slash = own.rfind('/');
    if (!path.starts_with('/') && slash != std::string::npos) path = own.substr(0, slash + 1) + path;
    auto text = context_.include(path);
    if (!text) return error(fmt::format("'{}' {}", shown(path), text.error().message), text.error().code);
    if (text->size() > kMaxTextBytes) return error("includes a file that is too large for a policy", Code::Limit);
    tokens_.texts.push_back(std::move(*text));
    tokens_.names.push_back(path);
    return Lexer(tokens_.texts.back(), tokens_.names.size() - 1, depth_ + 1, tokens_, context_).run();
  }

  std::string_view text_;
  size_t file_;
  size_t depth_;
  Tokens& tokens_;
  const ReadContext& context_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  uint32_t column_ = 1;

 public:
  void end() { put(Token::Kind::End, 0, 0); }
};

}  // namespace

Result<Tokens> tokens_of(std::string_view text, const std::string& where, const ReadContext& context) {
  if (text.size() > kMaxTextBytes) return fail(Code::Limit, fmt::format("larger than {} MiB, too large for a profile", kMaxTextBytes >> 20), where);
  Tokens tokens;
  tokens.texts.emplace_back(text);
  tokens.names.push_back(where);
  Lexer lexer(tokens.texts.front(), 0, 0, tokens, context);
  if (auto done = lexer.run(); !done) return tl::unexpected(done.error());
  lexer.end();
  return tokens;
}

}  // namespace stile::format::kafel
