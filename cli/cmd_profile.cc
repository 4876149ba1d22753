// SPDX-License-Identifier: Apache-2.0
//
// stile profile: a program in, a profile out; what a person should know goes to standard error.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <stile/format.h>
#include <stile/nearest.h>
#include <stile/trace.h>

#include "commands.h"
#include "describe.h"
#include "input.h"
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

// --with: what was seen beside what was worked out. Nothing if it was not asked for.
Result<std::optional<Combined>> with_trace(const Profile& profile, const Arguments& arguments) {
  const auto unseen = unseen_from(arguments.value("--unseen", "allow"));
  if (!unseen) {
    return fail(Code::Usage, fmt::format("--unseen cannot be '{}'", arguments.value("--unseen")), {}, "allow, log or errno");
  }
  if (!arguments.has("--with")) {
    if (!arguments.has("--unseen")) return std::nullopt;
    return fail(Code::Usage, "--unseen needs --with", {}, "name what stile trace --json wrote");
  }
  const std::string path = arguments.value("--with");
  auto text = read_if_json(path);
  if (!text) return tl::unexpected(text.error());
  if (!text->has_value()) {
    return fail(Code::Usage, "is no trace", path, "stile trace --json -O FILE writes one");
  }
  auto trace = read_trace(**text, path);
  if (!trace) return tl::unexpected(trace.error());
  return combine(profile, *trace, *unseen);
}

void say_combined(const Combined& combined, const Style& style) {
  if (!combined.unseen.empty()) {
    say(fmt::format("reachable and never seen ({}): {}\n", combined.unseen.size(), fmt::join(combined.unseen, ", ")));
  }
  // The analysis says these cannot happen. They did.
  for (const std::string& call : combined.unexpected) {
    say(fmt::format("{} {} was seen and is not in what was worked out: a gap, or a mistake of stile\n", style.red("unexpected:"),
                    printable(call)));
  }
}

int run_profile(const Arguments& arguments) {
  auto format = chosen_format(arguments);
  if (!format) return report(format.error());
  auto work = work_out(arguments.value("BINARY"), arguments);
  if (!work) return report(work.error());
  auto combined = with_trace(work->profile, arguments);
  if (!combined) return report(combined.error());
  const Profile& profile = *combined ? (*combined)->profile : work->profile;
  std::vector<std::string> lost;
  auto text = (*format)->write(profile, &lost);
  if (!text) return report(text.error());
  if ((*format)->binary && arguments.value("--output", "-") == "-" && is_terminal(STDOUT_FILENO)) {
    return report({Code::Usage,
                   fmt::format("a terminal is no place for {} output", (*format)->name),
                   {},
                   "say --output FILE"});
  }
  if (auto written = write_output(arguments.value("--output", "-"), *text); !written)
    return report(written.error());

  const bool refused = arguments.has("--strict") && !profile.gaps.empty();
  if (!arguments.has("--quiet")) {
    const Style style = style_for(STDERR_FILENO, arguments);
    say(summary(work->analysis, profile, style));
    if (*combined) say_combined(**combined, style);
    for (const std::string& what : lost)
      say(printable(fmt::format("lost in {}: {}", (*format)->name, what)) + "\n");
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
  command.positionals = {{.name = "BINARY", .help = "The program: an ELF file", .file = true, .unless = "--image"}};
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
  command.flags.push_back(image_flag());
  command.flags.push_back({.names = "--with",
                           .value = "FILE",
                           .help = "Set it beside a trace (stile trace --json): says what is reachable and was never seen, and what was seen "
                                   "and should not have been",
                           .file = true});
  command.flags.push_back({.names = "--unseen",
                           .value = "WHAT",
                           .help = "With --with, what becomes of calls that are reachable and were never seen: allow, log or errno. "
                                   "Default: allow",
                           .choices = {"allow", "log", "errno"}});
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
      {"stile profile --image app.tar -o app.json", "For what an image starts that docker save or podman save wrote"},
  };
  command.exits = {{0, "the profile is written"},
                   {1, "the same, but there are gaps and --strict was given"},
                   {2, "an error; nothing is written"}};
  command.run = run_profile;
  return command;
}

}  // namespace stile::cli
