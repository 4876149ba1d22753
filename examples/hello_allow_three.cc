// SPDX-License-Identifier: Apache-2.0
//
// An allow-list: a program that may write, ask about descriptors and end, and is killed for anything else. It
// can still say hello; it cannot open /etc/shadow.
//
// Which calls a C library makes for a function differs by its version: fstat() is newfstatat since
// glibc 2.33, so both are on the list.
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stile/filter.h>
#include <stile/live.h>

namespace {

int complain(const stile::Error& error) {
  std::fprintf(stderr, "%s\n", stile::to_line(error).c_str());
  return 1;
}

int confined() {
  const auto policy =
      stile::Policy(stile::kill_process()).allow({"write", "fstat", "newfstatat", "exit_group"}).build();
  if (!policy) return complain(policy.error());
  const auto program = stile::compile(*policy);
  if (!program) return complain(program.error());
  // stdio asks a terminal for its settings when it makes a buffer: give it one before.
  static char buffer[512];
  std::setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
  if (const auto loaded = stile::load(*program); !loaded) return complain(loaded.error());

  struct stat status {};
  if (::fstat(1, &status) != 0) return 1;
  std::printf("hello, world!\n");
  ::open("/etc/shadow", O_RDONLY);
  std::printf("/etc/shadow could be opened\n");  // never reached
  return 1;
}

}  // namespace

int main() {
  // A filter stays for good, so the confined part is a process of its own.
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(confined());
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return 1;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
    std::printf("opening /etc/shadow: killed by SIGSYS (Bad system call)\n");
    return EXIT_SUCCESS;
  }
  std::printf("not killed: wait status %d\n", status);
  return EXIT_FAILURE;
}
