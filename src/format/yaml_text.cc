// SPDX-License-Identifier: Apache-2.0
#include "format/yaml_text.h"

#include <charconv>
#include <memory>
#include <vector>

#include <yaml.h>

#include <fmt/format.h>

namespace stile::format {
namespace {

// A manifest has some hundred; the place of each is kept.
constexpr size_t kMaxYamlValues = 1u << 16;

std::string place_of(const yaml_mark_t& mark) { return fmt::format("{}:{}", mark.line + 1, mark.column + 1); }

class Reader {
 public:
  Reader(std::string_view text, const std::string& where) : where_(where) {
    made_ = yaml_parser_initialize(&parser_) == 1;
    if (made_) yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() {
    if (has_event_) yaml_event_delete(&event_);
    if (made_) yaml_parser_delete(&parser_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<YamlDocument> read() {
    if (!made_) return fail(Code::Limit, "no memory to read YAML", where_);
    YamlDocument document;
    size_t documents = 0;
    while (true) {
      if (!next()) return tl::unexpected(error_);
      if (event_.type == YAML_STREAM_END_EVENT) break;
      if (event_.type != YAML_DOCUMENT_START_EVENT) continue;
      if (++documents > 1) {
        say("holds more than one document", "one profile a file");
        return tl::unexpected(error_);
      }
      if (!next() || !value(document.value, document, "", 0)) return tl::unexpected(error_);
    }
    if (documents == 0) return fail(Code::Malformed, "holds no document", where_);
    return document;
  }

 private:
  bool next() {
    if (has_event_) yaml_event_delete(&event_);
    has_event_ = yaml_parser_parse(&parser_, &event_) == 1;
    if (has_event_) return true;
    error_ = Error{Code::Malformed, fmt::format("not valid YAML here: {}", parser_.problem == nullptr ? "?" : parser_.problem),
                   fmt::format("{}:{}", where_, place_of(parser_.problem_mark)), {}};
    return false;
  }

  bool say(const std::string& message, const std::string& hint = {}, Code code = Code::Malformed) {
    error_ = Error{code, message, fmt::format("{}:{}", where_, place_of(event_.start_mark)), hint};
    return false;
  }

  std::string_view text() const {
    return {reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length};
  }

  static json plain(std::string_view word) {
    if (word.empty() || word == "~" || word == "null" || word == "Null" || word == "NULL") return nullptr;
    if (word == "true" || word == "True" || word == "TRUE") return true;
    if (word == "false" || word == "False" || word == "FALSE") return false;
    const bool hexadecimal = word.starts_with("0x");
    const std::string_view digits = hexadecimal ? word.substr(2) : word;
    const bool octal = !hexadecimal && digits.size() > 1 && digits[0] == '0';
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, hexadecimal ? 16 : 10);
    if (!octal && error == std::errc() && end == digits.data() + digits.size()) return number;
    return std::string(word);
  }

  // The event at hand begins it.
  bool value(json& out, YamlDocument& document, const std::string& path, size_t depth) {
    if (depth > kMaxJsonDepth) return say(fmt::format("nested more than {} deep", kMaxJsonDepth), {}, Code::Limit);
    if (++values_ > kMaxYamlValues) return say(fmt::format("more than {} values", kMaxYamlValues), {}, Code::Limit);
    document.places.emplace(path, place_of(event_.start_mark));
    switch (event_.type) {
      case YAML_SCALAR_EVENT: {
        const auto& scalar = event_.data.scalar;
        if (scalar.anchor != nullptr || scalar.tag != nullptr) return say("anchors and tags are not read");
        out = scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain(text()) : json(std::string(text()));
        return true;
      }
      case YAML_SEQUENCE_START_EVENT:
        return sequence(out, document, path, depth);
      case YAML_MAPPING_START_EVENT:
        return mapping(out, document, path, depth);
      case YAML_ALIAS_EVENT:
        return say("aliases are not read");
      default:
        return say("something else than a value");
    }
  }

  bool sequence(json& out, YamlDocument& document, const std::string& path, size_t depth) {
    const auto& start = event_.data.sequence_start;
    if (start.anchor != nullptr || start.tag != nullptr) return say("anchors and tags are not read");
    out = json::array();
    for (size_t index = 0;; ++index) {
      if (!next()) return false;
      if (event_.type == YAML_SEQUENCE_END_EVENT) return true;
      out.push_back(nullptr);
      if (!value(out.back(), document, fmt::format("{}/{}", path, index), depth + 1)) return false;
    }
  }

  bool mapping(json& out, YamlDocument& document, const std::string& path, size_t depth) {
    const auto& start = event_.data.mapping_start;
    if (start.anchor != nullptr || start.tag != nullptr) return say("anchors and tags are not read");
    out = json::object();
    while (true) {
      if (!next()) return false;
      if (event_.type == YAML_MAPPING_END_EVENT) return true;
      if (event_.type != YAML_SCALAR_EVENT) return say("a key must be text");
      const std::string key(text());
      if (out.contains(key)) return say(fmt::format("the key \"{}\" stands twice in one mapping", key.substr(0, 64)));
      if (!next()) return false;
      if (!value(out[key], document, path + pointer_step(key), depth + 1)) return false;
    }
  }

  const std::string& where_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
  bool made_ = false;
  bool has_event_ = false;
  size_t values_ = 0;
  Error error_;
};

}  // namespace

Result<YamlDocument> parse_yaml(std::string_view text, const std::string& where) {
  if (text.size() > kMaxJsonBytes)
    return fail(Code::Limit, fmt::format("larger than {} MiB, too large for a profile", kMaxJsonBytes >> 20), where);
  Reader reader(text, where);
  return reader.read();
}

Error with_place(Error error, const YamlDocument& document) {
  std::string path = error.message.substr(0, error.message.find(": "));
  if (!path.starts_with('/')) return error;
  auto place = document.places.find(path);
  while (place == document.places.end() && !path.empty()) {
    path.resize(path.rfind('/'));
    place = document.places.find(path);
  }
  if (place != document.places.end()) error.where += ":" + place->second;
  return error;
}

std::string yaml_scalar(std::string_view text) {
  return json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace stile::format
