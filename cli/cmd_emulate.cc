// SPDX-License-Identifier: Apache-2.0
//
// stile emulate: what would happen to one call, and which rule says so.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <stile/syscalls.h>

#include "cache.h"
#include "commands.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

struct Outcome {
  Event event;
  std::string call;
  Verdict verdict;
  std::string rule;     // empty for a raw program that could not be lifted
  bool cached = false;  // answered by the kernel without running the filter
  size_t instructions = 0;
};

Result<Outcome> emulated(const Arguments& arguments) {
  auto context = context_from(arguments);
  if (!context) return tl::unexpected(context.error());
  const std::string path = arguments.value("PROFILE");
  auto policy = read_policy(path, *context, programs_too(arguments));
  if (!policy) return tl::unexpected(policy.error());
  say_warnings(*policy, path);
  Outcome outcome;
  outcome.call = arguments.value("CALL");
  auto event = parse_event(outcome.call, context->arch);
  if (!event) return tl::unexpected(event.error());
  outcome.event = *event;
  auto program = policy->program ? Result<Program>(*policy->program) : compile(policy->profile);
  if (!program) return tl::unexpected(program.error());
  auto verdict = emulate(*program, *event);
  if (!verdict) return tl::unexpected(verdict.error());
  outcome.verdict = *verdict;
  outcome.cached = is_constant_allow(*program, event->arch, event->number);
  outcome.instructions = program->size();
  if (!policy->not_lifted) outcome.rule = decided_by(policy->profile, *event);
  return outcome;
}

std::string as_json(const Outcome& outcome) {
  nlohmann::ordered_json document;
  document["schema"] = 1;
  document["call"] = outcome.call;
  document["number"] = outcome.event.number;
  document["name"] = syscall_name(outcome.event.arch, outcome.event.number);
  document["arch"] = fmt::format("{:#x}", outcome.event.arch);
  nlohmann::ordered_json args = nlohmann::ordered_json::array();
  for (const uint64_t value : outcome.event.args) args.push_back(fmt::format("{:#x}", value));
  document["args"] = args;
  document["action"] = to_string(outcome.verdict.action);
  document["return_value"] = fmt::format("{:#x}", outcome.verdict.value);
  document["rule"] = outcome.rule;
  document["steps"] = outcome.verdict.steps;
  document["instructions"] = outcome.instructions;
  document["cached_by_kernel"] = outcome.cached;
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_text(const Outcome& outcome, const Style& style) {
  const std::string action = to_string(outcome.verdict.action);
  std::string text = outcome.verdict.action.kind == ActionKind::Allow ? style.bold(action) : style.red(action);
  if (!outcome.rule.empty()) text += "  by: " + printable(outcome.rule);
  text += fmt::format("\n{} of {}{}\n", count(outcome.verdict.steps, "instruction"), outcome.instructions,
                      outcome.cached ? "; a kernel from 5.11 on answers this number without running the filter" : "");
  return text;
}

int run_emulate(const Arguments& arguments) {
  auto outcome = emulated(arguments);
  if (!outcome) return report(outcome.error());
  auto written = write_stdout(arguments.has("--json") ? as_json(*outcome) : as_text(*outcome, style_for(STDOUT_FILENO, arguments)));
  if (!written) return report(written.error());
  return outcome->verdict.action.kind == ActionKind::Allow || outcome->verdict.action.kind == ActionKind::Log ? 0 : 1;
}

}  // namespace

Command emulate_command() {
  Command command;
  command.name = "emulate";
  command.summary = "say what a profile does with one call";
  command.about = {
      "Runs the profile's filter on one system call, without making it, and says the verdict and the rule that gave it.",
      "The call is written as in C: a name or a number, and up to six arguments in parentheses, missing ones being 0. Arguments are "
      "numbers, or names of constants joined by |.",
  };
  command.positionals = {
      {.name = "PROFILE", .help = "A profile, a raw BPF program, or a program to analyse; - is standard input", .file = true},
      {.name = "CALL", .help = "The call, for example 'socket(AF_INET, SOCK_STREAM)'"}};
  command.flags = {{.names = "--json", .help = "As JSON"}};
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(cache_flag());
  command.examples = {{"stile emulate default.json 'personality(0x20000)'", "Is it allowed?"},
                      {"stile emulate app.bpf 'openat(AT_FDCWD, 0x1, O_RDONLY|O_CLOEXEC)'", "With constants by name"}};
  command.exits = {{0, "allowed, or allowed and logged"}, {1, "anything else"}, {2, "an error"}};
  command.run = run_emulate;
  return command;
}

}  // namespace stile::cli
