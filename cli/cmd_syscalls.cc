// SPDX-License-Identifier: Apache-2.0
//
// stile syscalls: what is known about system calls as such.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <stile/syscalls.h>

#include "commands.h"
#include "output.h"

namespace stile::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kColumns = 5;

std::string since_text(const SyscallInfo& info) {
  if (info.since.empty()) return "-";
  return info.since_exact ? info.since : info.since + " or later";
}

std::string number_text(uint32_t number) {
  constexpr uint32_t kReadable = 100000;  // x32's have bit 30 set
  return number < kReadable ? std::to_string(number) : fmt::format("{:#x}", number);
}

std::string table_text(const std::vector<SyscallInfo>& list, const Style& style) {
  std::vector<std::array<std::string, kColumns>> lines = {{"NUMBER", "NAME", "SINCE", "RISK", "GROUPS"}};
  for (const SyscallInfo& info : list) {
    lines.push_back({number_text(info.number), info.name, since_text(info), std::string(info.risk.group),
                     fmt::format("{}", fmt::join(info.groups, " "))});
  }
  std::array<size_t, kColumns> width{};
  for (const auto& line : lines) {
    for (size_t i = 0; i < kColumns; ++i) width[i] = std::max(width[i], columns(line[i]));
  }
  std::string text;
  for (size_t row = 0; row < lines.size(); ++row) {
    std::string line;
    for (size_t i = 0; i < kColumns; ++i) {
      const std::string& cell = lines[row][i];
      const std::string space(width[i] - columns(cell), ' ');
      const bool loud = i == 3 && row > 0 && list[row - 1].risk.level >= 3;
      const std::string shown = row == 0 ? style.bold(cell)
                                : loud
                                    ? (list[row - 1].risk.level == 4 ? style.red(cell) : style.yellow(cell))
                                    : cell;
      line += (i == 0 ? space + shown : shown + space) + (i + 1 < kColumns ? "  " : "");
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string json_text(const std::vector<SyscallInfo>& list, const std::string& arch) {
  ordered_json calls = ordered_json::array();
  for (const SyscallInfo& info : list) {
    calls.push_back(
        {{"name", info.name},
         {"number", info.number},
         {"since", info.since},
         {"since_exact", info.since_exact},
         {"groups", info.groups},
         {"risk", {{"group", info.risk.group}, {"level", info.risk.level}, {"reason", info.risk.reason}}}});
  }
  const ordered_json document = {{"schema", 1}, {"arch", arch}, {"syscalls", calls}};
  return document.dump(2) + "\n";
}

std::string groups_text(const Style& style) {
  size_t width = 0;
  for (const std::string& group : syscall_groups()) width = std::max(width, group.size());
  std::string text;
  for (const std::string& group : syscall_groups())
    text += style.bold(group) + std::string(width + 2 - group.size(), ' ') +
            std::string(group_description(group)) + "\n";
  return text;
}

std::string groups_json() {
  ordered_json groups = ordered_json::array();
  for (const std::string& group : syscall_groups()) {
    const auto members = expand_syscalls(group);
    groups.push_back({{"name", group},
                      {"description", group_description(group)},
                      {"syscalls", members ? *members : std::vector<std::string>()}});
  }
  const ordered_json document = {{"schema", 1}, {"groups", groups}};
  return document.dump(2) + "\n";
}

int run_syscalls(const Arguments& arguments) {
  const Style style = style_for(STDOUT_FILENO, arguments);
  const bool json = arguments.has("--json");
  const std::string arch = arguments.value("--arch", "x86_64"), what = arguments.value("NAME|NUMBER|@GROUP");
  std::string text;
  int status = 0;
  if (arguments.has("--groups")) {
    text = json ? groups_json() : groups_text(style);
  } else {
    const auto list = what.empty() ? syscall_table(arch) : find_syscalls(what, arch);
    if (!list) return report(list.error());
    status = list->empty() ? 1 : 0;
    text = json ? json_text(*list, arch) : list->empty() ? "" : table_text(*list, style);
    if (list->empty()) {
      const std::vector<std::string> others = architectures_with(what);
      say(fmt::format("stile: {} has no system call {}{}\n", printable(arch), printable(what),
                      others.empty() ? ""
                                     : fmt::format(" ({} {} it)", fmt::join(others, ", "),
                                                   others.size() == 1 ? "has" : "have")));
    }
  }
  const Result<void> written = write_stdout(text);
  return written ? status : report(written.error());
}

}  // namespace

Command syscalls_command() {
  Command command;
  command.name = "syscalls";
  command.summary = "look up system calls: numbers, kernel versions, groups, risk";
  command.about = {
      "Without an argument: all calls of an architecture. SINCE is the kernel release that brought the call "
      "to this architecture. GROUPS are "
      "those that --allow, --drop and --set take, named as systemd names them.",
  };
  command.positionals = {
      {.name = "NAME|NUMBER|@GROUP", .help = "A system call or a group of them", .required = false}};
  command.flags = {
      {.names = "--arch",
       .value = "NAME",
       .help = "The system call table to look in. Default: x86_64",
       .choices = architectures()},
      {.names = "--groups", .help = "List the groups and what they are for"},
      {.names = "--json", .help = "Print JSON"},
  };
  command.examples = {{"stile syscalls 435", "Which call is that?"},
                      {"stile syscalls @mount", "What does the group hold?"},
                      {"stile syscalls clone3 --arch arm64", "Its number on another machine"}};
  command.exits = {{0, "shown"}, {1, "the architecture has no such call"}, {2, "an error"}};
  command.run = run_syscalls;
  return command;
}

}  // namespace stile::cli
