// SPDX-License-Identifier: Apache-2.0
//
// What the arguments of system calls are called in C: data/constants.tsv, compiled in (see syscall_tables.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace stile::arch {

// The value of "O_RDONLY", "AF_UNIX", "CLONE_NEWUSER" and the like in x86-64's user headers, where negative
// ones are sign-extended to 64 bits (AT_FDCWD is 0xffffffffffffff9c). Other architectures number some
// families differently (O_*, SO_*, MAP_*).
std::optional<uint64_t> constant(std::string_view name);

// All names, sorted.
std::span<const std::string_view> constant_names();

}  // namespace stile::arch
