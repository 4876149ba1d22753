// SPDX-License-Identifier: Apache-2.0
//
// Container images as files: what docker save and podman save write, and OCI image layouts, as tar archives (also compressed) or directories.
//
//     auto image = stile::open_image("app.tar", {});
//     auto entry = stile::entry_point(*image, "");
//     auto analysis = stile::analyze(*image, *entry, {});
//
// Facts: OCI image-spec 1.0 (image-layout, image-index, manifest, config, layer), docker's image specification v1.2 (manifest.json).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <stile/analyze.h>
#include <stile/result.h>

namespace stile {

// Bounds on what an image may hold. They are far above real images; what goes beyond is an error (Limit).
struct ImageOptions {
  uint64_t most_bytes = uint64_t{32} << 30;   // of all layers, uncompressed
  uint64_t most_written = uint64_t{8} << 30;  // of what is unpacked
  uint64_t most_entries = 2'000'000;          // files, directories and links, in all layers
  std::string temporary;                      // directory in which to unpack; empty = $TMPDIR, or /tmp
};

// How the image says it is started.
struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> environment;  // "NAME=value"
  std::string working_directory;         // empty = /
};

// An image, unpacked into a private directory that is removed with the object. Programs, libraries and small files are there whole; of others
// only the beginning, as nothing reads them. Files belong to the caller, and no links, devices or permissions of the image can do
// anything on this machine.
class ContainerImage {
 public:
  ContainerImage(ContainerImage&&) noexcept;
  ContainerImage& operator=(ContainerImage&&) noexcept;
  ~ContainerImage();

  const std::string& file() const;       // as it was named
  const std::string& name() const;       // "debian:12"; empty if it has none
  std::string reference() const;         // "debian:12@sha256:...", or the digest alone
  const std::string& digest() const;     // of its configuration, "sha256:...": what docker and podman show as the image's ID
  const std::string& directory() const;  // where it is unpacked
  const ImageConfig& config() const;

 private:
  struct State;
  explicit ContainerImage(std::unique_ptr<State> state);
  friend Result<ContainerImage> open_image(const std::string& path, const ImageOptions& options);
  std::unique_ptr<State> state_;
};

// Reads and unpacks the x86-64 Linux image in `path`. Every part is checked against its digest. Errors: Io, Malformed (with the part),
// Unsupported (another machine, several images), Limit.
Result<ContainerImage> open_image(const std::string& path, const ImageOptions& options);

// What the kernel runs when the image is started, or `program` in it: scripts lead to their interpreters.
struct EntryPoint {
  std::vector<std::string> words;     // the command line: Entrypoint and Cmd
  std::vector<std::string> scripts;   // the script that is started, and what is a script again
  std::vector<std::string> programs;  // paths of ELF files inside the image, in the order in which they run. One is the rule; `env sh` is two
};

// `program`: a path inside, or a name to be found by the image's PATH; empty = what the image says. Errors: Usage (the image says nothing),
// Io (it is not there), NotElf.
Result<EntryPoint> entry_point(const ContainerImage& image, const std::string& program);

// Analyses what is started, with the image's libraries. Of several programs the calls are joined. Scripts, and command lines given to a shell, are
// gaps: what they start is not followed. options.sysroot is not used; options.also are paths inside.
Result<Analysis> analyze(const ContainerImage& image, const EntryPoint& entry, const AnalyzeOptions& options);

}  // namespace stile
