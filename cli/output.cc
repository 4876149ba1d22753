// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stile::cli {
namespace {

tl::unexpected<Error> refused(const std::string& what, const std::string& where, int error) {
  return fail(Code::Io, what + ": " + std::strerror(error), where);
}

// 0, or what errno said.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(written);
  }
  return 0;
}

Result<void> write_directly(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return refused("cannot be opened for writing", path, errno);
  int error = write_all(fd, text);
  if (close(fd) != 0 && error == 0) error = errno;
  if (error != 0) return refused("cannot be written", path, error);
  return {};
}

// The mode a new file gets: what the umask leaves.
mode_t fresh_mode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

Result<void> write_and_rename(const std::string& path, mode_t mode, std::string_view text) {
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return refused("cannot be written: no new file can be made next to it", path, errno);
  int error = write_all(fd, text);
  if (error == 0 && fchmod(fd, mode) != 0) error = errno;
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  unlink(temporary.c_str());
  return refused("cannot be written", path, error);
}

}  // namespace

Result<void> write_stdout(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error != 0) return refused("cannot be written", "standard output", error);
  return {};
}

Result<void> write_output(const std::string& path, std::string_view text) {
  if (path == "-") return write_stdout(text);
  if (path.empty())
    return fail(Code::Usage, "the name of the output file is empty", {}, "- is standard output");
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return refused("cannot be written", path, errno);
    // A symbolic link that leads nowhere: writing through it is what open(2) would do.
    if (lstat(path.c_str(), &status) == 0) return fail(Code::Io, "is a symbolic link to nothing", path);
    return write_and_rename(path, fresh_mode(), text);
  }
  if (S_ISDIR(status.st_mode)) return fail(Code::Io, "is a directory", path);
  if (!S_ISREG(status.st_mode)) return write_directly(path, text);
  // A file that cannot be written is not replaced behind its owner's back.
  if (access(path.c_str(), W_OK) != 0) return refused("cannot be written", path, errno);
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  if (real == nullptr) return refused("cannot be written", path, errno);
  return write_and_rename(real.get(), status.st_mode & 07777, text);
}

}  // namespace stile::cli
