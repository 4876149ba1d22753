// SPDX-License-Identifier: Apache-2.0
//
// Brings together what checks look at: the profile, its decisions, the file as it stands, the compiled
// filter. The checks themselves are in src/profile/lint and know nothing of formats and compilers.
#include <stile/lint.h>

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "filter/decision.h"
#include "format/json_places.h"
#include "format/json_text.h"
#include "profile/lint/check.h"

namespace stile {
namespace {

using format::ordered_json;

std::string text_of(const ordered_json& object, const char* key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

int64_t number_of(const ordered_json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_number_unsigned()) return -1;
  const uint64_t number = member->get<uint64_t>();
  return number > 0xffff ? -1 : static_cast<int64_t>(number);
}

bool is_filled(const ordered_json& object, const char* key) {
  const auto member = object.find(key);
  return member != object.end() && !member->is_null() && !member->empty();
}

// Nothing when the text is no OCI document.
std::unique_ptr<linting::Document> read_document(std::string_view text,
                                                 std::map<std::string, std::string>& places) {
  if (text.find("\"defaultAction\"") == std::string_view::npos) return nullptr;
  if (!format::parse_json(text, "")) return nullptr;  // its bounds hold for what follows
  const ordered_json json = ordered_json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("defaultAction")) return nullptr;
  auto document = std::make_unique<linting::Document>();
  document->default_action = text_of(json, "defaultAction");
  document->default_error = number_of(json, "defaultErrnoRet");
  document->mapped = is_filled(json, "archMap");
  if (const auto list = json.find("architectures"); list != json.end() && list->is_array()) {
    for (const ordered_json& one : *list) {
      if (one.is_string()) document->architectures.push_back(one.get<std::string>());
    }
  }
  const auto entries = json.find("syscalls");
  if (entries == json.end() || !entries->is_array()) return document;
  for (size_t i = 0; i < entries->size(); ++i) {
    const ordered_json& one = (*entries)[i];
    if (!one.is_object()) continue;
    linting::Entry entry;
    entry.place = fmt::format("/syscalls/{}", i);
    if (const auto names = one.find("names"); names != one.end() && names->is_array()) {
      for (const ordered_json& name : *names)
        entry.names.push_back(name.is_string() ? name.get<std::string>() : "");
    }
    if (const std::string name = text_of(one, "name"); !name.empty()) entry.names.push_back(name);
    entry.action = text_of(one, "action");
    entry.error = number_of(one, "errnoRet");
    if (const auto args = one.find("args"); args != one.end() && args->is_array()) {
      for (const ordered_json& arg : *args) {
        if (!arg.is_object()) continue;
        entry.args.push_back(
            {static_cast<unsigned>(std::max<int64_t>(0, number_of(arg, "index"))), text_of(arg, "op")});
      }
    }
    entry.chosen = is_filled(one, "includes") || is_filled(one, "excludes");
    for (const char* key : {"args", "includes", "excludes"}) {
      if (is_filled(one, key)) entry.condition += one[key].dump() + " ";
    }
    for (size_t j = 0; j < entry.names.size(); ++j)
      places.emplace(entry.names[j], document->name_place(entry, j));
    document->entries.push_back(std::move(entry));
  }
  return document;
}

// "/syscalls/3/args: argument 0 ..." in its two parts.
std::pair<std::string, std::string> split_warning(const std::string& warning) {
  const size_t colon = warning.find(": ");
  if (!warning.starts_with('/') || colon == std::string::npos) return {"", warning};
  return {warning.substr(0, colon), warning.substr(colon + 2)};
}

void add_warnings(const LintInput& input, std::vector<Finding>& findings) {
  for (const std::string& warning : input.warnings) {
    auto [place, message] = split_warning(warning);
    // A check that speaks of the same place says it better. The condition a multiplexer goes around is a
    // check of its own.
    const bool said =
        std::any_of(findings.begin(), findings.end(), [&, &at = place, &text = message](const Finding& one) {
          const bool around =
              one.check == "multiplexer" && text.find("of 32-bit programs reaches") != std::string::npos;
          return around || (!at.empty() && one.place == at);
        });
    if (said) continue;
    const Severity severity = message.ends_with("not kept") ? Severity::Note : Severity::Warning;
    findings.push_back({"reader", severity, "", place, 0, message, ""});
  }
}

void add_lines(std::string_view text, std::vector<Finding>& findings) {
  if (text.empty() || findings.empty()) return;
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || text[start] != '{') return;
  const std::map<std::string, uint32_t> lines = format::json_lines(text);
  for (Finding& one : findings) {
    std::string place = one.place;
    auto line = lines.find(place);
    while (line == lines.end() && !place.empty()) {
      place.resize(place.rfind('/'));
      line = lines.find(place);
    }
    if (line != lines.end()) one.line = line->second;
  }
}

}  // namespace

Result<std::vector<Finding>> lint(const LintInput& input) {
  static const Profile kNone;
  const Profile& profile = input.profile == nullptr ? kNone : *input.profile;
  const filter::Decisions decisions(profile);

  linting::Subject subject{input, profile};
  subject.has_profile = input.profile != nullptr;
  const auto document = read_document(input.text, subject.places);
  subject.document = document.get();
  if (document == nullptr && input.format == "stile") {
    for (const auto& [name, rule] : profile.rules)
      subject.places.emplace(name, "/syscalls" + format::pointer_step(name));
  }
  for (const std::string& table : arches_of(profile)) subject.tables.insert(table);
  if (input.program.empty()) {
    const auto compiled = compile(profile);
    if (compiled) {
      subject.instructions = compiled->size();
    } else if (compiled.error().code == Code::Limit) {
      subject.does_not_compile = compiled.error().message;
    } else {
      return tl::unexpected(compiled.error());
    }
  } else {
    subject.instructions = input.program.size();
  }
  subject.decide = [&](const Event& event) -> Action {
    if (!input.program.empty()) {
      const auto verdict = emulate(input.program, event);
      return verdict ? verdict->action : Action{ActionKind::KillProcess, 0};
    }
    // As decide() does, with the rules looked up once for all.
    const auto id = arch::arch_by_audit(event.arch, event.number);
    if (!id) return profile.bad_arch;
    return decisions.action(filter::call_of(*id, event.number), event.args);
  };
  subject.said_of = [&](std::string_view table, const std::string& name) -> linting::Decision {
    if (input.profile == nullptr) return {};
    const auto id = arch::arch_by_name(table);
    if (!id || !decisions.tables().contains(*id)) return {};
    std::optional<uint32_t> number = filter::number_from_key(name);
    if (!number) number = arch::syscall_number(*id, name);
    if (!number) return {};
    return decisions.of(filter::call_of(*id, *number));
  };

  linting::Report report(subject);
  for (const linting::Check* check : linting::checks()) {
    if (!subject.has_profile && !check->on_programs) continue;
    report.begin(check->info.id, check->info.severity);
    check->run(subject, report);
  }
  std::vector<Finding> findings = report.take();
  add_warnings(input, findings);
  add_lines(input.text, findings);
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::make_tuple(a.line, -static_cast<int>(a.severity)) <
           std::make_tuple(b.line, -static_cast<int>(b.severity));
  });
  return findings;
}

}  // namespace stile
