// SPDX-License-Identifier: Apache-2.0
//
// Calls through the vsyscall page, which no instruction in the program shows: the kernel makes them system calls and asks
// the filter. Facts: arch/x86/entry/vsyscall/vsyscall_64.c; Go 1.4 to 1.16 fall back on it (runtime/vdso_linux_amd64.go).
#pragma once

#include <string_view>
#include <vector>

#include "analysis/program.h"

namespace stile::analysis {

// The system calls whose vsyscall address stands somewhere in code or data.
std::vector<std::string_view> find_vsyscalls(const Program& program);

}  // namespace stile::analysis
