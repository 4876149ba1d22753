// SPDX-License-Identifier: Apache-2.0
//
// startup RUNS A B: runs two programs in turn, output thrown away, and prints the first decile of each in microseconds, from vfork to end: the
// median of a machine that has nothing else to do.
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double once(char *program, char **arguments) {
  struct timespec start, end;
  int pid, status;
  arguments[0] = program;
  clock_gettime(CLOCK_MONOTONIC, &start);
  if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0) exit(9);
  waitpid(pid, &status, 0);
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
}

static int compare(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

int main(int argc, char **argv) {
  if (argc < 4) return 9;
  const int runs = atoi(argv[1]);
  double *a = malloc(sizeof(double) * (size_t)runs), *b = malloc(sizeof(double) * (size_t)runs);
  char *first = argv[2], *second = argv[3];
  const int out = open("/dev/null", O_RDWR), keep = dup(1);
  dup2(out, 1);
  dup2(out, 2);
  for (int i = 0; i < runs; ++i) {
    a[i] = once(first, argv + 3);
    b[i] = once(second, argv + 3);
  }
  dup2(keep, 1);
  qsort(a, (size_t)runs, sizeof *a, compare);
  qsort(b, (size_t)runs, sizeof *b, compare);
  printf("%.1f %.1f\n", a[runs / 10], b[runs / 10]);
  return 0;
}
