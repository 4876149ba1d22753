// SPDX-License-Identifier: Apache-2.0
//
// Looking into another process that waits in a system call: its memory, mappings, stack pointer. All of it
// may vanish or lie at any moment, so everything is bounded and everything may come back empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stile::live {

// Up to `length` bytes at an address; shorter where memory ends.
std::string read_memory(int tid, uint64_t address, size_t length);
// The NUL-terminated string at an address, at most `most` bytes of it; nothing if it cannot be read.
std::optional<std::string> read_string(int tid, uint64_t address, size_t most, bool* cut);

// Where a thread waits in a system call: stack pointer and program counter, from /proc/TID/syscall.
struct WaitingAt {
  uint64_t sp = 0;
  uint64_t pc = 0;
};
std::optional<WaitingAt> waiting_at(int tid);

struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t offset = 0;  // in the file
  uint64_t inode = 0;   // 0: no file
  bool executable = false;
  std::string path;
};
// The executable mappings of a process, by address.
std::vector<Mapping> executable_mappings(int tid);

// Fields of /proc/TID/status.
struct ThreadStatus {
  std::string name;
  int tgid = 0;
  int threads = 0;
  uint64_t blocked = 0;  // signal sets, bit n-1 for signal n
  uint64_t ignored = 0;
  uint64_t caught = 0;
};
std::optional<ThreadStatus> thread_status(int tid);

}  // namespace stile::live
