// SPDX-License-Identifier: Apache-2.0
//
// What was asked about files while something was worked out, and what the answers were. When all questions get the same answers
// again, what was worked out from them is what would be worked out again. The questions are asked through a Root, which notes them here.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace stile {

enum class Question : uint8_t {
  Open,       // which file opens under a path, in which state; or why none does
  RealPath,   // where symbolic links lead
  Inside,     // which path of this machine is which inside the tree
  Names,      // what is in a directory
  Identity,   // device and inode
  Directory,  // is it one
};

struct Lookup {
  bool machine = true;  // asked of this machine's own tree; false: of a tree below a directory
  Question question = Question::Open;
  std::string path;
  uint64_t limit = 0;   // Names: how many at most
  auto operator<=>(const Lookup&) const = default;
};

// Can be shared by threads.
class Lookups {
 public:
  // The answer as text that is equal where the answers are.
  void note(Lookup lookup, std::string answer);
  // An answer that cannot be had again, or not be told from another one.
  void not_repeatable();

  // Whether the answers can stand for what was worked out: all can be had again, there are not too many, and no question got two answers
  // because something changed meanwhile.
  bool complete() const;
  std::map<Lookup, std::string> answers() const;

 private:
  mutable std::mutex mutex_;
  std::map<Lookup, std::string> answers_;
  bool complete_ = true;
};

// Device, inode, size and times of a file that is open: while they stay as they are, so do its bytes.
std::string state_of(const struct stat& status);

// Whether any later change will show in state_of. Times have the grain of the file system's clock, so a file that was written a moment ago may
// be written again without getting another time. That needs a margin: 2 s, the coarsest grain there is (FAT), and a network file system whose
// server's clock is less than that behind. git's index has the same problem ("racily clean").
// `now` is CLOCK_REALTIME after the status was taken.
bool is_settled(const struct stat& status, const timespec& now);

}  // namespace stile
