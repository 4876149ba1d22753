// SPDX-License-Identifier: Apache-2.0
#include "image/unpack.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/shown.h"

namespace stile::image {

namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestPath = 4096;
constexpr size_t kDeepest = 200;             // directories below each other
constexpr uint64_t kWhole = 1 << 20;         // files up to this size are kept whole, larger ones if they are ELF files
constexpr int64_t kLargestFile = int64_t{1} << 40;
constexpr uint64_t kMostNames = 256 << 20;   // bytes; a large distribution has 30 MiB of them
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// Components of a member's name; nothing if it has "..", which no engine lets in.
bool split(const std::string& name, std::vector<std::string>& parts) {
  for (size_t at = 0; at < name.size();) {
    const size_t slash = std::min(name.find('/', at), name.size());
    const std::string part = name.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return false;
    parts.push_back(part);
  }
  return true;
}

std::string joined(const std::vector<std::string>& parts, size_t count) {
  std::string path;
  for (size_t i = 0; i < count; ++i) path += "/" + parts[i];
  return path;
}

Error system_error(const std::string& where) {
  return {Code::Io, std::string("cannot be unpacked: ") + std::strerror(errno), where, "set TMPDIR to a directory with more room"};
}

}  // namespace

void Unpacker::remove(const std::string& inside) {
  std::error_code ignored;
  fs::remove_all(host(inside), ignored);  // does not follow links
}

Result<std::string> Unpacker::make_directory(const std::string& path, const std::string& where) {
  std::vector<std::string> parts;
  split(path, parts);
  std::string real = "/";
  for (const std::string& part : parts) {
    const std::string next = (real == "/" ? "" : real) + "/" + part;
    const auto there = root_.real_path(next);
    if (there && root_.is_directory(*there)) {
      real = *there;
      continue;
    }
    // Missing, a file, or a link that leads nowhere: a directory comes in its place.
    remove(next);
    if (::mkdir(host(next).c_str(), 0700) != 0) return tl::unexpected(system_error(where));
    of_this_layer_.insert(next);
    real = next;
  }
  return real;
}

// `directory` is real.
Result<void> Unpacker::white_out(const std::string& directory, const std::string& name, const std::string& where) {
  const std::string above = directory == "/" ? "" : directory;
  if (name == kOpaque) {
    for (const std::string& child : root_.list(directory, SIZE_MAX)) {
      const std::string path = above + "/" + child;
      // What this layer put there stays, with what is above it.
      const auto below = of_this_layer_.lower_bound(path);
      const bool kept = below != of_this_layer_.end() && (*below == path || below->starts_with(path + "/"));
      if (!kept) remove(path);
    }
    return {};
  }
  if (name.starts_with(".wh..wh.")) return {};  // notes that aufs kept for itself
  const std::string hidden = name.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return fail(Code::Malformed, fmt::format("holds the whiteout '{}', which names nothing", shown(name)), where, "save the image again");
  }
  remove(above + "/" + hidden);
  return {};
}

Result<void> Unpacker::hard_link(const std::string& target, const std::string& to, const std::string& where) {
  std::vector<std::string> parts;
  if (!split(target, parts) || parts.empty()) {
    return fail(Code::Malformed, fmt::format("holds a hard link to '{}', which leads out of the image", shown(target)), where,
                "do not use this image");
  }
  const auto above = root_.real_path(joined(parts, parts.size() - 1) + "/");
  // The last component is taken as it is: a link to a symbolic link is one to the same symbolic link.
  if (!above || ::linkat(AT_FDCWD, host((*above == "/" ? "" : *above) + "/" + parts.back()).c_str(), AT_FDCWD, to.c_str(), 0) != 0) {
    return fail(Code::Malformed, fmt::format("holds a hard link to '{}', which is not there", shown(target)), where, "save the image again");
  }
  return {};
}

Result<void> Unpacker::file(struct archive* archive, struct archive_entry* entry, const std::string& to, const std::string& where) {
  const bool runs = (archive_entry_perm(entry) & 0111) != 0;
  const Descriptor out{::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, runs ? 0700 : 0600)};
  if (out.fd < 0) return tl::unexpected(system_error(where));
  bool whole = false, first = true;
  while (true) {
    const void* bytes = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(archive, &bytes, &size, &offset);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return tl::unexpected(archive_error(archive, where));
    if (size == 0) continue;
    if (offset < 0 || offset > kLargestFile || static_cast<int64_t>(size) > kLargestFile - offset) {
      return fail(Code::Limit, "holds a file of more than 1 TiB", where, "do not use this image");
    }
    if (first) whole = offset == 0 && size >= 4 && std::memcmp(bytes, "\x7f" "ELF", 4) == 0;
    first = false;
    if (!whole && static_cast<uint64_t>(offset) >= kWhole) break;
    if (!whole) size = std::min<size_t>(size, kWhole - static_cast<uint64_t>(offset));
    written_ += size;
    if (written_ > options_.most_written) {
      return fail(Code::Limit, fmt::format("the image holds more than {} MiB of programs and small files", options_.most_written >> 20), where,
                  "do not use this image");
    }
    const auto* at = static_cast<const char*>(bytes);
    for (size_t done = 0; done < size;) {
      const ssize_t wrote = ::pwrite(out.fd, at + done, size - done, offset + static_cast<la_int64_t>(done));
      if (wrote <= 0) return tl::unexpected(system_error(where));
      done += static_cast<size_t>(wrote);
    }
  }
  return {};
}

Result<void> Unpacker::add_entry(struct archive* archive, struct archive_entry* entry, const std::string& where) {
  const char* raw = archive_entry_pathname(entry);
  if (raw == nullptr) return fail(Code::Malformed, "holds a file without a name", where, "save the image again");
  const std::string name = raw;
  std::vector<std::string> parts;
  if (!split(name, parts)) {
    return fail(Code::Malformed, fmt::format("holds '{}', which leads out of the image", shown(name)), where, "do not use this image");
  }
  if (name.size() >= kLongestPath || parts.size() > kDeepest) {
    return fail(Code::Limit, fmt::format("holds a name of {} bytes and {} directories", name.size(), parts.size()), where,
                "do not use this image");
  }
  if (parts.empty()) return {};  // the directory itself
  auto above = make_directory(joined(parts, parts.size() - 1), where);
  if (!above) return tl::unexpected(above.error());
  if (parts.back().starts_with(kWhiteout)) return white_out(*above, parts.back(), where);
  const std::string inside = (*above == "/" ? "" : *above) + "/" + parts.back();
  const std::string to = host(inside);
  struct stat old {};
  const bool there = ::lstat(to.c_str(), &old) == 0;
  of_this_layer_.insert(inside);
  names_ += inside.size();
  if (names_ > kMostNames) {
    return fail(Code::Limit, fmt::format("the image holds more than {} MiB of file names", kMostNames >> 20), where, "do not use this image");
  }
  const char* link = archive_entry_hardlink(entry);
  if (link == nullptr && archive_entry_filetype(entry) == AE_IFDIR) {
    if (there && S_ISDIR(old.st_mode)) return {};
    if (there) remove(inside);
    if (::mkdir(to.c_str(), 0700) != 0) return tl::unexpected(system_error(where));
    return {};
  }
  if (link != nullptr) {
    // A file that is a link to itself must not be lost first.
    std::vector<std::string> target;
    if (split(link, target) && target == parts) return {};
  }
  if (there) remove(inside);
  if (link != nullptr) return hard_link(link, to, where);
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return file(archive, entry, to, where);
    case AE_IFLNK: {
      const char* target = archive_entry_symlink(entry);
      if (target == nullptr || *target == 0 || std::strlen(target) >= kLongestPath) {
        return fail(Code::Malformed, fmt::format("holds a symbolic link '{}' that leads nowhere", shown(name)), where,
                    "save the image again");
      }
      if (::symlink(target, to.c_str()) != 0) return tl::unexpected(system_error(where));
      return {};
    }
    default: return {};  // devices, pipes and sockets: no part of a program is in one
  }
}

Result<void> Unpacker::add_layer(Source& tar, const std::string& where) {
  of_this_layer_.clear();
  auto archive = open_tar(tar, where);
  if (!archive) return tl::unexpected(archive.error());
  struct archive_entry* entry = nullptr;
  while (true) {
    auto more = next_entry(archive->get(), &entry, where);
    if (!more) return tl::unexpected(more.error());
    if (!*more) return {};
    if (++entries_ > options_.most_entries) {
      return fail(Code::Limit, fmt::format("the image holds more than {} files", options_.most_entries), where, "do not use this image");
    }
    if (auto ok = add_entry(archive->get(), entry, where); !ok) return ok;
  }
}

}  // namespace stile::image
