// SPDX-License-Identifier: Apache-2.0
//
// Which format a text is in: what the formats in lines of text look like.
#pragma once

#include <functional>
#include <string_view>

namespace stile::format {

// Without blanks at either end.
std::string_view stripped(std::string_view text);
// Whether a line (without its end) is as asked; comments and empty lines are not asked about. Looks at the first 64 KiB.
bool has_line(std::string_view text, const std::function<bool(std::string_view)>& is);
// The first line that is neither empty nor a comment (# or //); empty when there is none.
std::string_view first_line(std::string_view text);

bool looks_like_spo(std::string_view text);
bool looks_like_systemd(std::string_view text);
bool looks_like_firejail(std::string_view text);
bool looks_like_kafel(std::string_view text);
bool looks_like_minijail(std::string_view text);
// Of JSON.
bool looks_like_seccompiler(std::string_view text);

}  // namespace stile::format
