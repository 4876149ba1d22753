// SPDX-License-Identifier: Apache-2.0
//
// The program of the tutorial in docs/trace.md: makes a directory and says so; with a second argument it also says where.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char* text) {
  if (write(1, text, strlen(text)) < 0) _exit(3);
}

int main(int argc, char** argv) {
  char where[4096];
  if (argc < 2 || mkdir(argv[1], 0755) != 0) return 1;
  say("made ");
  say(argv[1]);
  if (argc > 2) {
    say(" in ");
    say(getcwd(where, sizeof where) != NULL ? where : strerror(errno));
  }
  say("\n");
  return 0;
}
