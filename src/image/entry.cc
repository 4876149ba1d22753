// SPDX-License-Identifier: Apache-2.0
//
// What runs when a container is started: names are found and scripts opened as the container runtime and the kernel do.
//
// Facts: OCI image-spec config.md and conversion.md (Entrypoint and Cmd); runc libcontainer (exec.LookPath in the container);
// fs/binfmt_script.c (the first line, 255 bytes of it; at most five scripts of scripts).
#include <stile/image.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/root.h"
#include "image/shown.h"

namespace stile {

namespace {

using image::shown;

constexpr unsigned kMostScripts = 5;
constexpr size_t kFirstLine = 255;
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

class Finder {
 public:
  Finder(const Root& root, const ContainerImage& image) : root_(root), image_(image) {
    directory_ = image.config().working_directory;
    if (!directory_.starts_with('/')) directory_ = "/" + directory_;
    path_ = kDefaultPath;
    for (const std::string& variable : image.config().environment) {
      if (variable.starts_with("PATH=")) path_ = variable.substr(5);
    }
  }

  // The path of a program by its name, as execvp(3); nothing if there is none.
  std::optional<std::string> program(const std::string& name) const {
    if (name.empty()) return std::nullopt;
    if (name.find('/') != name.npos) return runs(absolute(name)) ? std::optional(absolute(name)) : std::nullopt;
    for (size_t at = 0; at <= path_.size();) {
      const size_t colon = std::min(path_.find(':', at), path_.size());
      const std::string directory = path_.substr(at, colon - at);
      at = colon + 1;
      const std::string path = absolute(directory.empty() ? "." : directory) + "/" + name;
      if (runs(path)) return path;
    }
    return std::nullopt;
  }

  // Follows `name` to ELF files. The first word of a command line, or an interpreter with one argument.
  Result<void> follow(const std::string& name, EntryPoint& entry) const {
    std::string wanted = name;
    for (unsigned scripts = 0; scripts <= kMostScripts; ++scripts) {
      const auto path = program(wanted);
      if (!path) {
        return fail(Code::Io, fmt::format("holds no program '{}'{}", shown(wanted),
                                          wanted.find('/') == wanted.npos ? fmt::format(" in its PATH ({})", shown(path_)) : ""),
                    image_.file(), "name the program in the image: --image IMAGE /path/of/program");
      }
      const std::string head = root_.read_text(*path, kFirstLine).value_or("");
      if (head.starts_with("\x7f" "ELF")) {
        entry.programs.push_back(*path);
        return {};
      }
      if (!head.starts_with("#!")) {
        return fail(Code::NotElf, fmt::format("starts {}, which is neither an ELF program nor a script", shown(*path)), image_.file(),
                    "name the program in the image: --image IMAGE /path/of/program");
      }
      entry.scripts.push_back(*path);
      // "#!", spaces, the interpreter's path, and all that follows as one argument.
      std::string line = head.substr(2, head.find('\n') == head.npos ? head.npos : head.find('\n') - 2);
      const auto trim = [](std::string text) {
        text.erase(0, text.find_first_not_of(" \t"));
        text.erase(text.find_last_not_of(" \t\r") + 1);
        return text;
      };
      line = trim(line);
      const size_t space = line.find_first_of(" \t");
      wanted = line.substr(0, space);
      const std::string argument = space == line.npos ? "" : trim(line.substr(space));
      if (wanted.empty()) return fail(Code::NotElf, fmt::format("starts the script {}, which names no interpreter", shown(*path)), image_.file());
      if (!wanted.starts_with('/')) wanted = absolute(wanted);
      if (wanted.substr(wanted.rfind('/') + 1) == "env") {
        if (auto ok = through_env(wanted, entry); !ok) return ok;
        wanted = env_target(argument);
        if (wanted.empty()) return {};
      }
    }
    return fail(Code::Limit, fmt::format("starts a script that is run by a script, {} times over", kMostScripts), image_.file());
  }

 private:
  // env itself runs first. It may be a link to a program of many names (busybox), which is the same then.
  Result<void> through_env(const std::string& env, EntryPoint& entry) const {
    const auto path = program(env);
    if (!path) return fail(Code::Io, fmt::format("holds no program '{}'", shown(env)), image_.file());
    if (root_.read_text(*path, 4).value_or("") == "\x7f" "ELF") entry.programs.push_back(*path);
    return {};
  }

  // The program that env starts: the first word that is neither an option nor a variable.
  static std::string env_target(const std::string& argument) {
    for (size_t at = 0; at < argument.size();) {
      const size_t end = std::min(argument.find_first_of(" \t", at), argument.size());
      const std::string word = argument.substr(at, end - at);
      at = end + 1;
      if (word.empty() || word.starts_with('-') || word.find('=') != word.npos) continue;
      return word;
    }
    return {};
  }

  std::string absolute(const std::string& path) const { return path.starts_with('/') ? path : directory_ + "/" + path; }

  bool runs(const std::string& path) const {
    const int fd = root_.open_read(path);
    struct stat status {};
    const bool runs = fd >= 0 && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
    if (fd >= 0) ::close(fd);
    return runs;
  }

  const Root& root_;
  const ContainerImage& image_;
  std::string directory_, path_;
};

}  // namespace

Result<EntryPoint> entry_point(const ContainerImage& image, const std::string& program) {
  auto root = Root::at(image.directory());
  if (!root) return tl::unexpected(root.error());
  EntryPoint entry;
  if (!program.empty()) {
    entry.words = {program};
  } else {
    entry.words = image.config().entrypoint;
    entry.words.insert(entry.words.end(), image.config().command.begin(), image.config().command.end());
  }
  if (entry.words.empty()) {
    return fail(Code::Usage, "says neither Entrypoint nor Cmd: it does not start anything by itself", image.file(),
                "name the program in the image: --image IMAGE /path/of/program");
  }
  const Finder finder(*root, image);
  if (auto ok = finder.follow(entry.words[0], entry); !ok) return tl::unexpected(ok.error());
  // The same file under two names runs once as far as its calls go.
  std::vector<std::string> programs;
  for (const std::string& path : entry.programs) {
    const bool known = std::any_of(programs.begin(), programs.end(), [&](const std::string& one) {
      return root->identity(one) == root->identity(path);
    });
    if (!known) programs.push_back(path);
  }
  entry.programs = std::move(programs);
  return entry;
}

}  // namespace stile
