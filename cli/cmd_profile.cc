// SPDX-License-Identifier: Apache-2.0
//
// stile profile: a program in, a profile out; what a person should know goes to standard error.
#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include <stile/format.h>
#include <stile/nearest.h>

#include "commands.h"
#include "describe.h"
#include "output.h"

namespace stile::cli {
namespace {

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const Format* format : formats()) names.emplace_back(format->name);
  return names;
}

std::string format_help() {
  std::string help = "Write the profile as";
  for (const Format* format : formats()) {
    help +=
        fmt::format("{} {} ({})", format == formats().front() ? "" : " or", format->name, format->summary);
  }
  return help + ". Default: oci";
}

Result<const Format*> chosen_format(const Arguments& arguments) {
  const std::string name = arguments.value("--format", "oci");
  if (const Format* format = find_format(name)) return format;
  const std::string near = nearest(name, format_names());
  return fail(Code::Usage, fmt::format("no format is called '{}'", name), {},
              near.empty() ? fmt::format("one of {}", fmt::join(format_names(), ", "))
                           : fmt::format("did you mean {}?", near));
}

int run_profile(const Arguments& arguments) {
  auto format = chosen_format(arguments);
  if (!format) return report(format.error());
  auto work = work_out(arguments.value("BINARY"), arguments);
  if (!work) return report(work.error());
  const Profile& profile = work->profile;
  auto text = (*format)->write(profile);
  if (!text) return report(text.error());
  if (auto written = write_output(arguments.value("--output", "-"), *text); !written)
    return report(written.error());

  const bool refused = arguments.has("--strict") && !profile.gaps.empty();
  if (!arguments.has("--quiet")) {
    const Style style = style_for(STDERR_FILENO, arguments);
    say(summary(work->analysis, profile, style));
    const bool hint_below = is_terminal(STDERR_FILENO);
    for (const Gap& gap : profile.gaps) say(gap_line(gap, style, hint_below) + "\n");
    if (refused)
      say(fmt::format("exit status 1 because of --strict: {}\n", count(profile.gaps.size(), "gap")));
  }
  return refused ? 1 : 0;
}

}  // namespace

Command profile_command() {
  Command command;
  command.name = "profile";
  command.summary = "work out which system calls a program needs, and write a seccomp profile";
  command.about = {
      "Analyses an x86-64 Linux program without running it. The profile goes to standard output, or to a "
      "file with "
      "--output; a summary goes to standard error, with one line for each gap: something that could not be "
      "decided, "
      "where it is, and what can be done about it.",
  };
  command.positionals = {{.name = "BINARY", .help = "The program: an ELF file", .file = true}};
  command.flags = {
      {.names = "-o,--output",
       .value = "FILE",
       .help = "Write the profile to FILE; - is standard output",
       .file = true},
      {.names = "-f,--format", .value = "NAME", .help = format_help(), .choices = format_names()},
  };
  for (Flag& flag : policy_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back({
      .names = "--default-action",
      .value = "ACTION",
      .help = "What happens to calls that are not allowed: errno[:NAME], kill-process, kill-thread, "
              "log, trap or trace. Default: errno, which is errno:EPERM",
  });
  for (Flag& flag : analysis_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(
      {.names = "--strict",
       .help = "Exit with status 1 if there are gaps; the profile is written all the same"});
  command.flags.push_back(
      {.names = "-q,--quiet", .help = "No summary and no gaps on standard error, only errors"});
  command.examples = {
      {"stile profile ./app > app.json",
       "A profile for docker run --security-opt seccomp=app.json and the like"},
      {"stile profile ./app -o app.json --runtime crun,no-new-privs",
       "A smaller one, for containers started by crun with no-new-privileges"},
      {"stile profile ./app --format stile --strict -o app.stile.json",
       "With all evidence, and a failure if anything could not be decided"},
      {"stile profile ./app --allow @debug --drop ptrace", "With edits"},
  };
  command.exits = {{0, "the profile is written"},
                   {1, "the same, but there are gaps and --strict was given"},
                   {2, "an error; nothing is written"}};
  command.run = run_profile;
  return command;
}

}  // namespace stile::cli
