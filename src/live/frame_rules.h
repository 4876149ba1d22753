// SPDX-License-Identifier: Apache-2.0
//
// How to get from a function to its caller: the call frame information that compilers write for exceptions
// (.eh_frame), on x86-64.
//
// Facts: Linux Standard Base, "Exception Frames"; DWARF 5, section 6.4; x86-64 psABI for register numbers.
#pragma once

#include <cstdint>
#include <optional>

#include "elf/image.h"

namespace stile::live {

// Where the caller's registers are while an instruction runs. The return address lies right below the frame
// address, the caller's stack pointer is the frame address.
struct FrameRule {
  enum class Base { StackPointer, FramePointer, Other };
  Base base = Base::StackPointer;
  int64_t offset = 0;                       // frame address = base + offset
  bool outermost = false;                   // there is no caller
  std::optional<int64_t> frame_pointer_at;  // of the caller's, from the frame address; nothing: unchanged
  bool frame_pointer_lost = false;          // it is somewhere this does not follow
};

// For the instruction at an address of the file. Nothing where there is no information, or it is damaged.
std::optional<FrameRule> frame_rule(const elf::Image& image, uint64_t address);

}  // namespace stile::live
