// SPDX-License-Identifier: Apache-2.0
//
// stile diff: what a program may do under one profile and not under another.
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include <stile/diff.h>

#include "cache.h"
#include "commands.h"
#include "diff_text.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

Result<Policy> as_side(Result<Policy> policy, const std::string& path) {
  if (policy && policy->not_lifted) {
    Error error = *policy->not_lifted;
    error.where = path;
    return tl::unexpected(error);
  }
  return policy;
}

int run_diff(const Arguments& arguments) {
  const DiffNames names{arguments.value("OLD"), arguments.value("NEW")};
  if (arguments.has("--json") && arguments.has("--markdown"))
    return report({Code::Usage, "--json and --markdown exclude each other", "diff", {}});
  auto context = context_from(arguments);
  if (!context) return report(context.error());
  auto [old_side, new_side] = read_two(names.before, names.after, *context, programs_too(arguments));
  auto before = as_side(std::move(old_side), names.before);
  if (!before) return report(before.error());
  auto after = as_side(std::move(new_side), names.after);
  if (!after) return report(after.error());
  // What is asked for is the difference; the reader's warnings are lint's.
  auto found = diff(before->profile, after->profile);
  if (!found) return report(found.error());
  std::string text;
  if (arguments.has("--json")) {
    text = diff_json(*found, names);
  } else if (arguments.has("--markdown")) {
    text = diff_markdown(*found, names);
  } else {
    text = diff_text(*found, names, style_for(STDOUT_FILENO, arguments));
  }
  if (auto written = write_output(arguments.value("--output", "-"), text); !written)
    return report(written.error());
  return found->wider ? 1 : 0;
}

}  // namespace

Command diff_command() {
  Command command;
  command.name = "diff";
  command.summary = "show what one profile or program may do and another may not";
  command.about = {
      "Compares what is decided, not how it is written: two profiles that decide alike are the same. Each "
      "difference comes with a call that shows "
      "it, and for programs with the package and the call path that brought it in. A program stands for the "
      "profile of its own calls, without "
      "those of a container runtime.",
      "Wider means: some call gets an action that lets the program do more. From most to least: allow and "
      "log; notify and trace; errno and trap; "
      "kill-thread; kill-process.",
  };
  command.positionals = {
      {.name = "OLD",
       .help = "A profile in any format that stile reads, raw BPF, or a program",
       .file = true},
      {.name = "NEW", .help = "Another one", .file = true},
  };
  command.flags = {
      {.names = "--json", .help = "Print JSON"},
      {.names = "--markdown", .help = "Print Markdown, for a comment on a pull request"},
      {.names = "-o,--output", .value = "FILE", .help = "Write to FILE; - is standard output", .file = true},
  };
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(cache_flag());
  command.examples = {
      {"stile diff ./app-1.2 ./app-1.3", "What does the new version ask for?"},
      {"stile diff app.json ./app", "Does the profile still fit?"},
      {"stile diff old.json new.json --markdown -o comment.md", "For a pull request"},
  };
  command.exits = {{0, "the same, or NEW is narrower"}, {1, "NEW is wider"}, {2, "an error"}};
  command.run = run_diff;
  return command;
}

}  // namespace stile::cli
