// SPDX-License-Identifier: Apache-2.0
#include "filter/resolve.h"

#include <algorithm>

#include <fmt/format.h>

namespace stile::filter {
namespace {

constexpr uint32_t kNone = ~uint32_t{0};

// Rules name the same few architectures again and again.
class ArchNames {
 public:
  std::optional<arch::ArchId> find(const std::string& name) {
    for (const auto& [known, id] : known_) {
      if (known == name) return id;
    }
    const std::optional<arch::ArchId> id = arch::arch_by_name(name);
    if (id) known_.emplace_back(name, *id);
    return id;
  }

 private:
  std::vector<std::pair<std::string, arch::ArchId>> known_;
};

tl::unexpected<Error> unknown_arch(const std::string& name, std::string where) {
  std::vector<std::string_view> names;
  for (const arch::ArchInfo& info : arch::all_archs()) names.push_back(info.name);
  const std::string_view near = arch::nearest_name(name, names);
  return fail(Code::Usage, fmt::format("no architecture is called '{}'", name), std::move(where),
              near.empty() ? "such as x86_64, i386, arm64" : fmt::format("did you mean {}?", near));
}

tl::unexpected<Error> unknown_call(const std::string& name) {
  const std::string_view near = arch::nearest_name(name, arch::all_names());
  return fail(Code::Usage, fmt::format("no system call is called '{}'", name), "rules",
              near.empty() ? "a number can be written instead" : fmt::format("did you mean {}?", near));
}

class Resolver {
 public:
  explicit Resolver(const Profile& profile) : profile_(profile) {}

  Result<Resolved> run() {
    if (!profile_.written_for.empty()) {
      resolved_.written_for = release_from(profile_.written_for);
      if (!resolved_.written_for)
        return fail(Code::Usage, fmt::format("'{}' is no kernel release", profile_.written_for),
                    "written-for", "such as 6.1");
    }
    if (Result<void> read = read_arches(); !read) return tl::unexpected(read.error());
    if (Result<void> read = read_rules(); !read) return tl::unexpected(read.error());
    for (const arch::ArchInfo& info : arch::all_archs()) {
      if (answered_.has(info.id)) fill(info.id);
    }
    return std::move(resolved_);
  }

 private:
  Result<void> read_arches() {
    const auto own = names_.find(profile_.arch);
    if (!own) return unknown_arch(profile_.arch, "arch");
    resolved_.own = *own;
    answered_.add(*own);
    for (const std::string& name : profile_.also_arches) {
      const auto id = names_.find(name);
      if (!id) return unknown_arch(name, "arches");
      answered_.add(*id);
    }
    return {};
  }

  // Rules and names are both sorted: one walk through both finds each rule's name.
  Result<void> read_rules() {
    const std::span<const std::string_view> names = arch::all_names();
    rule_of_name_.assign(names.size(), kNone);
    resolved_.rules.reserve(profile_.rules.size());
    size_t name = 0;
    for (const auto& entry : profile_.rules) {
      const uint32_t rule = static_cast<uint32_t>(resolved_.rules.size());
      resolved_.rules.push_back(&entry);
      const std::string& key = entry.first;
      int order = -1;
      while (name < names.size() && (order = names[name].compare(key)) < 0) ++name;
      if (name < names.size() && order == 0) {
        rule_of_name_[name] = rule;
      } else if (const std::optional<uint32_t> number = number_from_key(key)) {
        numbers_.push_back({*number, rule});
      } else {
        return unknown_call(key);
      }
      if (entry.second.arches.empty()) continue;
      limited_.resize(profile_.rules.size());
      limited_[rule].emplace();
      for (const std::string& arch_name : entry.second.arches) {
        const auto id = names_.find(arch_name);
        if (!id) return unknown_arch(arch_name, fmt::format("rule {}", key));
        limited_[rule]->add(*id);
        answered_.add(*id);
      }
    }
    return {};
  }

  bool is_for(uint32_t rule, arch::ArchId id) const {
    return rule >= limited_.size() || !limited_[rule] || limited_[rule]->has(id);
  }

  void fill(arch::ArchId id) {
    Table table{id, {}};
    const size_t count = arch::named_call_count(id);
    table.calls.reserve(std::min(count, resolved_.rules.size()) + numbers_.size());
    for (const NumberedRule& call : numbers_) {
      if (is_for(call.rule, id)) table.calls.push_back(call);
    }
    for (size_t i = 0; i < count; ++i) {
      const arch::NamedCall call = arch::named_call(id, i);
      const uint32_t rule = rule_of_name_[call.name];
      if (rule != kNone && is_for(rule, id)) table.calls.push_back({call.number, rule});
    }
    // Where two keys mean one number, the profile's first decides.
    std::sort(table.calls.begin(), table.calls.end(), [](const NumberedRule& a, const NumberedRule& b) {
      return a.number != b.number ? a.number < b.number : a.rule < b.rule;
    });
    const auto same = [](const NumberedRule& a, const NumberedRule& b) { return a.number == b.number; };
    table.calls.erase(std::unique(table.calls.begin(), table.calls.end(), same), table.calls.end());
    resolved_.tables.push_back(std::move(table));
  }

  const Profile& profile_;
  Resolved resolved_{};
  ArchNames names_;
  ArchSet answered_;
  std::vector<uint32_t> rule_of_name_;           // by index into all_names()
  std::vector<NumberedRule> numbers_;            // rules whose key is a number
  std::vector<std::optional<ArchSet>> limited_;  // by rule: the architectures it names, if it names any
};

}  // namespace

Result<Resolved> resolve(const Profile& profile) {
  return Resolver(profile).run();
}

}  // namespace stile::filter
