// SPDX-License-Identifier: Apache-2.0
//
// outside NUMBER...: makes system calls by numbers that no analysis can know, in a second thread, and prints what each answers.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *work(void *arguments) {
  for (char **word = arguments; *word != NULL; ++word) {
    errno = 0;
    const long result = syscall(atol(*word), -1, 0, 0, 0, 0, 0);
    printf("%s %ld %d\n", *word, result, errno);
  }
  return NULL;
}

int main(int argc, char **argv) {
  (void)argc;
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, argv + 1) != 0) return 9;
  pthread_join(thread, NULL);
  return 0;
}
