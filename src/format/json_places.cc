// SPDX-License-Identifier: Apache-2.0
#include "format/json_places.h"

#include "format/json_text.h"

namespace stile::format {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::map<std::string, uint32_t> run() {
    value("", 0);
    return std::move(lines_);
  }

 private:
  char look() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return;
    }
  }

  // A string with its quotes; its text but for escapes, which no key that anybody asks for has.
  std::string string() {
    const size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_, text_.size());
    std::string found(text_.substr(begin, at_ - begin));
    if (at_ < text_.size()) ++at_;
    return found;
  }

  // False: the text ends or makes no sense.
  bool value(const std::string& pointer, size_t depth) {
    skip_space();
    lines_.emplace(pointer, line_);
    if (depth > kMaxJsonDepth) return false;
    switch (look()) {
      case '{':
        return members(pointer, depth);
      case '[':
        return elements(pointer, depth);
      case '"':
        string();
        return true;
      default:
        break;
    }
    const size_t begin = at_;
    while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return at_ > begin;
  }

  bool members(const std::string& pointer, size_t depth) {
    ++at_;
    for (skip_space(); look() == '"'; skip_space()) {
      const uint32_t line = line_;
      const std::string inner = pointer + pointer_step(string());
      skip_space();
      if (look() != ':') return false;
      ++at_;
      lines_.emplace(inner, line);
      if (!value(inner, depth + 1)) return false;
      skip_space();
      if (look() == ',') ++at_;
    }
    return close('}');
  }

  bool elements(const std::string& pointer, size_t depth) {
    ++at_;
    skip_space();
    for (size_t i = 0; look() != ']'; ++i) {
      if (!value(pointer + "/" + std::to_string(i), depth + 1)) return false;
      skip_space();
      if (look() == ',') ++at_;
      skip_space();
    }
    return close(']');
  }

  bool close(char with) {
    if (look() != with) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  std::map<std::string, uint32_t> lines_;
};

}  // namespace

std::map<std::string, uint32_t> json_lines(std::string_view text) {
  return Scanner(text).run();
}

}  // namespace stile::format
