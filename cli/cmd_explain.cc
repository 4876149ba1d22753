// SPDX-License-Identifier: Apache-2.0
//
// stile explain: why a profile allows what it allows.
#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <stile/format.h>
#include <stile/syscalls.h>

#include "commands.h"
#include "describe.h"
#include "input.h"
#include "output.h"

namespace stile::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kOriginsShown = 3;

// With --image the program may be left out: a word without a slash is then the system call.
struct Question {
  std::string path, call;
};
Question question_of(const Arguments& arguments) {
  Question question{arguments.value("BINARY|PROFILE"), arguments.value("SYSCALL")};
  if (arguments.has("--image") && question.call.empty() && question.path.find('/') == std::string::npos) {
    std::swap(question.path, question.call);
  }
  return question;
}

Result<Profile> profile_of(const Arguments& arguments) {
  const std::string path = question_of(arguments).path;
  if (arguments.has("--image")) {
    auto work = work_out(path, arguments);
    if (!work) return tl::unexpected(work.error());
    return std::move(work->profile);
  }
  auto text = read_if_json(path);
  if (!text) return tl::unexpected(text.error());
  if (!text->has_value()) {
    auto work = work_out(path, arguments);
    if (!work) return tl::unexpected(work.error());
    return std::move(work->profile);
  }
  auto profile = find_format("stile")->read(**text, path, {}, nullptr);
  if (profile) return profile;
  if (const auto oci = find_format("oci")->read(**text, path, {}, nullptr); oci) {
    return fail(Code::Usage, "an OCI profile holds no evidence", path,
                "explain the program itself, or what stile profile --format stile wrote");
  }
  return profile;
}

// --- the table ---

struct Line {
  std::string cells[5];
};

std::string shortened(const std::vector<std::string>& list, size_t shown) {
  std::string text =
      fmt::format("{}", fmt::join(list.begin(), list.begin() + std::min(shown, list.size()), ", "));
  if (list.size() > shown) text += fmt::format(" and {} more", list.size() - shown);
  return text;
}

std::string painted(const Style& style, unsigned level, const std::string& text) {
  if (level >= 4) return style.red(text);
  return level == 3 ? style.yellow(text) : text;
}

std::string table(const Profile& profile, const Style& style) {
  std::vector<Line> lines = {{{"SYSCALL", "SITES", "RISK", "REASON", "ORIGIN"}}};
  std::vector<unsigned> levels = {0};
  for (const auto& [name, rule] : profile.rules) {
    if (rule.action.kind != ActionKind::Allow) continue;
    const Risk risk = risk_of(name);
    lines.push_back(
        {{printable(name), rule.sites == 0 ? "-" : std::to_string(rule.sites), std::string(risk.group),
          fmt::format("{}", fmt::join(reasons(rule), ", ")), shortened(origins(rule), kOriginsShown)}});
    levels.push_back(risk.level);
  }
  size_t width[5] = {};
  for (const Line& line : lines) {
    for (size_t i = 0; i < 5; ++i) width[i] = std::max(width[i], columns(line.cells[i]));
  }
  std::string text;
  for (size_t row = 0; row < lines.size(); ++row) {
    std::string line;
    for (size_t i = 0; i < 5; ++i) {
      const std::string& cell = lines[row].cells[i];
      const std::string space(width[i] - columns(cell), ' ');
      const bool last = i == 4;
      const std::string shown = row == 0 ? style.bold(cell)
                                : i == 2 ? painted(style, levels[row], cell)
                                         : cell;
      line += i == 1 ? space + shown : last ? shown : shown + space;
      if (!last) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

// --- one call ---

// `above` is the frame that leads to it, null for the first.
std::string frame_line(const Frame& frame, const Frame* above, const Style& style) {
  std::string line = above == nullptr ? "  " : "    ";
  if (above != nullptr && !above->via.empty()) line += style.dim("[" + printable(above->via) + "] ");
  line += style.bold(printable(frame.function));
  const std::string at = place(frame.file, frame.line, frame.address);
  if (!at.empty()) line += "  " + at;
  if (!frame.module.empty() && (above == nullptr || above->module != frame.module))
    line += "  " + style.cyan(printable(frame.module));
  return line + "\n";
}

std::string evidence_text(const Evidence& evidence, const Style& style) {
  if (evidence.kind != EvidenceKind::CallPath) {
    return fmt::format("{}: {}\n", to_string(evidence.kind), printable(evidence.note));
  }
  std::string text = fmt::format("call path from {}:\n", printable(evidence.root));
  const Frame* above = nullptr;
  for (const Frame& frame : evidence.frames) {
    text += frame_line(frame, above, style);
    above = &frame;
  }
  if (!evidence.note.empty()) text += "    " + printable(evidence.note) + "\n";
  return text;
}

std::string one_call(const std::string& name, const Rule& rule, const Style& style) {
  const Risk risk = risk_of(name);
  std::string text = style.bold(name) + ": ";
  text += rule.sites == 0
              ? "no place in the program asks for it"
              : count(rule.sites, "place") + " in the program ask" + (rule.sites == 1 ? "s" : "") + " for it";
  text += "\n";
  if (!risk.group.empty()) {
    text += fmt::format("risk: {} ({})\n", painted(style, risk.level, std::string(risk.group)), risk.reason);
  }
  if (!rule.arches.empty()) {
    std::vector<std::string> arches;
    for (const std::string& arch : rule.arches) arches.push_back(printable(arch));
    if (arches != std::vector<std::string>{"x86_64"})
      text += fmt::format("tables: {}\n", fmt::join(arches, ", "));
  }
  if (!rule.brought_by.empty())
    text +=
        fmt::format("brought in by: {}\n", printable(fmt::format("{}", fmt::join(rule.brought_by, ", "))));
  if (!rule.packages.empty())
    text += fmt::format("asked for in: {}\n", printable(fmt::format("{}", fmt::join(rule.packages, ", "))));
  for (const Evidence& evidence : rule.because) text += "\n" + evidence_text(evidence, style);
  return text;
}

std::vector<std::string> allowed_in(const Profile& profile) {
  std::vector<std::string> names;
  for (const auto& [allowed, rule] : profile.rules) {
    if (rule.action.kind == ActionKind::Allow) names.push_back(allowed);
  }
  return names;
}

std::string not_needed(const std::string& name, const Profile& profile) {
  const std::vector<std::string> near = related_syscalls(name, allowed_in(profile));
  std::string text = fmt::format("{}: {} is not needed", printable(profile.origin.program), printable(name));
  if (!near.empty()) text += fmt::format("; {} {}", fmt::join(near, ", "), near.size() == 1 ? "is" : "are");
  if (!profile.gaps.empty())
    text += fmt::format(" (there {} {}, see stile explain without a system call)",
                        profile.gaps.size() == 1 ? "is" : "are", count(profile.gaps.size(), "gap"));
  return text + "\n";
}

std::optional<uint32_t> number_from(const std::string& text) {
  uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// For a word that names no system call: a number, capitals, a slip. `path` is how the program was called.
std::string no_such_call(const std::string& word, const Profile& profile, const std::string& path) {
  if (const auto number = number_from(word)) {
    if (const std::string name = syscall_name(profile.arch, *number); !name.empty())
      return fmt::format("{} is {}: stile explain {} {}\n", *number, name, printable(path), name);
    return fmt::format("there is no system call {} on {}\n", *number, printable(profile.arch));
  }
  std::string lower = word;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  std::string text = "there is no system call " + printable(word);
  if (is_syscall(lower)) return fmt::format("{} (did you mean {}?)\n", text, lower);
  // Rather one that there is something to say about.
  if (const auto near = related_syscalls(lower, allowed_in(profile)); !near.empty())
    return fmt::format("{} (did you mean {}?)\n", text, printable(fmt::format("{}", fmt::join(near, " or "))));
  if (const auto known = expand_syscalls(lower); !known && !known.error().hint.empty())
    return fmt::format("{} ({})\n", text, known.error().hint);
  return text + "\n";
}

// --- JSON ---

ordered_json json_of(const Frame& frame) {
  ordered_json one = {{"function", frame.function},
                      {"package", frame.package},
                      {"module", frame.module},
                      {"file", frame.file},
                      {"line", frame.line},
                      {"address", fmt::format("{:#x}", frame.address)},
                      {"via", frame.via}};
  return one;
}

ordered_json json_of(const std::string& name, const Rule& rule) {
  const Risk risk = risk_of(name);
  ordered_json because = ordered_json::array();
  for (const Evidence& evidence : rule.because) {
    ordered_json frames = ordered_json::array();
    for (const Frame& frame : evidence.frames) frames.push_back(json_of(frame));
    because.push_back({{"kind", to_string(evidence.kind)},
                       {"root", evidence.root},
                       {"note", evidence.note},
                       {"frames", frames}});
  }
  return {{"name", name},
          {"action", to_string(rule.action)},
          {"sites", rule.sites},
          {"risk", {{"group", risk.group}, {"level", risk.level}}},
          {"arches", rule.arches},
          {"packages", rule.packages},
          {"brought_by", rule.brought_by},
          {"reasons", reasons(rule)},
          {"because", because}};
}

std::string json_text(const Profile& profile, const std::string& only) {
  ordered_json document = {{"schema", 1}, {"program", profile.origin.program}};
  ordered_json calls = ordered_json::array();
  for (const auto& [name, rule] : profile.rules) {
    if (only.empty() || name == only) calls.push_back(json_of(name, rule));
  }
  document["syscalls"] = std::move(calls);
  ordered_json gaps = ordered_json::array();
  for (const Gap& gap : profile.gaps) {
    gaps.push_back({{"kind", to_string(gap.kind)},
                    {"function", gap.function},
                    {"object", gap.object},
                    {"file", gap.file},
                    {"line", gap.line},
                    {"address", fmt::format("{:#x}", gap.address)},
                    {"what", gap.what},
                    {"hint", gap.hint}});
  }
  document["gaps"] = std::move(gaps);
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

int run_explain(const Arguments& arguments) {
  auto profile = profile_of(arguments);
  if (!profile) return report(profile.error());
  const Style style = style_for(STDOUT_FILENO, arguments);
  const auto [path, name] = question_of(arguments);
  const auto rule = profile->rules.find(name);
  const bool allowed = rule != profile->rules.end() && rule->second.action.kind == ActionKind::Allow;

  std::string text;
  if (arguments.has("--json")) {
    text = json_text(*profile, name);
  } else if (name.empty()) {
    text = table(*profile, style);
  } else if (allowed) {
    text = one_call(name, rule->second, style);
  } else if (is_syscall(name)) {
    text = not_needed(name, *profile);
  }
  if (auto written = write_stdout(text); !written) return report(written.error());
  if (name.empty()) {
    const Style loud = style_for(STDERR_FILENO, arguments);
    const bool hint_below = is_terminal(STDERR_FILENO);
    for (const Gap& gap : profile->gaps) say(gap_line(gap, loud, hint_below) + "\n");
    return 0;
  }
  if (allowed) return 0;
  if (!is_syscall(name)) say("stile: " + no_such_call(name, *profile, path));
  return 1;
}

}  // namespace

Command explain_command() {
  Command command;
  command.name = "explain";
  command.summary = "show why a system call is allowed";
  command.about = {
      "Without SYSCALL: a table of all allowed system calls with the number of places that ask for each, its "
      "risk, "
      "whose it is, and the packages that brought it in. With SYSCALL: the call paths that lead to it, from "
      "the "
      "program's start to the function that enters the kernel. [brackets] before a frame say how it is "
      "reached when it is "
      "not called by name.",
  };
  command.positionals = {
      {.name = "BINARY|PROFILE", .help = "A program, or a profile in stile's own format", .file = true, .unless = "--image"},
      {.name = "SYSCALL", .help = "The name of a system call", .required = false},
  };
  command.flags = {{.names = "--json", .help = "Print JSON"}};
  for (Flag& flag : policy_flags()) command.flags.push_back(std::move(flag));
  for (Flag& flag : analysis_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(image_flag());
  command.examples = {
      {"stile explain ./app ptrace", "Who needs ptrace?"},
      {"stile explain ./app", "What is allowed, and which packages are behind it"},
      {"stile explain ./app --json | jq -r '.syscalls[] | select(.risk.level == 4).name'",
       "The calls to ask about"},
  };
  command.exits = {{0, "shown"}, {1, "SYSCALL is not needed, or there is no such call"}, {2, "an error"}};
  command.run = run_explain;
  return command;
}

}  // namespace stile::cli
