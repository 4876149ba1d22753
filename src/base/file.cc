// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stile {

namespace {

struct FileDescriptor {
  int fd;
  ~FileDescriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

Result<FileBytes> FileBytes::open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not wait for ever.
  return take(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), path);
}

Result<FileBytes> FileBytes::take(int descriptor, const std::string& path) {
  FileDescriptor file{descriptor};
  if (file.fd < 0) {
    const int error = errno;
    const char* hint = error == ENOENT   ? "check the path"
                       : error == EACCES ? "it must be readable: chmod +r, or run as a user who may read it"
                                         : "";
    return fail(Code::Io, std::strerror(error), path, hint);
  }
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) return fail(Code::Io, std::strerror(errno), path);
  if (S_ISDIR(status.st_mode)) return fail(Code::Io, "is a directory", path, "name the program inside it");
  if (!S_ISREG(status.st_mode)) return fail(Code::Io, "is not a regular file", path, "copy it to a file first");
  if (status.st_size == 0) return fail(Code::Io, "is empty", path, "name an ELF executable");
  // Offsets inside a function are kept in 32 bits, and a sparse file of any size is easily made.
  if (status.st_size > INT32_MAX) return fail(Code::Limit, "is larger than 2 GiB", path, "no linker makes such a program");

  FileBytes bytes;
  bytes.size_ = static_cast<size_t>(status.st_size);
  void* address = ::mmap(nullptr, bytes.size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.fd, 0);
  if (address == MAP_FAILED) return fail(Code::Io, std::strerror(errno), path);
  ::madvise(address, bytes.size_, MADV_WILLNEED);
  bytes.data_ = static_cast<uint8_t*>(address);
  bytes.mapped_ = true;
  return bytes;
}

void FileBytes::release(size_t offset, size_t length) const {
  if (!mapped_ || offset > size_ || length > size_ - offset) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t start = (offset + page - 1) / page * page;
  const size_t end = (offset + length) / page * page;
  if (start < end) ::madvise(data_ + start, end - start, MADV_DONTNEED);
}

FileBytes::FileBytes(std::vector<uint8_t> bytes) : owned_(std::move(bytes)) {
  data_ = owned_.data();
  size_ = owned_.size();
}

FileBytes::FileBytes(FileBytes&& other) noexcept { *this = std::move(other); }

FileBytes& FileBytes::operator=(FileBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  std::swap(owned_, other.owned_);
  return *this;
}

FileBytes::~FileBytes() {
  if (mapped_) ::munmap(data_, size_);
}

}  // namespace stile
