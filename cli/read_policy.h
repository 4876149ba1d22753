// SPDX-License-Identifier: Apache-2.0
//
// What the commands take for "a profile": a file in any format stile reads, a raw BPF program, or the program it is for.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <stile/analyze.h>
#include <stile/filter.h>
#include <stile/format.h>

#include "flags.h"

namespace stile::cli {

struct Policy {
  Profile profile;
  std::string format;                // "oci", "stile", "bpf", ..., "elf" for a program that was analysed
  std::optional<Program> program;    // raw BPF as it was read; profile is what lift() made of it, if it could
  std::optional<Error> not_lifted;   // why it could not
  std::vector<std::string> warnings; // what the file says that other tools get wrong, with the place
  std::string text;                  // of the file; empty for a program that was analysed
};

// What a file may be: one that holds a profile or a BPF program, and
struct Accept {
  bool programs = false;  // an ELF file too: it is analysed, with no container runtime's calls
  std::string cache;      // for that analysis: AnalyzeOptions::cache
};
// With programs; --no-cache is looked at.
Accept programs_too(const Arguments& arguments);

enum class Lift {
  Yes,  // the profile is what the program says
  No,   // the program alone is wanted; profile stays empty
};

// "-" is standard input. Errors: Io, Usage (nothing that is known), and those of the reader. A profile that speaks of "this
// kernel" and "these capabilities" is resolved for `context`.
Result<Policy> read_policy(const std::string& path, const ReadContext& context, const Accept& accept = {},
                           Lift lift_programs = Lift::Yes);

// Both, as read_policy with programs does. Two programs are analysed at the same time, each on half of the processors: much of an
// analysis is work for one. If the first one is an error, the second may be a meaningless one.
std::pair<Result<Policy>, Result<Policy>> read_two(const std::string& one, const std::string& other, const ReadContext& context, const Accept& accept);

// The BPF program of a file: as it stands, embedded in a program, or compiled from what the file says. Says the reader's warnings on standard error.
Result<Program> read_program(const std::string& path, const ReadContext& context, const Accept& accept);

// This kernel's release, this machine, and the capabilities in this process's bounding set (what runc would give docker's
// default profile: includes.caps is decided by it).
ReadContext context_here();

// --arch NAME, --kernel RELEASE and --cap NAME, which replace what context_here() found; for commands that need not run on the
// machine the profile is for.
std::vector<Flag> context_flags();
Result<ReadContext> context_from(const Arguments& arguments);

// Says each warning on standard error, a line each.
void say_warnings(const Policy& policy, const std::string& path);

}  // namespace stile::cli
