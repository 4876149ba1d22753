// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <stile/image.h>
#include <stile/nearest.h>
#include <stile/syscalls.h>

#include "cache.h"
#include "generate.h"
#include "help.h"
#include "output.h"

namespace stile::cli {
namespace {

constexpr unsigned kMaxThreads = 1024;

int print(const std::string& text) {
  const Result<void> written = write_stdout(text);
  return written ? 0 : report(written.error());
}

int unknown_command(const std::string& word) {
  std::vector<std::string> names = {"help"};
  for (const Command& command : commands()) names.push_back(command.name);
  std::string near = nearest(word, names);
  const std::string kind = word.starts_with("-") ? "option" : "command";
  // Many programs take -v for this.
  if (word == "-v") near = "-V";
  // Somebody who gives a file straight away wants a profile of it.
  std::string hint = "see stile --help";
  if (!near.empty()) {
    hint = fmt::format("did you mean stile {}?", near);
  } else if (access(word.c_str(), F_OK) == 0) {
    hint = fmt::format("did you mean stile profile {}?", word);
  }
  return report({Code::Usage, fmt::format("unknown {} '{}'", kind, word), {}, hint});
}

int help(const std::vector<std::string>& words, const Style& style) {
  if (words.empty()) return print(overview(style));
  const Command* command = find_command(words.front());
  if (command == nullptr) return unknown_command(words.front());
  return print(help_for(*command, style));
}

int dispatch(const Command& command, std::vector<std::string> words) {
  auto arguments = parse(command, std::move(words));
  if (!arguments) {
    Error error = arguments.error();
    error.where = command.name;
    report(error);
    return command.misuse;
  }
  if (auto mode = color_mode_from(arguments->value("--color", "auto")); !mode) return report(mode.error());
  if (arguments->has("--help")) return print(help_for(command, style_for(STDOUT_FILENO, *arguments)));
  return command.run(*arguments);
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {
      profile_command(), explain_command(), run_command(), trace_command(), compile_command(), disasm_command(), emulate_command(), doctor_command(), embed_command(),
      diff_command(), edit_command(), merge_command(), convert_command(), lint_command(), syscalls_command(),
  };
  return kCommands;
}

const Command* find_command(const std::string& name) {
  for (const Command& command : commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::vector<Flag> analysis_flags() {
  return {
      {.names = "--also",
       .value = "FILE",
       .help = "Analyse this file with the program: a plugin, a library it loads with dlopen",
       .repeat = true,
       .file = true},
      {.names = "--sysroot",
       .value = "DIRECTORY",
       .help = "The program will run in this unpacked file system: its libraries, their configuration and all symbolic links are looked "
               "up in there. The program and --also are named as paths that lead there, or as they are called inside. Default: this "
               "machine",
       .file = true},
      {.names = "--phase",
       .value = "PHASE",
       .help = "What counts: all; start, which is what the dynamic linker and the initialisers of libraries do before the program's "
               "entry point; or main, what may be called from there on. Default: all",
       .choices = {"all", "start", "main"}},
      {.names = "--threads",
       .value = "N",
       .help = "Use at most N threads. Default: 0, as many as there are CPUs"},
      cache_flag(),
  };
}

std::vector<Flag> policy_flags() {
  std::vector<std::string> runtimes;
  for (const std::string& name : container_runtimes()) {
    runtimes.push_back(name);
    if (name != "none") runtimes.push_back(name + ",no-new-privs");
  }
  return {
      {.names = "--runtime",
       .value = "NAME[,no-new-privs]",
       .help = "Add the calls that the container runtime itself makes once the filter is in place: runc, "
               "crun or none. "
               "They are fewer when the container is started with no-new-privileges. Default: runc",
       .choices = runtimes},
      {.names = "--allow", .value = "NAME|@GROUP", .help = "Allow these too", .repeat = true},
      {.names = "--drop",
       .value = "NAME|@GROUP",
       .help = "Do not allow these, whatever needs them",
       .repeat = true},
  };
}

Result<AnalyzeOptions> analyze_options(const Arguments& arguments) {
  AnalyzeOptions options;
  options.also = arguments.values("--also");
  options.sysroot = arguments.value("--sysroot");
  options.cache = cache_directory(arguments);
  if (arguments.has("--sysroot") && options.sysroot.empty()) {
    return fail(Code::Usage, "--sysroot cannot be empty", {}, "name a directory");
  }
  if (auto phase = phase_from(arguments.value("--phase", "all"))) {
    options.phase = *phase;
  } else {
    return fail(Code::Usage, fmt::format("--phase cannot be '{}'", arguments.value("--phase")), {}, "all, start or main");
  }
  if (!arguments.has("--threads")) return options;
  const std::string text = arguments.value("--threads");
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, options.threads);
  if (error == std::errc() && stop == end && options.threads <= kMaxThreads) return options;
  return fail(Code::Usage, fmt::format("--threads cannot be '{}'", text), {},
              fmt::format("a number from 0 to {}", kMaxThreads));
}

std::vector<std::string> noted_options(const AnalyzeOptions& options) {
  std::vector<std::string> words;
  for (const std::string& file : options.also) words.push_back("--also=" + file);
  if (!options.sysroot.empty()) words.push_back("--sysroot=" + options.sysroot);
  if (options.phase != Phase::All) words.push_back("--phase=" + std::string(to_string(options.phase)));
  return words;
}

Result<ProfileOptions> profile_options(const Arguments& arguments) {
  ProfileOptions options;
  if (arguments.has("--default-action")) {
    auto action = parse_action(arguments.value("--default-action"));
    if (!action) return tl::unexpected(action.error());
    options.otherwise = *action;
  }
  const std::string runtime = arguments.value("--runtime", options.runtime);
  const size_t comma = runtime.find(',');
  options.runtime = runtime.substr(0, comma);
  if (comma != std::string::npos) {
    if (runtime.substr(comma + 1) != "no-new-privs") {
      return fail(Code::Usage, fmt::format("--runtime cannot be '{}'", runtime), {},
                  "after the comma stands no-new-privs or nothing");
    }
    options.no_new_privs = true;
  }
  options.allow = arguments.values("--allow");
  options.drop = arguments.values("--drop");
  return options;
}

namespace {

Result<Analysis> analyze_file(const std::string& path, const AnalyzeOptions& how) {
  expect_truncation(path);
  return analyze(path, how);
}

// `reference`: what the image is called.
Result<Analysis> analyze_in_image(const std::string& program, const Arguments& arguments, const AnalyzeOptions& how,
                                  std::string& reference) {
  if (!how.sysroot.empty()) return fail(Code::Usage, "--image and --sysroot exclude each other", {}, "an image is a system root");
  auto image = open_image(arguments.value("--image"), {});
  if (!image) return tl::unexpected(image.error());
  auto entry = entry_point(*image, program);
  if (!entry) return tl::unexpected(entry.error());
  reference = image->reference();
  return analyze(*image, *entry, how);
}

}  // namespace

Flag image_flag() {
  return {.names = "--image",
          .value = "IMAGE",
          .help = "What this container image starts (Entrypoint and Cmd), or BINARY in it, with the libraries in it. IMAGE is what docker save or "
                  "podman save wrote, or an OCI image layout, as a tar archive or a directory",
          .file = true};
}

Result<Work> work_out(const std::string& path, const Arguments& arguments) {
  auto how = analyze_options(arguments);
  if (!how) return tl::unexpected(how.error());
  auto policy = profile_options(arguments);
  if (!policy) return tl::unexpected(policy.error());
  std::string image;
  auto analysis = arguments.has("--image") ? analyze_in_image(path, arguments, *how, image) : analyze_file(path, *how);
  if (!analysis) return tl::unexpected(analysis.error());
  auto profile = make_profile(*analysis, *policy);
  if (!profile) return tl::unexpected(profile.error());
  for (const std::string& word : noted_options(*how)) profile->origin.options.push_back(word);
  if (!image.empty()) profile->origin.options.push_back("--image=" + image);
  return Work{std::move(*analysis), std::move(*profile)};
}

Style style_for(int fd, const Arguments& arguments) {
  return Style(fd, color_mode_from(arguments.value("--color", "auto")).value_or(ColorMode::Auto));
}

std::string count(size_t number, const std::string& noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

int run(const std::vector<std::string>& words) {
  const Style style(STDOUT_FILENO, ColorMode::Auto);
  if (words.empty()) {
    say(overview(Style(STDERR_FILENO, ColorMode::Auto)));
    return 2;
  }
  const std::string& first = words.front();
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (first == "--help" || first == "-h" || first == "help") return help(rest, style);
  if (first == "--version" || first == "-V") return print(fmt::format("stile {}\n", STILE_VERSION));
  if (first == "--generate") {  // for packaging, so not in --help
    auto text = generate(rest.empty() ? "" : rest.front());
    return text ? print(*text) : report(text.error());
  }
  const Command* command = find_command(first);
  return command == nullptr ? unknown_command(first) : dispatch(*command, rest);
}

}  // namespace stile::cli
