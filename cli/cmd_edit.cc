// SPDX-License-Identifier: Apache-2.0
//
// stile edit: a profile file in, the same file with the changes asked for out.
#include <fmt/format.h>
#include <unistd.h>

#include <stile/edit.h>

#include "commands.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

Result<Edits> edits_from(const Arguments& arguments) {
  Edits edits;
  edits.allow = arguments.values("--allow");
  edits.drop = arguments.values("--drop");
  if (arguments.has("--default-action")) {
    auto action = parse_action(arguments.value("--default-action"));
    if (!action) return tl::unexpected(action.error());
    edits.default_action = *action;
  }
  for (const std::string& text : arguments.values("--set")) {
    auto setting = parse_setting(text);
    if (!setting) {
      Error error = setting.error();
      error.where = "--set " + text;
      return tl::unexpected(error);
    }
    edits.set.push_back(std::move(*setting));
  }
  if (!edits.default_action && edits.allow.empty() && edits.drop.empty() && edits.set.empty())
    return fail(Code::Usage, "nothing to change", "edit", "say --allow, --drop, --set or --default-action");
  return edits;
}

int run_edit(const Arguments& arguments) {
  const std::string path = arguments.value("PROFILE");
  const bool in_place = arguments.has("--in-place");
  if (in_place && arguments.has("--output"))
    return report({Code::Usage, "--in-place and --output exclude each other", "edit", {}});
  if (in_place && path == "-")
    return report({Code::Usage, "standard input cannot be changed in place", "edit", {}});
  auto edits = edits_from(arguments);
  if (!edits) return report(edits.error());
  auto context = context_from(arguments);
  if (!context) return report(context.error());
  auto policy = read_policy(path, *context);
  if (!policy) return report(policy.error());
  const Format* format = find_format(policy->format);
  std::vector<std::string> notes;
  auto text = edit_text(*format, policy->text, path, *edits, *context, &notes);
  if (!text) {
    Error error = text.error();
    if (error.where.empty()) error.where = path;
    return report(error);
  }
  const std::string target = in_place ? path : arguments.value("--output", "-");
  if (format->binary && target == "-" && is_terminal(STDOUT_FILENO))
    return report({Code::Usage,
                   fmt::format("a terminal is no place for {} output", format->name),
                   {},
                   "say --output FILE"});
  if (auto written = write_output(target, *text); !written) return report(written.error());
  for (const std::string& note : notes) say(fmt::format("stile: {}: {}\n", printable(path), printable(note)));
  return 0;
}

}  // namespace

Command edit_command() {
  Command command;
  command.name = "edit";
  command.summary = "change a profile: allow, drop or set system calls";
  command.about = {
      "Changes are made in this order, whatever order they are given in: --default-action, --allow, --drop, "
      "--set. Profiles for docker, podman and "
      "OCI runtimes are edited where they stand: order, indentation, comments, and what stile does not know "
      "are kept. Other formats are "
      "read and written anew.",
      "--set takes CALL=ACTION or 'CALL=ACTION if CONDITION', and replaces all that the profile says of the "
      "call. Several for one call are looked at in "
      "the order given; where none holds the call gets the default action. A condition compares arguments: "
      "arg0 == 1, arg1:32 & 0x3 != 0, arg2 in "
      "{1, 4..7}, joined by && and ||; names of C constants (AF_UNIX, O_RDONLY) can be used. A call is a "
      "name or a group such as @clock.",
  };
  command.positionals = {
      {.name = "PROFILE", .help = "A profile in any format that stile reads", .file = true}};
  command.flags = {
      {.names = "--allow",
       .value = "NAME|@GROUP",
       .help = "Allow these, whatever their arguments",
       .repeat = true},
      {.names = "--drop",
       .value = "NAME|@GROUP",
       .help = "Do not allow these any more. What refuses them stays; where the default lets them through "
               "they get EPERM",
       .repeat = true},
      {.names = "--set",
       .value = "CALL=ACTION[ if CONDITION]",
       .help = "Say this of the call, and nothing else",
       .repeat = true,
       .whole = true},
      {.names = "--default-action", .value = "ACTION", .help = "What happens to calls that are not listed"},
      {.names = "-o,--output",
       .value = "FILE",
       .help = "Write the result to FILE; - is standard output",
       .file = true},
      {.names = "-i,--in-place", .help = "Change the file itself"},
  };
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.examples = {
      {"stile edit default.json --drop socket,bind,listen -o no-server.json",
       "docker's default profile, without listening sockets"},
      {"stile edit app.json --set clone3=errno:ENOSYS -i", "So that C libraries fall back to clone"},
      {"stile edit app.json --set 'socket=allow if arg0:32 == AF_UNIX' -i", "Unix sockets alone"},
  };
  command.exits = {{0, "the result is written"}, {2, "an error; nothing is written"}};
  command.run = run_edit;
  return command;
}

}  // namespace stile::cli
