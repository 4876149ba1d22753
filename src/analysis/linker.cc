// SPDX-License-Identifier: Apache-2.0
#include "analysis/linker.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <fnmatch.h>

namespace stile::analysis {

namespace {

constexpr size_t kMostRead = 16 << 20;        // of the linker's file; real ones have less than 1 MiB
constexpr size_t kMostConfiguration = 1 << 20;
constexpr size_t kMostDirectories = 1000;
constexpr unsigned kDeepestInclude = 8;

// All strings between two NULs that begin with a slash, or that `wanted` names.
std::vector<std::string_view> strings_of(Bytes file, const std::set<std::string_view>& wanted) {
  std::vector<std::string_view> found;
  const size_t size = std::min(file.size(), kMostRead);
  const std::string_view text = file.text(0, size);
  for (size_t at = 0; at < size;) {
    const size_t end = std::min(text.find('\0', at), size);
    const std::string_view one = text.substr(at, end - at);
    if (one.size() > 1 && one.size() < 4096 && (one.front() == '/' || wanted.contains(one))) found.push_back(one);
    at = end + 1;
  }
  return found;
}

bool printable_path(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string_view last_component(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

}  // namespace

Linker guess_linker(const std::string& path) {
  Linker linker;
  linker.path = path;
  if (path.find("ld-musl") != path.npos) linker.kind = LinkerKind::Musl;
  linker.recognised = linker.kind == LinkerKind::Musl || path.find("ld-linux") != path.npos;
  linker.directories = {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
  return linker;
}

Linker read_linker(Bytes file, const std::string& path) {
  Linker linker;
  linker.path = path;
  const std::string_view text = file.text(0, std::min(file.size(), kMostRead));
  if (text.find("/etc/ld-musl-x86_64.path") != text.npos) {
    linker.kind = LinkerKind::Musl;
    linker.recognised = true;
    return linker;
  }
  // Its directories stand behind each other, each with a slash at its end and a NUL (system_dirs in elf/dl-load.c). That no
  // other path in the file looks like that holds for all there are; /proc and the like are left out to be sure.
  std::vector<std::string_view> strings = strings_of(file, {"lib64", "lib"});
  for (const std::string_view one : strings) {
    if (one.ends_with("/ld.so.cache") && printable_path(one)) {
      linker.cache = one;
      linker.recognised = true;
    }
    if (one.ends_with("/ld.so.preload") && printable_path(one)) linker.preload = one;
    if (one.front() != '/' || !one.ends_with('/') || !printable_path(one) || one.find("//") != one.npos) continue;
    if (one.starts_with("/proc/") || one.starts_with("/dev/") || one.starts_with("/var/") || one.starts_with("/etc/")) continue;
    const std::string directory(one.substr(0, one.size() - 1));
    if (std::find(linker.directories.begin(), linker.directories.end(), directory) == linker.directories.end() &&
        linker.directories.size() < 64) {
      linker.directories.push_back(directory);
    }
  }
  if (!linker.recognised || linker.directories.empty()) {
    const bool recognised = linker.recognised;
    linker.directories = guess_linker(path).directories;
    linker.recognised = recognised;
  }
  // $LIB: the last component of the first directory ("lib64"), or with Debian's patch all of it ("lib/x86_64-linux-gnu").
  const std::string first = linker.directories.front().substr(1);
  const auto holds = [&](std::string_view word) {
    return text.find('\0' + std::string(word) + '\0') != text.npos;
  };
  linker.lib = holds(first) ? first : std::string(last_component(first));
  linker.levels = text.find("glibc-hwcaps") != text.npos;
  return linker;
}

namespace {

void read_configuration(const Root& root, const std::string& path, unsigned depth, std::vector<std::string>& directories) {
  if (depth > kDeepestInclude || directories.size() >= kMostDirectories) return;
  std::istringstream file(root.read_text(path, kMostConfiguration).value_or(""));
  for (std::string row; std::getline(file, row) && directories.size() < kMostDirectories;) {
    row = row.substr(0, row.find('#'));
    std::istringstream words(row);
    std::string word;
    if (!(words >> word) || word == "hwcap") continue;
    if (word != "include") {
      word = word.substr(0, word.find('='));  // "/lib=libc6": for one kind of library
      while (word.size() > 1 && word.ends_with('/')) word.pop_back();
      if (word.starts_with('/')) directories.push_back(word);
      continue;
    }
    while (words >> word) {
      if (!word.starts_with('/')) word = directory_of(path) + "/" + word;
      const std::string directory = directory_of(word), pattern(last_component(word));
      for (const std::string& name : root.list(directory, kMostDirectories)) {
        if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0) {
          read_configuration(root, directory + "/" + name, depth + 1, directories);
        }
      }
    }
  }
}

}  // namespace

std::vector<std::string> configured_directories(const Root& root) {
  std::vector<std::string> directories;
  read_configuration(root, "/etc/ld.so.conf", 0, directories);
  return directories;
}

std::vector<std::string> preloaded_names(const Root& root, const std::string& path) {
  std::vector<std::string> names;
  std::istringstream file(root.read_text(path, kMostConfiguration).value_or(""));
  for (std::string row; std::getline(file, row);) {
    row = row.substr(0, row.find('#'));
    std::replace(row.begin(), row.end(), ':', ' ');
    std::istringstream words(row);
    for (std::string word; words >> word && names.size() < kMostDirectories;) names.push_back(word);
  }
  return names;
}

std::vector<std::string> musl_directories(const Root& root, const std::string& linker_path) {
  // The prefix is what stands before the last two components: "" for /lib/ld-musl-x86_64.so.1.
  std::string prefix;
  if (linker_path.starts_with('/')) {
    prefix = directory_of(directory_of(linker_path));
    if (prefix == "/") prefix.clear();
  }
  const auto text = root.read_text(prefix + "/etc/ld-musl-x86_64.path", kMostConfiguration);
  std::vector<std::string> directories;
  std::istringstream file(text.value_or("/lib:/usr/local/lib:/usr/lib"));
  for (std::string row; std::getline(file, row);) {
    std::istringstream parts(row);
    for (std::string part; std::getline(parts, part, ':') && directories.size() < kMostDirectories;) {
      if (!part.empty()) directories.push_back(part);
    }
  }
  return directories;
}

std::optional<std::string> expand_tokens(std::string_view text, const std::optional<std::string>& origin, const Linker& linker,
                                         bool* platform) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const auto token = [&](std::string_view name) {
      for (const std::string& form : {"$" + std::string(name), "${" + std::string(name) + "}"}) {
        if (text.substr(at, form.size()) == form) {
          at += form.size();
          return true;
        }
      }
      return false;
    };
    if (text[at] != '$') {
      result += text[at++];
    } else if (token("ORIGIN")) {
      if (!origin) return std::nullopt;
      result += *origin == "/" ? "" : *origin;
    } else if (token("LIB")) {
      result += linker.lib;
    } else if (token("PLATFORM")) {
      result += "x86_64";
      if (platform != nullptr) *platform = true;
    } else {
      result += text[at++];
    }
  }
  return result;
}

}  // namespace stile::analysis
