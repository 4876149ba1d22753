// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace stile::arch {

// Which of the levels x86-64-v1 to v4 this machine's processor has, as the dynamic linker counts: 1 to 4. 1 on other machines.
// Facts: x86-64 psABI, "Micro-Architecture Levels"; glibc sysdeps/x86/get-isa-level.h and cpu_features.c ("usable" features: those whose
// registers the kernel saves).
unsigned x86_64_level_here();

}  // namespace stile::arch
