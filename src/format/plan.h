// SPDX-License-Identifier: Apache-2.0
//
// A policy as a format's writer and reader look at it: every call of every table with its decision, nothing else. A writer makes a plan of the
// profile and changes it, step by step, into one that its format can say exactly; each step tells what it changed. What is written
// then decides as the plan does, so what was lost is what was said, and a test can hold the two together.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <stile/filter.h>
#include <stile/profile.h>
#include <stile/result.h>

#include "filter/decision.h"

namespace stile::format {

// Collects sentences on what a format cannot carry.
class Losses {
 public:
  // null: nobody asked.
  explicit Losses(std::vector<std::string>* lost) : lost_(lost) {}
  void add(std::string sentence) {
    if (lost_ != nullptr) lost_->push_back(std::move(sentence));
  }

 private:
  std::vector<std::string>* lost_;
};

// "read, write and 12 more"
std::string some_of(const std::set<std::string>& names);

struct Plan {
  arch::ArchId arch = arch::ArchId::X86_64;  // the program's own table
  std::set<arch::ArchId> tables;             // those that are answered for; holds `arch`
  Action otherwise;                          // what calls get that are not in `calls`
  Action bad_arch;                           // what calls get by other tables
  std::map<filter::Call, filter::Decision> calls;
};

// Says path rules and the release a profile was written for, which no plan has. Usage error for an architecture there is none of.
Result<Plan> plan_of(const Profile& profile, Losses& losses);
// Limit when calls of several tables get decisions that no profile can name apart (a number that means different calls).
Result<Profile> profile_of(const Plan& plan, const std::string& where);
Action decide(const Plan& plan, const Event& event);

// What a call gets, whether the plan lists it or not; and the same changed. Forgets what is as the default.
filter::Decision decision_of(const Plan& plan, filter::Call call);
void set_decision(Plan& plan, filter::Call call, filter::Decision decision);
bool is_plain(const filter::Decision& decision);

// The action of a decision that lets through most: allow, log, notify, trace, errno, trap, kill-thread, kill-process.
Action mildest(const filter::Decision& decision);
bool milder(Action a, Action b);

// --- steps ---

// Drops all tables but these; the profile's own must be among them.
void keep_tables(Plan& plan, const std::set<arch::ArchId>& tables, Losses& losses);
// Calls by x32 (numbers from bit 30 up) are taken for unknown calls of x86-64, as by filters that look at no more than the number.
// `was` is what they got before. with_x32() are the tables that such a filter answers for.
std::set<arch::ArchId> with_x32(arch::ArchId own);
void take_x32_for_unlisted(Plan& plan, Action was, Losses& losses);
// A name means one thing on all tables that have it: the mildest of what it gets.
void one_meaning_for_all_tables(Plan& plan, Losses& losses);
// Drops calls for which `known` is false. `why` ends the sentence: "the format knows calls by name".
void keep_calls(Plan& plan, const std::function<bool(filter::Call)>& known, std::string_view why, Losses& losses);
void drop_conditions(Plan& plan, Losses& losses);
// Replaces the actions of all calls. Conditions that become one answer go.
void map_actions(Plan& plan, const std::function<Action(Action)>& map, Losses& losses);
// `hint` follows the sentence in parentheses; may be empty.
void set_otherwise(Plan& plan, Action action, std::string_view hint, Losses& losses);
void set_bad_arch(Plan& plan, Action action, Losses& losses);
// For formats with one answer to all that is refused: ENOSYS where any call gets that and the others an errno, since
// programs choose another way when they see it and none when they see EPERM (clone3, faccessat2).
Action one_refusal(const Plan& plan);

}  // namespace stile::format
