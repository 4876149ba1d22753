// SPDX-License-Identifier: Apache-2.0
#include "format/json_text.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace stile::format {
namespace {

std::string place(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const size_t line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return fmt::format("{}:{}", line, std::max<size_t>(column, 1));
}

// nlohmann says "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing
// X - Y".
std::string short_message(std::string_view what) {
  if (const size_t dash = what.find(" - "); dash != std::string_view::npos) what.remove_prefix(dash + 3);
  if (const size_t last = what.find("; last read: "); last != std::string_view::npos)
    what = what.substr(0, last);
  std::string line(what);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

// The first pass: looks at the text without building anything, so that a hostile one costs nothing but its
// bytes.
class Inspector : public nlohmann::json_sax<json> {
 public:
  std::string problem;
  size_t offset = 0;
  bool at_limit = false;

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool start_array(size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool start_object(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    problem = fmt::format("the key \"{}\" stands twice in one object", name.substr(0, 64));
    return false;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    problem = short_message(error.what());
    offset = position;
    return false;
  }

 private:
  bool count() {
    if (++values_ <= kMaxJsonValues) return true;
    at_limit = true;
    problem = fmt::format("more than {} values", kMaxJsonValues);
    return false;
  }
  bool open() {
    if (keys_.size() >= kMaxJsonDepth) {
      at_limit = true;
      problem = fmt::format("nested more than {} deep", kMaxJsonDepth);
      return false;
    }
    keys_.emplace_back();
    return count();
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> keys_;  // of the objects that are open; arrays have an empty one
  size_t values_ = 0;
};

}  // namespace

Result<json> parse_json(std::string_view text, const std::string& where) {
  if (text.size() > kMaxJsonBytes) {
    return stile::fail(
        Code::Limit, fmt::format("larger than {} MiB, too large for a profile", kMaxJsonBytes >> 20), where);
  }
  Inspector inspector;
  if (!json::sax_parse(text.begin(), text.end(), &inspector)) {
    const std::string at = inspector.offset == 0 ? where : where + ":" + place(text, inspector.offset);
    return stile::fail(inspector.at_limit ? Code::Limit : Code::Malformed,
                       "not valid JSON here: " + inspector.problem, at);
  }
  json value = json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded()) return stile::fail(Code::Malformed, "not valid JSON", where);
  return value;
}

std::string print_json(const ordered_json& value) {
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string pointer_step(std::string_view key) {
  std::string step = "/";
  for (const char letter : key.substr(0, 64)) {
    if (letter == '~') {
      step += "~0";
    } else if (letter == '/') {
      step += "~1";
    } else {
      step += letter;
    }
  }
  return step;
}

void Decoder::fail(const std::string& path, const std::string& message, const std::string& hint, Code code) {
  if (failed_) return;
  failed_ = true;
  error_ = Error{code, path.empty() ? message : path + ": " + message, where_, hint};
}

Object::Object(Decoder& decoder, const json& value, std::string path)
    : decoder_(decoder), value_(&value), path_(std::move(path)) {
  static const json kEmpty = json::object();
  if (value_->is_object()) return;
  decoder_.fail(path_, fmt::format("must be an object, not {}", value.type_name()));
  value_ = &kEmpty;
}

std::string Object::path_of(const char* key) const {
  return path_ + pointer_step(key);
}

void Object::fail(const char* key, const std::string& message, const std::string& hint) {
  decoder_.fail(path_of(key), message, hint);
}

const json* Object::member(const char* key, Need need) {
  known_.insert(key);
  auto found = value_->find(key);
  const bool absent = found == value_->end() || (found->is_null() && decoder_.nulls() == Nulls::AreAbsent);
  if (!absent) return &*found;
  if (need == Need::Required) fail(key, "missing");
  return nullptr;
}

bool Object::has(const char* key) {
  return member(key) != nullptr;
}

std::string Object::text(const char* key, Need need) {
  const json* value = member(key, need);
  if (value == nullptr) return {};
  if (value->is_string()) return value->get_ref<const std::string&>();
  fail(key, fmt::format("must be a string, not {}", value->type_name()));
  return {};
}

uint64_t Object::number(const char* key, uint64_t max, Need need) {
  const json* value = member(key, need);
  if (value == nullptr) return 0;
  if (value->is_number_unsigned() && value->get<uint64_t>() <= max) return value->get<uint64_t>();
  fail(key, fmt::format("must be a whole number from 0 to {}", max));
  return 0;
}

uint64_t Object::address(const char* key) {
  const std::string digits = text(key);
  if (!has(key)) return 0;
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  if (digits.starts_with("0x")) {
    auto [stop, error] = std::from_chars(digits.data() + 2, end, value, 16);
    if (error == std::errc() && stop == end) return value;
  }
  fail(key, "must be an address such as \"0x401000\"");
  return 0;
}

void Object::array(const char* key, Need need,
                   const std::function<void(const json&, const std::string&)>& each) {
  const json* value = member(key, need);
  if (value == nullptr) return;
  if (!value->is_array()) return fail(key, fmt::format("must be an array, not {}", value->type_name()));
  size_t index = 0;
  for (const json& element : *value) {
    if (decoder_.failed()) return;
    each(element, fmt::format("{}/{}", path_of(key), index++));
  }
}

void Object::members(const char* key, Need need,
                     const std::function<void(const std::string&, const json&, const std::string&)>& each) {
  const json* value = member(key, need);
  if (value == nullptr) return;
  if (!value->is_object()) return fail(key, fmt::format("must be an object, not {}", value->type_name()));
  for (const auto& [name, element] : value->items()) {
    if (decoder_.failed()) return;
    each(name, element, path_of(key) + pointer_step(name));
  }
}

std::vector<std::string> Object::texts(const char* key, Need need) {
  std::vector<std::string> all;
  array(key, need, [&](const json& element, const std::string& path) {
    if (!element.is_string())
      return decoder_.fail(path, fmt::format("must be a string, not {}", element.type_name()));
    all.push_back(element.get_ref<const std::string&>());
  });
  return all;
}

void Object::done() {
  if (decoder_.failed()) return;
  for (const auto& [name, element] : value_->items()) {
    if (known_.contains(name)) continue;
    return decoder_.fail(path_ + pointer_step(name), "unknown field");
  }
}

}  // namespace stile::format
