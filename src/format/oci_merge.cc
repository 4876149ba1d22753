// SPDX-License-Identifier: Apache-2.0
//
// Several entries for one call, as libseccomp (2.5 and 2.6, src/db.c) takes them, and with it runc and crun:
// - An entry without conditions decides alone, wherever it stands; of two such the first counts. Two that
// differ are an error here, unless it
//   takes this machine or these capabilities for both to be there: podman's own profile has such for setns
//   and others.
// - Entries with conditions are alternatives. Where two with different actions hold at once, it is not the
// file's order that decides but
//   that of libseccomp's tree: later arguments come first; on one argument equalities (NE and MASKED_EQ are
//   of them) before LT and LE before GT and GE; then the larger value, for LT and LE the smaller one; and an
//   entry before those that ask more on top of the same.
// - One and the same condition with two actions is refused (EEXIST).
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "format/oci.h"

namespace stile::format::oci {
namespace {

// Beyond this many entries of one call it is not looked whether they overlap.
constexpr size_t kMaxCompared = 64;

int rank(Op op) {
  switch (op) {
    case Op::Eq:
    case Op::Ne:
    case Op::MaskedEq:
      return 3;
    case Op::Lt:
    case Op::Le:
      return 2;
    default:
      return 1;
  }
}

uint64_t datum(const Comparison& one) {
  return one.op == Op::MaskedEq ? one.value_two : one.value;
}

// Whether libseccomp's program looks at `a` before it looks at `b`.
bool comes_first(const Comparisons& a, const Comparisons& b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].arg != b[i].arg) return a[i].arg > b[i].arg;
    const int rank_a = rank(a[i].op), rank_b = rank(b[i].op);
    if (rank_a != rank_b) return rank_a > rank_b;
    const uint64_t datum_a = datum(a[i]), datum_b = datum(b[i]);
    if (datum_a != datum_b) return rank_a == 2 ? datum_a < datum_b : datum_a > datum_b;
  }
  return a.size() < b.size();
}

bool overlap(const Entry& a, const Entry& b) {
  const auto both = normalise(condition_of(a.all) && condition_of(b.all));
  return !both || !both->any.empty();
}

// Two entries with different actions that may hold at once. `entries` is not empty.
std::optional<std::pair<const Entry*, const Entry*>> dispute(const std::vector<Entry>& entries) {
  const auto other = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.action != entries[0].action; });
  if (other == entries.end()) return std::nullopt;
  if (entries.size() > kMaxCompared) return std::pair{&entries[0], &*other};
  for (size_t i = 0; i < entries.size(); ++i) {
    for (size_t j = i + 1; j < entries.size(); ++j) {
      if (entries[i].action != entries[j].action && overlap(entries[i], entries[j]))
        return std::pair{&entries[i], &entries[j]};
    }
  }
  return std::nullopt;
}

Result<void> drop_doubles(std::string_view name, std::vector<Entry>& entries, const std::string& where,
                          std::vector<std::string>& warnings) {
  std::map<Comparisons, const Entry*> seen;
  std::vector<Entry> kept;
  kept.reserve(entries.size());  // `seen` points into it
  bool decided = false;          // by an entry without conditions: others add nothing any more
  for (Entry& entry : entries) {
    const auto found = seen.find(entry.all);
    if (found == seen.end() || (decided && !entry.all.empty())) {
      decided = decided || entry.all.empty();
      kept.push_back(std::move(entry));
      seen.emplace(kept.back().all, &kept.back());
      continue;
    }
    const Entry& first = *found->second;
    if (first.action != entry.action && entry.all.empty() && (first.chosen || entry.chosen)) {
      warnings.push_back(fmt::format("{}: '{}' gets {} here and {} at {}: the first counts", entry.place,
                                     name, to_string(entry.action), to_string(first.action), first.place));
      continue;
    }
    if (first.action != entry.action) {
      return fail(Code::Malformed,
                  fmt::format("{}: '{}' gets {} here and {} at {}{}", entry.place, name,
                              to_string(entry.action), to_string(first.action), first.place,
                              entry.all.empty() ? "" : ", on the same condition"),
                  where, "leave one of them out");
    }
    if (!entry.implied && !first.implied && !entry.chosen && !first.chosen) {
      warnings.push_back(fmt::format("{}: '{}' repeats {}", entry.place, name, first.place));
    }
  }
  entries = std::move(kept);
  return {};
}

}  // namespace

Result<Rule> merge(std::string_view name, std::vector<Entry> entries, Action otherwise,
                   const std::string& where, std::vector<std::string>& warnings) {
  Rule rule;
  rule.action = otherwise;
  if (auto done = drop_doubles(name, entries, where, warnings); !done) return tl::unexpected(done.error());

  const auto whole =
      std::find_if(entries.begin(), entries.end(), [](const Entry& entry) { return entry.all.empty(); });
  if (whole != entries.end()) {
    rule.action = whole->action;
    for (const Entry& entry : entries) {
      if (entry.all.empty() || entry.implied) continue;
      warnings.push_back(fmt::format("{}: has no effect on '{}': {} decides it without a condition",
                                     entry.place, name, whole->place));
    }
    return rule;
  }

  if (const auto both = dispute(entries)) {
    if (entries.size() <= kMaxCompared) {
      warnings.push_back(fmt::format(
          "{}: '{}' gets {} here and {} at {}, and both can hold at once: container runtimes then "
          "decide by libseccomp's order of comparisons, not by the file's",
          both->second->place, name, to_string(both->second->action), to_string(both->first->action),
          both->first->place));
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return comes_first(a.all, b.all); });
  }
  for (const Entry& entry : entries) {
    if (rule.cases.empty() || rule.cases.back().action != entry.action) {
      rule.cases.push_back({Condition::never(), entry.action});
    }
    auto& any = rule.cases.back().when.any;
    for (auto& alternative : condition_of(entry.all).any) any.push_back(std::move(alternative));
  }
  for (Case& one : rule.cases) {
    auto normal = normalise(one.when);
    if (!normal) {
      return fail(normal.error().code,
                  fmt::format("{}: '{}': {}", entries[0].place, name, normal.error().message), where,
                  normal.error().hint);
    }
    one.when = std::move(*normal);
  }
  return rule;
}

}  // namespace stile::format::oci
