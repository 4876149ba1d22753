// SPDX-License-Identifier: Apache-2.0
#include "flags.h"

#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <stile/nearest.h>

namespace stile::cli {
namespace {

std::string flag_hint(const Command& command, const std::string& given) {
  const std::string name = given.substr(0, given.find('='));
  std::vector<std::string> names;
  for (const Flag& flag : all_flags(command)) names.push_back(flag.long_name());
  const std::string near = nearest(name, names);
  if (!near.empty()) return fmt::format("did you mean {}?", near);
  return fmt::format("see stile {} --help", command.name);
}

// CLI11 keeps pointers to what it fills; one Slot per flag or positional, in a vector that does not grow.
struct Slot {
  std::string name;
  std::vector<std::string> values;
  bool given = false;
};

void add_flag(CLI::App& app, const Flag& flag, Slot& slot) {
  if (flag.value.empty()) {
    app.add_flag(flag.names, slot.given);
    return;
  }
  CLI::Option* option =
      app.add_option(flag.names, slot.values)->allow_extra_args(false)->type_name(flag.value);
  if (flag.repeat && !flag.file && !flag.whole) option->delimiter(',');
  option->multi_option_policy(flag.repeat ? CLI::MultiOptionPolicy::TakeAll
                                          : CLI::MultiOptionPolicy::TakeLast);
}

// Where the command that is to be run begins in `words`: behind "--", or at the first word that is neither an option nor the
// value of one. Its own options are none of ours, so the parser must not see them.
size_t command_begins(const std::vector<Flag>& flags, const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--" || word.size() < 2 || word.front() != '-') return i;
    for (const Flag& flag : flags) {
      // "-o FILE" and "--output FILE"; "-oFILE" and "--output=FILE" are one word.
      if (!flag.value.empty() && (word == flag.long_name() || word == flag.short_name())) {
        ++i;
        break;
      }
    }
  }
  return words.size();
}

}  // namespace

std::string Flag::long_name() const {
  const size_t dashes = names.find("--");
  return dashes == std::string::npos ? names : names.substr(dashes);
}

std::string Flag::short_name() const {
  return names.starts_with("--") ? std::string() : names.substr(0, 2);
}

const std::vector<Flag>& common_flags() {
  static const std::vector<Flag> kFlags = {
      {.names = "--color",
       .value = "WHEN",
       .help = "Use colours: auto, always or never",
       .choices = {"auto", "always", "never"}},
      {.names = "-h,--help", .help = "Show this help"},
  };
  return kFlags;
}

std::vector<Flag> all_flags(const Command& command) {
  std::vector<Flag> flags = command.flags;
  flags.insert(flags.end(), common_flags().begin(), common_flags().end());
  return flags;
}

std::string Arguments::value(const std::string& name, const std::string& otherwise) const {
  auto found = values_.find(name);
  return found == values_.end() || found->second.empty() ? otherwise : found->second.back();
}

std::vector<std::string> Arguments::values(const std::string& name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::string usage_line(const Command& command) {
  std::string line = "stile " + command.name + " [OPTION]...";
  for (const Positional& positional : command.positionals) {
    if (positional.command) line += " [--]";
    line += positional.required ? " " + positional.name : " [" + positional.name + "]";
    if (positional.repeat) line += "...";
    if (positional.command) line += " [ARG]...";
  }
  return line;
}

Result<Arguments> parse(const Command& command, std::vector<std::string> words) {
  const std::string where = "stile " + command.name;
  const std::vector<Flag> flags = all_flags(command);
  std::vector<Slot> slots(flags.size() + 1);

  std::vector<std::string> rest;
  if (!command.positionals.empty() && command.positionals.back().command) {
    const size_t begin = std::min(command_begins(flags, words), words.size());
    rest.assign(words.begin() + static_cast<ptrdiff_t>(begin), words.end());
    words.resize(begin);
    if (!rest.empty() && rest.front() == "--") rest.erase(rest.begin());
  }

  CLI::App app;
  app.set_help_flag();  // --help is one of ours
  app.allow_extras();
  for (size_t i = 0; i < flags.size(); ++i) {
    slots[i].name = flags[i].long_name();
    add_flag(app, flags[i], slots[i]);
  }
  try {
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    app.parse(words);
  } catch (const CLI::ArgumentMismatch& error) {
    // Its what() begins with the option's name: "--output: 1 required FILE missing".
    const std::string what = error.what();
    return fail(Code::Usage, fmt::format("{} needs a value", what.substr(0, what.find(':'))), {},
                fmt::format("see {} --help", where));
  } catch (const CLI::ParseError& error) {
    return fail(Code::Usage, error.what(), {}, fmt::format("see {} --help", where));
  }

  Arguments arguments;
  for (Slot& slot : slots) {
    if (slot.given || !slot.values.empty()) arguments.values_[slot.name] = std::move(slot.values);
  }
  size_t next = 0;
  bool only_positionals = false;
  for (const std::string& word : app.remaining()) {
    if (word == "--" && !only_positionals) {
      only_positionals = true;
    } else if (!only_positionals && word.size() > 1 && word.front() == '-') {
      return fail(Code::Usage, fmt::format("unknown option '{}'", word), {}, flag_hint(command, word));
    } else if (next == command.positionals.size() && !command.positionals.empty() && command.positionals.back().repeat) {
      arguments.values_[command.positionals.back().name].push_back(word);
    } else if (next == command.positionals.size()) {
      return fail(Code::Usage, fmt::format("unexpected argument '{}'", word), {},
                  "usage: " + usage_line(command));
    } else {
      arguments.values_[command.positionals[next++].name].push_back(word);
    }
  }
  if (arguments.has("--help")) return arguments;
  if (!rest.empty()) arguments.values_[command.positionals[next++].name] = std::move(rest);
  if (next < command.positionals.size() && command.positionals[next].required && !arguments.has(command.positionals[next].unless)) {
    return fail(Code::Usage, fmt::format("{} is missing", command.positionals[next].name), {},
                "usage: " + usage_line(command));
  }
  return arguments;
}

}  // namespace stile::cli
