// SPDX-License-Identifier: Apache-2.0
//
// Strict reading of untrusted JSON: first the text (size, depth, doubled keys, syntax), then its fields one
// by one. The first thing wrong is kept with its place; after it, every question is answered with an empty
// value, so that code that reads a document needs no error handling of its own until the end.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <stile/result.h>

namespace stile::format {

using nlohmann::json;
using nlohmann::ordered_json;

// Bounds on a document. The largest real profile (every call path of a 90 MB program) is below a tenth of
// each.
inline constexpr size_t kMaxJsonBytes = 16u << 20;
inline constexpr size_t kMaxJsonDepth = 32;
inline constexpr size_t kMaxJsonValues = 1u << 20;

// Parses all of `text`. Errors: Malformed with "where:line:column", Limit. Never throws.
Result<json> parse_json(std::string_view text, const std::string& where);

// Text for a file: two spaces of indentation, a newline at the end; bytes that are not UTF-8 become U+FFFD.
std::string print_json(const ordered_json& value);

// What a member that is null means: an error like any other wrong type, or the same as a member that is not
// there (what Go's encoding/json writes for nothing, and reads as nothing).
enum class Nulls { AreWrong, AreAbsent };

// One step of a JSON pointer: "/key", with what a pointer takes for its own marks written otherwise.
std::string pointer_step(std::string_view key);

// Keeps the first error of a document.
class Decoder {
 public:
  explicit Decoder(std::string where, Nulls nulls = Nulls::AreWrong)
      : where_(std::move(where)), nulls_(nulls) {}
  // `path` names the field as a JSON pointer (RFC 6901), e.g. "/syscalls/3/names"; empty = the whole
  // document.
  void fail(const std::string& path, const std::string& message, const std::string& hint = {},
            Code code = Code::Malformed);
  bool failed() const { return failed_; }
  const Error& error() const { return error_; }
  const std::string& where() const { return where_; }
  Nulls nulls() const { return nulls_; }

 private:
  std::string where_;
  Nulls nulls_;
  bool failed_ = false;
  Error error_;
};

enum class Need { Required, Optional };

// One JSON object being read. Asking for a key marks it as known; done() objects to all the others.
class Object {
 public:
  // Anything but an object is an error and reads as an empty one.
  Object(Decoder& decoder, const json& value, std::string path);

  bool has(const char* key);
  std::string text(const char* key, Need need = Need::Optional);
  // At most `max`; 0 when absent.
  uint64_t number(const char* key, uint64_t max, Need need = Need::Optional);
  // A string such as "0x401000"; 0 when absent.
  uint64_t address(const char* key);
  std::vector<std::string> texts(const char* key, Need need = Need::Optional);
  // Calls `each` for every element of an array, with the element and its path.
  void array(const char* key, Need need, const std::function<void(const json&, const std::string&)>& each);
  // Calls `each` for every member of an object.
  void members(const char* key, Need need,
               const std::function<void(const std::string&, const json&, const std::string&)>& each);
  // The member itself, or null.
  const json* member(const char* key, Need need = Need::Optional);

  void done();
  void fail(const char* key, const std::string& message, const std::string& hint = {});
  std::string path_of(const char* key) const;
  const std::string& path() const { return path_; }
  Decoder& decoder() { return decoder_; }

 private:
  Decoder& decoder_;
  const json* value_;
  std::string path_;
  std::set<std::string_view> known_;
};

}  // namespace stile::format
