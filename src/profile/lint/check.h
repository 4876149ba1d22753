// SPDX-License-Identifier: Apache-2.0
//
// What a check gets to see and how it speaks. A check is one const struct in a file of its own, listed in
// checks.cc.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <stile/lint.h>

namespace stile::linting {

// One entry of "syscalls" of an OCI document as it stands there, before anything is resolved.
struct Comparison {
  unsigned arg = 0;
  std::string op;  // "SCMP_CMP_EQ"
};
struct Entry {
  std::string place;  // JSON pointer
  std::vector<std::string> names;
  std::string action;  // "SCMP_ACT_ALLOW"
  int64_t error = -1;  // errnoRet, -1 = absent
  std::vector<Comparison> args;
  std::string condition;  // args, includes and excludes as text, to tell whether two entries are for the same
  bool chosen = false;    // there are includes or excludes
};
struct Document {
  std::string default_action;
  int64_t default_error = -1;
  std::vector<std::string> architectures;  // "SCMP_ARCH_X86"
  bool mapped = false;                     // archMap
  std::vector<Entry> entries;
  std::string name_place(const Entry& entry, size_t name) const;
};

// What is said of one call under some condition; the last one of a list holds always.
using Decision = std::vector<Case>;

struct Subject {
  const LintInput& input;
  const Profile& profile;  // an empty one for a program that could not be lifted
  bool has_profile = true;
  const Document* document = nullptr;         // OCI alone
  std::map<std::string, std::string> places;  // JSON pointer of the first place of a call
  std::set<std::string> tables;               // architectures the profile answers for
  size_t instructions = 0;                    // of the compiled filter; 0 = not known
  std::string does_not_compile;
  std::function<Action(const Event&)> decide;  // of the program where there is one, else of the profile
  std::function<Decision(std::string_view arch, const std::string& name)>
      said_of;  // empty where the table has no such call

  // Of the profile's own table.
  Decision said(const std::string& name) const { return said_of(profile.arch, name); }
  // Whatever the arguments are.
  bool allowed(const std::string& name) const;
  // For some arguments.
  bool may_be_allowed(const std::string& name) const;
  // A rule of the profile speaks of it.
  bool listed(const std::string& name) const { return profile.rules.contains(name); }
  // What is not listed is let through.
  bool is_denylist() const;
  // Made for any program rather than for one: more than any one program needs.
  bool is_general() const;
};

class Report {
 public:
  explicit Report(const Subject& subject) : subject_(subject) {}
  void begin(std::string_view check, Severity severity) { check_ = check, severity_ = severity; }
  // About a call: its place is looked up.
  void add(const std::string& call, std::string message, std::string remedy = {});
  void add_at(std::string place, const std::string& call, std::string message, std::string remedy = {});
  void add_as(Severity severity, const std::string& call, std::string message, std::string remedy = {});
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  const Subject& subject_;
  std::string_view check_;
  Severity severity_ = Severity::Warning;
  std::vector<Finding> findings_;
};

struct Check {
  CheckInfo info;
  void (*run)(const Subject& subject, Report& report);
  bool on_programs = false;  // also makes sense for a program that could not be lifted
};

std::span<const Check* const> checks();

// The call is made, or somebody outside decides.
bool lets_through(const Action& action);
inline constexpr uint64_t kWhole = ~uint64_t{0};

}  // namespace stile::linting
