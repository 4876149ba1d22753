// SPDX-License-Identifier: Apache-2.0
//
// stile compile: a profile in, a BPF program out.
#include <array>

#include <fmt/format.h>
#include <unistd.h>

#include "cache.h"
#include "commands.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

std::string to_hex(const Program& program) {
  std::string text;
  for (const Instruction& instruction : program) {
    text += fmt::format("{:04x} {:02x} {:02x} {:08x}\n", instruction.code, instruction.jt, instruction.jf, instruction.k);
  }
  return text;
}

Result<std::string> in_form(const Program& program, const std::string& form, const std::string& output) {
  if (form == "raw") {
    if (output == "-" && isatty(STDOUT_FILENO)) {
      return fail(Code::Usage, "a raw program is no text for a terminal", {}, "give -o FILE, or --as hex");
    }
    return to_bytes(program);
  }
  if (form == "c") return to_c_array(program, "stile_filter");
  if (form == "hex") return to_hex(program);
  return fail(Code::Usage, fmt::format("--as cannot be '{}'", form), {}, "raw, c or hex");
}

int run_compile(const Arguments& arguments) {
  auto context = context_from(arguments);
  if (!context) return report(context.error());
  const std::string path = arguments.value("PROFILE");
  auto policy = read_policy(path, *context, programs_too(arguments), Lift::No);
  if (!policy) return report(policy.error());
  say_warnings(*policy, path);
  CompileOptions options;
  options.optimise = !arguments.has("--linear");
  auto program = policy->program ? Result<Program>(*policy->program) : compile(policy->profile, options);
  if (!program) return report(program.error());
  const std::string output = arguments.value("--output", "-");
  auto text = in_form(*program, arguments.value("--as", "raw"), output);
  if (!text) return report(text.error());
  if (auto written = write_output(output, *text); !written) return report(written.error());
  if (!policy->profile.paths.empty()) {
    say(fmt::format("stile: {}: the path rules are not in the program: BPF cannot read paths (stile run enforces them)\n",
                    printable(path)));
  }
  if (!arguments.has("--quiet")) say(fmt::format("{}\n", count(program->size(), "instruction")));
  return 0;
}

}  // namespace

Command compile_command() {
  Command command;
  command.name = "compile";
  command.summary = "turn a profile into a BPF program";
  command.about = {
      "Compiles a profile to the classic BPF program that the kernel runs for each system call. The result decides as the profile does "
      "for every architecture, number and argument; it is what bubblewrap takes with --seccomp, and crun by the annotation "
      "run.oci.seccomp_bpf_data.",
  };
  command.positionals = {{.name = "PROFILE", .help = "A profile of any format, or a program to analyse; - is standard input", .file = true}};
  command.flags = {
      {.names = "-o,--output", .value = "FILE", .help = "Write to FILE; - is standard output", .file = true},
      {.names = "--as",
       .value = "FORM",
       .help = "raw (8 bytes an instruction, in the byte order of this machine), c (an array of struct sock_filter) or hex (a line "
               "each). Default: raw",
       .choices = {"raw", "c", "hex"}},
      {.names = "--linear", .help = "Do not optimise: one comparison after the other, for comparing"},
  };
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(cache_flag());
  command.flags.push_back({.names = "-q,--quiet", .help = "Do not say how long the program is"});
  command.examples = {{"stile compile app.json -o app.bpf", "For bwrap --seccomp 10 10<app.bpf"},
                      {"stile compile app.json --as c -o filter.h", "To be built into a C program"}};
  command.exits = {{0, "written"}, {2, "an error; nothing is written"}};
  command.run = run_compile;
  return command;
}

}  // namespace stile::cli
