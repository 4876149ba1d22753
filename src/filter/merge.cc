// SPDX-License-Identifier: Apache-2.0
//
// Two profiles at a time, call by call: what both say of it is cut into conditions by action, and put
// together again. It stands on this floor since it needs to know what decide() makes of calls that nobody
// lists.
#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include <stile/diff.h>
#include <stile/edit.h>

#include "filter/decision.h"
#include "filter/merge_parts.h"

namespace stile::filter {
namespace {

// Greater is taken.
using Preference = std::tuple<int, int, int, int>;

Preference preference(Action action, Merge how, arch::ArchId table) {
  const int steps = static_cast<int>(latitude(action.kind));
  const int kind =
      -static_cast<int>(action.kind);  // allow before log, errno before trap, trace before notify
  const bool no_such = action == no_such_call(table);
  return {how == Merge::Union ? steps : -steps, kind, no_such ? 1 : 0, -static_cast<int>(action.data)};
}

class Merger {
 public:
  Merger(const Profile& a, const Profile& b, Merge how) : a_(a), b_(b), in_a_(a), in_b_(b), how_(how) {}

  // With this release as written_for.
  Result<Profile> run(const std::string& written_for) {
    merged_ = Profile{};
    merged_.written_for = written_for;
    merged_.otherwise = better(plain(a_.otherwise), plain(b_.otherwise), arch::ArchId::X86_64);
    merged_.bad_arch = better(plain(a_.bad_arch), plain(b_.bad_arch), arch::ArchId::X86_64);
    choose_tables();
    if (tables_.empty())
      return fail(Code::Unsupported, "the profiles have no architecture in common", {},
                  "see stile edit --help");
    // Without rules it knows what it says of unlisted calls.
    const Profile bare = [&] {
      Profile profile = merged_;
      for (const arch::ArchId table : tables_) profile.also_arches.emplace_back(arch::arch_info(table).name);
      return profile;
    }();
    const Decisions unlisted(bare);
    for (const arch::ArchId table : tables_) {
      if (auto done = merge_table(table, unlisted); !done) return tl::unexpected(done.error());
    }
    if (auto done = put_rules(unlisted); !done) return tl::unexpected(done.error());
    if (auto done = check_left_out(); !done) return tl::unexpected(done.error());
    name_tables();
    if (auto done = merge_paths(a_, b_, how_, merged_); !done) return tl::unexpected(done.error());
    merge_origin(a_, b_, merged_);
    return std::move(merged_);
  }

 private:
  static Action plain(Action action) { return action_of(return_value(action)); }

  Action better(Action a, Action b, arch::ArchId table) const {
    return preference(a, how_, table) >= preference(b, how_, table) ? a : b;
  }

  void choose_tables() {
    tables_.clear();
    for (const arch::ArchId table : in_a_.tables()) {
      if (how_ == Merge::Union || in_b_.tables().contains(table)) tables_.insert(table);
    }
    if (how_ == Merge::Union) tables_.insert(in_b_.tables().begin(), in_b_.tables().end());
    if (tables_.empty()) return;
    const auto own = arch::arch_by_name(a_.arch);
    merged_.arch = arch::arch_info(own && tables_.contains(*own) ? *own : *tables_.begin()).name;
  }

  // What is to be said of a call.
  Result<Decision> join(Call call) const {
    std::map<Preference, Case> by_preference;  // the union of what both give an action for
    const std::vector<Case> of_a = parts(in_a_.of(call)), of_b = parts(in_b_.of(call));
    const auto condition_of = [](const std::vector<Case>& list, Action action) {
      for (const Case& part : list) {
        if (part.action == action) return part.when;
      }
      return Condition::never();
    };
    for (const std::vector<Case>* list : {&of_a, &of_b}) {
      for (const Case& part : *list)
        by_preference[preference(part.action, how_, call.first)] = {Condition::never(), part.action};
    }
    Decision joined;
    const auto add = [&](const Condition& when, Action action) -> Result<bool> {
      auto normal = normalise(when);
      if (!normal) {
        Error error = normal.error();
        error.where = call_name(call);
        return tl::unexpected(error);
      }
      if (normal->any.empty()) return false;
      const bool always = *normal == Condition::always();
      joined.push_back({std::move(*normal), action});
      return always;
    };
    if (how_ == Merge::Union) {
      // From the best: where either says so.
      for (auto one = by_preference.rbegin(); one != by_preference.rend(); ++one) {
        const Action action = one->second.action;
        const bool last = std::next(one) == by_preference.rend();
        auto always = add(
            last ? Condition::always() : condition_of(of_a, action) || condition_of(of_b, action), action);
        if (!always) return tl::unexpected(always.error());
        if (*always) break;
      }
    } else {
      // From the worst liked, which has most latitude: where both say that or what has still more.
      Condition up_to_a = Condition::never(), up_to_b = Condition::never();
      for (auto one = by_preference.begin(); one != by_preference.end(); ++one) {
        const Action action = one->second.action;
        up_to_a = up_to_a || condition_of(of_a, action);
        up_to_b = up_to_b || condition_of(of_b, action);
        const bool last = std::next(one) == by_preference.end();
        auto always = add(last ? Condition::always() : up_to_a && up_to_b, action);
        if (!always) return tl::unexpected(always.error());
        if (*always) break;
      }
    }
    return joined;
  }

  Result<void> merge_table(arch::ArchId table, const Decisions& unlisted) {
    const auto merge_unlisted = [&](uint32_t number) -> bool {
      const Call call = call_of(table, number);
      if (unlisted.table_of(call) != table) return true;
      if (in_a_.rule(call) != nullptr || in_b_.rule(call) != nullptr) return true;
      const Action action = better(in_a_.unlisted(call), in_b_.unlisted(call), table);
      if (action == unlisted.unlisted(call)) return true;
      said_[call_name(call)][{{Condition::always(), action}}].push_back(call);
      return false;
    };
    const std::vector<arch::Syscall> all = arch::all_syscalls(table);
    for (size_t i = 0; i < all.size(); ++i) {
      merge_unlisted(all[i].number);
      const uint32_t end = i + 1 < all.size() ? all[i + 1].number : all[i].number + 1;
      for (uint32_t gap = all[i].number + 1; gap < end; ++gap) merge_unlisted(gap);
    }
    merge_unlisted(kSkipped);
    if (!merge_unlisted(unknown_number(table, in_a_, in_b_))) {
      return fail(
          Code::Unsupported,
          fmt::format("what is said of calls that neither profile lists differs between {} and the others",
                      arch::arch_info(table).name),
          {}, "give both profiles the same default action: stile edit --default-action");
    }
    for (const Decisions* side : {&in_a_, &in_b_}) {
      for (const auto& [call, entry] : side->listed()) {
        if (unlisted.table_of(call) != table) continue;
        auto joined = join(call);
        if (!joined) return tl::unexpected(joined.error());
        std::vector<Call>& calls = said_[call_name(call)][*joined];
        if (std::find(calls.begin(), calls.end(), call) == calls.end()) calls.push_back(call);
      }
    }
    return {};
  }

  // One rule says the same for all its tables. What differs goes by number.
  Result<void> put_rules(const Decisions& unlisted) {
    for (auto& [name, by_decision] : said_) {
      bool name_taken = false;
      for (const auto& [decision, calls] : by_decision) {
        Rule rule;
        rule.action = decision.back().action;
        rule.cases.assign(decision.begin(), std::prev(decision.end()));
        std::vector<Call> needed;
        for (const Call& call : calls) {
          if (decision.size() == 1 && rule.action == unlisted.unlisted(call))
            continue;  // said by the default
          needed.push_back(call);
        }
        if (needed.empty()) continue;
        for (const Call& call : needed) {
          rule.arches.emplace_back(arch::arch_info(*unlisted.table_of(call)).name);
          for (const Decisions* side : {&in_a_, &in_b_}) {
            if (const Rule* from = side->rule(call)) add_reasons(rule, *from);
          }
        }
        if (in_a_.rule(needed[0]) != nullptr && in_b_.rule(needed[0]) != nullptr &&
            *in_a_.rule(needed[0]) == *in_b_.rule(needed[0])) {
          rule.sites = in_a_.rule(needed[0])->sites;
        } else {
          for (const Decisions* side : {&in_a_, &in_b_}) {
            if (const Rule* from = side->rule(needed[0])) rule.sites += from->sites;
          }
        }
        if (rule.because.empty()) {
          rule.because.push_back(
              {EvidenceKind::Human, {}, {}, "follows from what the merged profiles say of unlisted calls"});
        }
        std::sort(rule.arches.begin(), rule.arches.end());
        rule.arches.erase(std::unique(rule.arches.begin(), rule.arches.end()), rule.arches.end());
        const std::string key = name_taken ? std::to_string(needed[0].second) : name;
        const bool one_number = std::all_of(needed.begin(), needed.end(),
                                            [&](Call call) { return call.second == needed[0].second; });
        if ((name_taken && !one_number) || !merged_.rules.emplace(key, std::move(rule)).second) {
          return fail(Code::Unsupported,
                      fmt::format("{}: what is to be said of it differs between the architectures", name));
        }
        name_taken = true;
      }
    }
    return {};
  }

  // Tables that only one of them answers for have to come out as the action for other tables.
  Result<void> check_left_out() const {
    if (how_ == Merge::Union) return {};
    for (const Decisions* side : {&in_a_, &in_b_}) {
      for (const arch::ArchId table : side->tables()) {
        if (tables_.contains(table)) continue;
        bool all_bad = true;
        for (const auto& [call, entry] : side->listed()) {
          if (call.first != table) continue;
          auto joined = join(call);
          if (!joined) return tl::unexpected(joined.error());
          all_bad = all_bad && joined->size() == 1 && joined->front().action == merged_.bad_arch;
        }
        const Call unknown{table, unknown_number(table, in_a_, in_b_)};
        std::vector<Call> others = {unknown};
        for (const arch::Syscall& call : arch::all_syscalls(table)) others.emplace_back(table, call.number);
        for (const Call& call : others) {
          if (in_a_.rule(call) != nullptr || in_b_.rule(call) != nullptr) continue;
          all_bad = all_bad && better(in_a_.unlisted(call), in_b_.unlisted(call), table) == merged_.bad_arch;
        }
        if (all_bad) continue;
        return fail(
            Code::Unsupported,
            fmt::format("only one of the profiles answers for {}, and what it says there is stricter than "
                        "what the other says of other architectures",
                        arch::arch_info(table).name));
      }
    }
    return {};
  }

  void name_tables() {
    std::set<std::string> names;
    for (const arch::ArchId table : tables_) names.emplace(arch::arch_info(table).name);
    names.erase(merged_.arch);
    for (const auto& [name, rule] : merged_.rules) {
      for (const std::string& arch : rule.arches) names.erase(arch);
    }
    for (const Profile* profile : {&a_, &b_}) {
      for (const std::string& name : profile->also_arches) {
        const auto id = arch::arch_by_name(name);
        if (id && tables_.contains(*id)) names.insert(name);
      }
    }
    merged_.also_arches.assign(names.begin(), names.end());
  }

  struct LessDecision {
    bool operator()(const Decision& a, const Decision& b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                          [](const Case& x, const Case& y) {
                                            return std::tie(x.when.any, x.action.kind, x.action.data) <
                                                   std::tie(y.when.any, y.action.kind, y.action.data);
                                          });
    }
  };

  const Profile& a_;
  const Profile& b_;
  Decisions in_a_, in_b_;
  Merge how_;
  std::set<arch::ArchId> tables_;
  std::map<std::string, std::map<Decision, std::vector<Call>, LessDecision>> said_;
  Profile merged_;
};

Result<Profile> merge_two(const Profile& a, const Profile& b, Merge how) {
  // Which release to carry: the one with which fewest calls have to be spelled out.
  std::set<std::string> releases = {a.written_for, b.written_for, ""};
  if (a.written_for == b.written_for) releases = {a.written_for};
  Result<Profile> best = fail(Code::Unsupported, "");
  for (const std::string& release : releases) {
    auto merged = Merger(a, b, how).run(release);
    const bool first = !best && best.error().message.empty();
    if (first || (merged && (!best || merged->rules.size() < best->rules.size()))) best = std::move(merged);
  }
  return best;
}

}  // namespace
}  // namespace stile::filter

namespace stile {

Result<Profile> merge(std::span<const Profile> profiles, Merge how) {
  if (profiles.empty()) return fail(Code::Usage, "there is no profile to merge");
  Profile merged = profiles[0];
  for (const Profile& profile : profiles) {
    for (const std::string& name : arches_of(profile)) {
      if (!arch::arch_by_name(name))
        return fail(Code::Usage, fmt::format("no architecture is called '{}'", name));
    }
  }
  for (const Profile& profile : profiles.subspan(1)) {
    auto both = filter::merge_two(merged, profile, how);
    if (!both) return both;
    merged = std::move(*both);
  }
  return merged;
}

}  // namespace stile
