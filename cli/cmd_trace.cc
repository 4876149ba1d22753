// SPDX-License-Identifier: Apache-2.0
//
// stile trace: runs a command, or watches a process, and says what it asked of the kernel. Standard output is
// the command's; the table goes to standard error or a file. The status is the command's own; 125 to 127 are
// ours, as with env(1).
#include <charconv>
#include <cmath>
#include <csignal>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <stile/format.h>
#include <stile/trace.h>

#include "cache.h"
#include "commands.h"
#include "describe.h"
#include "input.h"
#include "output.h"
#include "read_policy.h"

namespace stile::cli {
namespace {

constexpr int kOwnError = 125;
constexpr const char* kTraceFormat = "trace";

int refuse(const Error& error) {
  report(error);
  return kOwnError;
}

tl::unexpected<Error> bad_value(const std::string& flag, const std::string& value, const std::string& hint) {
  return fail(Code::Usage, fmt::format("{} cannot be '{}'", flag, value), {}, hint);
}

// "30s", "500ms", "1.5h"; seconds without a unit.
Result<uint64_t> duration(const std::string& flag, const std::string& text) {
  constexpr struct {
    std::string_view unit;
    double nanoseconds;
  } kUnits[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const std::string_view rest(stop, static_cast<size_t>(end - stop));
  for (const auto& unit : kUnits) {
    const double nanoseconds = number * unit.nanoseconds;
    if (error != std::errc() || rest != unit.unit) continue;
    if (std::isfinite(nanoseconds) && nanoseconds >= 1 && nanoseconds < 1e18)
      return static_cast<uint64_t>(nanoseconds);
  }
  return bad_value(flag, text, "a time such as 30s, 500ms, 5m, 2h");
}

Result<int> process_id(const std::string& text) {
  int pid = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, pid);
  if (error == std::errc() && stop == end && pid > 0) return pid;
  return bad_value("--pid", text, "the number of a process");
}

Result<TraceOptions> trace_options(const Arguments& arguments) {
  TraceOptions options;
  options.command = arguments.values("COMMAND");
  options.args = arguments.has("--args");
  if (arguments.has("--pid")) {
    auto pid = process_id(arguments.value("--pid"));
    if (!pid) return tl::unexpected(pid.error());
    options.pid = *pid;
  }
  if (arguments.has("--for")) {
    auto time = duration("--for", arguments.value("--for"));
    if (!time) return tl::unexpected(time.error());
    options.stop_after = *time;
  }
  const std::string backend = arguments.value("--backend", "auto");
  const auto known = trace_backend_from(backend);
  if (!known) return bad_value("--backend", backend, "auto, ebpf, notify or ptrace");
  options.backend = *known;
  const std::string times = arguments.value("--times", "sampled");
  const auto measured = trace_times_from(times);
  if (!measured) return bad_value("--times", times, "sampled, all or none");
  options.times = *measured;
  const std::string by = arguments.value("--by", "program");
  const auto split = trace_by_from(by);
  if (!split) return bad_value("--by", by, "program, process, thread or comm");
  options.by = *split;
  return options;
}

// How and where things are written, checked before anything runs: hours of tracing must not end in a misspelt
// word.
struct Output {
  TableOptions table;
  bool json = false;
  std::string table_file;          // empty: standard error
  std::string profile_file;        // empty: none
  const Format* format = nullptr;  // null: the trace itself
  TraceProfileOptions profile;
  std::optional<Trace> before;  // what is added to
};

Result<Trace> trace_from(const std::string& path) {
  auto text = read_if_json(path);
  if (!text) return tl::unexpected(text.error());
  if (!*text) {
    if (access(path.c_str(), R_OK) != 0) return fail(Code::Io, "cannot be read", path);
    return fail(Code::Malformed, "is no trace", path, "stile trace --json -O FILE writes one");
  }
  return read_trace(**text, path);
}

Result<const Format*> profile_format(const std::string& name) {
  if (name == kTraceFormat) return nullptr;
  if (const Format* format = find_format(name); format != nullptr && format->write != nullptr) return format;
  std::vector<std::string> names = {kTraceFormat};
  for (const Format* format : formats()) names.emplace_back(format->name);
  return fail(Code::Usage, fmt::format("no format is called '{}'", name), {},
              fmt::format("one of {}", fmt::join(names, ", ")));
}

Result<Output> output_of(const Arguments& arguments) {
  Output output;
  output.table.sort = arguments.value("--sort", output.table.sort);
  if (arguments.has("--columns")) output.table.columns = arguments.values("--columns");
  if (auto good = trace_table({}, output.table); !good) return tl::unexpected(good.error());
  output.json = arguments.has("--json");
  output.table_file = arguments.value("--table");
  output.profile_file = arguments.value("--output");
  const bool append = arguments.has("--append");
  auto format = profile_format(arguments.value("--format", append ? kTraceFormat : "oci"));
  if (!format) return tl::unexpected(format.error());
  output.format = *format;
  auto policy = profile_options(arguments);
  if (!policy) return tl::unexpected(policy.error());
  output.profile.profile = std::move(*policy);
  output.profile.own_calls_only = arguments.has("--own");
  // A wrong name of a group or runtime is found before the run as well.
  if (auto tried = trace_profile({}, output.profile); !tried) return tl::unexpected(tried.error());
  if (!append) return output;
  if (output.profile_file.empty() || output.profile_file == "-") {
    return fail(Code::Usage, "--append needs a file to add to", {}, "say --output FILE");
  }
  if (output.format != nullptr) {
    return fail(Code::Usage,
                fmt::format("a profile in the format {} keeps no counts to add to", output.format->name), {},
                "leave out --format; stile trace --from FILE -o PROFILE makes a profile of all runs");
  }
  if (access(output.profile_file.c_str(), F_OK) != 0) return output;
  auto before = trace_from(output.profile_file);
  if (!before) return tl::unexpected(before.error());
  output.before = std::move(*before);
  return output;
}

// Names come from programs.
std::string safe(const std::string& text) {
  std::string result;
  size_t start = 0;
  while (start < text.size()) {
    const size_t end = text.find('\n', start);
    result += printable(text.substr(start, end == text.npos ? text.npos : end - start)) + "\n";
    if (end == text.npos) break;
    start = end + 1;
  }
  return result;
}

// Writes what was asked for. True if all could be written.
bool write_all(Trace trace, Output& output, bool from_file) {
  bool good = true;
  const auto failed = [&](const Error& error) {
    report(error);
    good = false;
  };
  const auto text = output.json ? Result<std::string>(write_trace(trace)) : trace_table(trace, output.table);
  if (!text) {
    failed(text.error());
  } else if (!output.table_file.empty()) {
    if (auto written = write_output(output.table_file, *text); !written) failed(written.error());
  } else if (from_file && output.profile_file.empty()) {
    if (auto written = write_stdout(output.json || !is_terminal(STDOUT_FILENO) ? *text : safe(*text));
        !written)
      failed(written.error());
  } else if (output.profile_file.empty() || !from_file) {
    say(output.json || !is_terminal(STDERR_FILENO) ? *text : safe(*text));
  }
  if (output.profile_file.empty()) return good;

  std::string made;
  if (output.format == nullptr) {
    if (output.before) {
      if (auto merged = merge(*output.before, trace); !merged) {
        failed(merged.error());
        return good;
      }
      trace = std::move(*output.before);
    }
    made = write_trace(trace);
  } else {
    const auto profile = trace_profile(trace, output.profile);
    if (!profile) {
      failed(profile.error());
      return good;
    }
    std::vector<std::string> lost;
    auto written = output.format->write(*profile, &lost);
    for (const std::string& what : lost)
      say(printable(fmt::format("stile: lost in {}: {}", output.format->name, what)) + "\n");
    if (!written) {
      failed(written.error());
      return good;
    }
    made = std::move(*written);
  }
  if (auto written = write_output(output.profile_file, made); !written) failed(written.error());
  return good;
}

bool say_losses(const Trace& trace) {
  if (trace.lost == 0) return false;
  report({Code::Limit,
          fmt::format("{} could not be counted: what is shown and written is not complete",
                      count(trace.lost, "event")),
          {},
          "--backend ptrace counts everything, slowly"});
  return true;
}

void say_hidden(const Trace& trace) {
  if (!trace.hidden) return;
  say("stile: warning: the program loaded a filter of its own: the backend notify did not see the calls "
      "which that refused "
      "(--backend ptrace or ebpf does)\n");
}

void say_new(const Refusal& refusal, const Style& style) {
  std::string text =
      fmt::format("{} {} ({}[{}]): {}\n", style.bold("stile:"), style.yellow("not in the baseline"),
                  printable(refusal.command), refusal.pid, printable(refusal.call));
  for (const Frame& frame : refusal.stack) {
    std::string line = "    " + printable(frame.function);
    if (const std::string where = place(frame.file, frame.line, frame.address); !where.empty())
      line += "  " + printable(where);
    if (!frame.via.empty()) line += fmt::format("  ({})", printable(frame.via));
    text += style.dim(line) + "\n";
  }
  say(text);
}

std::string end_line(const Trace& trace) {
  uint64_t calls = 0;
  for (const TraceGroup& group : trace.groups) {
    for (const auto& [key, one] : group.calls) calls += one.calls;
  }
  return fmt::format("stile: {}, {} different, in {:.3f} s, by {}\n",
                     count(calls, trace.complete ? "call" : "new call"), total(trace).size(),
                     static_cast<double>(trace.nanoseconds) / 1e9, trace.backend);
}

int from_file(const Arguments& arguments) {
  if (arguments.has("COMMAND") || arguments.has("--pid") || arguments.has("--append")) {
    return refuse({Code::Usage, "--from takes the place of a command, of --pid and of --append", {}, {}});
  }
  auto output = output_of(arguments);
  if (!output) return refuse(output.error());
  auto trace = trace_from(arguments.value("--from"));
  if (!trace) return refuse(trace.error());
  say_hidden(*trace);
  const bool lost = say_losses(*trace);
  return write_all(std::move(*trace), *output, true) && !lost ? 0 : kOwnError;
}

int run_trace(const Arguments& arguments) {
  if (arguments.has("--from")) return from_file(arguments);
  auto options = trace_options(arguments);
  if (!options) return refuse(options.error());
  auto output = output_of(arguments);
  if (!output) return refuse(output.error());
  const bool quiet = arguments.has("--quiet");
  const Style style = style_for(STDERR_FILENO, arguments);

  std::optional<Policy> baseline;
  if (arguments.has("--baseline")) {
    if (!output->profile_file.empty() && output->format != nullptr) {
      return refuse({Code::Usage,
                     "no profile can be made of a trace with a baseline: the baseline's calls are not seen",
                     {},
                     "--output with --format trace keeps the new calls"});
    }
    auto policy = read_policy(arguments.value("--baseline"), context_here(), programs_too(arguments));
    if (!policy) return refuse(policy.error());
    if (!quiet) say_warnings(*policy, arguments.value("--baseline"));
    if (policy->program && policy->not_lifted) return refuse(*policy->not_lifted);
    baseline = std::move(*policy);
    options->baseline = &baseline->profile;
  }
  bool live_line = false;
  options->on_new = [&](const Refusal& refusal) { say_new(refusal, style); };
  options->on_note = [&](const std::string& note) {
    if (!quiet) say(fmt::format("stile: {}\n", printable(note)));
  };
  if (!quiet && is_terminal(STDERR_FILENO)) {
    options->on_progress = [&](const TraceProgress& progress) {
      live_line = true;
      say(fmt::format("\r\x1b[K{}",
                      style.dim(fmt::format("stile: {}, {} different, {} lost", count(progress.calls, "call"),
                                            progress.distinct, progress.lost))));
    };
  }
  auto run = stile::trace(*options);
  if (live_line) say("\r\x1b[K");
  if (!run) {
    report(run.error());
    return exec_status(run.error());
  }
  if (!quiet) say(end_line(run->trace));
  say_hidden(run->trace);
  const bool lost = say_losses(run->trace);
  const int status = run->status;
  const bool written = write_all(std::move(run->trace), *output, false);
  return lost || !written ? kOwnError : status;
}

}  // namespace

Command trace_command() {
  Command command;
  command.name = "trace";
  command.summary = "run a command, or watch a process, and count its system calls";
  command.about = {
      "Prints the table that strace -c prints, on standard error or with --table to a file, for each program "
      "that ran: a program that the "
      "traced one executes inherits its filter and is shown apart. Threads, children and what they execute "
      "are followed; a call belongs "
      "to the program that makes it, so the execve that starts the command is not counted. Seconds are those "
      "between entry and return, "
      "waiting included.",
      "Three backends see the same calls. ebpf counts inside the kernel, at the least cost: root, or CAP_BPF "
      "and CAP_PERFMON. notify needs no "
      "privileges and does not see errors and times. ptrace works everywhere and is slow. The first that is "
      "possible is taken.",
  };
  command.positionals = {
      {.name = "COMMAND", .help = "What to run; looked up in PATH", .required = false, .command = true}};
  command.flags = {
      {.names = "-o,--output",
       .value = "FILE",
       .help = "Write a profile that allows what was seen to FILE; - is standard output",
       .file = true},
      {.names = "-f,--format",
       .value = "NAME",
       .help = "Write --output as this: a profile format, or trace for the counts themselves, which can be "
               "added to and given to stile "
               "profile --with. Default: oci; trace with --append"},
      {.names = "-a,--append", .help = "Add this run to the trace in --output, if there is one"},
      {.names = "-O,--table",
       .value = "FILE",
       .help = "Write the table to FILE; - is standard output. Default: standard error",
       .file = true},
      {.names = "--json", .help = "A trace as JSON in place of the table"},
      {.names = "-p,--pid",
       .value = "PID",
       .help = "Watch this process, its threads and what they start, until it ends or Ctrl-C; it goes on"},
      {.names = "--for", .value = "TIME", .help = "With --pid: stop after this time, 30s or 5m"},
      {.names = "--from",
       .value = "FILE",
       .help = "Run nothing; show a trace that was written earlier, or make a profile of it",
       .file = true},
      {.names = "--backend",
       .value = "NAME",
       .help = "Use this backend: auto, ebpf, notify or ptrace. Default: auto",
       .choices = {"auto", "ebpf", "notify", "ptrace"}},
      {.names = "--by",
       .value = "WHAT",
       .help = "A table for each program, process, thread or comm (name of threads). Default: program",
       .choices = {"program", "process", "thread", "comm"}},
      {.names = "-S,--sort",
       .value = "WHAT",
       .help = fmt::format("Sort the table by {}. Default: time", fmt::join(table_sorts(), ", ")),
       .choices = table_sorts()},
      {.names = "-U,--columns",
       .value = "NAME",
       .help = fmt::format("Show these columns: {}. Default: as strace -c", fmt::join(table_columns(), ", ")),
       .choices = table_columns(),
       .repeat = true},
      {.names = "--args",
       .help = "Record the values of arguments worth a condition: the family of socket, the command of fcntl "
               "and prctl, the request of "
               "ioctl, the flags of clone and openat, the protection of mmap and mprotect. A profile then "
               "allows these alone"},
      {.names = "--times",
       .value = "WHICH",
       .help =
           "Which calls the backend ebpf measures: sampled, each kind's first thousand in a thread and then "
           "one "
           "in sixteen, and all that are long; all; or none. Counts are exact in any case. Default: sampled",
       .choices = {"sampled", "all", "none"}},
      {.names = "--baseline",
       .value = "FILE",
       .help = "Let the calls that this profile allows pass at full speed, and report each other one when it "
               "is made, with its caller. "
               "Nothing is refused",
       .file = true},
      {.names = "--own", .help = "Leave calls that other programs made out of the profile"},
  };
  for (Flag& flag : policy_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back({
      .names = "--default-action",
      .value = "ACTION",
      .help = "What the profile says of all other calls: errno[:NAME], kill-process, kill-thread, log, trap "
              "or trace. Default: errno, which is "
              "errno:EPERM",
  });
  command.flags.push_back(cache_flag());
  command.flags.push_back(
      {.names = "-q,--quiet",
       .help = "Only the table, what is not in the baseline, and errors on standard error"});
  command.examples = {
      {"stile trace -- ./app --serve", "What strace -cf shows, at a fraction of its cost"},
      {"stile trace -o app.json -- ./app", "And a profile"},
      {"stile trace -a -o app.trace -- ./app",
       "One run more in app.trace; then: stile trace --from app.trace -o app.json"},
      {"stile trace --pid 1234 --for 30s", "A process that runs already"},
      {"stile trace --baseline app.json -- ./app", "Does anything happen that the profile does not know?"},
  };
  command.exits = {
      {0, "what the command exits with, whatever it is; 128 + N after signal N; 0 with --pid and --from"},
      {125, "stile itself failed, an event was lost, or a file could not be written"},
      {126, "the command could not be executed"},
      {127, "the command was not found"}};
  command.run = run_trace;
  command.misuse = 125;
  return command;
}

}  // namespace stile::cli
