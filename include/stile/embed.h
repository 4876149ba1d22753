// SPDX-License-Identifier: Apache-2.0
//
// A filter inside the program's own file, installed before the program's first instruction; or as a source file to build in.
//
//     auto embedded = stile::embed_filter(bytes, {.program = *program, .profile = text}, {.name = "app"});
//     if (!embedded) return report(embedded.error());
//     write(embedded->file);
//
// What is added to an x86-64 ELF file is one part, mapped read-only and executable above everything else: a stub, the filter, the
// profile it was made from, and what is needed to take it all out again. The entry point leads to the stub; the stub sets no_new_privs,
// installs the filter, checks that it is in force and jumps to the old entry with every register and the stack as they were.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <stile/filter.h>
#include <stile/result.h>

namespace stile {

// What the program does when the kernel does not take the filter.
enum class OnFailure {
  Refuse,  // says so in one line on standard error and exits with 125
  Run,     // says so and runs without it
};

// Where the program header for the new part comes from.
enum class Placement {
  Grow,  // there was room behind the table: nothing is lost
  Note,  // a PT_NOTE was given up; Placed::notes says what that means
  Move,  // the table was moved into the new part; strip and objcopy must not touch the file any more
};
std::string_view to_string(Placement placement);

// What goes into a file.
struct Embedding {
  Program program;      // the filter as compile() made it; what embed_filter() puts before it see self_aware()
  std::string profile;  // its text in stile's native format, for people and for --verify; may be empty
  std::string source;   // where the profile came from: "analysis", or a file's name
  std::string tool_version;
  uint64_t time = 0;    // seconds since 1970; 0 = not said
  OnFailure on_failure = OnFailure::Refuse;
  bool operator==(const Embedding&) const = default;
};

struct EmbedOptions {
  std::string name;                    // what the program calls itself in its message, and messages call the file
  std::optional<Placement> placement;  // this one or none; by default the one that loses least
};

struct Placed {
  std::vector<uint8_t> file;
  Placement placement = Placement::Grow;
  std::vector<std::string> notes;  // what is lost, and what must not be done with the file: a sentence each
};

// Gives the file with the filter inside. One that is there already is replaced. Errors: NotElf, Malformed, Unsupported (another machine, no
// executable, packed, signed, data behind the end of the ELF file, no room), Limit, Usage (the filter needs a supervisor). Deterministic.
Result<Placed> embed_filter(std::span<const uint8_t> file, const Embedding& what, const EmbedOptions& options = {});

// Whether a file can be given a filter, as far as it can be told without one: the errors of embed_filter(), before any work is done.
Result<void> can_embed(std::span<const uint8_t> file, const std::string& name = {});

// What find_embedded() found.
struct Embedded {
  Embedding what;          // as it was given to embed_filter()
  Program installed;       // what the stub installs: what.program and what self_aware() put before it
  Placement placement = Placement::Grow;
  uint64_t address = 0;    // of the part, as in the file
  uint64_t size = 0;       // its bytes
  uint64_t entry = 0;      // the program's own
  bool original_known = false;  // the rest of the file is as embed_filter() left it, so remove_embedded() gives back the original to the byte
};

// Nothing when there is none. Malformed when the file has a part of stile's that is damaged, not entered or not what this version
// writes: it must not be taken for confined.
Result<std::optional<Embedded>> find_embedded(std::span<const uint8_t> file, const std::string& name = {});

struct Removed {
  std::vector<uint8_t> file;
  bool exact = true;  // the original, byte for byte; false: strip, objcopy or the like came between, so only the entry is the old one
};
// Usage when there is nothing embedded.
Result<Removed> remove_embedded(std::span<const uint8_t> file, const std::string& name = {});

// A few instructions before a filter that make it work in a program which installs its own: it answers the stub's question whether it is in
// force, and, if the program can execute others, lets these do what the stub does (set no_new_privs, add a filter), which can only
// tighten. Limit when the sum is too long, Usage when the filter waits for a supervisor (notify).
Result<Program> self_aware(const Program& program);
// The question: the third argument of prctl(PR_SET_NO_NEW_PRIVS, 1, key, 0, 0), and the errno that answers it.
struct SelfKey {
  uint64_t key = 0;
  uint16_t answer = 0;
};
SelfKey self_key(const Program& program);

// --- files ---

struct FileOptions {
  std::string output;  // empty: the file itself is replaced
};

// Reads a program for embedding: what its bytes do not tell is looked at here. Errors: Io, Unsupported (setuid, setgid, signed by IMA,
// fs-verity), Limit.
struct ProgramFile {
  std::string path;  // symbolic links followed
  std::vector<uint8_t> bytes;
  std::vector<std::string> notes;  // other names of the file that will keep the old program
  uint64_t device = 0, inode = 0, size = 0;
  int64_t changed_seconds = 0, changed_nanoseconds = 0;
};
Result<ProgramFile> read_program_file(const std::string& path);

// Puts `bytes` in the place of the file, or into options.output: by a new file beside it and rename, when all is on disk. Mode, owner, extended
// attributes and so file capabilities are those of the old file. A running program can be replaced. Errors: Io; the old file is then
// untouched. Io too when the file changed since it was read.
Result<void> write_program_file(const ProgramFile& from, std::span<const uint8_t> bytes, const FileOptions& options = {});

// --- source ---

enum class SourceLanguage { Go, C, Cxx };
std::optional<SourceLanguage> source_language_from(std::string_view text);  // "go", "c", "c++"

struct SourceOptions {
  std::string package = "seccompfilter";  // Go's package clause
};

// One file that installs the filter when the program starts, on all threads, without anything but the language's own library. The policy stands in
// it as comments.
Result<std::string> source_text(const Embedding& what, const Profile* profile, SourceLanguage language,
                                const SourceOptions& options = {});

}  // namespace stile
