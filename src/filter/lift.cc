// SPDX-License-Identifier: Apache-2.0
//
// From a program back to the rules it embodies: what it does with every number of every architecture it knows
// (lift_table.h), then the profile that says so in the fewest rules.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include <stile/filter.h>

#include "arch/syscalls.h"
#include "filter/known.h"
#include "filter/lift_table.h"
#include "filter/numbers.h"
#include "filter/opcodes.h"

namespace stile {
namespace filter {
namespace {

using arch::ArchId;
using arch::KernelVersion;

constexpr size_t kMaxNumberRules = 1024;  // rules for numbers without a name

// An architecture that no program can know.
uint32_t unknown_arch(std::span<const Instruction> program) {
  std::set<uint32_t> taken;
  for (const Instruction& insn : program) taken.insert(insn.k);
  for (const arch::ArchInfo& info : arch::all_archs()) taken.insert(info.audit_arch);
  uint32_t arch = 0x40007fff;  // a machine number that ELF has not given away, little-endian
  while (taken.contains(arch)) --arch;
  return arch;
}

// The audit architectures that the program treats in a way of their own.
Result<std::vector<uint32_t>> find_arches(std::span<const Instruction> program, LiftTables& tables,
                                          const LiftTable& unknown) {
  std::set<uint32_t> asked;
  const std::vector<Known> known = find_known(program);
  for (size_t i = 0; i < program.size(); ++i) {
    const bool other_word = known[i].a.kind == Held::Word && known[i].a.k != kOffsetArch;
    if (is_branch(program[i].code) && known[i].reached && !other_word) asked.insert(program[i].k);
  }
  std::set<uint32_t> found;
  for (const arch::ArchInfo& info : arch::all_archs()) {
    // Those not asked for by value may still be told from others by their bits; one number shows it.
    bool own = asked.contains(info.audit_arch);
    if (!own) {
      const auto here = tables.decide(info.audit_arch, 0);
      if (!here) return tl::unexpected(here.error());
      own = *here != unknown.at(0);
    }
    if (own) found.insert(info.audit_arch);
  }
  // Where foreign calls are told apart by their numbers, these must be somebody's: x86-64's, unless it says
  // otherwise.
  if (!unknown.is_uniform(0, UINT32_MAX)) found.insert(kAuditX86_64);
  return std::vector<uint32_t>(found.begin(), found.end());
}

// One system call table with the stretch of numbers that is its own.
struct Part {
  ArchId id;
  const LiftTable* table;
  uint32_t first, last;
  std::vector<arch::Syscall> calls;
  bool skip_is_foreign = false;  // -1 is x32's
};

// How unlisted calls are answered.
struct Unlisted {
  Action otherwise;
  std::optional<KernelVersion> release;
};

Action answer(const Part& part, const Unlisted& unlisted, uint32_t number, KernelVersion since,
              int64_t highest) {
  if (!unlisted.release || number == kSkipped) return unlisted.otherwise;
  const bool later = since.known() ? since > *unlisted.release : int64_t{number} > highest;
  return later ? no_such_call(part.id) : unlisted.otherwise;
}

// A number whose decision has to be said, or a long stretch of numbers without names, which cannot be.
struct Exceptions {
  std::vector<std::pair<uint32_t, size_t>> numbers;  // with the decision
  std::vector<Stretch> unsayable;
};

bool is_just(const Decision& decision, Action action) {
  return decision.cases.empty() && decision.action == action;
}

// Adds the numbers from `first` to `last` that have no name and are not answered like other unlisted ones.
void add_nameless(Exceptions& out, const Part& part, const Unlisted& unlisted, int64_t highest,
                  const LiftTables& tables, uint32_t first, uint32_t last, std::vector<uint32_t>& known) {
  for (const Stretch& stretch : part.table->between(first, last)) {
    // The answer to unlisted numbers changes behind the highest of the release.
    uint64_t begin = stretch.first;
    while (begin <= stretch.last) {
      const bool before = highest >= 0 && begin <= static_cast<uint64_t>(highest);
      const uint64_t end =
          before ? std::min<uint64_t>(stretch.last, static_cast<uint64_t>(highest)) : stretch.last;
      const auto number = static_cast<uint32_t>(begin);
      if (!is_just(tables[stretch.decision], answer(part, unlisted, number, {}, highest))) {
        if (end - begin >= kMaxNumberRules) {
          out.unsayable.push_back({number, static_cast<uint32_t>(end), stretch.decision});
        } else {
          for (uint64_t n = begin; n <= end; ++n) {
            if (!std::binary_search(known.begin(), known.end(), n))
              out.numbers.emplace_back(static_cast<uint32_t>(n), stretch.decision);
          }
        }
      }
      begin = end + 1;
    }
  }
}

Exceptions exceptions(const Part& part, const Unlisted& unlisted, const LiftTables& tables) {
  Exceptions out;
  const int64_t highest = unlisted.release ? highest_number_at(part.id, *unlisted.release) : -1;
  std::vector<uint32_t> known;
  for (const arch::Syscall& call : part.calls) {
    known.push_back(call.number);
    const size_t decision = part.table->at(call.number);
    if (!is_just(tables[decision], answer(part, unlisted, call.number, call.since, highest)))
      out.numbers.emplace_back(call.number, decision);
  }
  add_nameless(out, part, unlisted, highest, tables, part.first, std::min(part.last, kSkipped - 1), known);
  if (!part.skip_is_foreign) {
    const size_t decision = part.table->at(kSkipped);
    if (!is_just(tables[decision], unlisted.otherwise)) out.numbers.emplace_back(kSkipped, decision);
  }
  return out;
}

// All ways to answer unlisted calls that this program could have meant, simplest first.
std::vector<Unlisted> candidates(const std::vector<Part>& parts, const LiftTables& tables) {
  std::map<size_t, uint64_t> weights;  // numbers that are decided so
  std::set<KernelVersion> releases;
  bool has_no_such_call = false;
  for (const Part& part : parts) {
    for (const arch::Syscall& call : part.calls) {
      ++weights[part.table->at(call.number)];
      if (call.since.known())
        releases.insert({call.since.version, call.since.patchlevel, call.since.sublevel});
    }
    for (const Stretch& stretch : part.table->between(part.first, part.last)) {
      weights[stretch.decision] += stretch.last - stretch.first >= kMaxNumberRules ? 1000 : 0;
      has_no_such_call = has_no_such_call || is_just(tables[stretch.decision], no_such_call(part.id));
    }
  }
  std::vector<std::pair<uint64_t, size_t>> order;
  for (const auto& [decision, weight] : weights) order.emplace_back(weight, decision);
  std::sort(order.begin(), order.end(),
            [](auto a, auto b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  if (order.size() > 6) order.resize(6);
  std::vector<Unlisted> out;
  for (const auto& entry : order) out.push_back({tables[entry.second].action, std::nullopt});
  if (!has_no_such_call) return out;
  for (const auto& entry : order) {
    for (const KernelVersion release : releases) out.push_back({tables[entry.second].action, release});
  }
  return out;
}

size_t cost(const Exceptions& e) {
  return e.numbers.size() + 100000 * e.unsayable.size();
}

std::string names_of(const std::vector<Stretch>& stretches) {
  std::string out;
  for (size_t i = 0; i < stretches.size() && i < 3; ++i) {
    out += fmt::format("{}{} to {}", i == 0 ? "" : ", ", stretches[i].first, stretches[i].last);
  }
  return stretches.size() > 3 ? out + ", ..." : out;
}

void add_gap(Profile& profile, GapKind kind, std::string what, std::string hint) {
  Gap gap;
  gap.kind = kind;
  gap.what = std::move(what);
  gap.hint = std::move(hint);
  profile.gaps.push_back(std::move(gap));
}

class Writer {
 public:
  Writer(Profile& profile, const LiftTables& tables) : profile_(profile), tables_(tables) {}

  void add(const Part& part, uint32_t number, size_t decision) {
    const auto name = arch::syscall_name(part.id, number);
    by_key_[name ? std::string(*name) : std::to_string(number)][decision].push_back({part.id, number});
  }

  // A name has one rule; where architectures differ, the first keeps the name and the others go by their
  // numbers.
  void write() {
    for (const auto& [key, by_decision] : by_key_) {
      size_t first = by_decision.begin()->first;
      for (const auto& [decision, places] : by_decision) {
        if (places.front().first < by_decision.at(first).front().first) first = decision;
      }
      for (const auto& [decision, places] : by_decision) {
        if (decision == first) {
          put(key, decision, places);
        } else {
          for (const auto& place : places) put(std::to_string(place.second), decision, {place});
        }
      }
    }
  }

 private:
  using Place = std::pair<ArchId, uint32_t>;

  void put(const std::string& key, size_t decision, const std::vector<Place>& places) {
    Rule rule;
    rule.action = tables_[decision].action;
    rule.cases = tables_[decision].cases;
    for (const Place& place : places) rule.arches.emplace_back(arch::arch_info(place.first).name);
    Evidence evidence;
    evidence.kind = EvidenceKind::Human;
    evidence.note = "read from a BPF program";
    rule.because.push_back(evidence);
    const auto [at, fresh] = profile_.rules.emplace(key, rule);
    if (fresh) return;
    if (at->second.action == rule.action && at->second.cases == rule.cases) {
      at->second.arches.insert(at->second.arches.end(), rule.arches.begin(), rule.arches.end());
      return;
    }
    add_gap(profile_, GapKind::UnnamedNumber,
            fmt::format("number {} is decided differently on {} and {}", key, at->second.arches[0],
                        rule.arches[0]),
            "the rule says what the first does");
  }

  Profile& profile_;
  const LiftTables& tables_;
  std::map<std::string, std::map<size_t, std::vector<Place>>> by_key_;
};

// The tables that the filter answers for. A table all of whose calls end as those of unknown machines do
// needs no mention.
std::vector<Part> find_parts(const std::vector<uint32_t>& arches, const LiftTables& tables, Action bad_arch,
                             std::map<uint32_t, LiftTable>& by_arch) {
  std::vector<Part> parts;
  const auto is_foreign = [&](const LiftTable& table, uint32_t first, uint32_t last) {
    const auto stretches = table.between(first, last);
    return std::all_of(stretches.begin(), stretches.end(),
                       [&](const Stretch& s) { return is_just(tables[s.decision], bad_arch); });
  };
  for (const uint32_t audit : arches) {
    const LiftTable& table = by_arch.at(audit);
    const bool x86 = audit == kAuditX86_64;
    const bool has_x32 = x86 && !is_foreign(table, kX32Bit, UINT32_MAX - 1);
    if (has_x32) parts.push_back({ArchId::X32, &table, kX32Bit, UINT32_MAX, arch::all_syscalls(ArchId::X32)});
    const uint32_t last = x86 ? kX32Bit - 1 : UINT32_MAX;
    if (is_foreign(table, 0, last)) continue;
    const auto id = arch::arch_by_audit(audit, 0);
    if (!id) continue;
    parts.push_back({*id, &table, 0, last, arch::all_syscalls(*id), has_x32});
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.id < b.id; });
  return parts;
}

Result<Profile> lift_valid(std::span<const Instruction> program) {
  LiftTables tables(program);
  const uint32_t nobody = unknown_arch(program);
  auto unknown = tables.table(nobody);
  if (!unknown) return tl::unexpected(unknown.error());
  auto arches = find_arches(program, tables, *unknown);
  if (!arches) return tl::unexpected(arches.error());
  std::map<uint32_t, LiftTable> by_arch;
  for (const uint32_t audit : *arches) {
    auto table = tables.table(audit);
    if (!table) return tl::unexpected(table.error());
    by_arch.emplace(audit, std::move(*table));
  }

  Profile profile;
  profile.bad_arch = tables[unknown->widest()].action;
  const std::vector<Part> parts = find_parts(*arches, tables, profile.bad_arch, by_arch);
  if (!unknown->is_uniform(0, UINT32_MAX) || !tables[unknown->at(0)].cases.empty()) {
    add_gap(
        profile, GapKind::UnknownNumber,
        "the filter does not look at the architecture: calls from all others are decided by x86_64's numbers",
        "a filter must test the architecture first, or a 32-bit call slips through under another number");
  }
  if (tables.numbers_sampled() || tables.arches_sampled()) {
    add_gap(profile, GapKind::UnknownNumber,
            fmt::format("the filter calculates with the {}: those that no table has were not all looked at",
                        tables.numbers_sampled() ? "number of the call" : "architecture"),
            "the emulator shows what is done with any one call");
  }
  if (parts.empty()) {
    profile.otherwise = profile.bad_arch;
    return profile;
  }
  for (const Part& part : parts) profile.also_arches.emplace_back(arch::arch_info(part.id).name);
  profile.arch = profile.also_arches.front();
  profile.also_arches.erase(profile.also_arches.begin());
  std::sort(profile.also_arches.begin(), profile.also_arches.end());

  std::optional<Unlisted> best;
  size_t best_cost = SIZE_MAX;
  for (const Unlisted& candidate : candidates(parts, tables)) {
    size_t sum = 0;
    for (const Part& part : parts) {
      sum += cost(exceptions(part, candidate, tables));
      if (sum >= best_cost) break;
    }
    if (sum >= best_cost) continue;
    best = candidate;
    best_cost = sum;
  }
  profile.otherwise = best->otherwise;
  if (best->release) profile.written_for = arch::to_string(*best->release);
  Writer writer(profile, tables);
  size_t nameless = 0;
  for (const Part& part : parts) {
    const Exceptions all = exceptions(part, *best, tables);
    for (const auto& [number, decision] : all.numbers) {
      nameless += !arch::syscall_name(part.id, number);
      writer.add(part, number, decision);
    }
    if (all.unsayable.empty()) continue;
    add_gap(profile, GapKind::UnnamedNumber,
            fmt::format("the numbers {} of {}, which no call has, are decided otherwise than the rest",
                        names_of(all.unsayable), arch::arch_info(part.id).name),
            "a profile cannot say that; they are left to the default");
  }
  if (nameless > 4 * kMaxNumberRules)
    return fail(Code::Limit, "too many numbers without a name have a decision of their own");
  writer.write();
  return profile;
}

}  // namespace
}  // namespace filter

Result<Profile> lift(std::span<const Instruction> program) {
  if (auto valid = validate(program); !valid) return tl::unexpected(valid.error());
  return filter::lift_valid(program);
}

}  // namespace stile
