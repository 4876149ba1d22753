// SPDX-License-Identifier: Apache-2.0
//
// YAML as the value that JSON of the same meaning would be, read with libyaml event by event, so that its size is bounded while it is read.
// Plain scalars are null, true, false, whole numbers, or else text. Anchors, aliases and tags are refused: manifests need none,
// and they are how small documents become large ones.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "format/json_text.h"

namespace stile::format {

struct YamlDocument {
  json value;
  std::map<std::string, std::string> places;  // JSON pointer -> "line:column" of the value
};

// The only document of the text. Errors: Malformed with "where:line:column", Limit (the bounds of parse_json).
Result<YamlDocument> parse_yaml(std::string_view text, const std::string& where);

// An error whose message begins with a JSON pointer, as Decoder makes them: the place in the text goes into `where`.
Error with_place(Error error, const YamlDocument& document);

// Text in double quotes where YAML could take it for something else.
std::string yaml_scalar(std::string_view text);

}  // namespace stile::format
