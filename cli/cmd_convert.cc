// SPDX-License-Identifier: Apache-2.0
//
// stile convert: a profile in another format, with what that cannot carry.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <stile/edit.h>
#include <stile/embed.h>
#include <stile/format.h>
#include <stile/nearest.h>

#include "cache.h"
#include "commands.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

// Not formats, since nothing reads them back: the filter as source code, by the machinery of stile embed --source.
constexpr const char* kSources[] = {"go", "c"};

std::vector<std::string> targets() {
  std::vector<std::string> names;
  for (const Format* format : formats()) {
    if (format->write != nullptr) names.emplace_back(format->name);
  }
  names.insert(names.end(), std::begin(kSources), std::end(kSources));
  return names;
}

std::string target_help() {
  std::string help = "Write";
  for (const Format* format : formats()) help += fmt::format(" {} ({});", format->name, format->summary);
  return help + " go or c (source code that installs the filter when the program starts)";
}

bool is_source(const std::string& name) { return std::find(std::begin(kSources), std::end(kSources), name) != std::end(kSources); }

Result<std::string> target_from(const Arguments& arguments) {
  const std::string name = arguments.value("--to");
  const std::vector<std::string> names = targets();
  if (name.empty()) return fail(Code::Usage, "--to is missing", "convert", fmt::format("one of {}", fmt::join(names, ", ")));
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  const std::string near = nearest(name, names);
  return fail(Code::Usage, fmt::format("no format is called '{}'", name), {},
              near.empty() ? fmt::format("one of {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near));
}

// The profile of the inputs, one or several joined.
Result<Policy> inputs(const Arguments& arguments) {
  auto context = context_from(arguments);
  if (!context) return tl::unexpected(context.error());
  std::vector<std::string> paths = {arguments.value("PROFILE")};
  for (const std::string& more : arguments.values("MORE")) paths.push_back(more);
  std::vector<Policy> policies;
  for (const std::string& path : paths) {
    auto policy = read_policy(path, *context, programs_too(arguments));
    if (!policy) return policy;
    say_warnings(*policy, path);
    if (policy->not_lifted && (paths.size() > 1 || !is_source(arguments.value("--to")))) {
      Error error = *policy->not_lifted;
      error.where = path;
      return tl::unexpected(error);
    }
    // The name of a Kubernetes resource comes from it, and says what the profile is of.
    std::string& program = policy->profile.origin.program;
    if (program.empty() && path != "-") {
      program = path.substr(path.rfind('/') + 1);
      program.resize(std::min(program.find('.', 1), program.size()));
    }
    policies.push_back(std::move(*policy));
  }
  if (policies.size() == 1) return std::move(policies.front());
  std::vector<Profile> profiles;
  for (Policy& policy : policies) profiles.push_back(std::move(policy.profile));
  auto joined = merge(profiles, Merge::Union);
  if (!joined) return tl::unexpected(joined.error());
  Policy policy;
  policy.profile = std::move(*joined);
  return policy;
}

Result<std::string> source(const Policy& policy, const std::string& language, std::vector<std::string>& lost) {
  Embedding what;
  what.source = policy.profile.origin.program;
  what.tool_version = STILE_VERSION;
  if (policy.program) {
    what.program = *policy.program;
  } else {
    auto program = compile(policy.profile);
    if (!program) return tl::unexpected(program.error());
    what.program = std::move(*program);
    if (!policy.profile.paths.empty()) lost.push_back(fmt::format("{}: no filter can look at a path", count(policy.profile.paths.size(), "path rule")));
  }
  const Profile* profile = policy.program && policy.not_lifted ? nullptr : &policy.profile;
  return source_text(what, profile, *source_language_from(language));
}

// What a pod says to run under the profile. The path is below the kubelet's seccomp directory (/var/lib/kubelet/seccomp), where the
// operator puts its own under operator/NAME.json.
std::string pod_text(const std::string& to, const std::string& name, const std::string& output) {
  const std::string file = to == "spo" ? fmt::format("operator/{}.json", name) : output == "-" ? name + ".json" : output.substr(output.rfind('/') + 1);
  return fmt::format(
      "securityContext:\n  allowPrivilegeEscalation: false\n  seccompProfile:\n    type: Localhost\n    localhostProfile: {}\n", file);
}

// The name that the written SeccompProfile has.
std::string resource_name(const std::string& manifest) {
  const size_t at = manifest.find("\n  name: \"");
  if (at == std::string::npos) return "profile";
  const size_t from = at + 10;
  return manifest.substr(from, manifest.find('"', from) - from);
}

int run_convert(const Arguments& arguments) {
  auto to = target_from(arguments);
  if (!to) return report(to.error());
  const bool pod = arguments.has("--pod");
  if (pod && *to != "spo" && *to != "oci" && *to != "docker" && *to != "podman")
    return report({Code::Usage, fmt::format("a pod takes no {} profile", *to), "--pod", "--to spo or --to oci"});
  auto policy = inputs(arguments);
  if (!policy) return report(policy.error());
  if (arguments.has("--name")) policy->profile.origin.program = arguments.value("--name");

  std::vector<std::string> lost;
  const Format* format = find_format(*to);
  // A program that is wanted as one is not taken apart and put together again.
  auto text = format == nullptr                           ? source(*policy, *to, lost)
              : policy->program && format->name == "bpf" ? Result<std::string>(to_bytes(*policy->program))
                                                          : format->write(policy->profile, &lost);
  if (!text) return report(text.error());
  for (const std::string& what : lost) say(printable(fmt::format("stile: lost in {}: {}", *to, what)) + "\n");
  if (!lost.empty() && arguments.has("--lossless"))
    return report({Code::Usage, fmt::format("{} cannot carry all of this", *to), {}, "nothing is written, because of --lossless"});
  const std::string output = arguments.value("--output", "-");
  if (format != nullptr && format->binary && output == "-" && is_terminal(STDOUT_FILENO))
    return report({Code::Usage, fmt::format("a terminal is no place for {} output", *to), {}, "say --output FILE"});
  if (pod) {
    std::string name = *to == "spo" ? resource_name(*text) : policy->profile.origin.program;
    if (name.empty()) name = "profile";
    const std::string snippet = pod_text(*to, name, output);
    // With the profile in a file the snippet alone is printed.
    if (output == "-") {
      auto written = write_stdout(snippet);
      return written ? 0 : report(written.error());
    }
    if (auto written = write_output(output, *text); !written) return report(written.error());
    auto written = write_stdout(snippet);
    return written ? 0 : report(written.error());
  }
  if (auto written = write_output(output, *text); !written) return report(written.error());
  return 0;
}

}  // namespace

Command convert_command() {
  Command command;
  command.name = "convert";
  command.summary = "write a profile in another format, and say what that cannot carry";
  command.about = {
      "Reads a profile in any format, or works out that of a program, and writes it in the format that --to names. The format of what is read shows in "
      "its content.",
      "What the new format cannot carry is said on standard error, a sentence each; where that cannot be helped more is let through than the "
      "profile says, so that no program breaks. With --lossless it is an error, and nothing is written. Several profiles are joined first, as "
      "by stile merge.",
  };
  command.positionals = {
      {.name = "PROFILE", .help = "A profile in any format that stile reads, or a program; - is standard input", .file = true},
      {.name = "MORE", .help = "More of them, to be joined with it", .required = false, .file = true, .repeat = true},
  };
  command.flags = {
      {.names = "-t,--to", .value = "FORMAT", .help = target_help(), .choices = targets()},
      {.names = "-o,--output", .value = "FILE", .help = "Write to FILE; - is standard output", .file = true},
      {.names = "--lossless", .help = "Fail if the format cannot carry everything"},
      {.names = "--name",
       .value = "NAME",
       .help = "What the profile is called where the format has a name for it (the resource of --to spo). Default: that of the program, or of the file"},
      {.names = "--pod", .help = "Print the securityContext with which a Kubernetes pod runs under the profile; the profile itself goes to --output"},
  };
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(cache_flag());
  command.examples = {
      {"stile convert app.json --to systemd -o app.service.d/seccomp.conf", "A drop-in for a service"},
      {"stile convert ./app --to spo -o app.yaml --pod", "A SeccompProfile for Kubernetes, and what the pod says"},
      {"stile convert docker.json --to kafel --lossless", "For nsjail, if nothing is lost"},
      {"stile convert app.service --to oci -o app.json", "And back from a unit file"},
  };
  command.exits = {{0, "the profile is written"}, {2, "an error; nothing is written"}};
  command.run = run_convert;
  return command;
}

}  // namespace stile::cli
