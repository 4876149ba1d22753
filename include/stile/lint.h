// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a profile, or will be.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <stile/filter.h>
#include <stile/format.h>
#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

enum class Severity { Note, Warning, Error };
std::string_view to_string(Severity severity);
std::optional<Severity> severity_from(std::string_view text);

struct Finding {
  std::string check;      // its id: "clone3-eperm"
  Severity severity = Severity::Warning;
  std::string call;       // the system call it is about; may be empty
  std::string place;      // JSON pointer into the file (RFC 6901), or "instruction 12"; empty = the whole profile
  uint32_t line = 0;      // of the place in the file, 1-based; 0 = unknown
  std::string message;    // what is wrong here, one sentence without full stop
  std::string remedy;     // what to do, as a command where there is one; PROFILE stands for the file
  bool operator==(const Finding&) const = default;
};

// What a check is about, for --help, documents and SARIF.
struct CheckInfo {
  std::string_view id;
  Severity severity;         // of most of its findings
  std::string_view summary;  // one line
  std::string_view why;      // what happens otherwise, a sentence or two
};
std::vector<CheckInfo> lint_checks();

struct LintInput {
  const Profile* profile = nullptr;         // null: a program that could not be lifted
  std::string format;                       // "oci", "bpf", "elf", ...
  std::string_view text;                    // of the file; empty when there is none
  std::span<const Instruction> program;     // raw BPF; empty otherwise
  std::vector<std::string> warnings;        // of the reader; each becomes a finding unless a check says it better
  ReadContext context;                      // the machine the profile is meant for
};

// Findings sorted by place in the file, worst first within one place. Error: Limit (conditions too tangled to look through).
Result<std::vector<Finding>> lint(const LintInput& input);

}  // namespace stile
