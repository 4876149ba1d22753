// SPDX-License-Identifier: Apache-2.0
#include "image/parts.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/shown.h"

namespace stile::image {

namespace {

constexpr size_t kMostText = 4 << 20;        // manifests and configurations have some KiB
constexpr size_t kMostSmall = 64 << 20;      // all of them together
constexpr size_t kMostMembers = 100'000;     // docker save writes three for each layer
constexpr size_t kLongestName = 4096;
constexpr unsigned kMostLinks = 8;

// "./a//b/../c" as "a/c"; nothing if it leads out.
std::optional<std::string> plain_name(const std::string& name) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < name.size();) {
    const size_t slash = std::min(name.find('/', at), name.size());
    const std::string part = name.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (parts.empty()) return std::nullopt;
      parts.pop_back();
      continue;
    }
    parts.push_back(part);
  }
  std::string plain;
  for (const std::string& part : parts) plain += (plain.empty() ? "" : "/") + part;
  return plain;
}

}  // namespace

Result<Parts> Parts::open(const std::string& path) {
  Parts parts;
  parts.path_ = path;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(Code::Io, std::strerror(errno), path, "check the path");
  if (S_ISDIR(status.st_mode)) {
    auto root = Root::at(path);
    if (!root) return tl::unexpected(root.error());
    if (!root->identity("/oci-layout") && !root->identity("/manifest.json")) {
      return fail(Code::Usage, "is a directory without an image in it", path,
                  "name what docker save or podman save wrote, or an OCI image layout; for an unpacked file system use --sysroot");
    }
    parts.root_ = std::move(*root);
    return parts;
  }
  if (!S_ISREG(status.st_mode)) return fail(Code::Io, "is not a regular file", path, "save the image to a file first");
  if (auto ok = parts.list_archive(); !ok) return tl::unexpected(ok.error());
  return parts;
}

Result<void> Parts::list_archive() {
  auto archive = open_tar(path_);
  if (!archive) return tl::unexpected(archive.error());
  struct archive_entry* entry = nullptr;
  size_t small_bytes = 0;
  while (true) {
    auto more = next_entry(archive->get(), &entry, path_);
    if (!more) return tl::unexpected(more.error());
    if (!*more) break;
    const char* raw = archive_entry_pathname(entry);
    if (raw == nullptr || std::strlen(raw) > kLongestName) continue;
    const auto name = plain_name(raw);
    if (!name || name->empty()) continue;
    if (members_.size() >= kMostMembers) {
      return fail(Code::Limit, fmt::format("holds more than {} files", kMostMembers), path_, "no image is made of as many parts");
    }
    const char* link = archive_entry_hardlink(entry);
    if (link != nullptr) {
      if (const auto target = plain_name(link)) members_[*name] = *target;
    } else if (archive_entry_filetype(entry) == AE_IFLNK) {
      link = archive_entry_symlink(entry);
      const size_t slash = name->rfind('/');
      const std::string above = slash == name->npos ? "" : name->substr(0, slash + 1);
      if (link != nullptr && *link != '/') {
        if (const auto target = plain_name(above + link)) members_[*name] = *target;
      }
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
      members_[*name] = "";
      small_.erase(*name);
      const int64_t size = archive_entry_size(entry);
      // Layers can be small, too; what is not asked for as text does no harm here.
      if (size >= 0 && static_cast<uint64_t>(size) <= kMostText && small_bytes + static_cast<size_t>(size) <= kMostSmall) {
        std::string text(static_cast<size_t>(size), '\0');
        const la_ssize_t got = archive_read_data(archive->get(), text.data(), text.size());
        if (got != size) return tl::unexpected(archive_error(archive->get(), path_));
        small_bytes += text.size();
        small_[*name] = std::move(text);
      }
    }
  }
  if (members_.empty()) {
    return fail(Code::Malformed, "is no tar archive, or an empty one", path_, "name what docker save or podman save wrote");
  }
  return {};
}

// Where links lead in the end.
std::optional<std::string> Parts::resolve(const std::string& name) const {
  auto plain = plain_name(name);
  for (unsigned i = 0; plain && i < kMostLinks; ++i) {
    const auto it = members_.find(*plain);
    if (it == members_.end()) return std::nullopt;
    if (it->second.empty()) return plain;
    plain = it->second;
  }
  return std::nullopt;
}

bool Parts::has(const std::string& name) const {
  if (root_) return root_->identity("/" + name).has_value();
  return resolve(name).has_value();
}

Result<std::string> Parts::text(const std::string& name) const {
  const auto absent = [&] { return fail(Code::Malformed, "is not in the image", path_ + ": " + shown(name), "save the image again"); };
  if (root_) {
    auto text = root_->read_text("/" + name, kMostText + 1);
    if (!text) return absent();
    if (text->size() > kMostText) return fail(Code::Limit, "is larger than 4 MiB", path_ + ": " + shown(name));
    return std::move(*text);
  }
  const auto plain = resolve(name);
  if (!plain) return absent();
  const auto it = small_.find(*plain);
  if (it == small_.end()) return fail(Code::Limit, "is larger than 4 MiB", path_ + ": " + shown(name));
  return it->second;
}

Result<void> Parts::stream(const std::string& name, const std::function<Result<void>(Source& source)>& use) const {
  const std::string where = path_ + ": " + shown(name);
  std::array<char, 1 << 16> buffer;
  Source source;
  source.error = {Code::Io, "cannot be read", where, {}};
  if (root_) {
    const int fd = root_->open_read("/" + name);
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
      if (fd >= 0) ::close(fd);
      return fail(Code::Malformed, "is not in the image", where, "save the image again");
    }
    source.next = [&](const void** bytes) {
      *bytes = buffer.data();
      return ::read(fd, buffer.data(), buffer.size());
    };
    auto done = use(source);
    ::close(fd);
    return done;
  }
  const auto plain = resolve(name);
  if (!plain) return fail(Code::Malformed, "is not in the image", where, "save the image again");
  auto archive = open_tar(path_);
  if (!archive) return tl::unexpected(archive.error());
  struct archive_entry* entry = nullptr;
  while (true) {
    auto more = next_entry(archive->get(), &entry, path_);
    if (!more) return tl::unexpected(more.error());
    if (!*more) return fail(Code::Malformed, "is not in the image", where, "save the image again");
    const char* raw = archive_entry_pathname(entry);
    if (raw == nullptr || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) continue;
    if (plain_name(raw) == plain) break;
  }
  source.next = [&](const void** bytes) -> ssize_t {
    *bytes = buffer.data();
    const la_ssize_t got = archive_read_data(archive->get(), buffer.data(), buffer.size());
    if (got < 0) source.error = archive_error(archive->get(), where);
    return got;
  };
  return use(source);
}

}  // namespace stile::image
