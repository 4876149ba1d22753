// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "profile/edit_words.h"
#include "profile/lint/check.h"

namespace stile {

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::Note:
      return "note";
    case Severity::Warning:
      return "warning";
    case Severity::Error:
      break;
  }
  return "error";
}

std::optional<Severity> severity_from(std::string_view text) {
  for (const Severity severity : {Severity::Note, Severity::Warning, Severity::Error}) {
    if (to_string(severity) == text) return severity;
  }
  return std::nullopt;
}

std::vector<CheckInfo> lint_checks() {
  std::vector<CheckInfo> all;
  for (const linting::Check* check : linting::checks()) all.push_back(check->info);
  all.push_back({"reader", Severity::Warning, "something in the file that other tools silently get wrong",
                 "The file does not say to every tool what it seems to say."});
  return all;
}

namespace linting {

bool lets_through(const Action& action) {
  return stile::lets_through(action.kind);
}

std::string Document::name_place(const Entry& entry, size_t name) const {
  return fmt::format("{}/names/{}", entry.place, name);
}

bool Subject::allowed(const std::string& name) const {
  const Decision decision = said(name);
  return !decision.empty() && std::all_of(decision.begin(), decision.end(),
                                          [](const Case& one) { return linting::lets_through(one.action); });
}

bool Subject::may_be_allowed(const std::string& name) const {
  for (const Case& one : said(name)) {
    if (linting::lets_through(one.action)) return true;
  }
  return false;
}

bool Subject::is_denylist() const {
  return has_profile && linting::lets_through(profile.otherwise);
}

// The largest list that static analysis made of a single program is below this, those of docker and podman
// are above it.
constexpr size_t kGeneral = 300;

bool Subject::is_general() const {
  return static_cast<size_t>(std::count_if(profile.rules.begin(), profile.rules.end(), [](const auto& entry) {
           return entry.second.action.kind == ActionKind::Allow && entry.second.cases.empty();
         })) >= kGeneral;
}

void Report::add(const std::string& call, std::string message, std::string remedy) {
  const auto place = subject_.places.find(call);
  add_at(place == subject_.places.end() ? "" : place->second, call, std::move(message), std::move(remedy));
}

void Report::add_at(std::string place, const std::string& call, std::string message, std::string remedy) {
  findings_.push_back(
      {std::string(check_), severity_, call, std::move(place), 0, std::move(message), std::move(remedy)});
}

void Report::add_as(Severity severity, const std::string& call, std::string message, std::string remedy) {
  const Severity usual = severity_;
  severity_ = severity;
  add(call, std::move(message), std::move(remedy));
  severity_ = usual;
}

}  // namespace linting
}  // namespace stile
