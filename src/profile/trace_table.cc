// SPDX-License-Identifier: Apache-2.0
//
// The table that strace -c prints: the same columns, widths and orders, for those who read it daily and for
// what reads it by machine.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stile/nearest.h>
#include <stile/trace.h>

namespace stile {
namespace {

struct Row {
  std::string name;
  const CallCount* count;
};

struct Sum {
  uint64_t nanoseconds = 0;
  bool results = true;
  bool times = true;
};

struct Column {
  std::string_view name;  // strace -U
  std::string_view title;
  int width;
  std::string (*cell)(const CallCount& count, const Sum& sum);
  bool times;
};

std::string seconds(uint64_t nanoseconds) {
  return fmt::format("{:.6f}", static_cast<double>(nanoseconds) / 1e9);
}

std::string percent(const CallCount& count, const Sum& sum) {
  if (!sum.times) return "-";
  const double whole = static_cast<double>(sum.nanoseconds);
  return fmt::format("{:.2f}", whole == 0 ? 0.0 : 100.0 * static_cast<double>(count.nanoseconds) / whole);
}
std::string total_time(const CallCount& count, const Sum& sum) {
  return sum.times ? seconds(count.nanoseconds) : "-";
}
std::string average(const CallCount& count, const Sum& sum) {
  if (!sum.times) return "-";
  return fmt::format("{}", count.returned == 0 ? 0 : count.nanoseconds / count.returned / 1000);
}
std::string calls(const CallCount& count, const Sum&) {
  return fmt::format("{}", count.calls);
}
std::string errors(const CallCount& count, const Sum& sum) {
  if (!sum.results) return "-";
  return count.errors == 0 ? std::string() : fmt::format("{}", count.errors);
}
std::string shortest(const CallCount& count, const Sum& sum) {
  return sum.times ? seconds(count.shortest) : "-";
}
std::string longest(const CallCount& count, const Sum& sum) {
  return sum.times ? seconds(count.longest) : "-";
}

std::string runs(const CallCount& count, const Sum&) {
  return fmt::format("{}", count.runs);
}

constexpr Column kColumns[] = {
    {"time-percent", "% time", 6, percent, true},  {"total-time", "seconds", 11, total_time, true},
    {"min-time", "shortest", 11, shortest, true},  {"max-time", "longest", 11, longest, true},
    {"avg-time", "usecs/call", 11, average, true}, {"calls", "calls", 9, calls, false},
    {"errors", "errors", 9, errors, false},        {"runs", "runs", 6, runs, false},
    {"name", "syscall", -16, nullptr, false},
};

using Order = bool (*)(const Row& a, const Row& b);

uint64_t average_of(const CallCount& count) {
  return count.returned == 0 ? 0 : count.nanoseconds / count.returned;
}

constexpr struct {
  std::string_view name;
  Order before;
} kOrders[] = {
    {"time", [](const Row& a, const Row& b) { return a.count->nanoseconds > b.count->nanoseconds; }},
    {"calls", [](const Row& a, const Row& b) { return a.count->calls > b.count->calls; }},
    {"errors", [](const Row& a, const Row& b) { return a.count->errors > b.count->errors; }},
    {"name", [](const Row& a, const Row& b) { return a.name < b.name; }},
    {"min", [](const Row& a, const Row& b) { return a.count->shortest > b.count->shortest; }},
    {"max", [](const Row& a, const Row& b) { return a.count->longest > b.count->longest; }},
    {"avg", [](const Row& a, const Row& b) { return average_of(*a.count) > average_of(*b.count); }},
    {"runs", [](const Row& a, const Row& b) { return a.count->runs > b.count->runs; }},
    {"none", nullptr},
};

template <typename Named, size_t N>
std::vector<std::string> names_of(const Named (&all)[N]) {
  std::vector<std::string> names;
  for (const Named& one : all) names.emplace_back(one.name);
  return names;
}

template <typename Named, size_t N>
Result<const Named*> find(const Named (&all)[N], std::string_view name, std::string_view what) {
  for (const Named& one : all) {
    if (one.name == name) return &one;
  }
  return fail(Code::Usage, fmt::format("no {} is called '{}'", what, name), {},
              fmt::format("one of {}", fmt::join(names_of(all), ", ")));
}

void add_cell(std::string& line, const Column& column, std::string_view cell, bool last) {
  const int width = column.width < 0 ? -column.width : column.width;
  if (!line.empty()) line += ' ';
  if (column.width < 0) {
    line += last ? std::string(cell) : fmt::format("{:<{}}", cell, width);
  } else {
    line += fmt::format("{:>{}}", cell, width);
  }
}

std::string line_of(const std::vector<const Column*>& columns, const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < columns.size(); ++i) add_cell(line, *columns[i], cells[i], i + 1 == columns.size());
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string title_of(const Trace& trace, const TraceGroup& group) {
  std::string title = group.program.empty() ? "(unknown program)" : group.program;
  if (trace.by == TraceBy::Process) title += fmt::format(" (process {}, {})", group.pid, group.comm);
  if (trace.by == TraceBy::Thread)
    title += fmt::format(" (thread {} of {}, {})", group.tid, group.pid, group.comm);
  if (trace.by == TraceBy::Comm) title += fmt::format(" ({})", group.comm);
  return title;
}

std::string table_of(const Trace& trace, const TraceGroup& group, const std::vector<const Column*>& columns,
                     Order before) {
  std::vector<Row> rows;
  CallCount all;
  all.runs = 0;
  for (const auto& [key, count] : group.calls) {
    rows.push_back({key.arch == "x86_64" ? key.name : fmt::format("{} ({})", key.name, key.arch), &count});
    all.calls += count.calls;
    all.errors += count.errors;
    all.shortest = all.returned == 0 ? count.shortest : std::min(all.shortest, count.shortest);
    all.longest = std::max(all.longest, count.longest);
    all.returned += count.returned;
    all.nanoseconds += count.nanoseconds;
    all.estimated += count.estimated;
    all.runs = std::max(all.runs, count.runs);
  }
  // By name already, which decides between equals.
  if (before != nullptr) std::stable_sort(rows.begin(), rows.end(), before);
  const Sum sum{all.nanoseconds, trace.results, trace.times};
  const auto cells = [&](const std::string& name, const CallCount& count) {
    std::vector<std::string> row;
    for (const Column* column : columns)
      row.push_back(column->cell != nullptr ? column->cell(count, sum) : name);
    return row;
  };
  std::vector<std::string> titles, rules;
  for (const Column* column : columns) {
    titles.emplace_back(column->title);
    rules.emplace_back(static_cast<size_t>(column->width < 0 ? -column->width : column->width), '-');
  }
  std::string text = line_of(columns, titles) + line_of(columns, rules);
  for (const Row& row : rows) text += line_of(columns, cells(row.name, *row.count));
  text += line_of(columns, rules);
  std::vector<std::string> last = cells("total", all);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i]->name == "time-percent" && trace.times) last[i] = "100.00";
  }
  text += line_of(columns, last);
  const bool shows_times =
      std::any_of(columns.begin(), columns.end(), [](const Column* column) { return column->times; });
  if (shows_times && trace.times && all.estimated != 0) {
    text += fmt::format("times: {} of {} calls measured, the others estimated from them\n",
                        all.returned - std::min(all.estimated, all.returned), all.returned);
  }
  return text;
}

}  // namespace

const std::vector<std::string>& table_columns() {
  static const std::vector<std::string> kNames = names_of(kColumns);
  return kNames;
}

const std::vector<std::string>& table_sorts() {
  static const std::vector<std::string> kNames = names_of(kOrders);
  return kNames;
}

Result<std::string> trace_table(const Trace& trace, const TableOptions& options) {
  std::vector<const Column*> columns;
  for (const std::string& name : options.columns) {
    const auto column = find(kColumns, name, "column");
    if (!column) return tl::unexpected(column.error());
    columns.push_back(*column);
  }
  if (columns.empty()) return fail(Code::Usage, "a table needs a column");
  const auto order = find(kOrders, options.sort, "order");
  if (!order) return tl::unexpected(order.error());
  std::string text;
  for (const TraceGroup& group : trace.groups) {
    if (!text.empty()) text += '\n';
    if (trace.groups.size() > 1) text += title_of(trace, group) + ":\n";
    text += table_of(trace, group, columns, (*order)->before);
  }
  return text;
}

}  // namespace stile
