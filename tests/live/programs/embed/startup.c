// SPDX-License-Identifier: Apache-2.0
//
// startup RUNS PROGRAM...: starts programs without arguments, output thrown away, all on one CPU, once each and then again, in an order that changes (what
// the kernel puts off when one ends is in the time of the next), and prints a line for each: the least and the
// median time from vfork to its end, then the least and the median CPU time of the child from vfork on, in microseconds, and the fewest page faults.
// CPU time tells more than the clock does on a machine that has other things to do.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double microseconds(struct timeval time) { return (double)time.tv_sec * 1e6 + (double)time.tv_usec; }

static void once(char *program, double *clock, double *cpu, long *faults) {
  struct timespec start, end;
  struct rusage used;
  int pid, status;
  char *arguments[] = {program, NULL};
  clock_gettime(CLOCK_MONOTONIC, &start);
  if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0) exit(9);
  wait4(pid, &status, 0, &used);
  clock_gettime(CLOCK_MONOTONIC, &end);
  if (status != 0) exit(10);
  *clock = (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
  *cpu = microseconds(used.ru_utime) + microseconds(used.ru_stime);
  if (used.ru_minflt < *faults) *faults = used.ru_minflt;
}

static int compare(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

int main(int argc, char **argv) {
  if (argc < 3) return 9;
  const int runs = atoi(argv[1]), programs = argc - 2;
  const size_t bytes = sizeof(double) * (size_t)runs;
  double *clock[programs], *cpu[programs];
  long faults[programs];
  int order[programs];
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof one, &one);
  for (int p = 0; p < programs; ++p) order[p] = p, faults[p] = 1L << 40, clock[p] = malloc(bytes), cpu[p] = malloc(bytes);
  const int out = open("/dev/null", O_RDWR), keep = dup(1);
  dup2(out, 1);
  dup2(out, 2);
  for (int i = 0; i < runs; ++i) {
    for (int left = programs; left > 0; --left) {
      const int at = rand() % left, p = order[at];
      order[at] = order[left - 1];
      order[left - 1] = p;
      once(argv[2 + p], &clock[p][i], &cpu[p][i], &faults[p]);
    }
  }
  dup2(keep, 1);
  for (int p = 0; p < programs; ++p) {
    qsort(clock[p], (size_t)runs, sizeof(double), compare);
    qsort(cpu[p], (size_t)runs, sizeof(double), compare);
    printf("%.1f %.1f %.1f %.1f %ld\n", clock[p][0], clock[p][runs / 2], cpu[p][0], cpu[p][runs / 2], faults[p]);
  }
  return 0;
}
