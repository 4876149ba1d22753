// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "commands.h"

namespace {

// An analysis fills tens of megabytes and frees them at the end. The heap grows in large steps, is not given back in between, and its first part is of
// huge pages where the kernel has them to give: each stop for a page of 4 KiB costs more than filling it.
void prepare_heap() {
  constexpr int kStep = 16 << 20, kFirst = 64 << 20, kNever = 1 << 30, kLargestInHeap = 32 << 20;
  mallopt(M_TRIM_THRESHOLD, kNever);
  mallopt(M_MMAP_THRESHOLD, kLargestInHeap);
  mallopt(M_TOP_PAD, kFirst);
  const auto* const start = static_cast<const char*>(::sbrk(0));
  void* volatile const more = std::malloc(1 << 20);  // than is there: the heap grows
  std::free(more);
  mallopt(M_TOP_PAD, kStep);
  const auto* const end = static_cast<const char*>(::sbrk(0));
  constexpr uintptr_t kPage = 4096;
  const uintptr_t from = reinterpret_cast<uintptr_t>(start) & ~(kPage - 1);
  if (end > start) ::madvise(reinterpret_cast<void*>(from), reinterpret_cast<uintptr_t>(end) - from, MADV_HUGEPAGE);
}

}  // namespace

int main(int argc, char** argv) {
  prepare_heap();
  // A reader that goes away is then an error of write(2), which is reported like any other. A handler, and not SIG_IGN, because
  // that would be inherited by what run and trace execute; what the caller ignores stays ignored.
  const auto before = std::signal(SIGPIPE, [](int) {});
  if (before == SIG_IGN) std::signal(SIGPIPE, SIG_IGN);
  try {
    return stile::cli::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::exception& error) {  // in practice std::bad_alloc
    return stile::cli::report({stile::Code::Limit, std::string("cannot go on: ") + error.what(), {}, {}});
  }
}
