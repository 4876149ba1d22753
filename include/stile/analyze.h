// SPDX-License-Identifier: Apache-2.0
//
// From a compiled program to the system calls it can make, each with its evidence.
//
//     auto analysis = stile::analyze("/usr/bin/lf", {});
//     if (!analysis) return report(analysis.error());
//     stile::Profile profile = stile::make_profile(*analysis, {});
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

// Which part of a process's life is asked about. A program that is linked dynamically begins with its dynamic linker and the
// initialisers of its libraries; its own code runs from its entry point on, and only that is left for a filter that is installed there
// (stile embed). A static program has no start in this sense.
enum class Phase {
  All,
  Start,  // before the program's entry point
  Main,   // from there on
};

std::string_view to_string(Phase phase);  // "all", "start", "main"
std::optional<Phase> phase_from(std::string_view text);

struct AnalyzeOptions {
  std::vector<std::string> also;  // further files whose code runs in the process: plugins, libraries loaded by dlopen
  std::string sysroot;            // directory of an unpacked file system in which the program will run; empty = this machine's own
  Phase phase = Phase::All;       // system calls and gaps of this part alone
  bool paths = true;              // collect call paths; false is a little faster and leaves Rule::because without frames
  unsigned max_paths = 3;         // call paths kept per system call, shortest first, one per package that asks for it
  unsigned threads = 0;           // 0 = as many as the machine has
  // Directory in which analyses are kept and found again, absolute; empty = nothing is kept. It is used if it belongs to this process's
  // effective user alone, and made if it is not there. It holds at most 128 MiB. An answer from there is the one that the analysis would
  // give again: for the same build of stile, options, file and libraries. What is wrong with it is never an error.
  std::string cache;
};

// One system call the program can make.
struct SyscallUse {
  std::string name;
  uint32_t number = 0;
  std::string arch;                     // "x86_64", or "i386" for int 0x80 and the like
  uint32_t sites = 0;                   // places that ask for it
  std::vector<std::string> packages;    // see Rule
  std::vector<std::string> brought_by;  // see Rule
  std::vector<Evidence> because;
  bool operator==(const SyscallUse&) const = default;
};

struct AnalysisStats {
  uint64_t functions = 0;            // all in the file(s)
  uint64_t reachable_functions = 0;  // kept by the walk
  uint64_t sites = 0;                // instructions that enter the kernel, in reachable functions
  uint64_t wrappers = 0;             // functions found to take the number as a parameter
  std::string limit;                 // why a part of the program was taken as reachable whole; empty if none was
  bool operator==(const AnalysisStats&) const = default;
};

struct Analysis {
  Origin origin;                    // origin.options is empty here
  std::vector<SyscallUse> syscalls; // sorted by arch, name
  std::vector<Gap> gaps;            // sorted by address
  AnalysisStats stats;
  bool operator==(const Analysis&) const = default;
};

// Analyses an x86-64 Linux ELF executable or shared object. Reads `path` and, for a dynamically linked program, the
// libraries it needs, found as its dynamic linker would find them. With a sysroot `path` and `also` are paths in it, or paths on this
// machine that lead there; what is neither is read from this machine. Errors: Io, NotElf, Malformed, Unsupported (see Code); never a
// partial result.
Result<Analysis> analyze(const std::string& path, const AnalyzeOptions& options);

// The same for bytes in memory (a fuzzer, an archive member). `name` is used in messages. No libraries are looked for, and
// nothing is kept in options.cache.
Result<Analysis> analyze_bytes(std::vector<uint8_t> bytes, const std::string& name, const AnalyzeOptions& options);

struct ProfileOptions {
  Action otherwise = {ActionKind::Errno, 1};  // the default action
  std::string runtime = "runc";               // "runc", "crun", "none", see data/runtimes.tsv
  bool no_new_privs = false;                  // the container is started with no_new_privs
  std::vector<std::string> allow;             // names or @groups to add
  std::vector<std::string> drop;              // names or @groups to take away, after `allow`
};

// Turns what the program needs into a policy: adds the container runtime's own calls, what the kernel restarts, and the
// edits. Usage error for a name, group or runtime that does not exist, with the nearest one that does.
Result<Profile> make_profile(const Analysis& analysis, const ProfileOptions& options);

}  // namespace stile
