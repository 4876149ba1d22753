// SPDX-License-Identifier: Apache-2.0
//
// Who made a system call: the functions on the stack of a thread that waits in one.
//
// Go code is unwound exactly, by the stack sizes in its function table; other code by its unwind tables
// (.eh_frame). Of the registers only the stack pointer is known, so where those tables ask for another one,
// or there are none, the next return address on the stack is taken, which may be left over from an earlier
// call: it and what follows is marked "perhaps".
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <stile/profile.h>

#include "live/modules.h"

namespace stile::live {

struct CallSite {
  Place site;           // the instruction that enters the kernel
  uint64_t caller = 0;  // for Go: address, in the file, of the nearest call outside the packages that wrap
                        // system calls; else 0
};

// A part of a thread's stack, copied once.
class Stack {
 public:
  Stack(int tid, uint64_t sp, size_t most) : start_(sp), bytes_(read_memory(tid, sp, most)) {}
  std::optional<uint64_t> word(uint64_t address) const {
    if (address < start_ || address - start_ > bytes_.size() || bytes_.size() - (address - start_) < 8)
      return std::nullopt;
    uint64_t value;
    std::memcpy(&value, bytes_.data() + (address - start_), sizeof value);
    return value;
  }

 private:
  uint64_t start_;
  std::string bytes_;
};

class CallStacks {
 public:
  // Cheap: what tells one place from another. `pc` is the address behind the instruction, as a filter sees
  // it.
  CallSite site(int tid, const std::vector<Mapping>& mappings, uint64_t pc);
  // All frames that can be found, innermost first.
  std::vector<Frame> frames(int tid, const std::vector<Mapping>& mappings, uint64_t pc);

 private:
  void unwind_other(int tid, const std::vector<Mapping>& mappings, Place place, uint64_t sp,
                    std::vector<Frame>& frames);
  // The address behind the next word on the stack that is a return address.
  std::optional<uint64_t> next_return_address(int tid, const std::vector<Mapping>& mappings,
                                              const Stack& stack, uint64_t from);

  Modules modules_;
};

}  // namespace stile::live
