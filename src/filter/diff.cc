// SPDX-License-Identifier: Apache-2.0
//
// It stands on this floor since it asks decide(): every witness is checked with it before anybody sees it.
#include <stile/diff.h>

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "filter/decision.h"
#include "profile/witness.h"

namespace stile {

unsigned latitude(ActionKind kind) {
  switch (kind) {
    case ActionKind::Allow:
    case ActionKind::Log:
      return 4;
    case ActionKind::Notify:
    case ActionKind::Trace:
      return 3;
    case ActionKind::Errno:
    case ActionKind::Trap:
      return 2;
    case ActionKind::KillThread:
      return 1;
    case ActionKind::KillProcess:
      break;
  }
  return 0;
}

std::string_view to_string(Change change) {
  switch (change) {
    case Change::Added:
      return "added";
    case Change::Removed:
      return "removed";
    case Change::Widened:
      return "widened";
    case Change::Narrowed:
      return "narrowed";
    case Change::Mixed:
      return "mixed";
    case Change::Altered:
      break;
  }
  return "altered";
}

namespace {

using filter::Call;
using filter::Decision;
using filter::Decisions;

constexpr unsigned kLetThrough = 3;  // from this latitude on

// +1 more latitude afterwards, -1 less, 0 as much.
int direction(Action before, Action after) {
  const unsigned was = latitude(before.kind), is = latitude(after.kind);
  return is > was ? 1 : is < was ? -1 : 0;
}

class Comparison {
 public:
  Comparison(const Profile& before, const Profile& after)
      : before_(before), after_(after), old_(before), new_(after) {}

  Result<Diff> run() {
    std::set<Call> calls;
    for (const auto& [call, entry] : old_.listed()) calls.insert(call);
    for (const auto& [call, entry] : new_.listed()) calls.insert(call);
    for (const Call& call : calls) {
      if (auto done = compare(call); !done) return tl::unexpected(done.error());
    }
    std::set<arch::ArchId> tables = old_.tables();
    tables.insert(new_.tables().begin(), new_.tables().end());
    for (const arch::ArchId table : tables) {
      if (auto done = compare_unlisted(table); !done) return tl::unexpected(done.error());
    }
    if (auto done = compare_other_tables(tables); !done) return tl::unexpected(done.error());
    compare_paths();
    compare_gaps();
    std::sort(diff_.calls.begin(), diff_.calls.end(), [](const Difference& a, const Difference& b) {
      return std::tie(a.call, a.arch, a.number) < std::tie(b.call, b.arch, b.number);
    });
    return std::move(diff_);
  }

 private:
  void note(int way) {
    diff_.wider = diff_.wider || way > 0;
    diff_.narrower = diff_.narrower || way < 0;
  }

  // decide() has the last word.
  Result<void> check(const Event& event, Action before, Action after, const std::string& call) const {
    if (decide(before_, event) == before && decide(after_, event) == after) return {};
    return fail(Code::Unsupported,
                fmt::format("{}: the difference that was found does not show when decided", call), {},
                "please report this as a bug");
  }

  Result<void> compare(Call call) {
    const Decision was = old_.of(call), is = new_.of(call);
    if (was == is) return {};
    Difference found;
    found.arch = arch::arch_info(call.first).name;
    found.call = filter::call_name(call);
    found.number = call.second;
    const std::vector<Case> old_parts = filter::parts(was), new_parts = filter::parts(is);
    bool was_let_through = false, is_let_through = false, up = false, down = false;
    const uint64_t width = filter::argument_width(call.first);
    for (const Case& a : old_parts) {
      for (const Case& b : new_parts) {
        auto region = satisfiable(a.when && b.when, width);
        if (!region) {
          Error error = region.error();
          error.where = found.call;
          return tl::unexpected(error);
        }
        if (!*region) continue;
        was_let_through = was_let_through || latitude(a.action.kind) >= kLetThrough;
        is_let_through = is_let_through || latitude(b.action.kind) >= kLetThrough;
        if (a.action == b.action) continue;
        const int way = direction(a.action, b.action);
        up = up || way > 0;
        down = down || way < 0;
        note(way);
        Event witness{call.second, arch::arch_info(call.first).audit_arch, 0, (*region)->witness};
        if (auto real = check(witness, a.action, b.action, found.call); !real) return real;
        found.regions.push_back({std::move((*region)->when), a.action, b.action, witness});
      }
    }
    if (found.regions.empty()) return {};
    std::stable_sort(found.regions.begin(), found.regions.end(), [](const Region& a, const Region& b) {
      return direction(a.before, a.after) > direction(b.before, b.after);
    });
    found.change = up && down                                   ? Change::Mixed
                   : up && !was_let_through && is_let_through   ? Change::Added
                   : down && was_let_through && !is_let_through ? Change::Removed
                   : up                                         ? Change::Widened
                   : down                                       ? Change::Narrowed
                                                                : Change::Altered;
    const bool less = found.change == Change::Removed || found.change == Change::Narrowed;
    if (const Rule* rule = (less ? old_ : new_).rule(call); rule != nullptr) {
      found.because = rule->because;
      found.brought_by = rule->brought_by;
      found.packages = rule->packages;
    }
    diff_.calls.push_back(std::move(found));
    return {};
  }

  Result<void> compare_unlisted(arch::ArchId table) {
    const std::string name(arch::arch_info(table).name);
    const uint32_t audit = arch::arch_info(table).audit_arch;
    std::vector<UnlistedDifference> found;
    const auto look = [&](uint32_t number, std::string_view call) {
      const Call here = filter::call_of(table, number);
      if (old_.rule(here) != nullptr || new_.rule(here) != nullptr) return;
      const Action was = old_.unlisted(here), is = new_.unlisted(here);
      if (was == is) return;
      auto group = std::find_if(found.begin(), found.end(), [&](const UnlistedDifference& one) {
        return one.before == was && one.after == is;
      });
      if (group == found.end()) {
        group = found.insert(found.end(), {name, was, is, {}, false, Event{number, audit, 0, {}}});
      }
      if (call.empty()) {
        group->unknown = true;
      } else {
        group->calls.emplace_back(call);
      }
    };
    const std::vector<arch::Syscall> all = arch::all_syscalls(table);
    for (const arch::Syscall& call : all) look(call.number, call.name);
    // Numbers between the known ones, which no kernel has, and those above.
    for (size_t i = 0; i + 1 < all.size(); ++i) {
      for (uint32_t number = all[i].number + 1; number < all[i + 1].number; ++number) look(number, {});
    }
    look(filter::unknown_number(table, old_, new_), {});
    look(filter::kSkipped, {});  // what a tracer makes of a number to skip the call
    for (UnlistedDifference& one : found) {
      std::sort(one.calls.begin(), one.calls.end());
      note(direction(one.before, one.after));
      if (auto real = check(one.witness, one.before, one.after, "unlisted calls"); !real) return real;
      diff_.unlisted.push_back(std::move(one));
    }
    return {};
  }

  Result<void> compare_other_tables(const std::set<arch::ArchId>& tables) {
    const Action was = action_of(return_value(before_.bad_arch)),
                 is = action_of(return_value(after_.bad_arch));
    if (was == is) return {};
    for (const arch::ArchInfo& info : arch::all_archs()) {
      const bool shared = std::any_of(tables.begin(), tables.end(), [&](arch::ArchId id) {
        return arch::arch_info(id).audit_arch == info.audit_arch;
      });
      if (shared) continue;
      const Event witness{0, info.audit_arch, 0, {}};
      note(direction(was, is));
      diff_.unlisted.push_back({{}, was, is, {}, false, witness});
      return check(witness, was, is, "other architectures");
    }
    return {};  // they answer for all there are
  }

  static unsigned access(const Profile& profile, const std::string& path) {
    constexpr unsigned kAll = kPathRead | kPathWrite | kPathExecute;
    if (profile.paths.empty()) return kAll;
    unsigned granted = 0;
    for (const PathRule& rule : profile.paths) {
      std::string above = rule.path;
      while (above.size() > 1 && above.ends_with('/')) above.pop_back();
      if (!above.ends_with('/')) above += '/';
      if ((path + "/").starts_with(above)) granted |= rule.access;
    }
    return granted;
  }

  void compare_paths() {
    std::set<std::string> paths = {"/"};
    for (const Profile* profile : {&before_, &after_}) {
      for (const PathRule& rule : profile->paths) {
        std::string path = rule.path;
        while (path.size() > 1 && path.ends_with('/')) path.pop_back();
        paths.insert(path);
      }
    }
    for (const std::string& path : paths) {
      const PathDifference one{path, access(before_, path), access(after_, path)};
      if (one.before == one.after) continue;
      if ((one.after & ~one.before) != 0) note(1);
      if ((one.before & ~one.after) != 0) note(-1);
      diff_.paths.push_back(one);
    }
  }

  // Addresses and lines change with every build; what is not known does not.
  void compare_gaps() {
    for (const Gap& gap : after_.gaps) {
      const bool known = std::any_of(before_.gaps.begin(), before_.gaps.end(), [&](const Gap& old) {
        return old.kind == gap.kind && old.function == gap.function && old.what == gap.what;
      });
      if (!known) diff_.new_gaps.push_back(gap);
    }
  }

  const Profile& before_;
  const Profile& after_;
  Decisions old_, new_;
  Diff diff_;
};

Result<void> known_tables(const Profile& profile) {
  for (const std::string& name : arches_of(profile)) {
    if (!arch::arch_by_name(name))
      return fail(Code::Usage, fmt::format("no architecture is called '{}'", name), profile.origin.program);
  }
  return {};
}

}  // namespace

Result<Diff> diff(const Profile& before, const Profile& after) {
  for (const Profile* profile : {&before, &after}) {
    if (auto known = known_tables(*profile); !known) return tl::unexpected(known.error());
  }
  return Comparison(before, after).run();
}

}  // namespace stile
