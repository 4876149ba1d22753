// SPDX-License-Identifier: Apache-2.0
//
// A filter belongs to a thread. In a program that has threads already (every Go program, for one) it has to
// be given to all of them, which the kernel does in one step or not at all: LoadOptions::all_threads, on by
// default.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <stile/filter.h>
#include <stile/live.h>

namespace {

int complain(const stile::Error& error) {
  std::fprintf(stderr, "%s\n", stile::to_line(error).c_str());
  return EXIT_FAILURE;
}

bool can_make_a_socket() {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

}  // namespace

int main() {
  constexpr int kThreads = 4;
  std::atomic<int> could{0}, cannot{0}, ready{0};
  std::atomic<bool> loaded{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      if (can_make_a_socket()) ++could;
      ++ready;
      while (!loaded) std::this_thread::yield();
      if (!can_make_a_socket()) ++cannot;
    });
  }
  while (ready < kThreads) std::this_thread::yield();

  const auto policy = stile::Policy(stile::allow_action()).deny("socket", EPERM).build();
  const auto program = policy ? stile::compile(*policy) : tl::unexpected(policy.error());
  const auto result = program ? stile::load(*program) : tl::unexpected(program.error());
  loaded = true;
  for (std::thread& thread : threads) thread.join();
  if (!result) return complain(result.error());

  std::printf("before the filter %d of %d threads could make a socket\n", could.load(), kThreads);
  std::printf("after it was loaded by the main thread %d of %d could not\n", cannot.load(), kThreads);
  return could == kThreads && cannot == kThreads ? EXIT_SUCCESS : EXIT_FAILURE;
}
