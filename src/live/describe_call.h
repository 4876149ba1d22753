// SPDX-License-Identifier: Apache-2.0
//
// A system call as a person would write it: openat(AT_FDCWD, "/etc/shadow", O_RDONLY|O_CLOEXEC).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <stile/filter.h>

namespace stile::live {

// Reads the caller's memory: up to a number of bytes at an address, fewer or none where it cannot be read.
using ReadMemory = std::function<std::string(uint64_t address, size_t length)>;

// Strings are quoted, with what is not printable escaped, and cut after 256 bytes. What a pointer points to
// is only what it was at that moment: the program may change it before the kernel looks.
std::string describe_call(const Event& event, const ReadMemory& read);

// The call's name on its architecture, or its number.
std::string call_name(const Event& event);

}  // namespace stile::live
