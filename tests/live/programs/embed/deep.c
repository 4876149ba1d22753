// SPDX-License-Identifier: Apache-2.0
//
// deep burn|abort|capabilities: something to be looked at by perf and gdb, three calls down; or prints what capabilities it has in effect.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile unsigned long sum;

__attribute__((noinline)) static void innermost(const char *what) {
  if (strcmp(what, "abort") == 0) abort();
  for (unsigned long i = 0; i < 400000000UL; ++i) sum += i;
}

__attribute__((noinline)) static void middle(const char *what) {
  innermost(what);
  ++sum;
}

int main(int argc, char **argv) {
  char line[256];
  FILE *status;
  if (argc < 2) return 9;
  if (strcmp(argv[1], "capabilities") != 0) {
    middle(argv[1]);
    return 0;
  }
  status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "CapEff:", 7) == 0) fputs(line, stdout);
  }
  return 0;
}
