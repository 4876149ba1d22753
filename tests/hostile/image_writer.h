// SPDX-License-Identifier: Apache-2.0
//
// Container images made by hand, right or wrong on purpose.
#pragma once

#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "image/digest.h"

namespace stile::hostile {

// A tar archive in the ustar format; what is longer than its fields is written as GNU tar does.
class Tar {
 public:
  Tar& file(const std::string& name, std::string_view content, unsigned mode = 0644) { return add(name, '0', "", content, mode); }
  Tar& program(const std::string& name, std::string_view content) { return file(name, content, 0755); }
  Tar& directory(const std::string& name) { return add(name, '5', "", "", 0755); }
  Tar& symlink(const std::string& name, const std::string& target) { return add(name, '2', target, "", 0777); }
  Tar& hardlink(const std::string& name, const std::string& target) { return add(name, '1', target, "", 0644); }
  Tar& device(const std::string& name) { return add(name, '3', "", "", 0666); }
  Tar& fifo(const std::string& name) { return add(name, '6', "", "", 0666); }
  // A header that says `size` for a file whose content is not there.
  Tar& claims(const std::string& name, uint64_t size) {
    header(name, '0', "", size, 0644);
    return *this;
  }
  std::string bytes() const { return out_ + std::string(1024, '\0'); }
  std::string unfinished() const { return out_; }

 private:
  Tar& add(const std::string& name, char type, const std::string& link, std::string_view content, unsigned mode) {
    if (name.size() > 100) add("././@LongLink", 'L', "", name + std::string(1, '\0'), 0644);
    if (link.size() > 100) add("././@LongLink", 'K', "", link + std::string(1, '\0'), 0644);
    header(name.substr(0, 100), type, link.substr(0, 100), content.size(), mode);
    out_.append(content);
    out_.append((512 - content.size() % 512) % 512, '\0');
    return *this;
  }
  void header(const std::string& name, char type, const std::string& link, uint64_t size, unsigned mode) {
    std::string h(512, '\0');
    const auto put = [&](size_t at, const std::string& text) { h.replace(at, text.size(), text); };
    char number[32];
    const auto octal = [&](size_t at, int width, unsigned long long value) {
      std::snprintf(number, sizeof number, "%0*llo", width, value);
      put(at, number);
    };
    put(0, name);
    octal(100, 7, mode);
    octal(108, 7, 0);
    octal(116, 7, 0);
    octal(124, 11, size);
    octal(136, 11, 0);
    put(148, "        ");
    h[156] = type;
    put(157, link);
    put(257, std::string("ustar\0" "00", 8));
    unsigned sum = 0;
    for (const char c : h) sum += static_cast<unsigned char>(c);
    octal(148, 6, sum);
    h[154] = '\0';
    h[155] = ' ';
    out_ += h;
  }
  std::string out_;
};

inline std::string gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct ImageText {
  std::string config = R"("Entrypoint":["/bin/program"])";  // what stands in the configuration's "config"
  std::string architecture = "amd64";
  std::string tag = "app:1";
  std::vector<std::string> layers;                            // uncompressed tar archives
  bool gzipped = false;
};

inline std::string hex_of(const std::string& bytes) { return image::digest_of(bytes).substr(7); }

inline std::string config_text(const ImageText& text) {
  std::string ids;
  for (const std::string& layer : text.layers) ids += (ids.empty() ? "\"" : ",\"") + image::digest_of(layer) + "\"";
  return R"({"architecture":")" + text.architecture + R"(","os":"linux","config":{)" + text.config +
         R"(},"rootfs":{"type":"layers","diff_ids":[)" + ids + "]}}";
}

// As docker save writes it: the layers in directories of their own, manifest.json last.
inline std::string docker_archive(const ImageText& text) {
  Tar tar;
  std::string names;
  for (size_t i = 0; i < text.layers.size(); ++i) {
    const std::string name = "layer" + std::to_string(i) + "/layer.tar";
    tar.file(name, text.gzipped ? gzip(text.layers[i]) : text.layers[i]);
    names += (names.empty() ? "\"" : ",\"") + name + "\"";
  }
  const std::string config = config_text(text);
  tar.file(hex_of(config) + ".json", config);
  tar.file("manifest.json", R"([{"Config":")" + hex_of(config) + R"(.json","RepoTags":[")" + text.tag + R"("],"Layers":[)" + names + "]}]");
  return tar.bytes();
}

// The files of an OCI image layout, by name. `platform` as it stands in the index.
inline std::map<std::string, std::string> oci_layout(const ImageText& text, const std::string& platform = "") {
  std::map<std::string, std::string> files;
  const auto blob = [&](const std::string& bytes, const std::string& type) {
    files["blobs/sha256/" + hex_of(bytes)] = bytes;
    return R"({"mediaType":"application/vnd.oci.image.)" + type + R"(","digest":")" + image::digest_of(bytes) + R"(","size":)" +
           std::to_string(bytes.size());
  };
  std::string layers;
  for (const std::string& layer : text.layers) {
    layers += (layers.empty() ? "" : ",") + blob(text.gzipped ? gzip(layer) : layer, text.gzipped ? "layer.v1.tar+gzip" : "layer.v1.tar") + "}";
  }
  const std::string manifest = R"({"schemaVersion":2,"config":)" + blob(config_text(text), "config.v1+json") + R"(},"layers":[)" + layers + "]}";
  std::string one = blob(manifest, "manifest.v1+json");
  if (!text.tag.empty()) one += R"(,"annotations":{"org.opencontainers.image.ref.name":")" + text.tag + "\"}";
  if (!platform.empty()) one += R"(,"platform":)" + platform;
  files["index.json"] = R"({"schemaVersion":2,"manifests":[)" + one + "}]}";
  files["oci-layout"] = R"({"imageLayoutVersion":"1.0.0"})";
  return files;
}

inline std::string tar_of(const std::map<std::string, std::string>& files) {
  Tar tar;
  for (const auto& [name, content] : files) tar.file(name, content);
  return tar.bytes();
}

}  // namespace stile::hostile
