// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <stile/result.h>

namespace stile {

// The bytes of a file, private to this process: they may be written to (relocations are applied in place) and no write
// reaches the file. Movable; unmapped on destruction.
class FileBytes {
 public:
  // Maps a regular file. Errors: Io (missing, no permission, a directory, a FIFO, a device, empty), each saying which.
  static Result<FileBytes> open(const std::string& path);
  // The same for an open descriptor, which it closes; for -1, errno says what was wrong. `path` stands in errors.
  static Result<FileBytes> take(int descriptor, const std::string& path);
  // Takes bytes that are already in memory.
  explicit FileBytes(std::vector<uint8_t> bytes);

  FileBytes(FileBytes&& other) noexcept;
  FileBytes& operator=(FileBytes&& other) noexcept;
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  ~FileBytes();

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

  // Lets the system take back the memory behind a part of the file until it is read again. What was written there is lost.
  void release(size_t offset, size_t length) const;

 private:
  FileBytes() = default;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_ = false;
  std::vector<uint8_t> owned_;
};

}  // namespace stile
