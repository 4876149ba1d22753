// SPDX-License-Identifier: Apache-2.0
//
// Things that look at the program's own headers and unwind tables while it runs.
#include <cstdio>
#include <stdexcept>

#include <execinfo.h>
#include <link.h>

namespace {

thread_local int in_thread = 41;

int count(dl_phdr_info* info, size_t, void* data) {
  int loads = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) loads += info->dlpi_phdr[i].p_type == PT_LOAD ? 1 : 0;
  if (info->dlpi_name[0] == 0 && loads > 0) *static_cast<bool*>(data) = true;
  return 0;
}

__attribute__((noinline)) int deep(int n) {
  if (n == 0) throw std::runtime_error("caught");
  return deep(n - 1) + 1;
}

}  // namespace

int main() {
  bool found = false;
  dl_iterate_phdr(count, &found);
  void* frames[64];
  const int depth = backtrace(frames, 64);
  try {
    return deep(20);
  } catch (const std::exception& error) {
    std::printf("%s, program headers %s, %d frames, thread-local %d\n", error.what(), found ? "found" : "missing", depth,
                ++in_thread);
  }
  return 0;
}
