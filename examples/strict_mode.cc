// SPDX-License-Identifier: Apache-2.0
//
// Strict mode: read, write, exit, rt_sigreturn and nothing else. The pitfall: ending a program the usual way
// is exit_group, which is not among them. A program that has done all its work is killed when main() returns.
#include <cstdio>
#include <cstdlib>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stile/live.h>

namespace {

constexpr char kHello[] = "hello from strict mode\n";

void say_hello() {
  // printf would ask about the terminal, get memory, ...: killed as well.
  if (::write(1, kHello, sizeof kHello - 1) < 0) stile::strict_exit(EXIT_FAILURE);
}

void leave_the_usual_way() {
  if (!stile::enter_strict_mode()) ::_exit(2);
  say_hello();
  ::_exit(EXIT_SUCCESS);  // exit_group(2)
}

void leave_the_right_way() {
  if (!stile::enter_strict_mode()) ::_exit(2);
  say_hello();
  stile::strict_exit(EXIT_SUCCESS);  // exit(2)
}

int status_of(void (*act)()) {
  const pid_t pid = ::fork();
  if (pid == 0) act();
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  const int usual = status_of(leave_the_usual_way);
  const bool killed = WIFSIGNALED(usual) && WTERMSIG(usual) == SIGKILL;
  std::printf("left by _exit(), which is exit_group: %s\n", killed ? "killed" : "not killed");
  const int right = status_of(leave_the_right_way);
  const bool ended = WIFEXITED(right) && WEXITSTATUS(right) == EXIT_SUCCESS;
  std::printf("left by strict_exit(), which is exit: %s\n",
              ended ? "ended with status 0" : "did not end well");
  return killed && ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
