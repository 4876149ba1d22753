// SPDX-License-Identifier: Apache-2.0
#include "input.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stile::cli {
namespace {

constexpr size_t kMaxBytes = 16u << 20;
constexpr size_t kChunk = 64u << 10;

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

bool starts_like_json(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

}  // namespace

Result<std::optional<std::string>> read_if_json(const std::string& path) {
  // O_NONBLOCK: a FIFO without a writer must not keep us waiting.
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat status;
  if (file.fd < 0 || fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::string text;
  while (true) {
    const size_t size = text.size();
    text.resize(size + kChunk);
    const ssize_t got = read(file.fd, text.data() + size, kChunk);
    if (got < 0) return fail(Code::Io, std::string("cannot be read: ") + std::strerror(errno), path);
    text.resize(size + static_cast<size_t>(got));
    if (!starts_like_json(text)) return std::nullopt;
    if (got == 0) return text;
    if (text.size() > kMaxBytes) return fail(Code::Limit, "too large for a profile", path);
  }
}

}  // namespace stile::cli
