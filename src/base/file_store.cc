// SPDX-License-Identifier: Apache-2.0
#include "base/file_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/root.h"

namespace stile {

namespace {

constexpr char kPassing[] = ".new-XXXXXX";
constexpr time_t kAbandoned = 3600;  // seconds after which nobody is writing a passing file any more
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

struct Descriptor {
  explicit Descriptor(int opened) : fd(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

bool is_private(const struct stat& status) { return status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0; }

// The directory, or -1 if it is not one to rely on.
int open_private(const std::string& directory) {
  // With a slash at the end a symbolic link would be followed.
  if (!directory.starts_with('/') || directory.ends_with('/')) return -1;
  const int fd = ::open(directory.c_str(), kOpenDirectory | O_NOFOLLOW);
  struct stat status {};
  if (fd >= 0 && ::fstat(fd, &status) == 0 && is_private(status)) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

// Makes a directory, and first `above` directories that it is in. In somebody else's nothing is made: with sudo, HOME can be that of
// the user who calls it, who could not use what root leaves there.
void make_private(const std::string& directory, unsigned above) {
  const std::string in = directory_of(directory);
  struct stat status {};
  if (::stat(in.c_str(), &status) != 0 && errno == ENOENT && above > 0) {
    make_private(in, above - 1);
    if (::stat(in.c_str(), &status) != 0) return;
  }
  if (status.st_uid == ::geteuid() && (status.st_mode & S_IWOTH) == 0) ::mkdir(directory.c_str(), 0700);
}

bool write_all(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

// A file of a new name in the directory; its name is put into `name`.
int make_passing(int directory, std::string& name) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t seed = static_cast<uint64_t>(now.tv_nsec) ^ static_cast<uint64_t>(::getpid()) << 32;
  for (int attempt = 0; attempt < 100; ++attempt) {
    name = kPassing;
    for (char& letter : name) {
      if (letter != 'X') continue;
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      letter = "0123456789abcdefghijklmnopqrstuv"[seed >> 59];
    }
    const int fd = ::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

}  // namespace

std::optional<std::vector<uint8_t>> FileStore::read(const std::string& name) const {
  const Descriptor directory(open_private(directory_));
  if (directory.fd < 0) return std::nullopt;
  const Descriptor file(::openat(directory.fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode) || !is_private(status)) return std::nullopt;
  if (status.st_size <= 0 || static_cast<uint64_t>(status.st_size) > bounds_.largest) return std::nullopt;
  // Read and not mapped: somebody who cuts the file meanwhile must not end this process.
  std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t got = ::read(file.fd, bytes.data() + at, bytes.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    at += static_cast<size_t>(got);
  }
  // It was of use: others go first.
  const timespec times[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
  ::futimens(file.fd, times);
  return bytes;
}

void FileStore::write(const std::string& name, std::span<const uint8_t> bytes) const {
  if (bytes.size() > bounds_.largest) return;
  // Beyond that limit a signal would end the process.
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes.size() > limit.rlim_cur) return;
  int opened = open_private(directory_);
  if (opened < 0 && directory_.starts_with('/') && !directory_.ends_with('/')) {
    make_private(directory_, 1);
    opened = open_private(directory_);
  }
  const Descriptor directory(opened);
  if (directory.fd < 0) return;
  std::string passing;
  {
    const Descriptor file(make_passing(directory.fd, passing));
    if (file.fd < 0) return;
    // Nothing waits for the disk: what a crash leaves half written is found damaged.
    if (!write_all(file.fd, bytes)) {
      ::unlinkat(directory.fd, passing.c_str(), 0);
      return;
    }
  }
  if (::renameat(directory.fd, passing.c_str(), directory.fd, name.c_str()) != 0) ::unlinkat(directory.fd, passing.c_str(), 0);
  remove_oldest(directory.fd);
}

void FileStore::remove_oldest(int directory) const {
  struct Kept {
    timespec used;
    uint64_t size;
    std::string name;
  };
  std::vector<Kept> kept;
  uint64_t bytes = 0;
  const int copy = ::openat(directory, ".", kOpenDirectory);
  DIR* listing = copy < 0 ? nullptr : ::fdopendir(copy);
  if (listing == nullptr) {
    if (copy >= 0) ::close(copy);
    return;
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  while (const dirent* entry = ::readdir(listing)) {
    const std::string name = entry->d_name;
    struct stat status {};
    if (name == "." || name == ".." || ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(status.st_mode)) continue;  // none of ours
    if (name.starts_with(".new-")) {
      if (status.st_mtim.tv_sec + kAbandoned < now.tv_sec) ::unlinkat(directory, name.c_str(), 0);
      continue;
    }
    if (name.starts_with('.')) continue;
    bytes += static_cast<uint64_t>(status.st_size);
    kept.push_back({status.st_mtim, static_cast<uint64_t>(status.st_size), name});
  }
  ::closedir(listing);
  std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) {
    return std::tie(a.used.tv_sec, a.used.tv_nsec, a.name) < std::tie(b.used.tv_sec, b.used.tv_nsec, b.name);
  });
  size_t files = kept.size();
  for (const Kept& oldest : kept) {
    if (bytes <= bounds_.bytes && files <= bounds_.files) break;
    ::unlinkat(directory, oldest.name.c_str(), 0);  // or another process has
    bytes -= oldest.size;
    --files;
  }
}

}  // namespace stile
