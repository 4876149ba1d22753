// SPDX-License-Identifier: Apache-2.0
//
// A library for LD_PRELOAD whose constructor starts a thread: it is there before the filter, and has to be under it afterwards.
#include <pthread.h>
#include <unistd.h>

static void *wait_for_ever(void *unused) {
  pause();
  return unused;
}

__attribute__((constructor)) static void start(void) {
  pthread_t thread;
  pthread_create(&thread, 0, wait_for_ever, 0);
  if (write(1, "preloaded\n", 10) != 10) _exit(9);
}
