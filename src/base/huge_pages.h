// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <sys/mman.h>

namespace stile {

// For memory that is about to be filled once from its start to its end: asks the kernel for pages of 2 MiB where whole ones lie in it, so that the
// first write to each 4 KiB need not stop in the kernel. A wish; nothing is wrong where it is not met (madvise(2), MADV_HUGEPAGE).
inline void prefer_huge_pages(void* memory, size_t bytes) {
  constexpr uintptr_t kHuge = uintptr_t{2} << 20;
  const uintptr_t start = (reinterpret_cast<uintptr_t>(memory) + kHuge - 1) & ~(kHuge - 1);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + bytes) & ~(kHuge - 1);
  if (start < end) ::madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);
}

// The same for the heap that this thread allocates from. glibc's threads have heaps of 64 MiB at multiples of that (malloc/arena.c, HEAP_MAX_SIZE);
// where that is not so, the wish is about other memory, which does no harm.
inline void prefer_huge_heap() {
  constexpr uintptr_t kHeap = uintptr_t{64} << 20;
  void* volatile const some = std::malloc(64);
  const uintptr_t start = reinterpret_cast<uintptr_t>(some) & ~(kHeap - 1);
  if (some != nullptr) ::madvise(reinterpret_cast<void*>(start), kHeap, MADV_HUGEPAGE);
  std::free(some);
}

}  // namespace stile
