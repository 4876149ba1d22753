// SPDX-License-Identifier: Apache-2.0
//
// The lines that make a filter; all others of a profile are read over. The last list of a kind counts, and a list to keep counts before one to
// drop, as in firejail's src/firejail/profile.c and sandbox.c.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "format/firejail.h"
#include "format/recognise.h"
#include "format/refusals.h"
#include "format/text_lines.h"

namespace stile::format::firejail {
namespace {

using arch::ArchId;

struct Place {
  uint32_t line = 0;
  size_t column = 0;
};

// What one list says of the calls of one table, in order.
struct Entry {
  std::string call;  // a name, or "$NUMBER"
  std::optional<Action> action;
  bool except = false;  // !name
};
struct List {
  bool there = false;
  std::vector<Entry> entries;
};

class File {
 public:
  File(const std::string& where, std::vector<std::string>* warnings) : where_(where), warnings_(warnings) {}

  Result<void> take(std::string_view key, std::string_view value, Place at) {
    if (key == "seccomp") return default_list(value, at);
    if (key == "seccomp.drop") return list(drop_, value, at);
    if (key == "seccomp.keep") return list(keep_, value, at);
    if (key == "seccomp.32.drop" || key == "seccomp.32") return list(drop32_, value, at);
    if (key == "seccomp.32.keep") return list(keep32_, value, at);
    if (key == "seccomp.block-secondary") {
      secondary_ = true;
      return {};
    }
    if (key == "seccomp-error-action") return error_action(value, at);
    if (key == "allow-debuggers") debuggers_ = true;
    for (const std::string_view more : {"memory-deny-write-execute", "restrict-namespaces", "protocol"}) {
      if (key == more) warn(at, fmt::format("{} makes a filter of its own, which is not read", more));
    }
    return {};
  }

  bool says_something() const { return drop_.there || keep_.there || default_ || secondary_ || drop32_.there || keep32_.there; }

  Result<Plan> plan() {
    Plan plan;
    plan.arch = ArchId::X86_64;
    plan.tables = {plan.arch};
    const bool keeps = keep_.there;
    if (keeps && drop32_.there) return fail(Code::Unsupported, "seccomp.keep beside seccomp.32.drop cannot be said in one profile", where_);
    if (!keeps && keep32_.there) return fail(Code::Unsupported, "seccomp.32.keep without seccomp.keep cannot be said in one profile", where_);
    plan.otherwise = keeps ? error_ : kAllow;
    plan.bad_arch = error_;  // numbers of x32
    if (default_ && !keeps) {
      List all;
      add_group(all, debuggers_ ? "@default" : "@default-nodebuggers");
      all.entries.insert(all.entries.end(), drop_.entries.begin(), drop_.entries.end());
      drop_ = std::move(all);
      if (!drop32_.there) add_group(drop32_, debuggers_ ? "@default" : "@default-nodebuggers");
    }
    if (!secondary_) {
      // i386 is not refused: it has a list, or goes free.
      if (keeps && !keep32_.there) {
        plan.tables.insert(ArchId::X32);
        plan.bad_arch = kAllow;
      } else {
        plan.tables.insert(ArchId::I386);
      }
    }
    if (auto done = apply(plan, ArchId::X86_64, keeps ? keep_ : drop_, keeps); !done) return tl::unexpected(done.error());
    if (plan.tables.contains(ArchId::I386)) {
      if (auto done = apply(plan, ArchId::I386, keeps ? keep32_ : drop32_, keeps); !done) return tl::unexpected(done.error());
    }
    if (secondary_) {
      const filter::Call call{ArchId::X86_64, *arch::syscall_number(ArchId::X86_64, "personality")};
      set_decision(plan, call, personality(decision_of(plan, call), error_));
    }
    return plan;
  }

 private:
  void warn(Place at, const std::string& message) {
    if (warnings_ != nullptr) warnings_->push_back(fmt::format("{}:{}: {}", at.line, at.column, message));
  }

  static std::optional<Action> action_from(std::string_view word) {
    if (word == "kill") return kKillThread;
    if (word == "log") return kLog;
    if (!word.starts_with('E')) return std::nullopt;
    const auto error = parse_action(fmt::format("errno:{}", word));
    return error ? std::optional(*error) : std::nullopt;
  }

  void add_group(List& list, std::string_view name, std::optional<Action> action = {}, bool except = false) {
    list.there = true;
    const auto members = group(name);
    if (!members) return;
    for (const std::string_view call : *members) list.entries.push_back({std::string(call), action, except});
  }

  Result<void> add(List& list, std::string_view word, Place at) {
    const bool except = word.starts_with('!');
    if (except) word.remove_prefix(1);
    const size_t colon = word.find(':');
    const std::string_view name = word.substr(0, colon);
    std::optional<Action> action;
    if (colon != std::string_view::npos) {
      action = action_from(word.substr(colon + 1));
      if (!action) return wrong(where_, at.line, at.column + colon + 1, fmt::format("no error is called '{}'", shown(word.substr(colon + 1))), "a name such as ENOSYS, kill or log");
    }
    if (name.starts_with('@')) {
      if (!group(name)) {
        const auto all = groups();
        const std::string_view near = arch::nearest_name(name, all);
        return wrong(where_, at.line, at.column, fmt::format("firejail has no group of system calls called '{}'", shown(name)),
                     near.empty() ? "" : fmt::format("did you mean {}?", near));
      }
      add_group(list, name, action, except);
      return {};
    }
    if (name.starts_with('$')) {
      uint32_t number = 0;
      const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
      if (error != std::errc() || end != name.data() + name.size())
        return wrong(where_, at.line, at.column, fmt::format("'{}' is no number of a system call", shown(name)), "$ and a decimal number");
    } else if (!arch::is_syscall_name(name)) {
      const std::string_view near = arch::nearest_name(name, arch::all_names());
      warn(at, fmt::format("no system call is called '{}'{}: firejail ignores it", shown(name),
                           near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
      return {};
    }
    list.entries.push_back({std::string(name), action, except});
    return {};
  }

  Result<void> list(List& list, std::string_view value, Place at) {
    if (value.empty()) return wrong(where_, at.line, at.column, "a list of system calls is missing");
    if (list.there) warn(at, "an earlier list of this kind counts for nothing");
    list = {};
    list.there = true;
    for (size_t from = 0; from <= value.size();) {
      const size_t end = std::min(value.find(',', from), value.size());
      const std::string_view word = stripped(value.substr(from, end - from));
      if (!word.empty()) {
        if (auto done = add(list, word, {at.line, at.column + from}); !done) return done;
      }
      from = end + 1;
    }
    return {};
  }

  Result<void> default_list(std::string_view value, Place at) {
    default_ = true;
    return value.empty() ? Result<void>() : list(drop_, value, at);
  }

  Result<void> error_action(std::string_view value, Place at) {
    const auto action = action_from(value);
    if (!action) return wrong(where_, at.line, at.column, fmt::format("no error action is called '{}'", shown(value)), "kill, log or a name such as ENOSYS");
    error_ = *action;
    return {};
  }

  Result<void> apply(Plan& plan, ArchId table, const List& list, bool keep) {
    const auto call_of = [&](const std::string& word) -> std::optional<filter::Call> {
      std::optional<uint32_t> number;
      if (word.starts_with('$')) {
        uint32_t value = 0;
        std::from_chars(word.data() + 1, word.data() + word.size(), value);
        if (value < arch::kX32Bit) number = value;
      } else {
        number = arch::syscall_number(table, word);
      }
      if (!number) return std::nullopt;
      return filter::call_of(table, *number);
    };
    // Errors of their own come first in the filter, then what is taken out, then the rest.
    std::map<filter::Call, Action> said;
    for (const Entry& entry : list.entries) {
      const auto call = call_of(entry.call);
      if (call && entry.action && !entry.except) said.emplace(*call, *entry.action);
    }
    if (keep) {
      for (const std::string_view name : kAlwaysKept) {
        if (const auto call = call_of(std::string(name))) said.emplace(*call, kAllow);
      }
    }
    for (const Entry& entry : list.entries) {
      const auto call = call_of(entry.call);
      if (call && entry.except) said.emplace(*call, keep ? error_ : kAllow);
    }
    for (const Entry& entry : list.entries) {
      const auto call = call_of(entry.call);
      if (call) said.emplace(*call, keep ? kAllow : error_);
    }
    for (const auto& [call, action] : said) set_decision(plan, call, {{Condition::always(), action}});
    return {};
  }

  const std::string& where_;
  std::vector<std::string>* warnings_;
  List drop_, keep_, drop32_, keep32_;
  bool default_ = false, secondary_ = false, debuggers_ = false;
  Action error_{ActionKind::Errno, EPERM};
};

}  // namespace

Result<Profile> read(std::string_view text, const std::string& where, const ReadContext&, std::vector<std::string>* warnings) {
  auto lines = lines_of(text, where);
  if (!lines) return tl::unexpected(lines.error());
  File file(where, warnings);
  for (const TextLine& line : *lines) {
    std::string_view content = stripped(line.text);
    if (content.empty() || content[0] == '#') continue;
    if (content.starts_with("--")) content.remove_prefix(2);
    const size_t end = std::min(content.find_first_of(" \t="), content.size());
    const std::string_view value = stripped(content.substr(std::min(end + 1, content.size())));
    const std::string_view at = value.empty() ? content : value;
    if (auto done = file.take(content.substr(0, end), value, {line.number, static_cast<size_t>(at.data() - line.text.data()) + 1}); !done)
      return tl::unexpected(done.error());
  }
  if (!file.says_something()) return fail(Code::Malformed, "this firejail profile has no system call filter", where, "a line seccomp.keep or seccomp.drop");
  auto plan = file.plan();
  if (!plan) return tl::unexpected(plan.error());
  return profile_of(*plan, where);
}

}  // namespace stile::format::firejail
