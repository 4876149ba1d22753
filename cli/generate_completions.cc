// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.h"
#include "generate.h"

namespace stile::cli {
namespace {

// In single quotes for a POSIX shell.
std::string quoted(const std::string& text) {
  std::string safe = "'";
  for (const char c : text) {
    if (c == '\'') {
      safe += "'\\''";
    } else {
      safe += c;
    }
  }
  return safe + "'";
}

bool names_a_file(const Flag& flag) {
  return flag.file;
}

// For zsh's _arguments: brackets and colons have a meaning there.
std::string zsh_text(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string zsh_flag(const Flag& flag) {
  std::string value;
  if (!flag.value.empty()) {
    const std::string action =
        names_a_file(flag) ? "_files" : fmt::format("({})", fmt::join(flag.choices, " "));
    value = fmt::format(":{}:{}", zsh_text(flag.value), flag.choices.empty() && !flag.file ? "" : action);
  }
  const std::string help = "[" + zsh_text(flag.help) + "]";
  const std::string long_name = flag.long_name() + (flag.value.empty() ? "" : "=");
  const std::string repeat = flag.repeat ? "*" : "";
  std::string text = fmt::format("        {} \\\n", quoted(repeat + long_name + help + value));
  if (!flag.short_name().empty()) {
    text += fmt::format("        {} \\\n", quoted(repeat + flag.short_name() + help + value));
  }
  return text;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.push_back(command.name);
  return names;
}

}  // namespace

std::string bash_completion() {
  const auto names = fmt::format("{}", fmt::join(command_names(), " "));
  std::string text = "# bash completion for stile\n_stile() {\n";
  text += "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} flags=\n";
  text += "  COMPREPLY=()\n  if [ \"$COMP_CWORD\" -eq 1 ]; then\n";
  text += fmt::format(
      "    COMPREPLY=($(compgen -W '{} help --help --version' -- \"$word\"))\n    return\n  fi\n", names);
  text += "  case ${COMP_WORDS[1]}:$before in\n";
  text += fmt::format("    help:*) COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;\n", names);
  for (const Command& command : commands()) {
    for (const Flag& flag : all_flags(command)) {
      if (flag.value.empty()) continue;
      std::string pattern = command.name + ":" + flag.long_name();
      if (!flag.short_name().empty()) pattern += "|" + command.name + ":" + flag.short_name();
      std::string reply;
      if (names_a_file(flag)) reply = "COMPREPLY=($(compgen -f -- \"$word\"))";
      if (!flag.choices.empty()) {
        reply = fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$word\"))", fmt::join(flag.choices, " "));
      }
      text += fmt::format("    {}) {}return ;;\n", pattern, reply.empty() ? "" : reply + "; ");
    }
  }
  text += "  esac\n  case ${COMP_WORDS[1]} in\n";
  for (const Command& command : commands()) {
    std::vector<std::string> flags;
    for (const Flag& flag : all_flags(command)) {
      if (!flag.short_name().empty()) flags.push_back(flag.short_name());
      flags.push_back(flag.long_name());
    }
    text += fmt::format("    {}) flags='{}' ;;\n", command.name, fmt::join(flags, " "));
  }
  text += "  esac\n  case $word in\n    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n";
  text += "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n  esac\n}\n";
  text += "complete -o filenames -F _stile stile\n";
  return text;
}

std::string zsh_completion() {
  std::string text = "#compdef stile\n\n_stile() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(\n";
  for (const Command& command : commands()) {
    text += "      " + quoted(command.name + ":" + zsh_text(command.summary)) + "\n";
  }
  text += "      'help:show what a command takes'\n    )\n    _describe command commands\n";
  text += "    _arguments '--help[Show this help]' '--version[Show the version]'\n    return\n  fi\n";
  text += "  local verb=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $verb in\n";
  text += fmt::format("    help) _arguments '1:command:({})' ;;\n", fmt::join(command_names(), " "));
  for (const Command& command : commands()) {
    text += fmt::format("    {})\n      _arguments -s -S \\\n", command.name);
    for (const Flag& flag : all_flags(command)) text += zsh_flag(flag);
    int index = 1;
    for (const Positional& positional : command.positionals) {
      if (positional.command) {
        text += fmt::format("        '*:::{}:_normal' \\\n", positional.name);
        continue;
      }
      if (positional.repeat) {
        text += fmt::format("        '*:{}:{}' \\\n", positional.name, positional.file ? "_files" : "");
        continue;
      }
      text += fmt::format("        '{}{}{}:{}' \\\n", index++,
                          positional.required ? ":" : "::", positional.name, positional.file ? "_files" : "");
    }
    text += "        && return ;;\n";
  }
  text += "  esac\n}\n\n_stile \"$@\"\n";
  return text;
}

std::string fish_completion() {
  std::string text = "# fish completion for stile\ncomplete -c stile -n __fish_use_subcommand -f\n";
  text += "complete -c stile -n __fish_use_subcommand -s h -l help -d 'Show this help'\n";
  text += "complete -c stile -n __fish_use_subcommand -s V -l version -d 'Show the version'\n";
  for (const Command& command : commands()) {
    text += fmt::format("complete -c stile -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        quoted(command.summary));
  }
  text += "complete -c stile -n __fish_use_subcommand -a help -d 'show what a command takes'\n";
  text += fmt::format("complete -c stile -n '__fish_seen_subcommand_from help' -f -a '{}'\n",
                      fmt::join(command_names(), " "));
  for (const Command& command : commands()) {
    for (const Flag& flag : all_flags(command)) {
      text += fmt::format("complete -c stile -n '__fish_seen_subcommand_from {}'", command.name);
      if (!flag.short_name().empty()) text += " -s " + flag.short_name().substr(1);
      text += " -l " + flag.long_name().substr(2);
      if (!flag.value.empty()) text += names_a_file(flag) ? " -r -F" : " -x";
      if (!flag.choices.empty()) text += fmt::format(" -a '{}'", fmt::join(flag.choices, " "));
      text += " -d " + quoted(flag.help) + "\n";
    }
  }
  return text;
}

Result<std::string> generate(const std::string& what) {
  if (what == "man") return man_page();
  if (what == "bash") return bash_completion();
  if (what == "zsh") return zsh_completion();
  if (what == "fish") return fish_completion();
  return fail(Code::Usage, fmt::format("--generate cannot be '{}'", what), {}, "man, bash, zsh or fish");
}

}  // namespace stile::cli
