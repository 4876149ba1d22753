// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "commands.h"
#include "generate.h"
#include "help.h"

namespace stile::cli {
namespace {

// Text for troff (groff_char(7)): a backslash starts an escape, a plain hyphen may be set as a typographic
// one, a dot or quote at the start of a line is a request.
std::string escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      if (escaped.empty() && (c == '.' || c == '\'')) escaped += "\\&";
      escaped += c;
    }
  }
  return escaped;
}

std::string flag_entry(const Flag& flag) {
  std::string head = flag.short_name().empty() ? "" : fmt::format("\\fB{}\\fR, ", escape(flag.short_name()));
  head += fmt::format("\\fB{}\\fR", escape(flag.long_name()));
  if (!flag.value.empty()) head += fmt::format(" \\fI{}\\fR", escape(flag.value));
  return fmt::format(".TP\n{}\n{}.\n", head, escape(full_help(flag)));
}

std::string command_part(const Command& command) {
  std::string text = fmt::format(".SS {}\n{}.\n", escape(usage_line(command)), escape(command.summary));
  for (const std::string& about : command.about) text += ".PP\n" + escape(about) + "\n";
  for (const Positional& positional : command.positionals) {
    text += fmt::format(".TP\n\\fI{}\\fR\n{}.\n", escape(positional.name), escape(positional.help));
  }
  for (const Flag& flag : command.flags) text += flag_entry(flag);
  text += ".PP\nExit status:\n";
  for (const auto& [status, meaning] : command.exits) {
    text += fmt::format(".TP\n.B {}\n{}.\n", status, escape(meaning));
  }
  return text;
}

}  // namespace

std::string man_page() {
  std::string text = fmt::format(".TH STILE 1 \"\" \"stile {}\" \"User Commands\"\n", escape(STILE_VERSION));
  text += fmt::format(".SH NAME\nstile \\- {}\n", escape(kTagline));
  text += ".SH SYNOPSIS\n";
  for (const Command& command : commands()) text += fmt::format(".B {}\n.br\n", escape(usage_line(command)));
  text += ".B stile help\n.RI [ COMMAND ]\n.br\n.B stile \\-\\-version\n";
  text += ".SH DESCRIPTION\n";
  text +=
      "stile works out by static analysis which Linux system calls a compiled program can make, and writes a "
      "seccomp\n"
      "profile that allows those and no others. It keeps the evidence for each call, and says what it could "
      "not find out.\n"
      "Results go to standard output, everything else to standard error.\n";
  text += ".SH COMMANDS\n";
  for (const Command& command : commands()) text += command_part(command);
  text += ".SH COMMON OPTIONS\n";
  for (const Flag& flag : common_flags()) text += flag_entry(flag);
  text +=
      ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nIf set and not empty, no colours are used unless\n.B \\-\\-color "
      "always\nasks for them.\n";
  text += ".SH EXAMPLES\n";
  for (const Command& command : commands()) {
    for (const Example& example : command.examples) {
      text += fmt::format(".PP\n{}:\n.PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", escape(example.what),
                          escape(example.command));
    }
  }
  text +=
      ".SH SEE ALSO\n.BR seccomp (2),\n.BR syscalls (2),\n.BR docker\\-run (1),\n.BR runc (8),\n.BR crun "
      "(1)\n";
  return text;
}

}  // namespace stile::cli
