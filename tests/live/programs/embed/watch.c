// SPDX-License-Identifier: Apache-2.0
//
// watch LOG PROGRAM [ARG]...: becomes PROGRAM, with its process ID, its parent and its descriptors, and lets a process of its own look at each thread of it and
// of its forks when that thread ends. Adds a line to LOG for each: "NAME SECCOMP NO_NEW_PRIVS STATUS": the mode of its filter (2 = filtered), and the wait
// status it ends with, in hexadecimal. Exit status 97 if the program cannot be watched, 98 if it cannot be started.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void look(int log, int thread, unsigned long status) {
  char path[64], line[256], text[512], name[64] = "?";
  int mode = -1, no_new_privs = -1;
  snprintf(path, sizeof path, "/proc/%d/status", thread);
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    sscanf(line, "Name: %63s", name);
    sscanf(line, "Seccomp: %d", &mode);
    sscanf(line, "NoNewPrivs: %d", &no_new_privs);
  }
  if (file != NULL) fclose(file);
  const int length = snprintf(text, sizeof text, "%s %d %d %lx\n", name, mode, no_new_privs, status);
  if (write(log, text, (size_t)length) != length) _exit(1);  // whoever reads the log misses the line
}

// Executed by a program that is watched: whoever does that goes on.
static int watched_already(int process) {
  char path[64], line[256];
  int tracer = 0;
  snprintf(path, sizeof path, "/proc/%d/status", process);
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) sscanf(line, "TracerPid: %d", &tracer);
  if (file != NULL) fclose(file);
  return tracer != 0;
}

static void watch(int log) {
  int status, thread;
  while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
    if (thread <= 0 || !WIFSTOPPED(status)) continue;
    const int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXIT) {
      unsigned long ends = 0;
      ptrace(PTRACE_GETEVENTMSG, thread, 0, &ends);
      look(log, thread, ends);
    }
    // A stop for all its threads lasts until somebody says SIGCONT; a new thread begins with a stop that is ours.
    const int stopped = event == PTRACE_EVENT_STOP && (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU);
    if (stopped) {
      ptrace(PTRACE_LISTEN, thread, 0, 0);
    } else {
      ptrace(PTRACE_CONT, thread, 0, event != 0 ? 0 : signal);
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 97;
  const int log = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  int ready[2];
  if (log < 0 || pipe2(ready, O_CLOEXEC) != 0) return 97;
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  const int self = getpid(), child = fork();
  if (child == 0) {
    if (fork() != 0) _exit(0);  // PROGRAM must not find a child that it did not make
    // Nobody waits for the end of what only we hold open.
    const int kept = fcntl(log, F_DUPFD, 1), told = fcntl(ready[1], F_DUPFD, 1);
    const int low = kept < told ? kept : told, high = kept < told ? told : kept;
    if (low < 0) _exit(1);
    if (low > 0) close_range(0, (unsigned)low - 1, 0);
    if (high > low + 1) close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, ~0U, 0);
    setsid();
    const long options = PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
    const int seized = ptrace(PTRACE_SEIZE, self, 0, options) == 0;
    if ((!seized && !watched_already(self)) || write(told, "", 1) != 1) _exit(1);
    if (!seized) _exit(0);
    close(told);
    watch(kept);
    _exit(0);
  }
  char byte;
  close(ready[1]);
  if (child < 0 || waitpid(child, NULL, 0) != child || read(ready[0], &byte, 1) != 1) return 97;
  execv(argv[2], argv + 2);
  return 98;
}
