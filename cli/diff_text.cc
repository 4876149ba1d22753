// SPDX-License-Identifier: Apache-2.0
#include "diff_text.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.h"
#include "describe.h"

namespace stile::cli {
namespace {

constexpr size_t kCallsShown = 12;

// What people read first.
constexpr Change kOrder[] = {Change::Added,   Change::Widened,  Change::Mixed,
                             Change::Removed, Change::Narrowed, Change::Altered};

std::string_view meaning(Change change) {
  switch (change) {
    case Change::Added:
      return "newly let through";
    case Change::Widened:
      return "more is let through, or refused more gently";
    case Change::Mixed:
      return "more for some arguments, less for others";
    case Change::Removed:
      return "no longer let through";
    case Change::Narrowed:
      return "less is let through, or refused more harshly";
    case Change::Altered:
      break;
  }
  return "another answer of the same weight";
}

bool is_always(const Region& region) {
  return region.when == Condition::always();
}

// The first path that leads through code.
const Evidence* call_path(const Difference& one) {
  for (const Evidence& evidence : one.because) {
    if (evidence.kind == EvidenceKind::CallPath && !evidence.frames.empty()) return &evidence;
  }
  return nullptr;
}

// Differences of one call that are the same on several tables.
struct Group {
  const Difference* first;
  std::vector<std::string> arches;
};
bool alike(const Difference& a, const Difference& b) {
  if (a.call != b.call || a.change != b.change || a.regions.size() != b.regions.size()) return false;
  for (size_t i = 0; i < a.regions.size(); ++i) {
    const Region &x = a.regions[i], &y = b.regions[i];
    if (x.when != y.when || x.before != y.before || x.after != y.after) return false;
  }
  return true;
}
std::vector<Group> groups_of(const Diff& diff, Change change) {
  std::vector<Group> groups;
  for (const Difference& one : diff.calls) {
    if (one.change != change) continue;
    if (!groups.empty() && alike(*groups.back().first, one)) {
      groups.back().arches.push_back(one.arch);
    } else {
      groups.push_back({&one, {one.arch}});
    }
  }
  return groups;
}

// Said in a list with others: nothing about it but its name.
bool is_bare(const Group& group) {
  const Difference& one = *group.first;
  return one.regions.size() == 1 && is_always(one.regions[0]) && call_path(one) == nullptr;
}

std::string on(const std::vector<std::string>& arches) {
  if (arches.size() == 1 && arches[0] == "x86_64") return {};
  return fmt::format(" on {}", printable(fmt::format("{}", fmt::join(arches, ", "))));
}

std::string region_text(const Difference& one, const Region& region) {
  std::string text = fmt::format("{} -> {}", to_string(region.before), to_string(region.after));
  if (!is_always(region))
    text += fmt::format(" if {}, as in {}", to_string(region.when), call_text(one.call, region.witness));
  return text;
}

std::string path_text(const Evidence& evidence) {
  std::vector<std::string> names;
  for (const Frame& frame : evidence.frames) names.push_back(printable(frame.function));
  constexpr size_t kHead = 3, kTail = 3;
  if (names.size() > kHead + kTail + 1) {
    names.erase(names.begin() + kHead, names.end() - kTail);
    names.insert(names.begin() + kHead, "...");
  }
  return fmt::format("{}", fmt::join(names, " > "));
}

// The module that the package which brought it in comes from, as the path shows it.
std::string module_of(const Difference& one) {
  const Evidence* path = call_path(one);
  if (path == nullptr) return {};
  for (const Frame& frame : path->frames) {
    const bool brings =
        std::find(one.brought_by.begin(), one.brought_by.end(), frame.package) != one.brought_by.end();
    if (brings && !frame.module.empty()) return printable(frame.module);
  }
  return {};
}

std::string brought_text(const Difference& one) {
  if (one.brought_by.empty()) return {};
  std::string text = printable(fmt::format("{}", fmt::join(one.brought_by, ", ")));
  if (const std::string module = module_of(one); !module.empty()) text += " (" + module + ")";
  return text;
}

std::string unlisted_what(const UnlistedDifference& one) {
  if (one.arch.empty()) return "calls by other architectures";
  if (one.calls.empty()) return "calls that no kernel has yet";
  return fmt::format("{} that {} not listed", count(one.calls.size(), "call"),
                     one.calls.size() == 1 ? "is" : "are");
}

std::string some(const std::vector<std::string>& names) {
  std::string text = fmt::format(
      "{}",
      fmt::join(names.begin(),
                names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kCallsShown)), ", "));
  if (names.size() > kCallsShown) text += fmt::format(" and {} more", names.size() - kCallsShown);
  return printable(text);
}

std::string access_text(unsigned access) {
  std::vector<std::string> words;
  if ((access & kPathRead) != 0) words.push_back("read");
  if ((access & kPathWrite) != 0) words.push_back("write");
  if ((access & kPathExecute) != 0) words.push_back("execute");
  return words.empty() ? "nothing" : fmt::format("{}", fmt::join(words, ", "));
}

std::string verdict(const Diff& diff) {
  if (diff.same()) return "the same: both decide alike";
  if (diff.wider && diff.narrower) return "wider and narrower";
  return diff.wider ? "wider" : diff.narrower ? "narrower" : "neither wider nor narrower, but other answers";
}

std::string painted(Change change, const std::string& text, const Style& style) {
  switch (change) {
    case Change::Added:
    case Change::Widened:
    case Change::Mixed:
      return style.red(text);
    case Change::Removed:
    case Change::Narrowed:
      return style.cyan(text);
    case Change::Altered:
      break;
  }
  return style.yellow(text);
}

}  // namespace

std::string call_text(const std::string& call, const Event& event) {
  size_t used = event.args.size();
  while (used > 0 && event.args[used - 1] == 0) --used;
  std::string args;
  for (size_t i = 0; i < used; ++i) args += fmt::format("{}{:#x}", i == 0 ? "" : ", ", event.args[i]);
  return printable(call) + "(" + args + ")";
}

std::string diff_text(const Diff& diff, const DiffNames& names, const Style& style) {
  std::string text = fmt::format("{} -> {}: {}\n", printable(names.before), printable(names.after),
                                 style.bold(verdict(diff)));
  for (const Change change : kOrder) {
    const std::vector<Group> groups = groups_of(diff, change);
    if (groups.empty()) continue;
    text += fmt::format("\n{} ({}): {}\n", painted(change, std::string(to_string(change)), style),
                        groups.size(), meaning(change));
    std::map<std::string, std::vector<std::string>> bare;  // by what is said
    for (const Group& group : groups) {
      if (is_bare(group))
        bare[region_text(*group.first, group.first->regions[0]) + on(group.arches)].push_back(
            group.first->call);
    }
    for (const auto& [what, calls] : bare)
      text += fmt::format("  {}: {}\n", what, printable(fmt::format("{}", fmt::join(calls, ", "))));
    for (const Group& group : groups) {
      if (is_bare(group)) continue;
      const Difference& one = *group.first;
      text += fmt::format("  {}{}: {}\n", style.bold(printable(one.call)), on(group.arches),
                          region_text(one, one.regions[0]));
      for (size_t i = 1; i < one.regions.size(); ++i)
        text += "    " + region_text(one, one.regions[i]) + "\n";
      if (const std::string brought = brought_text(one); !brought.empty())
        text += "    brought in by " + brought + "\n";
      if (const Evidence* path = call_path(one)) text += "    " + path_text(*path) + "\n";
    }
  }
  if (!diff.unlisted.empty()) text += "\nnot listed by either:\n";
  for (const UnlistedDifference& one : diff.unlisted) {
    text += fmt::format("  {}{}: {} -> {}", unlisted_what(one), one.arch.empty() ? "" : on({one.arch}),
                        to_string(one.before), to_string(one.after));
    if (!one.calls.empty()) text += ": " + some(one.calls);
    text += "\n";
  }
  if (!diff.paths.empty()) text += "\npaths:\n";
  for (const PathDifference& one : diff.paths)
    text +=
        fmt::format("  {}: {} -> {}\n", printable(one.path), access_text(one.before), access_text(one.after));
  if (!diff.new_gaps.empty()) text += "\nnot known any more:\n";
  for (const Gap& gap : diff.new_gaps) text += "  " + gap_line(gap, style) + "\n";
  return text;
}

namespace {

// Text in a table cell. Everything that means something to Markdown or HTML is made harmless: names come out
// of binaries.
std::string md(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '|':
      case '`':
      case '*':
      case '_':
      case '[':
      case ']':
      case '\\':
      case '@':  // mentions somebody
      case '#':
        out += fmt::format("&#{};", static_cast<int>(c));
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string diff_markdown(const Diff& diff, const DiffNames& names) {
  std::string text =
      fmt::format("### System calls: {}\n\n{} → {}\n", verdict(diff), md(names.before), md(names.after));
  std::string details;
  bool header = false;
  for (const Change change : kOrder) {
    for (const Group& group : groups_of(diff, change)) {
      const Difference& one = *group.first;
      if (!header)
        text += "\n| | system call | before | after | when | brought in by |\n|---|---|---|---|---|---|\n";
      header = true;
      for (const Region& region : one.regions) {
        const std::string when = is_always(region)
                                     ? ""
                                     : fmt::format("{} e.g. <code>{}</code>", md(to_string(region.when)),
                                                   md(call_text(one.call, region.witness)));
        text += fmt::format("| {} | **{}**{} | {} | {} | {} | {} |\n", to_string(change), md(one.call),
                            md(on(group.arches)), to_string(region.before), to_string(region.after), when,
                            md(brought_text(one)));
      }
      const Evidence* path = call_path(one);
      if (path == nullptr) continue;
      details += fmt::format("\n**{}**\n<pre>\n", md(one.call));
      for (const Frame& frame : path->frames) {
        details += md(frame.function);
        if (const std::string at = place(frame.file, frame.line, frame.address); !at.empty())
          details += "  " + md(at);
        if (!frame.module.empty()) details += "  " + md(frame.module);
        details += "\n";
      }
      details += "</pre>\n";
    }
  }
  for (const UnlistedDifference& one : diff.unlisted) {
    text += fmt::format("\n- {}{}: {} → {}", unlisted_what(one), one.arch.empty() ? "" : md(on({one.arch})),
                        to_string(one.before), to_string(one.after));
    if (!one.calls.empty()) text += " (" + md(some(one.calls)) + ")";
  }
  for (const PathDifference& one : diff.paths)
    text += fmt::format("\n- {}: {} → {}", md(one.path), access_text(one.before), access_text(one.after));
  for (const Gap& gap : diff.new_gaps)
    text += fmt::format("\n- not known any more: {}", md(gap.function + ": " + gap.what));
  if (!diff.unlisted.empty() || !diff.paths.empty() || !diff.new_gaps.empty()) text += "\n";
  if (!details.empty()) text += "\n<details><summary>Call paths</summary>\n" + details + "\n</details>\n";
  return text;
}

}  // namespace stile::cli
