// SPDX-License-Identifier: Apache-2.0
//
// Reading and replacing the file of a program: nothing of what belongs to it besides its bytes may get lost,
// and at no moment is there a file that is half the old and half the new.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <stile/embed.h>

namespace stile {
namespace {

constexpr size_t kMaxAttributes =
    64u << 10;  // XATTR_LIST_MAX, include/uapi/linux/limits.h; one value is no larger

struct Descriptor {
  int fd;
  explicit Descriptor(int number) : fd(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

tl::unexpected<Error> refused(const std::string& what, const std::string& where, int error) {
  return fail(Code::Io, what + ": " + std::strerror(error), where);
}

Result<std::vector<std::string>> attributes_of(int fd, const std::string& path) {
  std::vector<char> list(kMaxAttributes);
  const ssize_t size = flistxattr(fd, list.data(), list.size());
  if (size < 0 && errno == ENOTSUP) return std::vector<std::string>();
  if (size < 0) return refused("its extended attributes cannot be read", path, errno);
  std::vector<std::string> names;
  for (const char* name = list.data(); name < list.data() + size; name += names.back().size() + 1)
    names.emplace_back(name);
  return names;
}

bool verity_protected(int fd) {
  struct statx status {};
  return statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_VERITY) != 0;
}

// What its bytes do not tell.
Result<void> check_file(int fd, const struct stat& status, const std::string& path) {
  if ((status.st_mode & (S_ISUID | S_ISGID)) != 0) {
    return fail(Code::Unsupported, fmt::format("is set{}", (status.st_mode & S_ISUID) != 0 ? "uid" : "gid"),
                path,
                "no_new_privs would change what it may do; confine it where it is started, with stile run or "
                "by its unit");
  }
  if (verity_protected(fd)) {
    return fail(Code::Unsupported, "is protected by fs-verity: a new file would not be", path,
                "embed before it is sealed");
  }
  auto names = attributes_of(fd, path);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name == "security.ima" || name == "security.evm") {
      return fail(Code::Unsupported, fmt::format("is signed ({}): the signature would no longer hold", name),
                  path, "embed first, sign then");
    }
  }
  return {};
}

Result<void> copy_attributes(int from, int to, const std::string& path) {
  auto names = attributes_of(from, path);
  if (!names) return tl::unexpected(names.error());
  std::vector<char> value(kMaxAttributes);
  for (const std::string& name : *names) {
    const ssize_t size = fgetxattr(from, name.c_str(), value.data(), value.size());
    if (size < 0) return refused("its extended attribute " + name + " cannot be read", path, errno);
    if (fsetxattr(to, name.c_str(), value.data(), static_cast<size_t>(size), 0) == 0) continue;
    const int error = errno;
    // A security module may have given the new file the right label already, and not let it be given again.
    std::vector<char> there(kMaxAttributes);
    const ssize_t have = fgetxattr(to, name.c_str(), there.data(), there.size());
    if (have == size && std::memcmp(there.data(), value.data(), static_cast<size_t>(size)) == 0) continue;
    return refused("its extended attribute " + name + " cannot be given to the new file", path, error);
  }
  return {};
}

// 0, or what errno said. Holes stay holes.
int write_all(int fd, std::span<const uint8_t> bytes) {
  constexpr size_t kBlock = 1u << 20;
  if (ftruncate(fd, static_cast<off_t>(bytes.size())) != 0) return errno;
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min(kBlock, bytes.size() - at);
    const bool zero = bytes[at] == 0 && std::memcmp(bytes.data() + at, bytes.data() + at + 1, size - 1) == 0;
    if (zero) {
      at += size;
      continue;
    }
    const ssize_t written = pwrite(fd, bytes.data() + at, size, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written == 0 ? ENOSPC : errno;
    at += static_cast<size_t>(written);
  }
  return 0;
}

Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  if (real == nullptr) return refused("cannot be opened", path, errno);
  return std::string(real.get());
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

bool unchanged(const ProgramFile& from, const struct stat& now) {
  return now.st_dev == from.device && now.st_ino == from.inode &&
         static_cast<uint64_t>(now.st_size) == from.size && now.st_mtim.tv_sec == from.changed_seconds &&
         now.st_mtim.tv_nsec == from.changed_nanoseconds;
}

// A new file under a passing name, gone again unless it is put in place.
class NewFile {
 public:
  explicit NewFile(const std::string& target)
      : name_(target + ".XXXXXX"), file_(mkostemp(name_.data(), O_CLOEXEC)) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (file_.fd >= 0 && !placed_) unlink(name_.c_str());
  }
  int fd() const { return file_.fd; }
  // 0, or what errno said.
  int place(const std::string& target) {
    if (rename(name_.c_str(), target.c_str()) != 0) return errno;
    placed_ = true;
    return 0;
  }

 private:
  std::string name_;
  Descriptor file_;
  bool placed_ = false;
};

Result<std::string> target_of(const ProgramFile& from, const FileOptions& options) {
  if (options.output.empty()) return from.path;
  struct stat status {};
  if (stat(options.output.c_str(), &status) != 0) {
    if (errno == ENOENT) return options.output;
    return refused("cannot be written", options.output, errno);
  }
  if (!S_ISREG(status.st_mode)) return fail(Code::Io, "is not a regular file", options.output, "name a file");
  return real_path(options.output);
}

}  // namespace

Result<ProgramFile> read_program_file(const std::string& path) {
  auto real = real_path(path);
  if (!real) return tl::unexpected(real.error());
  // O_NONBLOCK: a FIFO without a writer must not keep us waiting.
  const Descriptor file(open(real->c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) return refused("cannot be opened", path, errno);
  if (!S_ISREG(status.st_mode)) return fail(Code::Io, "is not a regular file", path, "name a program");
  if (status.st_size > INT32_MAX) return fail(Code::Limit, "is larger than 2 GiB", path);

  ProgramFile program;
  program.path = *real;
  program.device = status.st_dev;
  program.inode = status.st_ino;
  program.size = static_cast<uint64_t>(status.st_size);
  program.changed_seconds = status.st_mtim.tv_sec;
  program.changed_nanoseconds = status.st_mtim.tv_nsec;
  if (auto good = check_file(file.fd, status, path); !good) return tl::unexpected(good.error());
  if (status.st_nlink > 1) {
    program.notes.push_back(
        fmt::format("the file has {} other name{} (hard links), which keep{} the program as it is now",
                    status.st_nlink - 1, status.st_nlink == 2 ? "" : "s", status.st_nlink == 2 ? "s" : ""));
  }
  program.bytes.resize(program.size);
  for (size_t at = 0; at < program.bytes.size();) {
    const ssize_t got =
        pread(file.fd, program.bytes.data() + at, program.bytes.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refused("cannot be read", path, errno);
    if (got == 0) return fail(Code::Io, "became shorter while it was read", path, "try again");
    at += static_cast<size_t>(got);
  }
  return program;
}

Result<void> write_program_file(const ProgramFile& from, std::span<const uint8_t> bytes,
                                const FileOptions& options) {
  const bool in_place = options.output.empty();
  auto target = target_of(from, options);
  if (!target) return tl::unexpected(target.error());
  const Descriptor old(open(from.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (old.fd < 0 || fstat(old.fd, &status) != 0) return refused("cannot be read again", from.path, errno);
  if (!unchanged(from, status)) return fail(Code::Io, "was changed meanwhile", from.path, "try again");
  // A file that cannot be written is not replaced behind its owner's back.
  if (in_place && access(from.path.c_str(), W_OK) != 0 && errno != ETXTBSY) {
    return refused("cannot be written", from.path, errno);
  }

  NewFile file(*target);
  if (file.fd() < 0) return refused("cannot be written: no new file can be made next to it", *target, errno);
  if (const int error = write_all(file.fd(), bytes); error != 0)
    return refused("cannot be written", *target, error);
  // In this order: writing and changing the owner take file capabilities away, changing the owner takes mode
  // bits away.
  if (in_place && (status.st_uid != geteuid() || status.st_gid != getegid())) {
    if (fchown(file.fd(), status.st_uid, status.st_gid) != 0) {
      return refused("its owner cannot be given to the new file", *target, errno);
    }
  }
  if (fchmod(file.fd(), status.st_mode & 07777) != 0) return refused("cannot be written", *target, errno);
  if (auto copied = copy_attributes(old.fd, file.fd(), *target); !copied) return copied;
  if (fsync(file.fd()) != 0) return refused("cannot be written", *target, errno);
  if (in_place && (stat(from.path.c_str(), &status) != 0 || !unchanged(from, status))) {
    return fail(Code::Io, "was changed meanwhile", from.path, "try again");
  }
  if (const int error = file.place(*target); error != 0) return refused("cannot be written", *target, error);
  // The name must be on disk too. Where a directory cannot be synchronised it is the file system's to care.
  const Descriptor directory(open(directory_of(*target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd >= 0) fsync(directory.fd);
  return {};
}

}  // namespace stile
