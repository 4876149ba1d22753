// SPDX-License-Identifier: Apache-2.0
//
// The policy value everything else works on: which system calls are allowed, why, and what is not known.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <stile/condition.h>
#include <stile/result.h>

namespace stile {

// What the kernel does with a call. Values and meaning: include/uapi/linux/seccomp.h (SECCOMP_RET_*).
enum class ActionKind { Allow, Errno, KillProcess, KillThread, Log, Trap, Trace, Notify };

struct Action {
  ActionKind kind = ActionKind::Allow;
  uint16_t data = 0;  // errno number for Errno, tracer's message for Trace, siginfo's si_errno for Trap, else 0
  bool operator==(const Action&) const = default;
};

// Reads "allow", "errno" (EPERM), "errno:NAME", "errno:NUMBER", "kill-process", "kill-thread", "log", "trap", "trace",
// "notify" (a supervisor decides, seccomp_unotify(2)).
// Usage error on anything else, listing what can be said.
Result<Action> parse_action(std::string_view text);
// The inverse of parse_action.
std::string to_string(Action action);

// One step of a call path. Everything but `function` may be empty: a stripped C program has no names to show.
struct Frame {
  std::string function;  // full name as the program's own tables give it, or sub_<address>
  std::string package;   // Go import path of the function; "libc" or the library's file name for C code
  std::string module;    // Go module path@version that the package comes from, "std" for the standard library
  std::string file;      // source file, as recorded by the compiler
  uint32_t line = 0;     // 1-based; 0 = unknown
  uint64_t address = 0;  // virtual address in the file (not loaded): the call that goes on, or the site itself
  std::string via;       // how the NEXT frame is reached when it is not a plain call: "tail call", "closure",
                         // "interface table", "method table of T", "address taken", "data", "" = direct call
  bool operator==(const Frame&) const = default;
};

enum class EvidenceKind {
  CallPath,          // frames: from a root (main.main, the runtime's entry, ...) down to the instruction
  Kernel,            // the kernel itself makes the call on the program's behalf (restart_syscall)
  ContainerRuntime,  // the container runtime makes it after the filter is loaded; note says which
  Observed,          // it was seen while the program ran; note says how often and where
  Human,             // somebody asked for it: --allow
};

struct Evidence {
  EvidenceKind kind = EvidenceKind::CallPath;
  std::string root;           // CallPath: what the path starts from: "main", "go runtime", "libc", "initialiser", "data"
  std::vector<Frame> frames;  // CallPath: first = root, last = the function that holds the entering instruction
  std::string note;           // the other kinds: a sentence
  bool operator==(const Evidence&) const = default;
};

// What is done when a condition on the arguments holds.
struct Case {
  Condition when;
  Action action;
  bool operator==(const Case&) const = default;
};

struct Rule {
  Action action;                       // when no case applies
  std::vector<Case> cases;             // looked at in order; the first whose condition holds decides
  uint32_t sites = 0;                  // number of places in the program that ask for this call; 0 = none in the program itself
  std::vector<std::string> packages;   // the packages whose code names the number, sorted
  std::vector<std::string> brought_by; // first package outside the standard library on each shortest path, sorted; may be empty
  std::vector<std::string> arches;     // which system call tables it is for: "x86_64", "i386"
  std::vector<Evidence> because;       // at least one
  bool operator==(const Rule&) const = default;
};

enum class GapKind {
  UnknownNumber,       // an instruction enters the kernel with a number that could not be decided
  EscapedWrapper,      // a function that takes the number as a parameter is called through a pointer
  ExecInherits,        // the program can execute others: they run under the same filter
  DynamicLoading,      // dlopen, plugins: code that is not in the file
  UnanalysedLibrary,   // a needed shared library that was not found or not read
  SelfModifying,       // writable and executable memory in the file
  GeneratedCode,       // memory is made executable at run time: what is written there is not in the file
  UnnamedNumber,       // a decided number that no kernel table known to this version names
  LimitedWork,         // a bound on the work was reached; what was left undone counts as needed
};

struct Gap {
  GapKind kind = GapKind::UnknownNumber;
  std::string function;  // where; may be empty for gaps about a whole file
  std::string object;    // the file (program or library) it lies in
  std::string file;      // source file and line where known
  uint32_t line = 0;
  uint64_t address = 0;
  std::string what;      // one sentence
  std::string hint;      // what to do about it
  bool operator==(const Gap&) const = default;
};

std::string_view to_string(GapKind kind);
std::optional<GapKind> gap_kind_from(std::string_view text);
std::string_view to_string(EvidenceKind kind);
std::optional<EvidenceKind> evidence_kind_from(std::string_view text);

struct GoModule {
  std::string path;
  std::string version;
  bool operator==(const GoModule&) const = default;
};

// Where a profile comes from. Nothing in it depends on the time or the machine, so equal input gives equal output.
struct Origin {
  std::string program;       // file name without its directory
  std::string build_id;      // GNU build id in hex, or the Go build id
  std::string go_version;    // "go1.23.4"; empty when the program is not Go or does not say
  GoModule main_module;
  std::string link;          // "static", "static-pie", "dynamic", "dynamic-pie"
  std::string tool_version;  // stile's own
  std::vector<std::string> options;    // the options that shaped the profile, as given
  std::vector<std::string> libraries;  // the other files that were analysed with it, in search order
  bool operator==(const Origin&) const = default;
};

// What may be done under a path. The bits are Landlock's (LANDLOCK_ACCESS_FS_*, include/uapi/linux/landlock.h), grouped.
inline constexpr unsigned kPathRead = 1;     // read files, list directories
inline constexpr unsigned kPathWrite = 2;    // write, truncate, create, remove, rename
inline constexpr unsigned kPathExecute = 4;  // execute

// BPF cannot read strings, so a filter cannot tell one file from another. Landlock can: once any PathRule is there, the paths named and what
// lies beneath them are all that can be opened in the ways named.
struct PathRule {
  std::string path;  // absolute
  unsigned access = kPathRead;
  bool operator==(const PathRule&) const = default;
};

struct Profile {
  std::string arch = "x86_64";         // the program's own table
  std::vector<std::string> also_arches;  // further tables the filter answers for, beside those that rules name; sorted
  Action otherwise = {ActionKind::Errno, 1};
  Action bad_arch = {ActionKind::KillProcess, 0};  // a call by a table that is not answered for
  std::string written_for;             // kernel release, "6.1": unlisted calls that came later answer ENOSYS; "" = they are unlisted like others
  std::map<std::string, Rule> rules;   // by system call name, or by number ("463") where no name is known
  std::vector<PathRule> paths;         // enforced by Landlock beside the filter; empty = no limit
  std::vector<Gap> gaps;
  Origin origin;
  bool operator==(const Profile&) const = default;
};

// The tables the filter answers for: arch, also_arches and what the rules name; in the order of data/architectures.tsv.
std::vector<std::string> arches_of(const Profile& profile);

}  // namespace stile
