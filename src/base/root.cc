// SPDX-License-Identifier: Apache-2.0
#include "base/root.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stile {

namespace {

constexpr unsigned kMostLinks = 40;    // as the kernel: MAXSYMLINKS, include/linux/namei.h
constexpr size_t kMostDepth = 256;     // directories below each other; each keeps a descriptor open
constexpr size_t kMostComponents = 4096;

void push_components(const std::string& path, std::vector<std::string>& reversed) {
  const size_t before = reversed.size();
  for (size_t at = 0; at < path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) reversed.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  std::reverse(reversed.begin() + static_cast<std::ptrdiff_t>(before), reversed.end());
}

// Answers as they are noted. A path cannot be empty, and no name holds a slash.
std::string text_of(const std::optional<std::string>& path) { return path.value_or(""); }

std::string text_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + "/";
  return text;
}

std::string identity_text(const std::optional<struct stat>& status) {
  return status ? std::to_string(status->st_dev) + " " + std::to_string(status->st_ino) : "";
}

std::string directory_text(const std::optional<struct stat>& status) { return status && S_ISDIR(status->st_mode) ? "yes" : "no"; }

// Of what open(2) gave; `status` is filled in if it gave something.
std::string open_text(int fd, int error, struct stat& status) {
  if (fd < 0) return "error " + std::to_string(error);
  return ::fstat(fd, &status) == 0 ? state_of(status) : "";
}

}  // namespace

struct Root::Descriptor {
  explicit Descriptor(int opened) : fd(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd(other.fd) { other.fd = -1; }
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

struct Root::Walked {
  Descriptor directory;             // O_PATH: what was found, or the directory it is in
  std::string name;                 // in that; "." for the directory itself
  struct stat status;
  std::string path;                 // inside the tree
};

Result<Root> Root::at(const std::string& directory) {
  Root root;
  root.top_ = std::make_shared<const Descriptor>(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  char real[PATH_MAX];
  if (root.top_->fd < 0 || ::realpath(directory.c_str(), real) == nullptr) {
    return fail(Code::Io, std::strerror(errno), directory, "name the directory of an unpacked file system");
  }
  root.directory_ = real;
  // The whole machine: as if nothing had been said.
  if (root.directory_ == "/") return Root();
  return root;
}

std::optional<Root::Walked> Root::found(const std::vector<Descriptor>& above, const std::vector<std::string>& names,
                                        const std::string& name, struct stat status) const {
  Descriptor directory(::openat(above.empty() ? top_->fd : above.back().fd, ".", O_PATH | O_CLOEXEC));
  if (directory.fd < 0 || (name == "." && ::fstat(directory.fd, &status) != 0)) return std::nullopt;
  std::string inside;
  for (const std::string& one : names) inside += "/" + one;
  if (name != ".") inside += "/" + name;
  return Walked{std::move(directory), name, status, inside.empty() ? "/" : inside};
}

std::optional<Root::Walked> Root::walk(const std::string& path) const {
  std::vector<Descriptor> above;      // the directories on the way down, without the top
  std::vector<std::string> names;     // theirs
  std::vector<std::string> left;      // components still to walk, last one first
  push_components(path, left);
  unsigned links = 0;
  size_t steps = 0;
  while (!left.empty()) {
    if (++steps > kMostComponents || left.size() > kMostComponents) {
      errno = ENAMETOOLONG;
      return std::nullopt;
    }
    const std::string name = std::move(left.back());
    left.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      if (!above.empty()) {
        above.pop_back();
        names.pop_back();
      }
      continue;
    }
    const int top = above.empty() ? top_->fd : above.back().fd;
    Descriptor next(::openat(top, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (next.fd < 0 || ::fstat(next.fd, &status) != 0) return std::nullopt;
    if (S_ISLNK(status.st_mode)) {
      char target[PATH_MAX];
      const ssize_t length = ::readlinkat(next.fd, "", target, sizeof target);
      if (length < 0) return std::nullopt;
      if (++links > kMostLinks) {
        errno = ELOOP;
        return std::nullopt;
      }
      const std::string text(target, static_cast<size_t>(length));
      if (text.starts_with('/')) {
        above.clear();
        names.clear();
      }
      push_components(text, left);
      continue;
    }
    if (S_ISDIR(status.st_mode)) {
      if (above.size() == kMostDepth) {
        errno = ENAMETOOLONG;
        return std::nullopt;
      }
      above.push_back(std::move(next));
      names.push_back(name);
      continue;
    }
    if (!left.empty()) {
      errno = ENOTDIR;
      return std::nullopt;
    }
    return found(above, names, name, status);
  }
  return found(above, names, ".", {});
}

int Root::find_open(const std::string& path) const {
  constexpr int kHow = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  if (is_host()) return ::open(path.c_str(), kHow);
  const auto walked = walk(path);
  if (!walked) return -1;
  return ::openat(walked->directory.fd, walked->name.c_str(), kHow | O_NOFOLLOW);
}

int Root::open_read(const std::string& path) const {
  const int fd = find_open(path);
  if (lookups_ == nullptr) return fd;
  const int error = errno;
  struct stat status {};
  std::string answer = open_text(fd, error, status);
  if (fd >= 0) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    // A device's bytes are not what its times say.
    const bool kept = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
    if (!kept || !is_settled(status, now)) lookups_->not_repeatable();
  }
  note(Question::Open, path, 0, std::move(answer));
  errno = error;
  return fd;
}

Result<FileBytes> Root::open(const std::string& path) const { return FileBytes::take(open_read(path), path); }

std::optional<std::string> Root::read_text(const std::string& path, size_t limit) const {
  const Descriptor file(open_read(path));
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::string text;
  while (text.size() < limit) {
    char buffer[4096];
    const ssize_t got = ::read(file.fd, buffer, std::min(sizeof buffer, limit - text.size()));
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

std::optional<std::string> Root::find_real_path(const std::string& path) const {
  if (is_host()) {
    char real[PATH_MAX];
    if (::realpath(path.c_str(), real) == nullptr) return std::nullopt;
    return real;
  }
  auto walked = walk(path);
  if (!walked) return std::nullopt;
  return std::move(walked->path);
}

std::optional<std::string> Root::real_path(const std::string& path) const {
  auto found = find_real_path(path);
  if (lookups_ != nullptr) note(Question::RealPath, path, 0, text_of(found));
  return found;
}

std::vector<std::string> Root::find_names(const std::string& path, size_t limit) const {
  std::vector<std::string> names;
  const int fd = find_open(path);
  DIR* directory = fd < 0 ? nullptr : ::fdopendir(fd);
  if (directory == nullptr) {
    if (fd >= 0) ::close(fd);
    return names;
  }
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != ".." && names.size() < limit) names.push_back(name);
  }
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Root::list(const std::string& path, size_t limit) const {
  auto names = find_names(path, limit);
  if (lookups_ != nullptr) note(Question::Names, path, limit, text_of(names));
  return names;
}

std::optional<struct stat> Root::find_status(const std::string& path) const {
  if (is_host()) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return status;
  }
  const auto walked = walk(path);
  if (!walked) return std::nullopt;
  return walked->status;
}

std::optional<Root::Identity> Root::identity(const std::string& path) const {
  const auto status = find_status(path);
  if (lookups_ != nullptr) note(Question::Identity, path, 0, identity_text(status));
  if (!status) return std::nullopt;
  return Identity{status->st_dev, status->st_ino};
}

bool Root::is_directory(const std::string& path) const {
  const auto status = find_status(path);
  if (lookups_ != nullptr) note(Question::Directory, path, 0, directory_text(status));
  return status && S_ISDIR(status->st_mode);
}

std::optional<std::string> Root::find_inside(const std::string& host_path) const {
  char real[PATH_MAX];
  // The directory alone is resolved: a link at the end may lead somewhere that exists inside only.
  const size_t slash = host_path.rfind('/');
  const std::string name = slash == host_path.npos ? host_path : host_path.substr(slash + 1);
  const std::string above = slash == host_path.npos ? "." : slash == 0 ? "/" : host_path.substr(0, slash);
  if (name.empty() || name == "." || name == ".." || ::realpath(above.c_str(), real) == nullptr) return std::nullopt;
  const std::string directory = real;
  if (is_host()) return (directory == "/" ? "" : directory) + "/" + name;
  if (directory == directory_) return "/" + name;
  if (!directory.starts_with(directory_ + "/")) return std::nullopt;
  return directory.substr(directory_.size()) + "/" + name;
}

std::optional<std::string> Root::inside(const std::string& host_path) const {
  auto found = find_inside(host_path);
  if (lookups_ != nullptr) note(Question::Inside, host_path, 0, text_of(found));
  return found;
}

void Root::note(Question question, const std::string& path, uint64_t limit, std::string answer) const {
  lookups_->note({is_host(), question, path, limit}, std::move(answer));
}

std::string Root::answer(Question question, const std::string& path, uint64_t limit) const {
  switch (question) {
    case Question::Open: {
      const Descriptor file(find_open(path));
      const int error = errno;
      struct stat status {};
      return open_text(file.fd, error, status);
    }
    case Question::RealPath: return text_of(find_real_path(path));
    case Question::Inside: return text_of(find_inside(path));
    case Question::Names: return text_of(find_names(path, limit));
    case Question::Identity: return identity_text(find_status(path));
    case Question::Directory: return directory_text(find_status(path));
  }
  return {};
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace stile
