// SPDX-License-Identifier: Apache-2.0
//
// stile embed: the filter inside the program's own file.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

#include <stile/edit.h>
#include <stile/embed.h>
#include <stile/format.h>
#include <stile/syscalls.h>

#include "commands.h"
#include "describe.h"
#include "embed_work.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

// The moment that is written into the file: what reproducible-builds.org says, else now.
uint64_t timestamp() {
  if (const char* text = std::getenv("SOURCE_DATE_EPOCH"); text != nullptr) {
    uint64_t value = 0;
    const std::string_view view = text;
    const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
    if (error == std::errc() && end == view.data() + view.size()) return value;
  }
  return static_cast<uint64_t>(std::time(nullptr));
}

Result<OnFailure> on_failure(const Arguments& arguments) {
  const std::string text = arguments.value("--on-failure", "refuse");
  if (text == "refuse") return OnFailure::Refuse;
  if (text == "run") return OnFailure::Run;
  return fail(Code::Usage, fmt::format("--on-failure cannot be '{}'", text), {}, "refuse or run");
}

// What is to be embedded, and what is to be said about it.
struct Prepared {
  Embedding what;
  std::optional<Profile> profile;
  std::vector<std::string> notes;
  std::vector<Gap> gaps;
};

Result<void> edit_policy(Policy& policy, const std::string& path, const Arguments& arguments) {
  const bool edited =
      arguments.has("--default-action") || arguments.has("--allow") || arguments.has("--drop");
  if (!edited) return {};
  if (policy.program) {
    return fail(Code::Usage, "a raw BPF program cannot be edited", path,
                "give a profile, or leave out --allow, --drop and --default-action");
  }
  if (arguments.has("--default-action")) {
    auto action = parse_action(arguments.value("--default-action"));
    if (!action) return tl::unexpected(action.error());
    policy.profile.otherwise = *action;
  }
  auto done =
      edit_profile(std::move(policy.profile), arguments.values("--allow"), arguments.values("--drop"));
  if (!done) return tl::unexpected(done.error());
  policy.profile = std::move(*done);
  return {};
}

Result<std::string> native_text(const Profile& profile) {
  const Format* native = find_format("stile");
  if (native == nullptr) return fail(Code::Unsupported, "the native format is missing");
  return native->write(profile, nullptr);
}

Result<Prepared> from_profile(const Arguments& arguments) {
  const std::string path = arguments.value("--profile");
  auto context = context_from(arguments);
  if (!context) return tl::unexpected(context.error());
  auto policy = read_policy(path, *context);
  if (!policy) return tl::unexpected(policy.error());
  say_warnings(*policy, path);
  if (auto edited = edit_policy(*policy, path, arguments); !edited) return tl::unexpected(edited.error());
  Prepared prepared;
  prepared.what.source = path.substr(path.rfind('/') + 1);
  if (policy->program) {
    prepared.what.program = *policy->program;
    if (!policy->not_lifted) prepared.profile = std::move(policy->profile);
    return prepared;
  }
  prepared.profile = std::move(policy->profile);
  return prepared;
}

Result<Prepared> from_analysis(const ProgramFile& file, const std::string& path, const Arguments& arguments) {
  auto how = analyze_options(arguments);
  if (!how) return tl::unexpected(how.error());
  auto options = profile_options(arguments);
  if (!options) return tl::unexpected(options.error());
  auto work = analyse_for_embedding(file, path, *how, *options);
  if (!work) return tl::unexpected(work.error());
  Prepared prepared;
  prepared.what.source = "analysis";
  prepared.gaps = work->profile.gaps;
  prepared.profile = std::move(work->profile);
  return prepared;
}

// Fills in what follows from the profile.
Result<void> complete(Prepared& prepared) {
  if (prepared.profile) {
    const std::vector<std::string> arches = arches_of(*prepared.profile);
    if (std::find(arches.begin(), arches.end(), "x86_64") == arches.end()) {
      return fail(Code::Usage, "the profile is for other machines than the program", prepared.what.source,
                  "it has to answer for x86_64, or every call of the program would be refused");
    }
    if (prepared.what.program.empty()) {
      auto program = compile(*prepared.profile);
      if (!program) return tl::unexpected(program.error());
      prepared.what.program = std::move(*program);
    }
    auto text = native_text(*prepared.profile);
    if (!text) return tl::unexpected(text.error());
    prepared.what.profile = std::move(*text);
    if (!prepared.profile->paths.empty()) {
      prepared.notes.emplace_back(
          "the path rules are NOT embedded: a filter cannot read paths (stile run enforces them)");
    }
  }
  prepared.what.tool_version = STILE_VERSION;
  prepared.what.time = timestamp();
  return {};
}

size_t allowed_calls(const Profile& profile) {
  return static_cast<size_t>(std::count_if(profile.rules.begin(), profile.rules.end(), [](const auto& rule) {
    return rule.second.action.kind == ActionKind::Allow;
  }));
}

void say_line(const std::string& path, const std::string& text) {
  say(fmt::format("{}: {}\n", printable(path), printable(text)));
}

void describe_result(const std::string& path, const Prepared& prepared, const Placed& placed, size_t before) {
  std::string policy = "a raw BPF program";
  if (prepared.profile) {
    policy = fmt::format("{} allowed, all else {}", count(allowed_calls(*prepared.profile), "call"),
                         to_string(prepared.profile->otherwise));
  }
  const auto growth = static_cast<int64_t>(placed.file.size()) - static_cast<int64_t>(before);
  say_line(path, fmt::format("embedded: {}; {}, {:+} bytes, placed by '{}'{}", policy,
                             count(prepared.what.program.size(), "instruction"), growth,
                             to_string(placed.placement),
                             prepared.what.on_failure == OnFailure::Run
                                 ? "; runs unfiltered, with a warning, where the kernel "
                                   "refuses the filter"
                                 : ""));
  for (const std::string& note : placed.notes) say_line(path, "note: " + note);
  for (const std::string& note : prepared.notes) say_line(path, "note: " + note);
}

int embed_one(const std::string& path, const Arguments& arguments) {
  auto file = read_program_file(path);
  if (!file) return report(file.error());
  auto mode = on_failure(arguments);
  if (!mode) return report(mode.error());
  if (auto possible = can_embed(file->bytes, path); !possible) return report(possible.error());
  auto prepared =
      arguments.has("--profile") ? from_profile(arguments) : from_analysis(*file, path, arguments);
  if (!prepared) return report(prepared.error());
  prepared->what.on_failure = *mode;
  if (auto done = complete(*prepared); !done) return report(done.error());

  const bool quiet = arguments.has("--quiet");
  const Style style = style_for(STDERR_FILENO, arguments);
  if (!quiet) {
    for (const Gap& gap : prepared->gaps) say(gap_line(gap, style) + "\n");
  }
  if (arguments.has("--strict") && !prepared->gaps.empty()) {
    say_line(path, fmt::format("not embedded because of --strict: {}", count(prepared->gaps.size(), "gap")));
    return 1;
  }
  EmbedOptions options;
  options.name = path;
  auto placed = embed_filter(file->bytes, prepared->what, options);
  if (!placed) return report(placed.error());
  const std::string output = arguments.value("--output");
  if (auto written = write_program_file(*file, placed->file, {output}); !written)
    return report(written.error());
  if (output.empty()) prepared->notes.insert(prepared->notes.end(), file->notes.begin(), file->notes.end());
  if (!quiet) {
    describe_result(output.empty() ? path : output, *prepared, *placed, file->bytes.size());
  } else {
    // Whoever cannot be told by --quiet that a limit is missing would take it for there.
    for (const std::string& note : prepared->notes) say_line(path, "note: " + note);
  }
  return 0;
}

int remove_one(const std::string& path, const Arguments& arguments) {
  auto file = read_program_file(path);
  if (!file) return report(file.error());
  auto removed = remove_embedded(file->bytes, path);
  if (!removed) return report(removed.error());
  const std::string output = arguments.value("--output");
  if (auto written = write_program_file(*file, removed->file, {output}); !written)
    return report(written.error());
  if (!removed->exact) {
    say_line(path,
             "the file was changed since the filter was embedded (strip, objcopy): the filter is off, but "
             "the file is not "
             "the original, and the bytes of the filter stay in it");
  }
  return 0;
}

// The policy of a profile or of a program, as a source file.
int write_source(const std::string& path, const Arguments& arguments) {
  const auto language = source_language_from(arguments.value("--source"));
  if (!language) {
    return report({Code::Usage,
                   fmt::format("--source cannot be '{}'", arguments.value("--source")),
                   {},
                   "go, c or c++"});
  }
  auto mode = on_failure(arguments);
  if (!mode) return report(mode.error());
  auto context = context_from(arguments);
  if (!context) return report(context.error());
  auto policy = read_policy(path, *context, programs_too(arguments));
  if (!policy) return report(policy.error());
  say_warnings(*policy, path);
  if (auto edited = edit_policy(*policy, path, arguments); !edited) return report(edited.error());
  Prepared prepared;
  prepared.what.source = path.substr(path.rfind('/') + 1);
  prepared.what.on_failure = *mode;
  if (policy->program) prepared.what.program = *policy->program;
  if (!policy->not_lifted) prepared.profile = std::move(policy->profile);
  if (auto done = complete(prepared); !done) return report(done.error());
  SourceOptions options;
  if (arguments.has("--package")) options.package = arguments.value("--package");
  auto text = source_text(prepared.what, prepared.profile ? &*prepared.profile : nullptr, *language, options);
  if (!text) return report(text.error());
  if (auto written = write_output(arguments.value("--output", "-"), *text); !written)
    return report(written.error());
  for (const std::string& note : prepared.notes) say_line(path, "note: " + note);
  return 0;
}

int run_embed(const Arguments& arguments) {
  const std::vector<std::string> files = arguments.values("FILE");
  constexpr std::pair<const char*, int (*)(const std::string&, const Arguments&)> kModes[] = {
      {"--show", show_embedded},
      {"--verify", verify_embedded},
      {"--remove", remove_one},
      {"--source", write_source}};
  int (*work)(const std::string&, const Arguments&) = embed_one;
  for (const auto& [flag, mode] : kModes) {
    if (!arguments.has(flag)) continue;
    if (work != embed_one) {
      return report({Code::Usage,
                     "--show, --verify, --remove and --source exclude each other",
                     {},
                     "give one of them"});
    }
    work = mode;
  }
  const bool reads_only = arguments.has("--show") || arguments.has("--verify");
  if (arguments.has("--output") && (files.size() > 1 || reads_only)) {
    return report({Code::Usage,
                   reads_only ? "nothing is written, so --output makes no sense"
                              : "--output takes one program, not several",
                   {},
                   "leave out --output"});
  }
  int worst = 0;
  for (const std::string& file : files) worst = std::max(worst, work(file, arguments));
  return worst;
}

std::vector<Flag> embed_flags() {
  std::vector<Flag> flags = {
      {.names = "-o,--output",
       .value = "FILE",
       .help = "Write to FILE and leave the program as it is",
       .file = true},
      {.names = "-p,--profile",
       .value = "FILE",
       .help = "Embed this profile, of any format, or this BPF program. Default: what an analysis of the "
               "program gives",
       .file = true},
      {.names = "--on-failure",
       .value = "refuse|run",
       .help = "What the program does where the kernel does not take the filter: refuse says so and exits "
               "with 125, run says so and "
               "goes on without it. Default: refuse",
       .choices = {"refuse", "run"}},
      {.names = "--show",
       .help = "Show what is embedded: when and from what it was made, the profile and the filter"},
      {.names = "--verify", .help = "Compare the embedded filter with a fresh analysis of the program"},
      {.names = "--remove", .help = "Give back the original file, byte for byte"},
      {.names = "--source",
       .value = "go|c|c++",
       .help = "Write a source file that installs the filter of a profile, or of a program, when it is built "
               "into another",
       .choices = {"go", "c", "c++"}},
      {.names = "--package",
       .value = "NAME",
       .help = "With --source go: the package's name. Default: seccompfilter"},
      {.names = "--json", .help = "With --show: as JSON"},
      {.names = "--default-action",
       .value = "ACTION",
       .help = "What happens to calls that are not allowed: errno[:NAME], kill-process, kill-thread, log or "
               "trap. Default: errno, "
               "which is errno:EPERM, or what the profile says"},
      {.names = "--allow", .value = "NAME|@GROUP", .help = "Allow these too", .repeat = true},
      {.names = "--drop",
       .value = "NAME|@GROUP",
       .help = "Do not allow these, whatever needs them",
       .repeat = true},
  };
  for (Flag& flag : analysis_flags()) flags.push_back(std::move(flag));
  for (Flag& flag : context_flags()) flags.push_back(std::move(flag));
  flags.push_back(
      {.names = "--strict", .help = "Embed nothing and exit with status 1 if the analysis has gaps"});
  flags.push_back({.names = "-q,--quiet",
                   .help = "Only errors on standard error, and limits that could not be embedded"});
  return flags;
}

}  // namespace

Command embed_command() {
  Command command;
  command.name = "embed";
  command.summary = "put the filter into the program's own file";
  command.about = {
      "Analyses an x86-64 Linux program and writes the filter into its file, where it is installed before "
      "the program's first "
      "instruction: whoever starts it, however it is started, on every thread. Nobody has to remember a "
      "profile.",
      "The program and all that it executes get no_new_privs, so sudo and other setuid programs gain nothing "
      "there; what it executes "
      "runs under the filter too. In a dynamically linked program the loader and the constructors of "
      "LD_PRELOAD libraries run before "
      "the filter is in force.",
      "The file is replaced by a new one with the same mode, owner and attributes, file capabilities "
      "included. What "
      "cannot be embedded is refused with the reason, and left as it is.",
  };
  command.positionals = {{.name = "FILE",
                          .help = "Programs: x86-64 ELF executables; with --source a profile too",
                          .file = true,
                          .repeat = true}};
  command.flags = embed_flags();
  command.examples = {
      {"stile embed ./app", "From now on ./app confines itself"},
      {"stile embed bin/*", "All programs of a build"},
      {"stile embed ./app -p app.json -o app.confined --default-action kill-process",
       "With a profile of one's own, to another file"},
      {"stile embed --verify ./app", "In a pipeline: is the filter still the one the program needs?"},
      {"stile embed --source go app.json -o seccompfilter/filter.go", "For those who build from source"},
  };
  command.exits = {{0, "done"},
                   {1, "--verify found a difference, or --strict gaps"},
                   {2, "an error; the file it is about is as it was"}};
  command.run = run_embed;
  return command;
}

}  // namespace stile::cli
