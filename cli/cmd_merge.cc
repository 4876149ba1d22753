// SPDX-License-Identifier: Apache-2.0
//
// stile merge: one profile for several programs, or what several profiles agree on.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <stile/edit.h>
#include <stile/nearest.h>

#include "cache.h"
#include "commands.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

std::vector<std::string> writable_formats() {
  std::vector<std::string> names;
  for (const Format* format : formats()) {
    if (format->write != nullptr) names.emplace_back(format->name);
  }
  return names;
}

int run_merge(const Arguments& arguments) {
  auto context = context_from(arguments);
  if (!context) return report(context.error());
  std::vector<std::string> paths = {arguments.value("PROFILE")};
  for (const std::string& more : arguments.values("MORE")) paths.push_back(more);
  const std::vector<std::string> names = writable_formats();
  const std::string wanted = arguments.value("--format");
  if (!wanted.empty() && find_format(wanted) == nullptr) {
    const std::string near = nearest(wanted, names);
    return report({Code::Usage,
                   fmt::format("no format is called '{}'", wanted),
                   {},
                   near.empty() ? fmt::format("one of {}", fmt::join(names, ", "))
                                : fmt::format("did you mean {}?", near)});
  }
  std::vector<Profile> profiles;
  std::string first_format;
  for (const std::string& path : paths) {
    auto policy = read_policy(path, *context, programs_too(arguments));
    if (!policy) return report(policy.error());
    say_warnings(*policy, path);
    if (policy->not_lifted) {
      Error error = *policy->not_lifted;
      error.where = path;
      return report(error);
    }
    if (first_format.empty()) first_format = policy->format;
    profiles.push_back(std::move(policy->profile));
  }
  auto merged = merge(profiles, arguments.has("--intersect") ? Merge::Intersection : Merge::Union);
  if (!merged) return report(merged.error());
  // The form of the first one; a program has none, so then the form that stile profile writes.
  const Format* format =
      find_format(wanted.empty() ? (first_format == "elf" ? "oci" : first_format) : wanted);
  if (format->write == nullptr)
    return report(
        {Code::Usage, fmt::format("the format {} cannot be written", format->name), {}, "say --format NAME"});
  std::vector<std::string> lost;
  auto text = format->write(*merged, &lost);
  if (!text) return report(text.error());
  const std::string target = arguments.value("--output", "-");
  if (format->binary && target == "-" && is_terminal(STDOUT_FILENO))
    return report({Code::Usage,
                   fmt::format("a terminal is no place for {} output", format->name),
                   {},
                   "say --output FILE"});
  if (auto written = write_output(target, *text); !written) return report(written.error());
  for (const std::string& what : lost)
    say(printable(fmt::format("stile: lost in {}: {}", format->name, what)) + "\n");
  return 0;
}

}  // namespace

Command merge_command() {
  Command command;
  command.name = "merge";
  command.summary = "join profiles into one";
  command.about = {
      "The result allows what any of the profiles allows, or with --intersect what all of them allow, call "
      "by call and argument by argument. "
      "Where two refuse differently it gives the milder answer, or with --intersect the stricter one. In "
      "stile's own format (--format stile) "
      "every rule keeps its reasons. A program stands for the profile of its own calls.",
  };
  command.positionals = {
      {.name = "PROFILE", .help = "A profile in any format that stile reads, or a program", .file = true},
      {.name = "MORE", .help = "More of them", .required = false, .file = true, .repeat = true},
  };
  command.flags = {
      {.names = "--intersect", .help = "Allow what all of them allow"},
      {.names = "-f,--format",
       .value = "NAME",
       .help = "Write the result in this format. Default: that of the first",
       .choices = writable_formats()},
      {.names = "-o,--output",
       .value = "FILE",
       .help = "Write the result to FILE; - is standard output",
       .file = true},
  };
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(cache_flag());
  command.examples = {
      {"stile merge app.json sidecar.json -o pod.json", "One profile for both"},
      {"stile merge app.json default.json --intersect -o both.json",
       "What the program needs and docker's default allows"},
  };
  command.exits = {{0, "the result is written"}, {2, "an error; nothing is written"}};
  command.run = run_merge;
  return command;
}

}  // namespace stile::cli
