// SPDX-License-Identifier: Apache-2.0
#include "lint_text.h"

#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands.h"

namespace stile::cli {
namespace {

using nlohmann::ordered_json;

std::string painted(Severity severity, const Style& style) {
  const std::string word(to_string(severity));
  if (severity == Severity::Error) return style.red(word);
  return severity == Severity::Warning ? style.yellow(word) : word;
}

// A word for the shell, in quotes where it needs them.
std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-_./+:=,@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string remedy_for(const Finding& finding, const std::string& path) {
  std::string text = finding.remedy;
  constexpr std::string_view kFile = "PROFILE";
  for (size_t at = text.find(kFile); at != std::string::npos; at = text.find(kFile, at)) {
    const std::string word = shell_word(path);
    text.replace(at, kFile.size(), word);
    at += word.size();
  }
  return text;
}

std::string dump(const ordered_json& document) {
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// A path as a relative URI reference (RFC 3986).
std::string uri_of(const std::string& path) {
  std::string uri;
  for (const char raw : path) {
    const auto c = static_cast<unsigned char>(raw);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(raw) != std::string_view::npos;
    uri += plain ? std::string(1, raw) : fmt::format("%{:02X}", c);
  }
  return uri.starts_with("./") ? uri.substr(2) : uri;
}

}  // namespace

std::string findings_text(const std::vector<Finding>& findings, const std::string& path, const Style& style) {
  std::map<Severity, size_t> counts;
  std::string text;
  for (const Finding& one : findings) {
    ++counts[one.severity];
    text += printable(path);
    if (one.line != 0) text += fmt::format(":{}", one.line);
    text += fmt::format(": {}: {} {}\n", painted(one.severity, style), printable(one.message),
                        style.dim("[" + one.check + "]"));
    if (!one.remedy.empty()) text += "    " + printable(remedy_for(one, path)) + "\n";
  }
  if (findings.empty()) return printable(path) + ": nothing found\n";
  text += fmt::format("{}, {}, {}\n", count(counts[Severity::Error], "error"),
                      count(counts[Severity::Warning], "warning"), count(counts[Severity::Note], "note"));
  return text;
}

std::string findings_json(const std::vector<Finding>& findings, const std::string& path) {
  ordered_json list = ordered_json::array();
  for (const Finding& one : findings) {
    list.push_back({{"check", one.check},
                    {"severity", to_string(one.severity)},
                    {"syscall", one.call},
                    {"place", one.place},
                    {"line", one.line},
                    {"message", one.message},
                    {"remedy", remedy_for(one, path)}});
  }
  return dump({{"schema", 1}, {"file", path}, {"findings", list}});
}

std::string findings_sarif(const std::vector<Finding>& findings, const std::string& path,
                           const std::string& version) {
  ordered_json rules = ordered_json::array();
  std::map<std::string, size_t> index;
  for (const CheckInfo& check : lint_checks()) {
    index[std::string(check.id)] = rules.size();
    rules.push_back({{"id", check.id},
                     {"shortDescription", {{"text", check.summary}}},
                     {"fullDescription", {{"text", check.why}}},
                     {"defaultConfiguration", {{"level", to_string(check.severity)}}}});
  }
  ordered_json results = ordered_json::array();
  for (const Finding& one : findings) {
    ordered_json physical = {{"artifactLocation", {{"uri", uri_of(path)}}}};
    physical["region"] = {{"startLine", std::max<uint32_t>(one.line, 1)}};
    ordered_json location = {{"physicalLocation", physical}};
    if (!one.place.empty())
      location["logicalLocations"] = ordered_json::array({{{"fullyQualifiedName", one.place}}});
    const std::string remedy = remedy_for(one, path);
    results.push_back(
        {{"ruleId", one.check},
         {"ruleIndex", index[one.check]},
         {"level", to_string(one.severity)},
         {"message", {{"text", one.message + (remedy.empty() ? "." : ". To mend it: " + remedy)}}},
         {"locations", ordered_json::array({location})},
         {"partialFingerprints", {{"stile/v1", one.check + ":" + one.call + ":" + one.place}}}});
  }
  const ordered_json driver = {{"name", "stile"}, {"version", version}, {"rules", rules}};
  return dump({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
               {"version", "2.1.0"},
               {"runs", ordered_json::array({{{"tool", {{"driver", driver}}}, {"results", results}}})}});
}

std::string checks_text(const Style& style) {
  size_t width = 0;
  for (const CheckInfo& check : lint_checks()) width = std::max(width, check.id.size());
  std::string text;
  for (const CheckInfo& check : lint_checks()) {
    text += fmt::format("{}{}  {}{}  {}\n", style.bold(std::string(check.id)),
                        std::string(width - check.id.size(), ' '), painted(check.severity, style),
                        std::string(7 - to_string(check.severity).size(), ' '), check.summary);
    text += std::string(width + 11, ' ') + std::string(check.why) + "\n";
  }
  return text;
}

}  // namespace stile::cli
