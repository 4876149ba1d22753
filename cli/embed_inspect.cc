// SPDX-License-Identifier: Apache-2.0
//
// stile embed --show and --verify: what is in a file, and whether it is still right.
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <stile/embed.h>
#include <stile/format.h>

#include "commands.h"
#include "embed_work.h"
#include "output.h"

namespace stile::cli {
namespace {

// A file with the program as it was before, for an analysis that reads files: beside the program, so that
// $ORIGIN leads to the same libraries; where nothing can be made there, in memory.
class Original {
 public:
  Original(const std::string& beside, std::span<const uint8_t> bytes) {
    path_ = beside + ".XXXXXX";
    fd_ = mkostemp(path_.data(), O_CLOEXEC);
    named_ = fd_ >= 0;
    if (!named_) {
      fd_ = memfd_create("program", MFD_CLOEXEC);
      path_ = fmt::format("/proc/self/fd/{}", fd_);
    }
    while (fd_ >= 0 && !bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written <= 0) return;
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
    good_ = fd_ >= 0;
  }
  Original(const Original&) = delete;
  Original& operator=(const Original&) = delete;
  ~Original() {
    if (named_) unlink(path_.c_str());
    if (fd_ >= 0) close(fd_);
  }
  bool good() const { return good_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
  bool named_ = false;
  bool good_ = false;
};

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The passing file's name must not be what the profile remembers.
void rename_program(Analysis& analysis, const std::string& passing, const std::string& path) {
  analysis.origin.program = base_name(path);
  for (Gap& gap : analysis.gaps) {
    if (gap.object == passing) gap.object = path;
    if (gap.object == base_name(passing)) gap.object = base_name(path);
  }
}

Result<Embedded> embedded_in(const std::string& path, std::span<const uint8_t> bytes) {
  auto found = find_embedded(bytes, path);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail(Code::Usage, "has no embedded filter", path, "stile embed puts one in");
  return std::move(**found);
}

std::string date(uint64_t seconds) {
  if (seconds == 0) return "not recorded";
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char text[64];
  if (gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
    return "not recorded";
  }
  return text;
}

const char* on_failure_text(OnFailure mode) {
  return mode == OnFailure::Run ? "run" : "refuse";
}

std::string show_json(const std::string& path, const Embedded& embedded) {
  nlohmann::ordered_json json;
  json["schema"] = 1;
  json["file"] = printable(path);
  json["tool_version"] = printable(embedded.what.tool_version);
  json["time"] = embedded.what.time;
  json["source"] = printable(embedded.what.source);
  json["on_failure"] = on_failure_text(embedded.what.on_failure);
  json["placement"] = to_string(embedded.placement);
  json["address"] = embedded.address;
  json["bytes"] = embedded.size;
  json["entry"] = embedded.entry;
  json["instructions"] = embedded.installed.size();
  json["removable"] = embedded.original_known;
  auto profile = nlohmann::ordered_json::parse(embedded.what.profile, nullptr, false);
  json["profile"] = profile.is_discarded() ? nlohmann::ordered_json() : std::move(profile);
  json["filter"] = nlohmann::ordered_json::array();
  for (const Instruction& i : embedded.installed) json["filter"].push_back({i.code, i.jt, i.jf, i.k});
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string show_text(const std::string& path, const Embedded& embedded) {
  std::string text =
      fmt::format("{}: embedded {} by stile {} from {}\n", printable(path), date(embedded.what.time),
                  printable(embedded.what.tool_version), printable(embedded.what.source));
  text += fmt::format("placed by '{}': {} bytes at 0x{:x}, before the entry 0x{:x}\n",
                      to_string(embedded.placement), embedded.size, embedded.address, embedded.entry);
  text += embedded.what.on_failure == OnFailure::Run
              ? "where the kernel refuses the filter: the program says so and runs WITHOUT it\n"
              : "where the kernel refuses the filter: the program says so and exits with 125\n";
  text += embedded.original_known ? "--remove gives back the original, byte for byte\n"
                                  : "the file was changed since: --remove can only switch the filter off\n";
  text += "\nprofile:\n";
  if (embedded.what.profile.empty()) {
    text += "none: a raw BPF program was embedded\n";
  } else {
    // JSON, so what is not ASCII text in it can only be in strings: made harmless line by line.
    size_t at = 0;
    while (at < embedded.what.profile.size()) {
      const size_t end = std::min(embedded.what.profile.find('\n', at), embedded.what.profile.size());
      text += printable(std::string_view(embedded.what.profile).substr(at, end - at)) + "\n";
      at = end + 1;
    }
  }
  text += "\nfilter:\n" + disassemble(embedded.installed);
  return text;
}

// The options that shaped a profile, as its origin has them. There is no cache: what is in the file is to be compared with a fresh analysis.
Result<std::pair<AnalyzeOptions, ProfileOptions>> recorded_options(const Profile& profile) {
  AnalyzeOptions how;
  ProfileOptions options;
  options.otherwise = profile.otherwise;
  for (const std::string& word : profile.origin.options) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? std::string() : word.substr(equals + 1);
    if (name == "--also") how.also.push_back(value);
    if (name == "--sysroot") how.sysroot = value;
    if (name == "--phase") how.phase = phase_from(value).value_or(Phase::All);
    if (name == "--allow") options.allow.push_back(value);
    if (name == "--drop") options.drop.push_back(value);
  }
  return std::pair(how, options);
}

std::string policy_of(const Profile& profile, const std::string& name) {
  const auto rule = profile.rules.find(name);
  if (rule == profile.rules.end()) return to_string(profile.otherwise);
  std::string text;
  for (const Case& one : rule->second.cases)
    text += fmt::format("{} if {}, ", to_string(one.action), to_string(one.when));
  return text + to_string(rule->second.action);
}

// A line for each call that is decided otherwise.
std::vector<std::string> differences(const Profile& embedded, const Profile& fresh) {
  std::map<std::string, bool> names;
  for (const auto* profile : {&embedded, &fresh}) {
    for (const auto& rule : profile->rules) names[rule.first] = true;
  }
  std::vector<std::string> lines;
  for (const auto& [name, _] : names) {
    const std::string has = policy_of(embedded, name);
    const std::string wants = policy_of(fresh, name);
    if (has != wants) lines.push_back(fmt::format("{}: embedded {}, fresh analysis {}", name, has, wants));
  }
  return lines;
}

// Whether the filter does what the profile beside it says.
bool filter_matches(const Embedded& embedded, const Profile& profile) {
  if (auto program = compile(profile); program && *program == embedded.what.program) return true;
  const Profile* profiles[] = {&profile};
  for (const Event& event : boundary_events(profiles)) {
    const auto verdict = emulate(embedded.what.program, event);
    if (!verdict || verdict->action != decide(profile, event)) return false;
  }
  return true;
}

// The filter is installed at the entry point, so what came before does not count: but where the program may execute itself again, what
// starts it runs under the filter the second time. Sets how.phase to what was taken.
Result<Analysis> analyze_from_entry(const std::string& path, AnalyzeOptions& how) {
  auto whole = analyze(path, how);
  if (!whole || !whole->origin.link.starts_with("dynamic")) return whole;
  for (const SyscallUse& use : whole->syscalls) {
    if (use.name == "execve" || use.name == "execveat") return whole;
  }
  how.phase = Phase::Main;
  return analyze(path, how);
}

}  // namespace

Result<EmbedAnalysis> analyse_for_embedding(const ProgramFile& file, const std::string& path,
                                            AnalyzeOptions how, ProfileOptions options) {
  how.paths = false;  // call paths would be larger than some programs; stile explain shows them
  const bool chosen = how.phase != Phase::All;
  options.runtime = "none";
  auto found = find_embedded(file.bytes, path);
  // What is wrong with a file that is no ELF file the analysis says better.
  if (!found && found.error().code == Code::Malformed) return tl::unexpected(found.error());
  expect_truncation(path);
  Result<Analysis> analysis =
      fail(Code::Io, "the program without its filter cannot be written anywhere", path);
  if (found && *found) {
    how.cache.clear();  // the passing file is another one each time
    auto removed = remove_embedded(file.bytes, path);
    if (!removed) return tl::unexpected(removed.error());
    const Original original(file.path, removed->file);
    if (original.good()) analysis = chosen ? analyze(original.path(), how) : analyze_from_entry(original.path(), how);
    if (analysis) rename_program(*analysis, original.path(), path);
  } else {
    analysis = chosen ? analyze(path, how) : analyze_from_entry(path, how);
  }
  if (!analysis) return tl::unexpected(analysis.error());
  auto profile = make_profile(*analysis, options);
  if (!profile) return tl::unexpected(profile.error());
  for (const std::string& word : noted_options(how)) profile->origin.options.push_back(word);
  return EmbedAnalysis{std::move(*analysis), std::move(*profile)};
}

int show_embedded(const std::string& path, const Arguments& arguments) {
  auto file = read_program_file(path);
  if (!file) return report(file.error());
  auto embedded = embedded_in(path, file->bytes);
  if (!embedded) return report(embedded.error());
  const std::string text = arguments.has("--json") ? show_json(path, *embedded) : show_text(path, *embedded);
  if (auto written = write_stdout(text); !written) return report(written.error());
  return 0;
}

int verify_embedded(const std::string& path, const Arguments& arguments) {
  auto file = read_program_file(path);
  if (!file) return report(file.error());
  auto embedded = embedded_in(path, file->bytes);
  if (!embedded) return report(embedded.error());
  if (embedded->what.profile.empty()) {
    return report(
        {Code::Usage, "holds a raw BPF program without a profile: there is nothing to compare", path, {}});
  }
  const Format* native = find_format("stile");
  if (native == nullptr) return report({Code::Unsupported, "the native format is missing", path, {}});
  auto profile = native->read(embedded->what.profile, path, {}, nullptr);
  if (!profile) return report(profile.error());
  auto options = recorded_options(*profile);
  if (!options) return report(options.error());
  auto fresh = analyse_for_embedding(*file, path, options->first, options->second);
  if (!fresh) return report(fresh.error());

  std::string text;
  if (!filter_matches(*embedded, *profile))
    text += "the filter does not do what the profile beside it says\n";
  for (const std::string& line : differences(*profile, fresh->profile)) text += printable(line) + "\n";
  if (!text.empty()) text = fmt::format("{}:\n{}", printable(path), text);
  if (auto written = write_stdout(text); !written) return report(written.error());
  if (text.empty() && !arguments.has("--quiet"))
    say(fmt::format("{}: the embedded filter is what the program needs\n", printable(path)));
  return text.empty() ? 0 : 1;
}

}  // namespace stile::cli
