// SPDX-License-Identifier: Apache-2.0
//
// What a running program asks of the kernel: counted per program, with errors, times and, if wanted, argument values. A Trace
// is a plain value: traces of several runs merge, become a table as strace -c prints it, a JSON file, a profile.
//
//     stile::TraceOptions options;
//     options.command = {"./app", "--serve"};
//     auto run = stile::trace(options);
//     if (!run) return report(run.error());
//     std::cerr << stile::trace_table(run->trace, {});
//     auto profile = stile::trace_profile(run->trace, {});
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <stile/analyze.h>
#include <stile/live.h>
#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

// --- the value ---

struct CallKey {
  std::string name;            // "openat", or the number where no name is known
  std::string arch = "x86_64"; // the table it was called by: stile's name
  bool operator==(const CallKey&) const = default;
  auto operator<=>(const CallKey&) const = default;
};

// The values seen of one argument, as the 32-bit numbers they are (see traced_argument()).
struct ArgumentValues {
  uint8_t arg = 0;
  std::set<uint32_t> values;
  bool incomplete = false;  // more than kMaxArgumentValues: no condition can be made of them
  bool operator==(const ArgumentValues&) const = default;
};
inline constexpr size_t kMaxArgumentValues = 256;

// A call is counted when it is entered: exit_group, which never returns, counts as one call that did not return.
struct CallCount {
  uint64_t calls = 0;
  uint64_t errors = 0;       // returned -1 to -4095
  uint64_t returned = 0;     // the calls that the times are of
  uint64_t nanoseconds = 0;  // between entry and return, waiting included: strace -w, not system time
  uint64_t shortest = 0;     // of those that were measured
  uint64_t longest = 0;
  uint64_t estimated = 0;    // so many of `returned` were not measured: what they took is estimated from the others
  uint64_t runs = 1;         // in how many of the merged runs it was seen
  std::string first_seen;    // the command line of the first
  std::optional<ArgumentValues> argument;  // with TraceOptions::args, for calls that traced_argument() knows
  bool operator==(const CallCount&) const = default;
};

enum class TraceBy { Executable, Process, Thread, Comm };
std::string_view to_string(TraceBy by);
std::optional<TraceBy> trace_by_from(std::string_view text);

// The calls of one program, or of one process, thread or name of a thread of it.
struct TraceGroup {
  std::string program;  // path of the file that was executed, links resolved where that could be done
  bool main = false;    // false: another program that the traced one executed; it inherits a filter, so its calls count for that
  int pid = 0;          // by process and by thread
  int tid = 0;          // by thread
  std::string comm;     // by process, thread and comm
  std::map<CallKey, CallCount> calls;
  bool operator==(const TraceGroup&) const = default;
};

struct Trace {
  std::vector<std::string> command;  // of the first run; empty for a process that ran already
  std::string backend;               // "ebpf", "notify", "ptrace"; several with commas after a merge
  TraceBy by = TraceBy::Executable;
  bool results = true;               // errors are known (a notification tells only that a call begins)
  bool times = true;                 // how long calls took is known
  bool complete = true;              // false: with a baseline, whose calls were not seen
  uint64_t runs = 1;
  uint64_t nanoseconds = 0;          // on the clock, all runs
  bool hidden = false;               // notify traced, and the program loaded a filter of its own: what that refused was not seen
  uint64_t lost = 0;                 // events the kernel could not deliver or count; anything but 0 is an error to tell
  std::vector<TraceGroup> groups;    // the main program first, then by program, pid, tid, comm
  bool operator==(const Trace&) const = default;
};

// The argument whose values are worth recording, if there is one: the family of socket, the command of fcntl and prctl, the request of ioctl,
// the flags of clone and openat, the protection of mmap and mprotect.
std::optional<uint8_t> traced_argument(std::string_view call);

// Adds a run to what is there: counts add up, `runs` says how often each call was seen. Usage error where the groups are of different kinds, or
// of processes and threads, which no two runs share.
Result<void> merge(Trace& into, const Trace& run);

// All groups as one.
std::map<CallKey, CallCount> total(const Trace& trace);

// --- showing ---

// Columns by strace's names: "time-percent", "total-time", "avg-time", "calls", "errors", "name", "min-time", "max-time"; and "runs".
struct TableOptions {
  std::string sort = "time";  // see table_sorts()
  std::vector<std::string> columns = {"time-percent", "total-time", "avg-time", "calls", "errors", "name"};
};
const std::vector<std::string>& table_columns();
const std::vector<std::string>& table_sorts();  // "time", "calls", "errors", "name", "min", "max", "avg", "none"

// strace -c's table for each group, with a line above it that names the group where there is more than one. Columns that need results are "-" in a
// trace without them; a last line says so where times are estimates. Usage error for a column or an order that does not exist. Text is as it was in the kernel: not
// safe for a terminal.
Result<std::string> trace_table(const Trace& trace, const TableOptions& options);

// --- files ---

std::string write_trace(const Trace& trace);
Result<Trace> read_trace(std::string_view text, const std::string& where);
// Whether a text looks like one, by its content.
bool is_trace(std::string_view text);

// --- profiles ---

struct TraceProfileOptions {
  ProfileOptions profile;      // default action, container runtime, edits: as for a static analysis
  bool own_calls_only = false; // leave out what other programs that it executed called
};
// Allows what was seen, with argument conditions where values were recorded. Errors: those of make_profile(); Usage for a trace that is not
// complete.
Result<Profile> trace_profile(const Trace& trace, const TraceProfileOptions& options);

enum class Unseen { Allow, Log, Errno };
std::optional<Unseen> unseen_from(std::string_view text);  // "allow", "log", "errno"

// A static profile and what was observed, side by side.
struct Combined {
  Profile profile;
  std::vector<std::string> unseen;       // allowed for the program's own code, and never made
  std::vector<std::string> unexpected;   // made by the program, and not allowed statically: a bug of the analysis or one of its gaps
  std::vector<std::string> from_others;  // made by other programs it executed, and not allowed: they are allowed now
};
// What was seen gets evidence and is allowed; `unseen` says what becomes of the rest of the program's own calls. Rules that stem from a person, the
// kernel or a container runtime stay as they are.
Combined combine(const Profile& profile, const Trace& trace, Unseen unseen);

// --- tracing ---

enum class TraceBackend { Auto, Ebpf, Notify, Ptrace };
std::optional<TraceBackend> trace_backend_from(std::string_view text);  // "auto", "ebpf", "notify", "ptrace"

// Which calls the ebpf backend measures; counts are exact in any case. Sampled: of each thread and kind of call the first thousand or so, then
// about one in sixteen at random, and to a few milliseconds each one that takes that long.
enum class TraceTimes { None, Sampled, All };
std::optional<TraceTimes> trace_times_from(std::string_view text);  // "none", "sampled", "all"

struct TraceProgress {
  uint64_t calls = 0;
  uint64_t distinct = 0;
  uint64_t lost = 0;
};

struct TraceOptions {
  std::vector<std::string> command;  // argv; argv[0] is looked up in PATH. Or:
  int pid = 0;                       // a process that runs, with its threads and what they start; it goes on when tracing ends
  uint64_t stop_after = 0;           // nanoseconds; 0 = until it ends or a signal comes. With pid only
  TraceBackend backend = TraceBackend::Auto;
  TraceBy by = TraceBy::Executable;
  bool args = false;                 // record argument values
  TraceTimes times = TraceTimes::Sampled;
  // Calls that this profile allows run at full speed and are not seen; all others are counted, and let through.
  const Profile* baseline = nullptr;
  // With a baseline: once per distinct call and place, when it happens.
  std::function<void(const Refusal&)> on_new;
  // What was chosen or could not be had, a sentence each.
  std::function<void(const std::string&)> on_note;
  // About once a second.
  std::function<void(const TraceProgress&)> on_progress;
};

struct TraceRun {
  Trace trace;
  int status = 0;  // of the command, as a shell tells it; 0 with pid
};

// Runs a command, or watches a process, until it and all it started have ended. SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2 that
// somebody sends to the caller are passed on to a command; once the command has ended, and with pid, SIGHUP, SIGINT, SIGQUIT and SIGTERM end the
// tracing, and what is still there goes on, also if the caller is killed: for notify a small process of its own, stile-keeper, sees to that. Errors: Usage, Unsupported (no backend can, or the forced one cannot: says why), Io; for a command that
// cannot be executed see exec_status().
Result<TraceRun> trace(const TraceOptions& options);

}  // namespace stile
