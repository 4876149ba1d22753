// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace stile::cli {
namespace {

// Written before the handler is installed, read by it: a signal handler can build no strings.
char truncation_message[4096];
size_t truncation_length = 0;

void on_bus_error(int) {
  // Whether it can be written or not, there is nothing left to do.
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, truncation_message, truncation_length);
  _exit(2);
}

// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629, section 4), 0 if there is none.
size_t utf8_length(std::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

// Terminals obey the C1 controls (U+0080 to U+009F), and bidirectional controls can make a name read as
// another.
bool is_harmless(std::string_view sequence) {
  if (sequence.size() == 1) return sequence[0] >= 0x20 && sequence[0] != 0x7f;
  if (sequence.size() == 2) return !(sequence[0] == '\xc2' && static_cast<unsigned char>(sequence[1]) < 0xa0);
  if (sequence.size() == 3 && sequence.starts_with("\xe2\x80")) {
    const auto last = static_cast<unsigned char>(sequence[2]);
    return !((last >= 0x8b && last <= 0x8f) || (last >= 0xa8 && last <= 0xae));
  }
  if (sequence.size() == 3 && sequence.starts_with("\xe2\x81"))
    return static_cast<unsigned char>(sequence[2]) < 0xa0;
  return true;
}

}  // namespace

Result<ColorMode> color_mode_from(std::string_view text) {
  if (text == "auto") return ColorMode::Auto;
  if (text == "always") return ColorMode::Always;
  if (text == "never") return ColorMode::Never;
  return fail(Code::Usage, fmt::format("--color cannot be '{}'", text), {}, "auto, always or never");
}

Style::Style(int fd, ColorMode mode) {
  if (mode == ColorMode::Always) on_ = true;
  if (mode != ColorMode::Auto) return;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  on_ = is_terminal(fd) && (no_color == nullptr || *no_color == 0) && term != nullptr &&
        std::strcmp(term, "dumb") != 0;
}

std::string Style::paint(const char* code, std::string_view text) const {
  if (!on_) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

bool is_terminal(int fd) {
  return isatty(fd) == 1;
}

std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length != 0 && is_harmless(text.substr(0, length))) {
      shown += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    for (size_t i = 0; i < std::max<size_t>(length, 1); ++i) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return shown;
}

size_t columns(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

void say(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(written);
  }
}

int report(const Error& error) {
  say("stile: " + printable(to_line(error)) + "\n");
  return 2;
}

void expect_truncation(const std::string& path) {
  const std::string message =
      fmt::format("stile: {}: it got shorter while it was read (run again when nothing writes to it)\n",
                  printable(path).substr(0, 3500));
  truncation_length = message.copy(truncation_message, sizeof truncation_message);
  struct sigaction action = {};
  action.sa_handler = on_bus_error;
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace stile::cli
