// SPDX-License-Identifier: Apache-2.0
//
// A unit file or a drop-in, as config_parse_syscall_filter and its neighbours in systemd's src/core/load-fragment.c take it: the first
// SystemCallFilter= decides whether the list allows or denies; `~` at the head of a later line takes out what an earlier one put in, or the other way
// round; an empty value forgets everything. What systemd ignores with a line in the journal is a warning here.
#include <algorithm>

#include <fmt/format.h>

#include <stile/syscalls.h>

#include "format/recognise.h"
#include "format/refusals.h"
#include "format/systemd.h"
#include "format/text_lines.h"

namespace stile::format::systemd {
namespace {

constexpr std::string_view kSections[] = {"[Service]", "[Socket]", "[Mount]", "[Swap]"};

struct List {
  bool there = false;
  bool allows = true;
  std::map<std::string, std::optional<Action>> names;  // with what a call gets that stands with an error of its own
};

class Unit {
 public:
  Unit(const std::string& where, arch::ArchId machine, std::vector<std::string>* warnings)
      : where_(where), machine_(machine), warnings_(warnings) {}

  Result<void> take(const TextLine& line, std::string_view key, std::string_view value, size_t column) {
    line_ = line.number;
    if (key == "SystemCallFilter") return list(filter_, value, column, true);
    if (key == "SystemCallLog") return list(log_, value, column, false);
    if (key == "SystemCallErrorNumber") return error_number(value, column);
    if (key == "SystemCallArchitectures") return architectures(value, column);
    return {};
  }

  Result<Plan> plan() {
    Plan plan;
    plan.arch = machine_;
    plan.tables = local_tables(machine_);
    plan.bad_arch = kAllow;  // nothing else runs on the machine
    if (!tables_.empty()) {
      plan.bad_arch = kKillProcess;
      plan.tables = tables_;
      if (!tables_.contains(machine_)) plan.arch = *tables_.begin();
    }
    const auto through = [&](const std::string& name) {
      if (!log_.there) return kAllow;
      return log_.names.contains(name) == log_.allows ? kLog : kAllow;
    };
    const bool allow_list = filter_.there && filter_.allows;
    // What a call gets that no list names: no call is called "".
    plan.otherwise = allow_list ? refusal_ : through("");
    std::set<std::string> names;
    for (const auto& [name, error] : filter_.names) names.insert(name);
    for (const auto& [name, error] : log_.names) names.insert(name);
    for (const std::string& name : names) {
      const auto entry = filter_.names.find(name);
      const bool listed = entry != filter_.names.end();
      Action action = through(name);
      if (allow_list && !listed) action = refusal_;
      if (!allow_list && listed) action = entry->second.value_or(refusal_);
      for (const arch::ArchId id : plan.tables) {
        if (const auto number = arch::syscall_number(id, name)) set_decision(plan, filter::call_of(id, *number), {{Condition::always(), action}});
      }
    }
    return plan;
  }

  bool says_something() const { return filter_.there || log_.there || !tables_.empty() || has_error_; }

 private:
  void warn(size_t column, const std::string& message) {
    if (warnings_ != nullptr) warnings_->push_back(fmt::format("{}:{}: {}", line_, column, message));
  }

  template <typename Each>
  Result<void> words(std::string_view value, size_t column, Each each) {
    size_t at = 0;
    while (true) {
      at = value.find_first_not_of(" \t", at);
      if (at == std::string_view::npos) return {};
      const size_t end = std::min(value.find_first_of(" \t", at), value.size());
      if (auto done = each(value.substr(at, end - at), column + at); !done) return done;
      at = end;
    }
  }

  static std::optional<Action> error_from(std::string_view word) {
    if (word == "kill") return kKillProcess;
    const auto action = parse_action(fmt::format("errno:{}", word));
    if (!action) return std::nullopt;
    return *action;
  }

  void put(List& list, const std::string& name, bool inverted, std::optional<Action> error) {
    if (inverted != list.allows) {
      list.names[name] = error;
    } else {
      list.names.erase(name);
    }
  }

  Result<void> add(List& list, std::string_view word, size_t column, bool inverted, bool errors) {
    const size_t colon = word.find(':');
    std::string_view name = word.substr(0, colon);
    std::optional<Action> error;
    if (colon != std::string_view::npos) {
      error = error_from(word.substr(colon + 1));
      if (!error || !errors) return wrong(where_, line_, column + colon + 1, fmt::format("no error is called '{}'", shown(word.substr(colon + 1))), "a name such as EPERM, a number, or kill");
      if (!inverted) {
        warn(column + colon, "a call that is let through has no error: systemd ignores it");
        error.reset();
      } else if (list.allows) {
        warn(column + colon, "the list allows, so this takes the call out of it: its error counts for nothing");
      }
    }
    if (name == "@known") {
      for (const std::string_view known : arch::all_names()) put(list, std::string(known), inverted, error);
      return {};
    }
    const auto calls = expand_syscalls(name);
    if (!calls) {
      warn(column, fmt::format("{}: systemd ignores it", calls.error().message));
      return {};
    }
    for (const std::string& call : *calls) put(list, call, inverted, error);
    return {};
  }

  Result<void> list(List& list, std::string_view value, size_t column, bool is_filter) {
    if (value.empty()) {
      list = {};
      return {};
    }
    const bool inverted = value.starts_with('~');
    if (inverted) {
      value.remove_prefix(1);
      ++column;
    }
    if (!list.there) {
      list.there = true;
      list.allows = !inverted;
      if (is_filter && list.allows) {
        if (auto done = add(list, "@default", column, false, false); !done) return done;
      }
    }
    return words(value, column, [&](std::string_view word, size_t at) { return add(list, word, at, inverted, is_filter); });
  }

  Result<void> error_number(std::string_view value, size_t column) {
    has_error_ = true;
    refusal_ = kKillProcess;
    if (value.empty()) return {};
    const auto error = error_from(value);
    if (!error) return wrong(where_, line_, column, fmt::format("no error is called '{}'", shown(value)), "a name such as EPERM, a number, or kill");
    refusal_ = *error;
    return {};
  }

  Result<void> architectures(std::string_view value, size_t column) {
    if (value.empty()) {
      tables_.clear();
      return {};
    }
    return words(value, column, [&](std::string_view word, size_t at) -> Result<void> {
      const auto id = word == "native" ? std::optional(machine_) : arch_from(word);
      if (!id) {
        warn(at, fmt::format("no architecture is called '{}': systemd ignores it", shown(word)));
      } else {
        tables_.insert(*id);
      }
      return {};
    });
  }

  const std::string& where_;
  arch::ArchId machine_;
  std::vector<std::string>* warnings_;
  uint32_t line_ = 0;
  List filter_, log_;
  Action refusal_ = kKillProcess;
  bool has_error_ = false;
  std::set<arch::ArchId> tables_;
};

}  // namespace

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings) {
  const auto machine = arch::arch_by_name(context.arch);
  if (!machine) return fail(Code::Usage, fmt::format("no architecture is called '{}'", context.arch));
  auto lines = lines_of(text, where);
  if (!lines) return tl::unexpected(lines.error());
  Unit unit(where, *machine, warnings);
  bool in_section = true;  // a drop-in's lines without their head are read too
  for (const TextLine& line : *lines) {
    const std::string_view content = stripped(line.text);
    if (content.empty() || content[0] == '#' || content[0] == ';') continue;
    if (content[0] == '[') {
      if (content.back() != ']') return wrong(where, line.number, line.text.find('[') + 1, "the name of a section does not end", "]");
      in_section = std::find(std::begin(kSections), std::end(kSections), content) != std::end(kSections);
      continue;
    }
    const size_t equals = line.text.find('=');
    if (equals == std::string::npos) {
      return wrong(where, line.number, line.text.find_first_not_of(" \t") + 1, fmt::format("'{}' is neither a section nor a setting", shown(content)),
                   "a line of a unit file is KEY=VALUE");
    }
    if (!in_section) continue;
    const std::string_view value = stripped(std::string_view(line.text).substr(equals + 1));
    const size_t column = value.empty() ? equals + 2 : static_cast<size_t>(value.data() - line.text.data()) + 1;
    if (auto done = unit.take(line, stripped(std::string_view(line.text).substr(0, equals)), value, column); !done)
      return tl::unexpected(done.error());
  }
  if (!unit.says_something())
    return fail(Code::Malformed, "this unit has no system call filter", where, "SystemCallFilter= in the section [Service]");
  auto plan = unit.plan();
  if (!plan) return tl::unexpected(plan.error());
  return profile_of(*plan, where);
}

}  // namespace stile::format::systemd
