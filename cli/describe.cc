// SPDX-License-Identifier: Apache-2.0
#include "describe.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.h"

namespace stile::cli {
namespace {

bool has(const Rule& rule, EvidenceKind kind) {
  return std::any_of(rule.because.begin(), rule.because.end(),
                     [&](const Evidence& e) { return e.kind == kind; });
}

// 1234567 -> "1,234,567"
std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

// Rounded down, so that 100% means all.
std::string percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? "" : fmt::format(" ({}%)", part * 100 / whole);
}

struct Tally {
  size_t all = 0, program = 0, runtime = 0, kernel = 0, human = 0;
};

// Each call counts once, for the first in this order that asks for it.
Tally tally(const Profile& profile) {
  Tally tally;
  for (const auto& [name, rule] : profile.rules) {
    if (rule.action.kind != ActionKind::Allow) continue;
    ++tally.all;
    if (has(rule, EvidenceKind::CallPath)) {
      ++tally.program;
    } else if (has(rule, EvidenceKind::ContainerRuntime)) {
      ++tally.runtime;
    } else if (has(rule, EvidenceKind::Kernel)) {
      ++tally.kernel;
    } else {
      ++tally.human;
    }
  }
  return tally;
}

std::string about_program(const Origin& origin) {
  std::vector<std::string> parts;
  if (!origin.go_version.empty()) parts.push_back(printable(origin.go_version));
  if (!origin.link.empty()) parts.push_back(printable(origin.link));
  return parts.empty() ? "" : fmt::format(" ({})", fmt::join(parts, ", "));
}

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

}  // namespace

std::string summary(const Analysis& analysis, const Profile& profile, const Style& style) {
  const Tally counts = tally(profile);
  std::vector<std::string> whose = {fmt::format("{} from the program", counts.program)};
  if (counts.runtime != 0) whose.push_back(fmt::format("{} for the container runtime", counts.runtime));
  if (counts.kernel != 0) whose.push_back(fmt::format("{} for the kernel", counts.kernel));
  if (counts.human != 0) whose.push_back(fmt::format("{} by --allow", counts.human));
  std::string text = fmt::format("{}{}: {} allowed: {}\n", style.bold(printable(profile.origin.program)),
                                 about_program(profile.origin), style.bold(count(counts.all, "system call")),
                                 fmt::join(whose, ", "));

  const AnalysisStats& stats = analysis.stats;
  text += fmt::format("{} of {} functions reachable{}, {}", grouped(stats.reachable_functions),
                      grouped(stats.functions), percent(stats.reachable_functions, stats.functions),
                      fmt::format("{} in them {}", count(stats.sites, "instruction"),
                                  stats.sites == 1 ? "enters the kernel" : "enter the kernel"));
  text += profile.gaps.empty() ? ", no gaps\n"
                               : fmt::format(", {}\n", style.yellow(count(profile.gaps.size(), "gap")));
  if (!stats.limit.empty())
    text += fmt::format("{}: {}\n", style.dim("reachability"), printable(stats.limit));
  return text;
}

std::string place(const std::string& file, uint32_t line, uint64_t address) {
  if (!file.empty() && line != 0) return fmt::format("{}:{}", printable(file), line);
  if (!file.empty()) return printable(file);
  return address == 0 ? "" : fmt::format("{:#x}", address);
}

std::string gap_line(const Gap& gap, const Style& style, bool hint_below) {
  const std::string at = place(gap.file, gap.line, gap.address);
  std::string where = printable(gap.function);
  if (where.empty()) {
    where = gap.object.empty() || at.empty() ? printable(gap.object) + at : printable(gap.object) + " " + at;
  } else if (!at.empty()) {
    where += " (" + at + ")";
  }
  std::string line = fmt::format("{}: {}: ", style.yellow("gap"), style.yellow(to_string(gap.kind)));
  if (!where.empty()) line += style.bold(where) + ": ";
  line += printable(gap.what);
  if (gap.hint.empty()) return line;
  return line + (hint_below ? "\n     " + printable(gap.hint) : " (" + printable(gap.hint) + ")");
}

std::vector<std::string> reasons(const Rule& rule) {
  std::vector<std::string> found;
  for (const Evidence& evidence : rule.because) {
    if (evidence.kind == EvidenceKind::CallPath) add_once(found, printable(evidence.root));
  }
  if (has(rule, EvidenceKind::ContainerRuntime)) add_once(found, "container runtime");
  if (has(rule, EvidenceKind::Kernel)) add_once(found, "kernel");
  if (has(rule, EvidenceKind::Observed)) add_once(found, "observed");
  if (has(rule, EvidenceKind::Human)) add_once(found, "by hand");
  return found;
}

std::vector<std::string> origins(const Rule& rule) {
  std::vector<std::string> found;
  for (const std::string& package : rule.brought_by.empty() ? rule.packages : rule.brought_by) {
    add_once(found, printable(package));
  }
  return found;
}

}  // namespace stile::cli
