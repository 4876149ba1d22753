// SPDX-License-Identifier: Apache-2.0
//
// A directory tree that is looked at as if it were the whole file system: this machine's own, or an unpacked image, whose
// absolute symbolic links and ".." must never lead out of it.
//
// Inside a directory every path is walked by our own code, one component at a time, with openat(2) and O_NOFOLLOW below a
// descriptor of the directory above: what somebody swaps meanwhile cannot lead outside, and it works on every kernel
// (openat2 and RESOLVE_IN_ROOT need 5.6, and container filters often refuse them). This machine's own tree is left to the kernel.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>

#include <stile/result.h>

#include "base/file.h"
#include "base/lookups.h"

namespace stile {

class Root {
 public:
  // This machine's own tree.
  Root() = default;
  // The tree below `directory`. Errors: Io (missing, no directory).
  static Result<Root> at(const std::string& directory);

  // From here on every answer is noted there; copies of this Root note in the same place.
  void note_in(std::shared_ptr<Lookups> lookups) { lookups_ = std::move(lookups); }
  // The answer to one question, as it is noted; itself it notes nothing.
  std::string answer(Question question, const std::string& path, uint64_t limit) const;

  bool is_host() const { return directory_.empty(); }
  // Real path of the directory on this machine; empty for the machine's own tree.
  const std::string& directory() const { return directory_; }

  // A descriptor to read from, which the caller closes; -1 and errno as open(2). Devices and pipes are opened without waiting.
  int open_read(const std::string& path) const;
  // The whole file, as FileBytes::open; `path` stands in errors.
  Result<FileBytes> open(const std::string& path) const;
  // At most `limit` bytes from the start of a regular file. Nothing: it is not there, or cannot be read.
  std::optional<std::string> read_text(const std::string& path, size_t limit) const;
  // Path inside the tree without symbolic links, "." and ".."; nothing if it leads nowhere.
  std::optional<std::string> real_path(const std::string& path) const;
  // Names in a directory, sorted, at most `limit`.
  std::vector<std::string> list(const std::string& path, size_t limit) const;
  // What tells two files apart. Nothing if there is none.
  struct Identity {
    dev_t device;
    ino_t inode;
    bool operator==(const Identity&) const = default;
  };
  std::optional<Identity> identity(const std::string& path) const;
  bool is_directory(const std::string& path) const;

  // The path inside the tree of a path on this machine; nothing if that lies outside. The last component may be missing.
  std::optional<std::string> inside(const std::string& host_path) const;

 private:
  struct Descriptor;
  struct Walked;
  int find_open(const std::string& path) const;
  std::optional<std::string> find_real_path(const std::string& path) const;
  std::vector<std::string> find_names(const std::string& path, size_t limit) const;
  std::optional<struct stat> find_status(const std::string& path) const;
  std::optional<std::string> find_inside(const std::string& host_path) const;
  void note(Question question, const std::string& path, uint64_t limit, std::string answer) const;
  // What `path` leads to. errno says why not.
  std::optional<Walked> walk(const std::string& path) const;
  std::optional<Walked> found(const std::vector<Descriptor>& above, const std::vector<std::string>& names, const std::string& name,
                              struct stat status) const;

  std::string directory_;
  std::shared_ptr<const Descriptor> top_;
  std::shared_ptr<Lookups> lookups_;  // null: nobody wants to know
};

// "/usr/lib" of "/usr/lib/libc.so.6"; "." of a path without a slash.
std::string directory_of(const std::string& path);

}  // namespace stile
