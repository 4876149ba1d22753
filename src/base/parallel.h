// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace stile {

// Calls work(i) for every i in [0, count), on up to `threads` threads (0 = one per processor). `work` must not throw and
// may touch only what belongs to i. The order is not defined: callers keep results by i.
template <typename Work>
void parallel_for(size_t count, unsigned threads, Work&& work) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  threads = static_cast<unsigned>(std::min<size_t>(threads, count));
  std::atomic<size_t> next{0};
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < threads; ++i) {
    try {
      helpers.emplace_back(run);
    } catch (const std::system_error&) {
      break;  // no more threads to be had: this one does the rest
    }
  }
  run();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace stile
