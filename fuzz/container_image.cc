// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a container image, as one layer of one, or as one of its documents (the first byte says which). Nothing but the directory
// for it is ever written to, and it is gone afterwards.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <fcntl.h>
#include <stdlib.h>  // mkdtemp
#include <sys/mman.h>
#include <unistd.h>

#include <stile/image.h>

#include "check.h"
#include "image/manifest.h"
#include "image/parts.h"
#include "image/unpack.h"

namespace stile::fuzz::images {

// A directory with one other file in it, which has to stay as it is.
class Place {
 public:
  Place() {
    std::string name = std::filesystem::is_directory("/dev/shm") ? "/dev/shm/stile-fuzz-XXXXXX" : "/tmp/stile-fuzz-XXXXXX";
    FUZZ_CHECK(::mkdtemp(name.data()) != nullptr);
    path = name;
    std::filesystem::create_directory(path + "/inside");
    std::ofstream(path + "/witness") << "here";
  }
  ~Place() {
    std::ifstream in(path + "/witness");
    FUZZ_CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "here");
    FUZZ_CHECK(std::distance(std::filesystem::directory_iterator(path), {}) == 2);
    std::filesystem::remove_all(path);
  }
  std::string path;
};

ImageOptions small_options(const std::string& directory) {
  ImageOptions options;
  options.most_bytes = 4 << 20;
  options.most_written = 1 << 20;
  options.most_entries = 500;
  options.temporary = directory;
  return options;
}

// A file that exists in memory alone.
class InMemory {
 public:
  explicit InMemory(std::string_view bytes) : fd_(::memfd_create("image", MFD_CLOEXEC)) {
    FUZZ_CHECK(fd_ >= 0 && ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~InMemory() { ::close(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

void whole(std::string_view bytes) {
  const Place place;
  const InMemory file(bytes);
  const auto image = open_image(file.path(), small_options(place.path + "/inside"));
  if (!image) return check_error(image.error());
  const auto entry = entry_point(*image, "");
  if (!entry) return check_error(entry.error());
  FUZZ_CHECK(!entry->programs.empty() || !entry->scripts.empty());
}

void layer(std::string_view bytes) {
  const Place place;
  const ImageOptions options = small_options(place.path);
  auto root = Root::at(place.path + "/inside");
  FUZZ_CHECK(root.has_value());
  image::Unpacker unpacker(std::move(*root), options);
  // Twice: the second one finds everything there already.
  for (int i = 0; i < 2; ++i) {
    bool done = false;
    image::Source source;
    source.next = [&](const void** out) -> ssize_t {
      *out = bytes.data();
      const ssize_t size = done ? 0 : static_cast<ssize_t>(bytes.size());
      done = true;
      return size;
    };
    if (auto ok = unpacker.add_layer(source, "input"); !ok) check_error(ok.error());
  }
}

// A directory with one document in it; those it names are not there, which is as far as it can go without their digests.
void document(std::string_view bytes, const char* name) {
  const Place place;
  std::ofstream(place.path + "/inside/" + name, std::ios::binary) << bytes;
  if (std::string_view(name) != "manifest.json") std::ofstream(place.path + "/inside/oci-layout") << "{}";
  const auto parts = image::Parts::open(place.path + "/inside");
  FUZZ_CHECK(parts.has_value());
  const auto manifest = image::read_manifest(*parts);
  if (!manifest) check_error(manifest.error());
}

}  // namespace stile::fuzz::images

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile::fuzz::images;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: whole(rest); break;
    case 1: layer(rest); break;
    case 2: document(rest, "manifest.json"); break;
    case 3: document(rest, "index.json"); break;
  }
  return 0;
}
