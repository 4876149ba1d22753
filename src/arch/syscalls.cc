// SPDX-License-Identifier: Apache-2.0
#include "arch/syscalls.h"

#include <algorithm>
#include <array>

#include "arch/syscall_tables.h"

namespace stile::arch {
namespace {

constexpr size_t kNotFound = static_cast<size_t>(-1);

// Index of `name` in a sorted list, or kNotFound.
size_t index_of(std::span<const std::string_view> sorted, std::string_view name) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), name);
  return at != sorted.end() && *at == name ? static_cast<size_t>(at - sorted.begin()) : kNotFound;
}

const tables::Table& table_of(ArchId arch) {
  return tables::tables[arch_info(arch).table];
}

// The first entry of a number: an alias never comes first.
const tables::Entry* find_number(ArchId arch, uint32_t number) {
  const auto& entries = table_of(arch).by_number;
  const auto at =
      std::lower_bound(entries.begin(), entries.end(), number,
                       [](const tables::Entry& entry, uint32_t wanted) { return entry.number < wanted; });
  return at != entries.end() && at->number == number ? &*at : nullptr;
}

// An architecture younger than the call has it from its own beginning.
KernelVersion since_of(const ArchInfo& arch, const tables::Entry& entry) {
  KernelVersion since{entry.version[0], entry.version[1], entry.version[2]};
  if (!since.known()) return since;
  since = std::max(since, arch.since);
  since.exact = entry.own_version || since >= arch.exact_from;
  return since;
}

// True when one of the comma-separated words of `list` is `word`.
bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

constexpr size_t kLongestGuess = 64;

// Edits between two short words, a swap of neighbours counting as one (optimal string alignment distance).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<uint8_t, kLongestGuess + 1>, 3> rows{};  // this row and the two before it
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<uint8_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& above2 = rows[(i + 1) % 3];
    row[0] = static_cast<uint8_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      int best = std::min({change, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best = std::min(best, above2[j - 2] + 1);
      row[j] = static_cast<uint8_t>(best);
    }
  }
  return rows[a.size() % 3][b.size()];
}

size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

std::string to_string(KernelVersion version) {
  if (!version.known()) return "unknown";
  std::string text = std::to_string(version.version);
  text.append(".").append(std::to_string(version.patchlevel));
  if (version.sublevel != 0) text.append(".").append(std::to_string(version.sublevel));
  return text;
}

std::span<const ArchInfo> all_archs() {
  return tables::archs;
}

const ArchInfo& arch_info(ArchId id) {
  return tables::archs[static_cast<size_t>(id)];
}

std::optional<ArchId> arch_by_name(std::string_view name) {
  constexpr std::string_view kPrefix = "SCMP_ARCH_";
  if (name.empty()) return std::nullopt;
  for (const ArchInfo& arch : tables::archs) {
    if (arch.name == name || has_word(arch.aliases, name)) return arch.id;
    if (arch.oci_name == name) return arch.id;
    if (!arch.oci_name.empty() && arch.oci_name.substr(kPrefix.size()) == name) return arch.id;
  }
  return std::nullopt;
}

std::optional<ArchId> arch_by_audit(uint32_t audit_arch, uint32_t number) {
  for (const ArchInfo& arch : tables::archs) {
    if (arch.audit_arch != audit_arch) continue;
    if (arch.id == ArchId::X86_64 && (number & kX32Bit) != 0) return ArchId::X32;
    return arch.id;
  }
  return std::nullopt;
}

std::optional<std::string_view> syscall_name(ArchId arch, uint32_t number) {
  const tables::Entry* entry = find_number(arch, number);
  if (entry == nullptr) return std::nullopt;
  return tables::names[entry->name];
}

std::optional<uint32_t> syscall_number(ArchId arch, std::string_view name) {
  const size_t id = index_of(tables::names, name);
  if (id == kNotFound) return std::nullopt;
  const tables::Table& table = table_of(arch);
  const auto at =
      std::lower_bound(table.by_name.begin(), table.by_name.end(), id,
                       [&](uint16_t index, size_t wanted) { return table.by_number[index].name < wanted; });
  if (at == table.by_name.end() || table.by_number[*at].name != id) return std::nullopt;
  return table.by_number[*at].number;
}

KernelVersion syscall_since(ArchId arch, uint32_t number) {
  const tables::Entry* entry = find_number(arch, number);
  return entry == nullptr ? KernelVersion{} : since_of(arch_info(arch), *entry);
}

std::vector<Syscall> all_syscalls(ArchId arch) {
  std::vector<Syscall> all;
  const auto& entries = table_of(arch).by_number;
  all.reserve(entries.size());
  for (const tables::Entry& entry : entries) {
    if (!all.empty() && all.back().number == entry.number) continue;  // an alias
    all.push_back({entry.number, tables::names[entry.name], since_of(arch_info(arch), entry)});
  }
  return all;
}

size_t named_call_count(ArchId arch) {
  return table_of(arch).by_name.size();
}

NamedCall named_call(ArchId arch, size_t index) {
  const tables::Table& table = table_of(arch);
  const tables::Entry& entry = table.by_number[table.by_name[index]];
  return {entry.name, entry.number};
}

std::span<const std::string_view> all_names() {
  return tables::names;
}

bool is_syscall_name(std::string_view name) {
  return index_of(tables::names, name) != kNotFound;
}

KernelVersion tables_kernel() {
  return tables::kernel;
}

std::optional<std::vector<std::string_view>> group(std::string_view name) {
  const size_t index = index_of(tables::group_names, name);
  if (index == kNotFound) return std::nullopt;
  std::vector<std::string_view> members;
  members.reserve(tables::groups[index].members.size());
  for (const uint16_t member : tables::groups[index].members) members.push_back(tables::names[member]);
  return members;
}

std::span<const std::string_view> all_groups() {
  return tables::group_names;
}

std::string_view group_description(std::string_view name) {
  const size_t index = index_of(tables::group_names, name);
  return index == kNotFound ? std::string_view() : tables::groups[index].description;
}

std::optional<Risk> risk_of(std::string_view name) {
  const size_t index = index_of(tables::names, name);
  if (index == kNotFound) return std::nullopt;
  return tables::risks[tables::name_risks[index]];
}

std::span<const Risk> all_risks() {
  return tables::risks;
}

std::optional<std::span<const RuntimeCall>> runtime_base(std::string_view runtime, bool no_new_privs) {
  const auto& names = tables::runtime_names;
  const auto at = std::find(names.begin(), names.end(), runtime);
  if (at == names.end()) return std::nullopt;
  return tables::runtimes[static_cast<size_t>(at - names.begin())].calls[no_new_privs ? 1 : 0];
}

std::span<const std::string_view> all_runtimes() {
  return tables::runtime_names;
}

std::string_view nearest_name(std::string_view unknown, std::span<const std::string_view> candidates) {
  if (unknown.empty() || unknown.size() > kLongestGuess) return {};
  std::string_view best;
  size_t best_distance =
      std::max<size_t>(1, unknown.size() / 3) + 1;  // more than a third changed is another word
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLongestGuess) continue;
    const size_t distance = edit_distance(unknown, candidate);
    const bool tie = distance == best_distance && !best.empty();
    if (distance < best_distance ||
        (tie && common_prefix(unknown, candidate) > common_prefix(unknown, best))) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace stile::arch
