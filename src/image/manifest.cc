// SPDX-License-Identifier: Apache-2.0
#include "image/manifest.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "format/json_text.h"
#include "image/digest.h"
#include "image/shown.h"

namespace stile::image {

namespace {

using format::Decoder;
using format::json;
using format::Need;
using format::Object;

constexpr size_t kMostLayers = 512;      // docker stops at 127
constexpr unsigned kDeepestIndex = 4;
constexpr size_t kMostImages = 1000;

struct Found {
  std::string name;
  std::string config;  // name of the part
  std::string config_digest;
  std::vector<Layer> layers;
};

std::string blob(const std::string& digest) { return "blobs/sha256/" + digest.substr(digest.find(':') + 1); }

// A part that is named by its digest, and has it.
Result<std::string> checked_text(const Parts& parts, const std::string& name, const std::string& digest) {
  auto text = parts.text(name);
  if (!text) return text;
  if (digest_of(*text) != digest) {
    return fail(Code::Malformed, "has another content than its digest says", parts.path() + ": " + shown(name), "save the image again");
  }
  return text;
}

std::string checked_digest(Object& object, const char* key) {
  const std::string digest = object.text(key, Need::Required);
  if (!digest.empty() && !is_digest(digest)) object.fail(key, fmt::format("'{}' is no SHA-256 digest", shown(digest)));
  return is_digest(digest) ? digest : std::string();
}

// manifest.json, which docker and podman write for docker load.
Result<std::vector<Found>> docker_images(const Parts& parts) {
  auto text = parts.text("manifest.json");
  if (!text) return tl::unexpected(text.error());
  const std::string where = parts.path() + ": manifest.json";
  auto document = format::parse_json(*text, where);
  if (!document) return tl::unexpected(document.error());
  Decoder decoder(where, format::Nulls::AreAbsent);
  std::vector<Found> images;
  const json wrapped = {{"images", *document}};
  Object top(decoder, wrapped, "");
  top.array("images", Need::Required, [&](const json& one, const std::string& path) {
    Object object(decoder, one, path);
    Found found;
    found.config = object.text("Config", Need::Required);
    const std::vector<std::string> names = object.texts("RepoTags");
    if (!names.empty()) found.name = names.front();
    for (const std::string& layer : object.texts("Layers", Need::Required)) found.layers.push_back({layer, "", ""});
    // "HEX.json", or since docker 25 "blobs/sha256/HEX".
    std::string hex = found.config.substr(found.config.rfind('/') + 1);
    if (hex.ends_with(".json")) hex.resize(hex.size() - 5);
    found.config_digest = "sha256:" + hex;
    if (!is_digest(found.config_digest)) object.fail("Config", fmt::format("'{}' is not called after its digest", shown(found.config)));
    images.push_back(std::move(found));
  });
  if (decoder.failed()) return tl::unexpected(decoder.error());
  return images;
}

class Index {
 public:
  explicit Index(const Parts& parts) : parts_(parts) {}

  // An index: manifests, for several machines or of several images, and further indexes.
  Result<void> read(const std::string& text, const std::string& where, const std::string& name, unsigned depth) {
    if (depth > kDeepestIndex) return fail(Code::Limit, fmt::format("is an index {} levels deep", depth), where);
    auto document = format::parse_json(text, where);
    if (!document) return tl::unexpected(document.error());
    Decoder decoder(where, format::Nulls::AreAbsent);
    Object top(decoder, *document, "");
    struct Item {
      std::string type, digest, name;
    };
    std::vector<Item> items;
    top.array("manifests", Need::Required, [&](const json& one, const std::string& path) {
      Object object(decoder, one, path);
      Item item{object.text("mediaType"), checked_digest(object, "digest"), name};
      if (const json* annotations = object.member("annotations")) {
        Object notes(decoder, *annotations, object.path_of("annotations"));
        // containerd's has the whole name; the standard one often the tag alone.
        const std::string whole = notes.text("io.containerd.image.name");
        const std::string standard = notes.text("org.opencontainers.image.ref.name");
        if (!whole.empty() || !standard.empty()) item.name = whole.empty() ? standard : whole;
      }
      if (const json* platform = object.member("platform")) {
        Object fields(decoder, *platform, object.path_of("platform"));
        const std::string system = fields.text("os"), machine = fields.text("architecture");
        if (system != "linux" || machine != "amd64") {
          // "unknown" is what statements about an image's origin say.
          if (machine != "unknown") others_.push_back(system + "/" + machine);
          return;
        }
      }
      items.push_back(std::move(item));
    });
    if (decoder.failed()) return tl::unexpected(decoder.error());
    for (const Item& item : items) {
      if (images_.size() >= kMostImages) return fail(Code::Limit, fmt::format("holds more than {} images", kMostImages), parts_.path());
      auto part = checked_text(parts_, blob(item.digest), item.digest);
      if (!part) return tl::unexpected(part.error());
      const std::string part_where = parts_.path() + ": " + blob(item.digest);
      const bool index = item.type.find("index") != item.type.npos || item.type.find("manifest.list") != item.type.npos;
      auto ok = index ? read(*part, part_where, item.name, depth + 1) : manifest(*part, part_where, item.name);
      if (!ok) return ok;
    }
    return {};
  }

  std::vector<Found>& images() { return images_; }
  const std::vector<std::string>& others() const { return others_; }

 private:
  Result<void> manifest(const std::string& text, const std::string& where, const std::string& name) {
    auto document = format::parse_json(text, where);
    if (!document) return tl::unexpected(document.error());
    Decoder decoder(where, format::Nulls::AreAbsent);
    Object top(decoder, *document, "");
    Found found;
    found.name = name;
    if (const json* config = top.member("config", Need::Required)) {
      Object object(decoder, *config, "/config");
      // Charts, signatures and other things that travel as images are none.
      const std::string type = object.text("mediaType");
      if (!type.empty() && type.find("image.config") == type.npos && type.find("container.image") == type.npos) return {};
      found.config_digest = checked_digest(object, "digest");
      found.config = blob(found.config_digest);
    }
    top.array("layers", Need::Required, [&](const json& one, const std::string& path) {
      Object object(decoder, one, path);
      const std::string digest = checked_digest(object, "digest");
      found.layers.push_back({blob(digest), digest, ""});
    });
    if (decoder.failed()) return tl::unexpected(decoder.error());
    images_.push_back(std::move(found));
    return {};
  }

  const Parts& parts_;
  std::vector<Found> images_;
  std::vector<std::string> others_;
};

Result<void> read_config(const Parts& parts, const Found& found, Manifest& manifest) {
  auto text = checked_text(parts, found.config, found.config_digest);
  if (!text) return tl::unexpected(text.error());
  const std::string where = parts.path() + ": " + shown(found.config);
  auto document = format::parse_json(*text, where);
  if (!document) return tl::unexpected(document.error());
  Decoder decoder(where, format::Nulls::AreAbsent);
  Object top(decoder, *document, "");
  const std::string machine = top.text("architecture"), system = top.text("os");
  if (!decoder.failed() && (machine != "amd64" || system != "linux")) {
    return fail(Code::Unsupported, fmt::format("is an image for {}/{}", shown(system), shown(machine)), parts.path(),
                "this version analyses images for linux/amd64");
  }
  if (const json* config = top.member("config")) {
    Object object(decoder, *config, "/config");
    manifest.config.entrypoint = object.texts("Entrypoint");
    manifest.config.command = object.texts("Cmd");
    manifest.config.environment = object.texts("Env");
    manifest.config.working_directory = object.text("WorkingDir");
  }
  std::vector<std::string> contents;
  if (const json* system_root = top.member("rootfs", Need::Required)) {
    Object object(decoder, *system_root, "/rootfs");
    contents = object.texts("diff_ids", Need::Required);
  }
  if (decoder.failed()) return tl::unexpected(decoder.error());
  if (contents.size() != manifest.layers.size()) {
    return fail(Code::Malformed, fmt::format("lists {} layers where the manifest has {}", contents.size(), manifest.layers.size()), where,
                "save the image again");
  }
  for (size_t i = 0; i < contents.size(); ++i) {
    if (!is_digest(contents[i])) return fail(Code::Malformed, fmt::format("'{}' is no SHA-256 digest", shown(contents[i])), where);
    manifest.layers[i].content = contents[i];
  }
  return {};
}

}  // namespace

Result<Manifest> read_manifest(const Parts& parts) {
  std::vector<Found> images;
  std::vector<std::string> others;
  // New versions of docker save write both; what docker load reads is manifest.json.
  if (parts.has("manifest.json")) {
    auto found = docker_images(parts);
    if (!found) return tl::unexpected(found.error());
    images = std::move(*found);
  } else if (parts.has("index.json")) {
    auto text = parts.text("index.json");
    if (!text) return tl::unexpected(text.error());
    Index index(parts);
    if (auto ok = index.read(*text, parts.path() + ": index.json", "", 0); !ok) return tl::unexpected(ok.error());
    images = std::move(index.images());
    others = index.others();
  } else {
    return fail(Code::Malformed, "holds neither manifest.json nor index.json: it is no container image", parts.path(),
                "name what docker save or podman save wrote, or an OCI image layout");
  }
  // One image under several names is one.
  const auto same = [](const Found& a, const Found& b) { return a.config_digest == b.config_digest; };
  const auto less = [](const Found& a, const Found& b) { return a.config_digest < b.config_digest; };
  std::stable_sort(images.begin(), images.end(), less);
  images.erase(std::unique(images.begin(), images.end(), same), images.end());
  if (images.empty()) {
    std::sort(others.begin(), others.end());
    return fail(Code::Unsupported,
                others.empty() ? "holds no image" : fmt::format("holds no image for linux/amd64, only for {}", shown(fmt::format("{}", fmt::join(others, ", ")))),
                parts.path(), "this version analyses images for linux/amd64");
  }
  if (images.size() > 1) {
    std::vector<std::string> names;
    for (const Found& one : images) {
      if (names.size() < 10) names.push_back(one.name.empty() ? one.config_digest.substr(0, 19) : shown(one.name));
    }
    std::sort(names.begin(), names.end());
    return fail(Code::Unsupported, fmt::format("holds {} images: {}", images.size(), fmt::join(names, ", ")), parts.path(),
                "save one of them alone");
  }
  Manifest manifest;
  manifest.name = images[0].name;
  manifest.digest = images[0].config_digest;
  manifest.layers = std::move(images[0].layers);
  if (manifest.layers.size() > kMostLayers) {
    return fail(Code::Limit, fmt::format("has {} layers, more than {}", manifest.layers.size(), kMostLayers), parts.path());
  }
  if (auto ok = read_config(parts, images[0], manifest); !ok) return tl::unexpected(ok.error());
  return manifest;
}

}  // namespace stile::image
