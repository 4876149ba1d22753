// SPDX-License-Identifier: Apache-2.0
//
// stile disasm: a BPF filter in readable form, from wherever there is one.
#include <charconv>

#include <fmt/format.h>

#include <stile/live.h>

#include "cache.h"
#include "commands.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

Result<int> pid_from(const std::string& text) {
  int pid = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, pid);
  if (error == std::errc() && stop == end && pid > 0) return pid;
  return fail(Code::Usage, fmt::format("--pid cannot be '{}'", text), {}, "the number of a process");
}

std::string shown(const Program& program, const Arguments& arguments) {
  DisassembleOptions options;
  options.bytes = arguments.has("--bytes");
  return disassemble(program, options);
}

int disasm_process(const Arguments& arguments) {
  auto pid = pid_from(arguments.value("--pid"));
  if (!pid) return report(pid.error());
  auto filters = filters_of(*pid);
  if (!filters) return report(filters.error());
  if (filters->empty()) {
    say(fmt::format("stile: process {} runs under no filter\n", *pid));
    return 1;
  }
  std::string text;
  for (size_t i = 0; i < filters->size(); ++i) {
    if (filters->size() > 1) {
      text += fmt::format("; filter {} of {}{}\n", i + 1, filters->size(), i == 0 ? ", the newest" : "");
    }
    text += shown((*filters)[i], arguments);
  }
  auto written = write_stdout(text);
  return written ? 0 : report(written.error());
}

int run_disasm(const Arguments& arguments) {
  const std::string path = arguments.value("FILE");
  if (arguments.has("--pid")) {
    if (!path.empty()) return report({Code::Usage, "both FILE and --pid are given", {}, "one of them"});
    return disasm_process(arguments);
  }
  if (path.empty()) return report({Code::Usage, "FILE is missing", "disasm", "usage: stile disasm FILE, or --pid PID"});
  auto context = context_from(arguments);
  if (!context) return report(context.error());
  auto program = read_program(path, *context, programs_too(arguments));
  if (!program) return report(program.error());
  auto written = write_stdout(shown(*program, arguments));
  return written ? 0 : report(written.error());
}

}  // namespace

Command disasm_command() {
  Command command;
  command.name = "disasm";
  command.summary = "show a filter's instructions";
  command.about = {
      "Shows a BPF filter with the names of system calls, architectures and actions: that of a raw BPF file, of a profile (which is "
      "compiled first), of a program (the one embedded in it, else that which its analysis gives), or of a running process.",
  };
  command.positionals = {{.name = "FILE", .help = "A BPF program, a profile or an ELF program; - is standard input", .required = false, .file = true}};
  command.flags = {
      {.names = "--pid", .value = "PID", .help = "The filters this process runs under; needs root"},
      {.names = "--bytes", .help = "Show the bytes of each instruction too"},
  };
  for (Flag& flag : context_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(cache_flag());
  command.examples = {{"stile disasm app.json", "What the kernel will run for this profile"},
                      {"stile disasm --pid 1234", "What it runs for this process"}};
  command.exits = {{0, "shown"}, {1, "the process runs under no filter"}, {2, "an error"}};
  command.run = run_disasm;
  return command;
}

}  // namespace stile::cli
