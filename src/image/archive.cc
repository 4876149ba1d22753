// SPDX-License-Identifier: Apache-2.0
#include "image/archive.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace stile::image {

namespace {

constexpr size_t kBlock = 1 << 16;

Archive new_tar() {
  Archive archive(archive_read_new());
  archive_read_support_filter_gzip(archive.get());
  archive_read_support_filter_zstd(archive.get());
  archive_read_support_format_tar(archive.get());
  archive_read_support_format_empty(archive.get());
  return archive;
}

la_ssize_t read_source(struct archive* archive, void* data, const void** bytes) {
  auto* source = static_cast<Source*>(data);
  const ssize_t got = source->next(bytes);
  if (got < 0) archive_set_error(archive, EIO, "%s", source->error.message.c_str());
  return got;
}

Result<Archive> open(Archive archive, Source& source, const std::string& where) {
  if (archive_read_open(archive.get(), &source, nullptr, read_source, nullptr) != ARCHIVE_OK) {
    return tl::unexpected(archive_error(archive.get(), where));
  }
  return archive;
}

}  // namespace

Error archive_error(struct archive* archive, const std::string& where) {
  const char* text = archive_error_string(archive);
  std::string message = text == nullptr ? "is damaged" : text;
  std::replace(message.begin(), message.end(), '\n', ' ');
  return {Code::Malformed, "cannot be read as a tar archive: " + message, where, "save the image again"};
}

Result<Archive> open_tar(const std::string& path) {
  Archive archive = new_tar();
  errno = 0;
  if (archive_read_open_filename(archive.get(), path.c_str(), kBlock) != ARCHIVE_OK) {
    if (archive_errno(archive.get()) == ENOENT || archive_errno(archive.get()) == EACCES) {
      return fail(Code::Io, std::strerror(archive_errno(archive.get())), path, "check the path");
    }
    return tl::unexpected(archive_error(archive.get(), path));
  }
  return archive;
}

Result<Archive> open_tar(Source& source, const std::string& where) { return open(new_tar(), source, where); }

Result<Archive> open_plain(Source& source, const std::string& where) {
  Archive archive(archive_read_new());
  archive_read_support_filter_gzip(archive.get());
  archive_read_support_filter_zstd(archive.get());
  archive_read_support_format_raw(archive.get());
  archive_read_support_format_empty(archive.get());
  return open(std::move(archive), source, where);
}

Result<bool> next_entry(struct archive* archive, struct archive_entry** entry, const std::string& where) {
  const int status = archive_read_next_header(archive, entry);
  if (status == ARCHIVE_EOF) return false;
  // A warning is about a name in another character set or the like: the entry is there.
  if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return tl::unexpected(archive_error(archive, where));
  return true;
}

}  // namespace stile::image
