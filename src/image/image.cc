// SPDX-License-Identifier: Apache-2.0
//
// From the file to the unpacked image.
#include <stile/image.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <stdlib.h>  // mkdtemp

#include "base/root.h"
#include "image/digest.h"
#include "image/manifest.h"
#include "image/parts.h"
#include "image/unpack.h"

namespace stile {

struct ContainerImage::State {
  std::string file;
  image::Manifest manifest;
  std::string directory;
  ~State() {
    std::error_code ignored;
    if (!directory.empty()) std::filesystem::remove_all(directory, ignored);
  }
};

ContainerImage::ContainerImage(std::unique_ptr<State> state) : state_(std::move(state)) {}
ContainerImage::ContainerImage(ContainerImage&&) noexcept = default;
ContainerImage& ContainerImage::operator=(ContainerImage&&) noexcept = default;
ContainerImage::~ContainerImage() = default;

const std::string& ContainerImage::file() const { return state_->file; }
const std::string& ContainerImage::name() const { return state_->manifest.name; }
std::string ContainerImage::reference() const { return name().empty() ? digest() : name() + "@" + digest(); }
const std::string& ContainerImage::digest() const { return state_->manifest.digest; }
const std::string& ContainerImage::directory() const { return state_->directory; }
const ImageConfig& ContainerImage::config() const { return state_->manifest.config; }

namespace {

using namespace image;

// Reads what is left, so that a digest is one of all bytes.
bool drain(Source& source) {
  const void* bytes = nullptr;
  while (true) {
    const ssize_t got = source.next(&bytes);
    if (got <= 0) return got == 0;
  }
}

// One layer: the part as it is stored, without its compression, as files. `left` bytes may still come out of the compression.
Result<void> unpack(const Parts& parts, const Layer& layer, const std::string& where, Unpacker& unpacker, uint64_t& left) {
  return parts.stream(layer.part, [&](Source& stored) -> Result<void> {
    Digest as_stored, content;
    Source packed;
    packed.next = [&](const void** bytes) {
      const ssize_t got = stored.next(bytes);
      if (got < 0) packed.error = stored.error;
      if (got > 0) as_stored.add(*bytes, static_cast<size_t>(got));
      return got;
    };
    auto plain = open_plain(packed, where);
    if (!plain) return tl::unexpected(plain.error());
    struct archive_entry* entry = nullptr;
    auto any = next_entry(plain->get(), &entry, where);
    if (!any) return tl::unexpected(any.error());
    std::vector<char> buffer(1 << 16);
    bool failed = false;
    Source tar;
    tar.next = [&](const void** bytes) -> ssize_t {
      *bytes = buffer.data();
      if (!*any || failed) return failed ? -1 : 0;
      const la_ssize_t got = archive_read_data(plain->get(), buffer.data(), buffer.size());
      failed = got < 0 || static_cast<uint64_t>(got) > left;
      if (got < 0) {
        tar.error = archive_error(plain->get(), where);
      } else if (failed) {
        tar.error = {Code::Limit, "the image is larger than is unpacked: its layers hold more than was allowed", where,
                     "do not use this image"};
      }
      if (failed) return -1;
      left -= static_cast<uint64_t>(got);
      content.add(buffer.data(), static_cast<size_t>(got));
      return got;
    };
    auto done = unpacker.add_layer(tar, where);
    if (done) drain(tar);
    // libarchive passes on that reading failed, and not why.
    if (failed) return tl::unexpected(tar.error);
    if (!done) return done;
    if (!drain(packed)) return tl::unexpected(packed.error);
    if ((!layer.digest.empty() && as_stored.text() != layer.digest) || content.text() != layer.content) {
      return fail(Code::Malformed, "has another content than its digest says", where, "save the image again");
    }
    return {};
  });
}

Result<std::string> make_directory(const std::string& wanted) {
  const char* from_environment = std::getenv("TMPDIR");
  std::string base = !wanted.empty() ? wanted : from_environment != nullptr && *from_environment != 0 ? from_environment : "/tmp";
  std::string path = base + "/stile-image-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return fail(Code::Io, std::string("cannot be unpacked into: ") + std::strerror(errno), base, "set TMPDIR to a directory of yours");
  }
  return path;
}

}  // namespace

Result<ContainerImage> open_image(const std::string& path, const ImageOptions& options) {
  auto parts = Parts::open(path);
  if (!parts) return tl::unexpected(parts.error());
  auto manifest = read_manifest(*parts);
  if (!manifest) return tl::unexpected(manifest.error());
  auto state = std::make_unique<ContainerImage::State>();
  state->file = path;
  state->manifest = std::move(*manifest);
  auto directory = make_directory(options.temporary);
  if (!directory) return tl::unexpected(directory.error());
  state->directory = *directory;
  auto root = Root::at(*directory);
  if (!root) return tl::unexpected(root.error());
  state->directory = root->directory();
  Unpacker unpacker(std::move(*root), options);
  uint64_t left = options.most_bytes;
  size_t number = 0;
  for (const Layer& layer : state->manifest.layers) {
    ++number;
    const std::string where = fmt::format("{}: layer {}", path, number);
    if (auto ok = unpack(*parts, layer, where, unpacker, left); !ok) return tl::unexpected(ok.error());
  }
  return ContainerImage(std::move(state));
}

}  // namespace stile
