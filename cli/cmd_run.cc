// SPDX-License-Identifier: Apache-2.0
//
// stile run: a command under a profile. The status is the command's own; 125 to 127 are ours, as with env(1).
#include <algorithm>

#include <fmt/format.h>

#include <stile/edit.h>
#include <stile/live.h>
#include <stile/syscalls.h>

#include "cache.h"
#include "commands.h"
#include "describe.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

constexpr int kOwnError = 125;

int refuse(const Error& error) {
  report(error);
  return kOwnError;
}

std::string frame_line(const Frame& frame) {
  std::string line = "    " + printable(frame.function);
  if (const std::string where = place(frame.file, frame.line, frame.address); !where.empty()) {
    line += "  " + printable(where);
  }
  if (!frame.via.empty()) line += fmt::format("  ({})", printable(frame.via));
  return line + "\n";
}

// The number as an option takes it where this version knows no name.
std::string call_name(const Event& event) {
  const std::string name = syscall_name(event.arch, event.number);
  return name.empty() ? std::to_string(event.number) : name;
}

void say_refusal(const Refusal& refusal, bool enforced, const Style& style) {
  std::string text = fmt::format("{} {} ({}[{}]): {}\n", style.bold("stile:"),
                                 enforced ? style.red("refused") : style.yellow("would be refused"),
                                 printable(refusal.command), refusal.pid, printable(refusal.call));
  for (const Frame& frame : refusal.stack) text += style.dim(frame_line(frame));
  if (!refusal.note.empty()) text += fmt::format("    {}\n", printable(refusal.note));
  text += fmt::format("    the profile says {}; to allow it: --allow {}\n", to_string(refusal.action),
                      call_name(refusal.event));
  say(text);
}

void say_total(const RunStatus& status, bool enforced, const Style& style) {
  if (status.refused == 0) {
    say(fmt::format("{} nothing {} refused\n", style.bold("stile:"), enforced ? "was" : "would have been"));
    return;
  }
  std::string names;
  std::vector<std::string> seen;
  for (const Refusal& refusal : status.refusals) {
    const std::string name = call_name(refusal.event);
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    seen.push_back(name);
    names += (names.empty() ? "" : ",") + name;
  }
  std::string text =
      fmt::format("{} {} {}refused, {}\n", style.bold("stile:"), count(status.refused, "call"),
                  enforced ? "" : "would have been ", count(status.refusals.size(), "place"));
  for (const Refusal& refusal : status.refusals) {
    const std::string from = refusal.stack.empty() ? std::string() : " from " + refusal.stack.front().function;
    text += fmt::format("{:>9}  {}{}\n", refusal.count, printable(refusal.call), printable(from));
  }
  text += fmt::format("    to allow them all: --allow {}\n", names);
  say(text);
}

Result<Policy> chosen_policy(const Arguments& arguments) {
  auto context = context_from(arguments);
  if (!context) return tl::unexpected(context.error());
  auto policy = read_policy(arguments.value("--profile"), *context, programs_too(arguments), Lift::No);
  if (!policy) return policy;
  const bool edited = arguments.has("--default-action") || arguments.has("--allow") || arguments.has("--drop");
  if (policy->program && edited) {
    return fail(Code::Usage, "a raw BPF program cannot be edited", arguments.value("--profile"),
                "give a profile, or leave out --allow, --drop and --default-action");
  }
  if (arguments.has("--default-action")) {
    auto action = parse_action(arguments.value("--default-action"));
    if (!action) return tl::unexpected(action.error());
    policy->profile.otherwise = *action;
  }
  auto edited_profile = edit_profile(std::move(policy->profile), arguments.values("--allow"), arguments.values("--drop"));
  if (!edited_profile) return tl::unexpected(edited_profile.error());
  policy->profile = std::move(*edited_profile);
  return policy;
}

int run_run(const Arguments& arguments) {
  if (!arguments.has("--profile")) {
    return refuse({Code::Usage, "--profile is missing", {}, "stile run -p PROFILE -- COMMAND"});
  }
  if (arguments.has("--log") && arguments.has("--explain")) {
    return refuse({Code::Usage, "--log and --explain exclude each other", {}, "--log refuses nothing, --explain enforces"});
  }
  auto policy = chosen_policy(arguments);
  if (!policy) return refuse(policy.error());
  const bool quiet = arguments.has("--quiet");
  if (!quiet) say_warnings(*policy, arguments.value("--profile"));

  const Style style = style_for(STDERR_FILENO, arguments);
  RunOptions options;
  options.command = arguments.values("COMMAND");
  options.log_only = arguments.has("--log");
  options.report = arguments.has("--explain");
  options.on_refusal = [&](const Refusal& refusal) { say_refusal(refusal, options.report, style); };
  options.on_note = [&](const std::string& note) {
    if (!quiet) say(fmt::format("stile: {}\n", printable(note)));
  };
  if (!options.log_only && !options.report) {
    // Nobody is needed afterwards: become the command.
    const Error error = policy->program ? exec_under(*policy->program, options) : exec_under(policy->profile, options);
    report(error);
    return exec_status(error);
  }
  auto status = policy->program ? run(*policy->program, options) : run(policy->profile, options);
  if (!status) {
    report(status.error());
    return exec_status(status.error());
  }
  if (!quiet) say_total(*status, options.report, style);
  return status->status;
}

}  // namespace

Command run_command() {
  Command command;
  command.name = "run";
  command.summary = "run a command under a profile";
  command.about = {
      "Loads the profile as a seccomp filter, with Landlock rules where it has paths, and becomes the command. No root is needed. The "
      "profile is a file of any format stile reads, docker's and podman's default profiles included; a raw BPF program; or the program "
      "itself, which is then analysed first.",
      "execve has to be in the profile for the command to start. Where it is not, it is let through, and a line says so.",
  };
  command.positionals = {{.name = "COMMAND", .help = "What to run; looked up in PATH", .command = true}};
  command.flags = {
      {.names = "-p,--profile", .value = "FILE", .help = "The profile, a BPF program, or an ELF program to analyse", .file = true},
      {.names = "--log", .help = "Refuse nothing; report what would have been refused, as it happens and in a table at the end"},
      {.names = "--explain",
       .help = "Enforce, and report each refusal as it happens, once for each place: the call with its arguments, who made it, and what "
               "would allow it"},
      {.names = "--default-action",
       .value = "ACTION",
       .help = "What happens to calls that are not allowed, in place of what the profile says: errno[:NAME], kill-process, kill-thread, "
               "log, trap"},
      {.names = "--allow", .value = "NAME|@GROUP", .help = "Allow these too", .repeat = true},
      {.names = "--drop", .value = "NAME|@GROUP", .help = "Do not allow these", .repeat = true},
  };
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(cache_flag());
  command.flags.push_back({.names = "-q,--quiet", .help = "No warnings and notes on standard error, only refusals and errors"});
  command.examples = {
      {"stile run -p app.json -- ./app --serve", "The program under its profile"},
      {"stile run -p ./app ./app --serve", "The same, from a profile made on the spot"},
      {"stile run --explain -p default.json -- ./app", "Who is refused what, while docker's profile is enforced"},
  };
  command.exits = {{0, "what the command exits with, whatever it is; 128 + N after signal N with --log and --explain"},
                   {125, "stile itself failed; nothing was run"},
                   {126, "the command could not be executed"},
                   {127, "the command was not found"}};
  command.run = run_run;
  command.misuse = 125;
  return command;
}

}  // namespace stile::cli
