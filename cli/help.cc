// SPDX-License-Identifier: Apache-2.0
#include "help.h"

#include <algorithm>

#include <fmt/format.h>

#include "commands.h"

namespace stile::cli {
namespace {

constexpr size_t kWidth = 96;
constexpr size_t kMaxLeft = 30;

struct Row {
  std::string left;
  std::string right;
};

std::string table(const std::vector<Row>& rows, const Style& style) {
  size_t left = 0;
  for (const Row& row : rows) {
    if (row.left.size() <= kMaxLeft) left = std::max(left, row.left.size());
  }
  std::string text;
  for (const Row& row : rows) {
    text += "  " + style.cyan(row.left);
    size_t column = 2 + row.left.size();
    const size_t start = left + 4;
    if (column + 2 > start) {
      text += "\n";
      column = 0;
    }
    for (const std::string& line : wrap(row.right, kWidth - start)) {
      text += std::string(start - column, ' ') + line + "\n";
      column = 0;
    }
  }
  return text;
}

std::string left_of(const Flag& flag) {
  std::string left = flag.short_name().empty() ? "    " : flag.short_name() + ", ";
  left += flag.long_name();
  if (!flag.value.empty()) left += " " + flag.value;
  return left;
}

std::string paragraph(const std::string& text) {
  std::string lines;
  for (const std::string& line : wrap(text, kWidth)) lines += line + "\n";
  return lines;
}

}  // namespace

std::vector<std::string> wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines = {""};
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    if (!lines.back().empty() && columns(lines.back()) + 1 + columns(word) > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::string full_help(const Flag& flag) {
  std::string text = flag.help;
  if (flag.repeat) {
    text += flag.file ? " (may be given more than once)" : " (with commas between, or given more than once)";
  }
  return text;
}

std::string overview(const Style& style) {
  std::string text = fmt::format("{} {}: {}\n\n", style.bold("stile"), STILE_VERSION, kTagline);
  text += style.bold("Usage:") + " stile COMMAND [OPTION]...\n\n";
  text += style.bold("Commands:") + "\n";
  std::vector<Row> rows;
  for (const Command& command : commands()) rows.push_back({command.name, command.summary});
  rows.push_back({"help COMMAND", "show what a command takes, as stile COMMAND --help does"});
  text += table(rows, style) + "\n";
  text += style.bold("Options:") + "\n";
  text += table({{"-h, --help", "Show this help"}, {"-V, --version", "Show the version"}}, style) + "\n";
  text += style.bold("Examples:") + "\n";
  for (const Command& command : commands()) {
    if (!command.examples.empty()) text += "  " + command.examples.front().command + "\n";
  }
  return text;
}

std::string help_for(const Command& command, const Style& style) {
  std::string text = style.bold("stile " + command.name) + ": " + command.summary + "\n\n";
  text += style.bold("Usage:") + " " + usage_line(command) + "\n\n";
  for (const std::string& about : command.about) text += paragraph(about) + "\n";
  if (!command.positionals.empty()) {
    text += style.bold("Arguments:") + "\n";
    std::vector<Row> rows;
    for (const Positional& positional : command.positionals)
      rows.push_back({positional.name, positional.help});
    text += table(rows, style) + "\n";
  }
  text += style.bold("Options:") + "\n";
  std::vector<Row> rows;
  for (const Flag& flag : all_flags(command)) rows.push_back({left_of(flag), full_help(flag)});
  text += table(rows, style) + "\n";
  text += style.bold("Exit status:") + "\n";
  rows.clear();
  for (const auto& [status, meaning] : command.exits) rows.push_back({std::to_string(status), meaning});
  text += table(rows, style) + "\n";
  text += style.bold("Examples:") + "\n";
  for (const Example& example : command.examples) {
    text += "  " + example.command + "\n";
    for (const std::string& line : wrap(example.what, kWidth - 6)) text += "      " + line + "\n";
  }
  return text;
}

}  // namespace stile::cli
