// SPDX-License-Identifier: Apache-2.0
#include <stile/edit.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stile/syscalls.h>

#include "arch/syscalls.h"
#include "profile/edit_words.h"

namespace stile {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool lets_through(ActionKind kind) {
  return kind == ActionKind::Allow || kind == ActionKind::Log || kind == ActionKind::Trace ||
         kind == ActionKind::Notify;
}

Result<std::vector<std::string>> expand_edit(std::string_view word) {
  if (word.empty()) return fail(Code::Usage, "a system call is missing");
  uint32_t number = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number);
  if (error == std::errc() && stop == end && (word.size() == 1 || word[0] != '0'))
    return std::vector<std::string>{std::string(word)};
  return expand_syscalls(word);
}

Result<Setting> parse_setting(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return fail(Code::Usage, fmt::format("'{}' is no setting", text.substr(0, 60)), {},
                "say it like clone3=errno:ENOSYS or 'socket=allow if arg0 == 1'");
  }
  Setting setting;
  setting.call = trimmed(text.substr(0, equals));
  if (auto known = expand_edit(setting.call); !known) return tl::unexpected(known.error());
  std::string_view rest = trimmed(text.substr(equals + 1));
  const size_t space = rest.find_first_of(" \t");
  auto action = parse_action(rest.substr(0, space));
  if (!action) return tl::unexpected(action.error());
  setting.action = *action;
  if (space == std::string_view::npos) return setting;
  rest = trimmed(rest.substr(space));
  if (!rest.starts_with("if ") && !rest.starts_with("if\t")) {
    return fail(Code::Usage, fmt::format("after the action stands 'if CONDITION' or nothing, not '{}'",
                                         rest.substr(0, 60)));
  }
  auto when = parse_condition(trimmed(rest.substr(2)));
  if (!when) return tl::unexpected(when.error());
  setting.when = std::move(*when);
  return setting;
}

std::vector<std::string> reached_by_multiplexers(const std::set<std::string>& dropped,
                                                 const std::vector<std::string>& arches,
                                                 const std::function<bool(const std::string&)>& allowed) {
  std::vector<std::string> notes;
  const bool has = std::any_of(arches.begin(), arches.end(), [](const std::string& name) {
    const auto id = arch::arch_by_name(name);
    return id && arch::syscall_number(*id, "socketcall") && arch::syscall_number(*id, "ipc");
  });
  if (!has || dropped.contains("socketcall") || !allowed("socketcall")) return notes;
  std::set<std::string> behind;
  for (const std::string_view name : kBehindSocketcall) {
    if (dropped.contains(std::string(name))) behind.emplace(name);
  }
  if (behind.empty()) return notes;
  notes.push_back(
      fmt::format("socketcall of 32-bit programs still reaches {}: --drop socketcall closes that way too",
                  fmt::join(behind, ", ")));
  return notes;
}

std::string clone3_note(Action answer) {
  return fmt::format(
      "clone3 answers {} now, on which C libraries do not fall back to clone: --set clone3=errno:ENOSYS",
      to_string(answer));
}

namespace {

class Editor {
 public:
  Editor(Profile profile, std::vector<std::string>* notes) : profile_(std::move(profile)), notes_(notes) {}

  Result<Profile> run(const Edits& edits) {
    if (edits.default_action) profile_.otherwise = *edits.default_action;
    for (const std::string& word : edits.allow) {
      if (auto done = allow(word); !done) return tl::unexpected(done.error());
    }
    std::set<std::string> dropped;
    for (const std::string& word : edits.drop) {
      if (auto done = drop(word, dropped); !done) return tl::unexpected(done.error());
    }
    if (auto done = set(edits.set); !done) return tl::unexpected(done.error());
    warn(dropped);
    return std::move(profile_);
  }

 private:
  void note(std::string sentence) {
    if (notes_ != nullptr) notes_->push_back(std::move(sentence));
  }

  // Tables of the profile that have the call.
  std::vector<std::string> tables_with(const std::string& name) const {
    std::vector<std::string> tables;
    const bool number = !name.empty() && name[0] >= '0' && name[0] <= '9';
    for (const std::string& table : arches_of(profile_)) {
      const auto id = arch::arch_by_name(table);
      if (id && (number || arch::syscall_number(*id, name))) tables.push_back(table);
    }
    std::sort(tables.begin(), tables.end());
    return tables;
  }

  // What a group names and no table has is passed over; a single name has to be there.
  Result<std::vector<std::string>> known(const std::string& word) const {
    auto names = expand_edit(word);
    if (!names) return names;
    std::erase_if(*names, [&](const std::string& name) { return tables_with(name).empty(); });
    if (names->empty())
      return fail(Code::Usage,
                  fmt::format("'{}' names no system call of {}", word, fmt::join(arches_of(profile_), ", ")));
    return names;
  }

  Evidence by_hand(const std::string& name, const std::string& word) const {
    return {EvidenceKind::Human, {}, {}, word == name ? "asked for by name" : "asked for with " + word};
  }

  Result<void> allow(const std::string& word) {
    auto names = known(word);
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) {
      Rule& rule = profile_.rules[name];
      rule.action = {ActionKind::Allow, 0};
      rule.cases.clear();
      rule.arches = tables_with(name);
      const Evidence evidence = by_hand(name, word);
      if (std::find(rule.because.begin(), rule.because.end(), evidence) == rule.because.end())
        rule.because.push_back(evidence);
    }
    return {};
  }

  Result<void> drop(const std::string& word, std::set<std::string>& dropped) {
    auto names = expand_edit(word);
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) {
      const auto rule = profile_.rules.find(name);
      const bool by_default = lets_through(profile_.otherwise.kind);
      if (rule != profile_.rules.end()) {
        bool open = lets_through(rule->second.action.kind);
        for (const Case& one : rule->second.cases) open = open || lets_through(one.action.kind);
        if (!open) continue;
        profile_.rules.erase(rule);
        dropped.insert(name);
      } else if (!by_default) {
        continue;
      }
      if (!by_default || tables_with(name).empty()) continue;
      dropped.insert(name);
      Rule& refusal = profile_.rules[name];
      refusal.action = {ActionKind::Errno, EPERM};
      refusal.arches = tables_with(name);
      refusal.because = {by_hand(name, word)};
    }
    return {};
  }

  Result<void> set(const std::vector<Setting>& settings) {
    std::set<std::string> begun, decided;
    for (const Setting& setting : settings) {
      auto names = known(setting.call);
      if (!names) return tl::unexpected(names.error());
      auto when = normalise(setting.when);
      if (!when) return tl::unexpected(when.error());
      for (const std::string& name : *names) {
        Rule& rule = profile_.rules[name];
        if (begun.insert(name).second) {
          rule.action = profile_.otherwise;
          rule.cases.clear();
          rule.arches = tables_with(name);
          rule.because.push_back(by_hand(name, setting.call));
        }
        if (decided.contains(name)) {
          return fail(
              Code::Usage,
              fmt::format("--set {}: an earlier one already decides it whatever the arguments are", name));
        }
        if (*when == Condition::always()) {
          rule.action = setting.action;
          decided.insert(name);
        } else {
          rule.cases.push_back({*when, setting.action});
        }
      }
    }
    return {};
  }

  void warn(const std::set<std::string>& dropped) {
    const auto allowed = [&](const std::string& name) {
      const auto rule = profile_.rules.find(name);
      return lets_through(rule == profile_.rules.end() ? profile_.otherwise.kind : rule->second.action.kind);
    };
    for (std::string& sentence : reached_by_multiplexers(dropped, arches_of(profile_), allowed))
      note(std::move(sentence));
    if (!dropped.contains("clone3") || profile_.rules.contains("clone3") || !allowed("clone")) return;
    if (profile_.otherwise != Action{ActionKind::Errno, ENOSYS}) note(clone3_note(profile_.otherwise));
  }

  Profile profile_;
  std::vector<std::string>* notes_;
};

}  // namespace

Result<Profile> edit(const Profile& profile, const Edits& edits, std::vector<std::string>* notes) {
  return Editor(profile, notes).run(edits);
}

Result<Profile> edit_profile(Profile profile, const std::vector<std::string>& allow,
                             const std::vector<std::string>& drop) {
  Edits edits;
  edits.allow = allow;
  edits.drop = drop;
  return Editor(std::move(profile), nullptr).run(edits);
}

}  // namespace stile
