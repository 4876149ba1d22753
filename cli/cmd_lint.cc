// SPDX-License-Identifier: Apache-2.0
//
// stile lint: what is wrong with a profile, and the command that mends it.
#include <fmt/format.h>
#include <unistd.h>

#include <stile/lint.h>

#include "cache.h"
#include "commands.h"
#include "lint_text.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

// Nothing fails on "never".
Result<std::optional<Severity>> limit_from(const Arguments& arguments) {
  const std::string word = arguments.value("--fail-on", "warning");
  if (word == "never") return std::optional<Severity>();
  if (const auto severity = severity_from(word)) return severity;
  return fail(Code::Usage, fmt::format("--fail-on cannot be '{}'", word), "lint",
              "one of note, warning, error, never");
}

int run_lint(const Arguments& arguments) {
  const Style style = style_for(STDOUT_FILENO, arguments);
  if (arguments.has("--checks")) {
    const Result<void> written = write_stdout(checks_text(style));
    return written ? 0 : report(written.error());
  }
  const std::string path = arguments.value("FILE");
  if (path.empty())
    return report({Code::Usage, "FILE is missing", "lint", "usage: stile lint [OPTION]... FILE"});
  if (arguments.has("--json") && arguments.has("--sarif"))
    return report({Code::Usage, "--json and --sarif exclude each other", "lint", {}});
  auto limit = limit_from(arguments);
  if (!limit) return report(limit.error());
  auto context = context_from(arguments);
  if (!context) return report(context.error());
  auto policy = read_policy(path, *context, programs_too(arguments));
  if (!policy) return report(policy.error());

  LintInput input;
  input.profile = policy->not_lifted ? nullptr : &policy->profile;
  input.format = policy->format;
  if (policy->format != "bpf") input.text = policy->text;
  if (policy->program) input.program = *policy->program;
  input.warnings = policy->warnings;
  input.context = *context;
  auto findings = lint(input);
  if (!findings) {
    Error error = findings.error();
    if (error.where.empty()) error.where = path;
    return report(error);
  }
  std::string text;
  if (arguments.has("--sarif")) {
    text = findings_sarif(*findings, path, STILE_VERSION);
  } else if (arguments.has("--json")) {
    text = findings_json(*findings, path);
  } else {
    text = findings_text(*findings, path, style);
  }
  if (auto written = write_output(arguments.value("--output", "-"), text); !written)
    return report(written.error());
  if (policy->not_lifted)
    say(fmt::format(
        "stile: {}: what it says of each call could not be read, so only some checks were made: {}\n",
        printable(path), printable(policy->not_lifted->message)));
  for (const Finding& finding : *findings) {
    if (*limit && finding.severity >= **limit) return 1;
  }
  return 0;
}

}  // namespace

Command lint_command() {
  Command command;
  command.name = "lint";
  command.summary = "look for mistakes in a profile";
  command.about = {
      "Each finding says where it is, what happens, and what mends it. --checks lists what is looked for. A "
      "program is linted by the profile of "
      "its own calls. A profile for docker is looked at as it is on this machine, with this kernel and these "
      "capabilities, unless said otherwise.",
  };
  command.positionals = {{.name = "FILE",
                          .help = "A profile in any format that stile reads, raw BPF, or a program",
                          .required = false,
                          .file = true}};
  command.flags = {
      {.names = "--fail-on",
       .value = "LEVEL",
       .help = "Exit with status 1 on findings of this severity or worse: note, warning, error or never. "
               "Default: warning",
       .choices = {"note", "warning", "error", "never"}},
      {.names = "--json", .help = "Print JSON"},
      {.names = "--sarif", .help = "Print SARIF 2.1.0, for code scanning"},
      {.names = "--checks", .help = "List the checks and what they are for"},
      {.names = "-o,--output", .value = "FILE", .help = "Write to FILE; - is standard output", .file = true},
  };
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(cache_flag());
  command.examples = {
      {"stile lint app.json", "What is wrong with it?"},
      {"stile lint default.json --cap CAP_SYS_ADMIN --kernel 4.4",
       "As it is in a privileged container on an old kernel"},
      {"stile lint app.json --sarif -o app.sarif", "For code scanning"},
  };
  command.exits = {
      {0, "nothing found, or nothing as severe as --fail-on"}, {1, "something found"}, {2, "an error"}};
  command.run = run_lint;
  return command;
}

}  // namespace stile::cli
