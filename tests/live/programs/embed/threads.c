// SPDX-License-Identifier: Apache-2.0
//
// threads PROGRAM [ARG]...: runs a program and looks at it when its first thread is about to end it: prints to the file that THREADS_OUT
// names how many threads it had then, and how many of them were under how many filters, as "THREADS FILTERED NO_NEW_PRIVS".
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void look(int pid) {
  char path[300], line[256];
  int threads = 0, filtered = 0, no_new_privs = 0;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  for (struct dirent *entry; tasks != NULL && (entry = readdir(tasks)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid, entry->d_name);
    FILE *status = fopen(path, "r");
    if (status == NULL) continue;
    ++threads;
    while (fgets(line, sizeof line, status) != NULL) {
      filtered += strcmp(line, "Seccomp:\t2\n") == 0;
      no_new_privs += strcmp(line, "NoNewPrivs:\t1\n") == 0;
    }
    fclose(status);
  }
  if (tasks != NULL) closedir(tasks);
  FILE *out = fopen(getenv("THREADS_OUT"), "w");
  if (out == NULL) exit(99);
  fprintf(out, "%d %d %d\n", threads, filtered, no_new_privs);
  fclose(out);
}

int main(int argc, char **argv) {
  (void)argc;
  const int child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execvp(argv[1], argv + 1);
    _exit(98);
  }
  int status, looked = 0, first = 1;
  for (;;) {
    const int pid = waitpid(-1, &status, __WALL);
    if (pid < 0) return 97;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (pid == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    int signal = WSTOPSIG(status);
    if (first) {
      ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE);
      first = 0;
      signal = 0;
    } else if (status >> 16 == PTRACE_EVENT_EXIT && !looked) {
      looked = 1;
      look(child);
    }
    // Stops that ptrace itself makes carry no signal to pass on; a new thread begins with a SIGSTOP.
    if (status >> 16 != 0 || signal == 5 /* SIGTRAP */ || signal == 19 /* SIGSTOP */) signal = 0;
    ptrace(PTRACE_CONT, pid, 0, signal);
  }
}
