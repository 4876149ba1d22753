// SPDX-License-Identifier: Apache-2.0
//
// Build step: reads data/*.tsv and writes them as constant C++ data, see src/arch/syscall_tables.h for the
// shape.
//     gen_syscalls DATA_DIRECTORY OUTPUT.cc
// The data is checked on the way (unknown names, numbers given twice, groups that contain themselves): a
// mistake in a data file stops the build with the file and line it stands in. Layouts are described in the
// headers of the data files.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

struct Row {
  std::vector<std::string> fields;
  std::string where;  // file:line
};

[[noreturn]] void die(const std::string& where, const std::string& what) {
  std::fprintf(stderr, "gen_syscalls: %s: %s\n", where.c_str(), what.c_str());
  std::exit(1);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// Rows of a file without comments; the first is the header line. Every row has as many fields as the header.
// `kernel` gets the value of a "# kernel: " comment when it is not null.
std::vector<Row> read_tsv(const std::string& path, std::string* kernel = nullptr) {
  std::ifstream file(path);
  if (!file) die(path, "cannot be read");
  std::vector<Row> rows;
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (kernel != nullptr && line.rfind("# kernel: ", 0) == 0) *kernel = line.substr(10);
    if (line.empty() || line[0] == '#') continue;
    rows.push_back({split(line, '\t'), path + ":" + std::to_string(number)});
    if (rows.back().fields.size() != rows.front().fields.size())
      die(rows.back().where, "wrong number of fields");
  }
  if (rows.empty()) die(path, "has no rows");
  return rows;
}

uint32_t read_number(const std::string& text, const std::string& where) {
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text.c_str(), &end, 0);
  if (text.empty() || !std::isdigit(static_cast<unsigned char>(text[0])) || *end != '\0' ||
      value > UINT32_MAX) {
    die(where, "'" + text + "' is not a number");
  }
  return static_cast<uint32_t>(value);
}

// "2.6.16" as "2, 6, 16"; "?" and "0" as zeros.
std::string read_version(const std::string& text, const std::string& where) {
  if (text == "?" || text == "0") return "0, 0, 0";
  const std::vector<std::string> parts = split(text, '.');
  if (parts.size() < 2 || parts.size() > 3) die(where, "'" + text + "' is not a kernel version");
  std::string out;
  for (size_t i = 0; i < 3; ++i) {
    const uint32_t part = i < parts.size() ? read_number(parts[i], where) : 0;
    if (part > 255) die(where, "'" + text + "' is not a kernel version");
    out += (i == 0 ? "" : ", ") + std::to_string(part);
  }
  return out;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

struct Call {
  std::string name;
  std::string since;
  std::vector<std::string> cells;  // one per table
  std::string where;
};

struct Data {
  std::map<std::string, size_t> ids;  // call name -> index in sorted order
  std::vector<Call> calls;            // sorted by name
  std::vector<std::string> tables;    // column names
  std::string kernel;
};

size_t id_of(const Data& data, const std::string& name, const std::string& where) {
  const auto at = data.ids.find(name);
  if (at == data.ids.end()) die(where, "'" + name + "' is not in syscalls.tsv");
  return at->second;
}

Data read_calls(const std::string& path) {
  Data data;
  std::vector<Row> rows = read_tsv(path, &data.kernel);
  const std::vector<std::string> header = rows.front().fields;
  if (header.size() < 3 || header[0] != "name" || header[1] != "since")
    die(rows.front().where, "unexpected header");
  data.tables.assign(header.begin() + 2, header.end());
  for (size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string>& f = rows[i].fields;
    data.calls.push_back({f[0], f[1], {f.begin() + 2, f.end()}, rows[i].where});
  }
  std::sort(data.calls.begin(), data.calls.end(),
            [](const Call& a, const Call& b) { return a.name < b.name; });
  for (const Call& call : data.calls) {
    if (!data.ids.emplace(call.name, data.ids.size()).second)
      die(call.where, "'" + call.name + "' stands twice");
  }
  if (data.ids.size() > UINT16_MAX) die(path, "too many names");
  return data;
}

struct Entry {
  uint32_t number;
  bool alias;
  size_t name;
  std::string version;
  bool own;
};

std::vector<Entry> read_table(const Data& data, size_t column) {
  std::vector<Entry> entries;
  for (size_t id = 0; id < data.calls.size(); ++id) {
    const Call& call = data.calls[id];
    std::string cell = call.cells[column];
    if (cell == "-") continue;
    const bool alias = cell[0] == '=';
    if (alias) cell.erase(0, 1);
    const size_t at = cell.find('@');
    const bool own = at != std::string::npos && cell.substr(at) != "@?";
    const std::string version = at == std::string::npos ? call.since : cell.substr(at + 1);
    entries.push_back(
        {read_number(cell.substr(0, at), call.where), alias, id, read_version(version, call.where), own});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.number, a.alias, a.name) < std::tie(b.number, b.alias, b.name);
  });
  for (size_t i = 0; i < entries.size(); ++i) {
    const bool repeats = i > 0 && entries[i].number == entries[i - 1].number;
    if (repeats == entries[i].alias) continue;
    const Call& call = data.calls[entries[i].name];
    die(call.where,
        data.tables[column] + ": " +
            (repeats ? "number is taken; mark aliases with =" : "alias of a number that no name has"));
  }
  return entries;
}

void write_tables(std::ostream& out, const Data& data) {
  for (size_t column = 0; column < data.tables.size(); ++column) {
    const std::vector<Entry> entries = read_table(data, column);
    std::vector<std::pair<size_t, size_t>> by_name;
    out << "constexpr Entry kNumbers_" << data.tables[column] << "[] = {\n";
    for (const Entry& entry : entries) {
      by_name.emplace_back(entry.name, by_name.size());
      out << "    {" << entry.number << "u, " << entry.name << ", {" << entry.version << "}, "
          << (entry.own ? "true" : "false") << "},  // " << data.calls[entry.name].name << "\n";
    }
    std::sort(by_name.begin(), by_name.end());
    out << "};\nconstexpr uint16_t kByName_" << data.tables[column] << "[] = {";
    for (const auto& [name, index] : by_name) out << index << ",";
    out << "};\n";
  }
  out << "constexpr Table kTables[] = {\n";
  for (const std::string& table : data.tables)
    out << "    {kNumbers_" << table << ", kByName_" << table << "},\n";
  out << "};\nconstexpr std::string_view kNames[] = {\n";
  for (const Call& call : data.calls) out << "    " << quoted(call.name) << ",\n";
  out << "};\n";
}

void write_archs(std::ostream& out, const Data& data, const std::string& path) {
  const std::vector<Row> rows = read_tsv(path);
  out << "constexpr ArchInfo kArchs[] = {\n";
  std::string checks;
  for (size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string>& f = rows[i].fields;
    if (f.size() != 7) die(rows[i].where, "seven fields expected");
    const auto table = std::find(data.tables.begin(), data.tables.end(), f[1]);
    if (table == data.tables.end()) die(rows[i].where, "no column '" + f[1] + "' in syscalls.tsv");
    std::string id = f[0];  // the enumerator: same word, first letter upper case
    id[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(id[0])));
    out << "    {ArchId::" << id << ", " << quoted(f[0]) << ", " << quoted(f[2] == "-" ? "" : f[2]) << ", "
        << quoted(f[6] == "-" ? "" : f[6]) << ", " << read_number(f[3], rows[i].where) << "u, {"
        << read_version(f[4], rows[i].where) << ", true}, {" << read_version(f[5], rows[i].where)
        << ", true}, " << table - data.tables.begin() << "},\n";
    checks += "static_assert(static_cast<int>(ArchId::" + id + ") == " + std::to_string(i - 1) +
              ", \"ArchId and architectures.tsv differ in order\");\n";
  }
  out << "};\n" << checks;
}

void write_risks(std::ostream& out, const Data& data, const std::string& path) {
  std::map<std::string, size_t> groups;
  std::vector<size_t> of_name(data.calls.size(), SIZE_MAX);
  const std::vector<Row> rows = read_tsv(path);
  out << "constexpr Risk kRisks[] = {\n";
  for (size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string>& f = rows[i].fields;
    if (f[0][0] == '@') {
      const std::string name = f[0].substr(1);
      groups.emplace(name, groups.size());
      out << "    {" << quoted(name) << ", " << read_number(f[1], rows[i].where) << ", " << quoted(f[2])
          << "},\n";
      continue;
    }
    const auto group = groups.find(f[1]);
    if (group == groups.end()) die(rows[i].where, "no risk group '" + f[1] + "'");
    size_t& slot = of_name[id_of(data, f[0], rows[i].where)];
    if (slot != SIZE_MAX) die(rows[i].where, "'" + f[0] + "' stands twice");
    slot = group->second;
  }
  out << "};\nconstexpr uint8_t kNameRisks[] = {";
  for (size_t id = 0; id < of_name.size(); ++id) {
    if (of_name[id] == SIZE_MAX) die(path, "no row for '" + data.calls[id].name + "'");
    out << of_name[id] << ",";
  }
  out << "};\n";
}

using GroupMembers = std::map<std::string, std::vector<std::string>>;

void resolve(const GroupMembers& groups, const Data& data, const std::string& name, size_t depth,
             std::set<size_t>& ids) {
  const auto at = groups.find(name);
  if (at == groups.end()) die("groups.tsv", "no group '" + name + "'");
  if (depth > groups.size()) die("groups.tsv", "'" + name + "' contains itself");
  for (const std::string& member : at->second) {
    if (member[0] == '@') {
      resolve(groups, data, member, depth + 1, ids);
    } else {
      ids.insert(id_of(data, member, "groups.tsv"));
    }
  }
}

void write_groups(std::ostream& out, const Data& data, const std::string& path) {
  GroupMembers members;
  std::map<std::string, std::string> descriptions;
  const std::vector<Row> rows = read_tsv(path);
  for (size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string>& f = rows[i].fields;
    if (f[1] == "-") {
      descriptions[f[0]] = f[2];
    } else {
      members[f[0]].push_back(f[1]);
    }
  }
  std::ostringstream list;
  size_t index = 0;
  out << "constexpr std::string_view kGroupNames[] = {";
  for (const auto& entry : members) out << quoted(entry.first) << ", ";
  out << "};\n";
  for (const auto& entry : members) {
    std::set<size_t> ids;
    resolve(members, data, entry.first, 0, ids);
    out << "constexpr uint16_t kGroup" << index << "[] = {";
    for (const size_t id : ids) out << id << ",";
    out << "};\n";
    list << "    {" << quoted(descriptions[entry.first]) << ", kGroup" << index++ << "},\n";
  }
  out << "constexpr Group kGroups[] = {\n" << list.str() << "};\n";
}

void write_runtimes(std::ostream& out, const Data& data, const std::string& path) {
  std::vector<std::string> order;
  std::map<std::string, std::map<std::string, std::string>> sets[2];  // by nnp: runtime -> call -> note
  const std::vector<Row> rows = read_tsv(path);
  for (size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string>& f = rows[i].fields;
    const uint32_t nnp = read_number(f[1], rows[i].where);
    if (nnp > 1) die(rows[i].where, "nnp is 0 or 1");
    if (std::find(order.begin(), order.end(), f[0]) == order.end()) order.push_back(f[0]);
    auto& set = sets[nnp][f[0]];
    if (f[2] == "-") continue;
    id_of(data, f[2], rows[i].where);
    if (!set.emplace(f[2], f[3]).second) die(rows[i].where, "'" + f[2] + "' stands twice");
  }
  std::ostringstream list;
  std::string names;
  for (size_t i = 0; i < order.size(); ++i) {
    names += quoted(order[i]) + ", ";
    list << "    {{";
    for (size_t nnp = 0; nnp < 2; ++nnp) {
      const auto at = sets[nnp].find(order[i]);
      if (at == sets[nnp].end()) die(path, order[i] + " lacks rows for nnp " + std::to_string(nnp));
      if (at->second.empty()) {
        list << "{}, ";
        continue;
      }
      out << "constexpr RuntimeCall kRuntime" << i << "_" << nnp << "[] = {\n";
      for (const auto& [name, note] : at->second)
        out << "    {" << quoted(name) << ", " << quoted(note) << "},\n";
      out << "};\n";
      list << "kRuntime" << i << "_" << nnp << ", ";
    }
    list << "}},\n";
  }
  out << "constexpr std::string_view kRuntimeNames[] = {" << names << "};\n";
  out << "constexpr Runtime kRuntimes[] = {\n" << list.str() << "};\n";
}

void write_constants(std::ostream& out, const std::string& path) {
  std::map<std::string, std::string> values;
  const std::vector<Row> rows = read_tsv(path);
  for (size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string>& f = rows[i].fields;
    char* end = nullptr;
    errno = 0;
    const unsigned long long value = std::strtoull(f[1].c_str(), &end, 16);
    if (f[1].rfind("0x", 0) != 0 || *end != '\0' || errno != 0)
      die(rows[i].where, "'" + f[1] + "' is no hexadecimal number");
    if (!values.emplace(f[0], std::to_string(value) + "u").second)
      die(rows[i].where, "'" + f[0] + "' stands twice");
  }
  out << "constexpr std::string_view kConstantNames[] = {\n";
  for (const auto& entry : values) out << "    " << quoted(entry.first) << ",\n";
  out << "};\nconstexpr uint64_t kConstantValues[] = {\n";
  for (const auto& entry : values) out << "    " << entry.second << ",\n";
  out << "};\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: gen_syscalls DATA_DIRECTORY OUTPUT.cc\n");
    return 1;
  }
  const std::string directory = std::string(argv[1]) + "/";
  const Data data = read_calls(directory + "syscalls.tsv");
  std::ostringstream out;
  out << "// Written by tools/gen_syscalls.cc from data/*.tsv; do not edit.\n"
      << "#include \"arch/syscall_tables.h\"\n\nnamespace stile::arch::tables {\nnamespace {\n";
  write_tables(out, data);
  write_archs(out, data, directory + "architectures.tsv");
  write_risks(out, data, directory + "risk.tsv");
  write_groups(out, data, directory + "groups.tsv");
  write_runtimes(out, data, directory + "runtimes.tsv");
  write_constants(out, directory + "constants.tsv");
  out << "}  // namespace\n\n"
      << "constinit const KernelVersion kernel = {" << read_version(data.kernel, "syscalls.tsv: kernel")
      << ", true};\n"
      << "constinit const std::span<const ArchInfo> archs = kArchs;\n"
      << "constinit const std::span<const Table> tables = kTables;\n"
      << "constinit const std::span<const std::string_view> names = kNames;\n"
      << "constinit const std::span<const uint8_t> name_risks = kNameRisks;\n"
      << "constinit const std::span<const Risk> risks = kRisks;\n"
      << "constinit const std::span<const std::string_view> group_names = kGroupNames;\n"
      << "constinit const std::span<const Group> groups = kGroups;\n"
      << "constinit const std::span<const std::string_view> runtime_names = kRuntimeNames;\n"
      << "constinit const std::span<const Runtime> runtimes = kRuntimes;\n"
      << "constinit const std::span<const std::string_view> constant_names = kConstantNames;\n"
      << "constinit const std::span<const uint64_t> constant_values = kConstantValues;\n\n"
      << "}  // namespace stile::arch::tables\n";
  std::ofstream file(argv[2]);
  file << out.str();
  file.close();
  if (!file) die(argv[2], "cannot be written");
  return 0;
}
