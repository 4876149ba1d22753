// SPDX-License-Identifier: Apache-2.0
//
// Edits of an OCI document where it stands. Everything that no edit speaks of stays as it is, what stile does
// not know included: a profile that people keep in version control should change in the lines that were
// meant.
#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include <fmt/format.h>

#include <stile/edit.h>

#include "format/json_text.h"
#include "format/oci.h"
#include "profile/edit_words.h"

namespace stile {
namespace {

namespace oci = format::oci;
using format::ordered_json;

bool is_empty(const ordered_json& entry, const char* key) {
  const auto member = entry.find(key);
  return member == entry.end() || member->is_null() || member->empty();
}

// Holds for everybody and all arguments.
bool is_plain(const ordered_json& entry) {
  return is_empty(entry, "args") && is_empty(entry, "includes") && is_empty(entry, "excludes");
}

std::optional<ActionKind> action_of_entry(const ordered_json& entry) {
  const auto action = entry.find("action");
  if (action == entry.end() || !action->is_string()) return std::nullopt;
  return oci::action_from(action->get<std::string>());
}

bool names(const ordered_json& entry, const std::string& name) {
  const auto single = entry.find("name");
  if (single != entry.end() && *single == name) return true;
  const auto list = entry.find("names");
  return list != entry.end() && list->is_array() &&
         std::find(list->begin(), list->end(), name) != list->end();
}

// Sorted lists stay sorted; real ones have a few names out of their place.
void add_name(ordered_json& list, const std::string& name) {
  size_t descents = 0;
  auto place = list.end();
  for (auto one = list.begin(); one != list.end(); ++one) {
    const bool after_smaller = one == list.begin() || *std::prev(one) < name;
    if (place == list.end() && after_smaller && *one > name) place = one;
    descents += one != list.begin() && *std::prev(one) > *one;
  }
  list.insert(descents * 20 > list.size() ? list.end() : place, name);
}

// What one level is indented by; nothing when the text stands on one line.
struct Indentation {
  int width = -1;
  char with = ' ';
};
Indentation indentation_of(std::string_view text) {
  const size_t open = text.find('{');
  const size_t line = open == std::string_view::npos ? open : text.find_first_not_of(" \t\r", open + 1);
  if (line == std::string_view::npos || text[line] != '\n') return {};
  const size_t first = text.find_first_not_of(" \t", line + 1);
  if (first == std::string_view::npos) return {};
  const auto width = static_cast<int>(first - line - 1);
  if (width > 16) return {2, ' '};
  return {width, width > 0 ? text[line + 1] : ' '};
}

class Document {
 public:
  Document(ordered_json document, std::vector<std::string>* notes)
      : document_(std::move(document)), notes_(notes) {
    if (const auto action = document_.find("defaultAction"); action != document_.end() && action->is_string())
      default_ = oci::action_from(action->get<std::string>());
  }

  Result<void> apply(const Edits& edits) {
    if (edits.default_action) set_default(*edits.default_action);
    for (const std::string& word : edits.allow) {
      auto calls = known(word);
      if (!calls) return tl::unexpected(calls.error());
      for (const std::string& name : *calls) allow(name);
    }
    for (const std::string& word : edits.drop) {
      auto calls = known(word);
      if (!calls) return tl::unexpected(calls.error());
      for (const std::string& name : *calls) drop(name);
    }
    if (auto done = set(edits.set); !done) return done;
    remove_empty();
    return {};
  }

  void say_notes(const Profile& after) {
    if (notes_ == nullptr) return;
    const auto allowed = [&](const std::string& name) {
      const auto rule = after.rules.find(name);
      return lets_through(rule == after.rules.end() ? after.otherwise.kind : rule->second.action.kind);
    };
    for (std::string& sentence : reached_by_multiplexers(dropped_, arches_of(after), allowed))
      notes_->push_back(std::move(sentence));
    if (!dropped_.contains("clone3") || after.rules.contains("clone3") || !after.rules.contains("clone"))
      return;
    if (after.otherwise != Action{ActionKind::Errno, ENOSYS}) notes_->push_back(clone3_note(after.otherwise));
  }

  std::string text(std::string_view like) const {
    const Indentation indentation = indentation_of(like);
    std::string out =
        document_.dump(indentation.width, indentation.with, false, ordered_json::error_handler_t::replace);
    if (like.ends_with('\n')) out += '\n';
    return out;
  }

 private:
  static Result<std::vector<std::string>> known(const std::string& word) {
    auto calls = expand_edit(word);
    if (calls && !calls->empty() && calls->front()[0] >= '0' && calls->front()[0] <= '9') {
      return fail(Code::Usage,
                  fmt::format("this format knows system calls by name, not by number ({})", word), {},
                  "stile syscalls " + word + " tells its name");
    }
    return calls;
  }

  ordered_json& entries() {
    ordered_json& list = document_["syscalls"];
    if (!list.is_array()) list = ordered_json::array();
    return list;
  }

  void set_default(Action action) {
    default_ = action.kind;
    document_["defaultAction"] = oci::action_name(action.kind);
    const bool named = document_.contains("defaultErrno");
    document_.erase("defaultErrno");
    if (!oci::takes_errno(action.kind)) {
      document_.erase("defaultErrnoRet");
      return;
    }
    if (document_.contains("defaultErrnoRet")) {
      document_["defaultErrnoRet"] = action.data;
    } else {
      insert_after("defaultAction", "defaultErrnoRet", action.data);
    }
    const std::string word = to_string(action);
    if (named && word.starts_with("errno:E")) insert_after("defaultErrnoRet", "defaultErrno", word.substr(6));
  }

  void insert_after(const std::string& before, const std::string& key, const ordered_json& value) {
    ordered_json result = ordered_json::object();
    for (auto& [name, member] : document_.items()) {
      result[name] = std::move(member);
      if (name == before) result[key] = value;
    }
    document_ = std::move(result);
  }

  // From every entry for which `of` holds.
  template <typename Of>
  bool remove(const std::string& name, Of of) {
    bool removed = false;
    for (ordered_json& entry : entries()) {
      if (!entry.is_object() || !names(entry, name) || !of(entry)) continue;
      removed = true;
      if (const auto single = entry.find("name"); single != entry.end() && *single == name)
        entry.erase("name");
      if (const auto list = entry.find("names"); list != entry.end() && list->is_array()) {
        ordered_json left = ordered_json::array();
        for (ordered_json& one : *list) {
          if (one != name) left.push_back(std::move(one));
        }
        *list = std::move(left);
      }
    }
    return removed;
  }

  void allow(const std::string& name) {
    const auto plain_allow = [](const ordered_json& entry) {
      return is_plain(entry) && action_of_entry(entry) == ActionKind::Allow;
    };
    bool allowed = false, refused = false;
    for (const ordered_json& entry : entries()) {
      if (!entry.is_object() || !names(entry, name)) continue;
      allowed = allowed || plain_allow(entry);
      refused = refused || action_of_entry(entry) != ActionKind::Allow;
    }
    if (default_ == ActionKind::Allow) {
      remove(name, [](const ordered_json&) { return true; });
      return;
    }
    if (allowed && !refused) return;
    remove(name, [&](const ordered_json& entry) { return !plain_allow(entry); });
    if (allowed) return;
    for (ordered_json& entry : entries()) {
      const bool fits =
          entry.is_object() && plain_allow(entry) && entry.contains("names") && entry["names"].is_array();
      if (fits) return add_name(entry["names"], name);
    }
    append({name}, {ActionKind::Allow, 0}, {});
  }

  void drop(const std::string& name) {
    const bool removed = remove(name, [](const ordered_json& entry) {
      const auto kind = action_of_entry(entry);
      return kind && lets_through(*kind);
    });
    if (removed) dropped_.insert(name);
    if (!default_ || !lets_through(*default_)) return;
    const bool refused = std::any_of(entries().begin(), entries().end(), [&](const ordered_json& entry) {
      return entry.is_object() && names(entry, name) && is_plain(entry);
    });
    if (!refused) append({name}, {ActionKind::Errno, EPERM}, {});
    dropped_.insert(name);
  }

  void append(const std::vector<std::string>& calls, Action action, const oci::Comparisons& all) {
    const std::string like = fmt::format("{} {}", to_string(action), all.size());
    // Calls that are edited alike share an entry.
    if (const auto last = appended_.find(like); last != appended_.end() && all.empty()) {
      for (const std::string& name : calls) entries()[last->second]["names"].push_back(name);
      return;
    }
    ordered_json entry = ordered_json::object();
    entry["names"] = calls;
    entry["action"] = oci::action_name(action.kind);
    if (oci::takes_errno(action.kind)) entry["errnoRet"] = action.data;
    for (const oci::Comparison& one : all) {
      ordered_json object = ordered_json::object();
      object["index"] = one.arg;
      object["value"] = one.value;
      if (one.op == oci::Op::MaskedEq) object["valueTwo"] = one.value_two;
      object["op"] = oci::op_name(one.op);
      entry["args"].push_back(std::move(object));
    }
    entries().push_back(std::move(entry));
    if (all.empty()) appended_[like] = entries().size() - 1;
  }

  Result<void> set(const std::vector<Setting>& settings) {
    // All settings of one call together: the format has no order, so each condition leaves out what earlier
    // ones decide.
    std::vector<std::string> order;
    std::map<std::string, std::vector<Case>> by_call;
    for (const Setting& setting : settings) {
      auto calls = known(setting.call);
      if (!calls) return tl::unexpected(calls.error());
      for (const std::string& name : *calls) {
        if (!by_call.contains(name)) order.push_back(name);
        by_call[name].push_back({setting.when, setting.action});
      }
    }
    for (const std::string& name : order) {
      remove(name, [](const ordered_json&) { return true; });
      Condition rest = Condition::always();
      for (const Case& one : by_call[name]) {
        auto here = normalise(rest && one.when);
        if (!here) return tl::unexpected(here.error());
        if (here->any.empty()) {
          return fail(Code::Usage,
                      fmt::format("--set {}: an earlier one already decides it, or it can never hold", name));
        }
        rest = rest && !one.when;
        if (is_default(one.action)) continue;
        const auto lists = oci::entries_of(*here);
        if (!lists) {
          return fail(Code::Limit, fmt::format("--set {}: the condition takes more than {} entries", name,
                                               oci::kMaxEntries));
        }
        for (const oci::Comparisons& all : *lists) append({name}, one.action, all);
      }
    }
    return {};
  }

  bool is_default(Action action) const {
    if (default_ != action.kind) return false;
    if (action.kind != ActionKind::Errno) return true;
    uint64_t number = EPERM;
    if (const auto ret = document_.find("defaultErrnoRet");
        ret != document_.end() && ret->is_number_unsigned())
      number = ret->get<uint64_t>();
    if (const auto word = document_.find("defaultErrno"); word != document_.end() && word->is_string()) {
      if (const auto named = parse_action("errno:" + word->get<std::string>())) number = named->data;
    }
    return number == action.data;
  }

  void remove_empty() {
    ordered_json left = ordered_json::array();
    for (ordered_json& entry : entries()) {
      const bool gone = entry.is_object() && !entry.contains("name") && is_empty(entry, "names");
      if (!gone) left.push_back(std::move(entry));
    }
    entries() = std::move(left);
  }

  ordered_json document_;
  std::vector<std::string>* notes_;
  std::optional<ActionKind> default_;
  std::set<std::string> dropped_;
  std::map<std::string, size_t> appended_;
};

bool is_nothing(const Edits& edits) {
  return !edits.default_action && edits.allow.empty() && edits.drop.empty() && edits.set.empty();
}

Result<std::string> edit_anew(const Format& format, const Profile& profile, const Edits& edits,
                              std::vector<std::string>* notes) {
  auto edited = edit(profile, edits, notes);
  if (!edited) return tl::unexpected(edited.error());
  std::vector<std::string> lost;
  auto text = format.write(*edited, &lost);
  if (!text || notes == nullptr) return text;
  for (const std::string& what : lost) notes->push_back(fmt::format("lost in {}: {}", format.name, what));
  if (format.name != "stile" && !format.binary)
    notes->push_back(fmt::format(
        "a profile in the format {} is written anew: comments and order are not kept", format.name));
  return text;
}

}  // namespace

Result<std::string> edit_text(const Format& format, std::string_view text, const std::string& where,
                              const Edits& edits, const ReadContext& context,
                              std::vector<std::string>* notes) {
  if (format.read == nullptr || format.write == nullptr)
    return fail(Code::Usage, fmt::format("a profile in the format {} cannot be edited", format.name), where);
  auto before = format.read(text, where, context, nullptr);
  if (!before) return tl::unexpected(before.error());
  if (is_nothing(edits)) return std::string(text);
  const bool in_place = !format.binary && text.find("\"defaultAction\"") != std::string_view::npos && [&] {
    const auto document = format::parse_json(text, where);
    return document && document->is_object() && document->contains("defaultAction");
  }();
  if (!in_place) return edit_anew(format, *before, edits, notes);

  // parse_json() has looked at it above: what is left of errors is none.
  Document document(ordered_json::parse(text, nullptr, false), notes);
  if (auto done = document.apply(edits); !done) return tl::unexpected(done.error());
  std::string edited = document.text(text);
  auto after = format.read(edited, where, context, nullptr);
  if (!after) return tl::unexpected(after.error());
  document.say_notes(*after);
  return edited;
}

}  // namespace stile
