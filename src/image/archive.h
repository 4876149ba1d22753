// SPDX-License-Identifier: Apache-2.0
//
// libarchive, as far as images need it: streams that are perhaps compressed, and tar archives in them. Only gzip, zstd and tar are let in, since
// images hold nothing else, and each further format would be one more parser for a hostile file to try.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <archive.h>
#include <archive_entry.h>
#include <sys/types.h>

#include <stile/result.h>

namespace stile::image {

struct ArchiveCloser {
  void operator()(struct archive* one) const { archive_read_free(one); }
};
using Archive = std::unique_ptr<struct archive, ArchiveCloser>;

// Gives the next bytes: how many, 0 at the end, -1 and `error` if there are none to be had. The bytes stay valid until the next call.
struct Source {
  std::function<ssize_t(const void** bytes)> next;
  Error error;  // what `next` says when it fails
};

// A tar archive in a file, perhaps compressed.
Result<Archive> open_tar(const std::string& path);
// A tar archive in a stream. The source must outlive it.
Result<Archive> open_tar(Source& source, const std::string& where);
// The bytes of a stream without their compression, if there is any.
Result<Archive> open_plain(Source& source, const std::string& where);

// The next entry: true; the end: false. An archive that is damaged is Malformed.
Result<bool> next_entry(struct archive* archive, struct archive_entry** entry, const std::string& where);

// What libarchive says went wrong, on one line.
Error archive_error(struct archive* archive, const std::string& where);

}  // namespace stile::image
