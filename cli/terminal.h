// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <stile/result.h>

namespace stile::cli {

enum class ColorMode { Auto, Always, Never };

// What --color says; Usage error for anything but auto, always, never.
Result<ColorMode> color_mode_from(std::string_view text);

// Colours for one stream, or none.
class Style {
 public:
  // Auto means: the descriptor is a terminal, TERM is not "dumb", and NO_COLOR (no-color.org) is unset or
  // empty.
  Style(int fd, ColorMode mode);

  std::string bold(std::string_view text) const { return paint("1", text); }
  std::string dim(std::string_view text) const { return paint("2", text); }
  std::string red(std::string_view text) const { return paint("31", text); }
  std::string yellow(std::string_view text) const { return paint("33", text); }
  std::string cyan(std::string_view text) const { return paint("36", text); }

 private:
  std::string paint(const char* code, std::string_view text) const;
  bool on_ = false;
};

// Whether somebody reads along: one line for each message is then not a must.
bool is_terminal(int fd);

// Text from a file that may be hostile, made harmless for a terminal: control characters and bytes that are
// not UTF-8 become \xNN. Everything that comes from a binary or a profile goes through here before it is
// shown.
std::string printable(std::string_view text);

// Columns the text takes, counting each UTF-8 sequence as one.
size_t columns(std::string_view text);

// Writes to standard error; that this can fail is nothing anybody could be told.
void say(std::string_view text);

// Says "stile: where: message (hint)" and returns 2, the exit status for it.
int report(const Error& error);

// From now on a SIGBUS (a mapped file got shorter under us) ends the process with one clear line that names
// `path`, and exit status 2.
void expect_truncation(const std::string& path);

}  // namespace stile::cli
