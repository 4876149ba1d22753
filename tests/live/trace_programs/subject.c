// SPDX-License-Identifier: Apache-2.0
//
// What the tracing tests trace: each mode makes the same system calls every time it runs.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int blocks[2], tells[2];

static void calls(int n) {
  for (int i = 0; i < n; ++i) {
    syscall(SYS_getppid);
    close(-1);  // an error
  }
}

static void single(void) {
  calls(1000);
  char byte;
  int fd = open("/dev/null", O_RDWR);
  for (int i = 0; i < 50; ++i) {
    if (write(fd, "x", 1) != 1 || read(fd, &byte, 1) != 0) exit(9);
  }
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  fcntl(s, F_GETFL);
  fcntl(s, F_GETFD);
  close(s);
  syscall(999);  // no system call
  puts("single");
}

static void* thread_main(void* unused) {
  (void)unused;
  calls(200);
  char byte = 0;
  if (write(tells[1], &byte, 1) != 1) exit(9);
  if (read(blocks[0], &byte, 1) != 0) exit(9);  // until the process ends
  return NULL;
}

// Nobody waits for a lock, and all sit in a call when the process ends.
static void threads(void) {
  if (pipe(blocks) != 0 || pipe(tells) != 0) exit(9);
  pthread_t thread;
  for (int i = 0; i < 64; ++i) {
    if (pthread_create(&thread, NULL, thread_main, NULL) != 0) exit(9);
  }
  char byte;
  for (int i = 0; i < 64; ++i) {
    if (read(tells[0], &byte, 1) != 1) exit(9);
  }
  usleep(300000);
  _exit(0);
}

static void forks(void) {
  for (int i = 0; i < 100; ++i) {
    pid_t child = fork();
    if (child == 0) {
      pid_t grandchild = fork();
      calls(3);
      if (grandchild != 0) waitpid(grandchild, NULL, 0);
      _exit(3);
    }
    int status;
    if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 3) exit(9);
  }
}

static void vforks(char* self) {
  for (int i = 0; i < 20; ++i) {
    char* words[] = {self, "quiet", NULL};
    char* nothing[] = {"/nothing", NULL};
    pid_t child = vfork();
    if (child == 0) {
      execv(nothing[0], nothing);
      execv(self, words);
      _exit(1);
    }
    waitpid(child, NULL, 0);
    child = vfork();
    if (child == 0) {
      execl("/bin/true", "true", NULL);
      _exit(1);
    }
    waitpid(child, NULL, 0);
  }
}

static volatile int caught;
static void on_signal(int number) {
  (void)number;
  ++caught;
  syscall(SYS_getppid);
}
static void signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  for (int i = 0; i < 100; ++i) {
    kill(getpid(), SIGUSR1);
    raise(SIGUSR2);
  }
  if (caught != 200) exit(9);
}

static void filter(unsigned action) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog description = {4, program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) exit(9);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &description) != 0) exit(9);
}
static void refused(void) {
  filter(SECCOMP_RET_ERRNO | 42);
  for (int i = 0; i < 10; ++i) {
    syscall(SYS_getppid);
    if (syscall(SYS_getpgrp) != -1 || errno != 42) exit(9);
  }
}
static void* killed_thread(void* unused) {
  (void)unused;
  filter(SECCOMP_RET_KILL_THREAD);
  syscall(SYS_getpgrp);
  return NULL;
}
static void thread_killed(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, killed_thread, NULL) != 0) exit(9);
  usleep(300000);
  calls(5);
  _exit(0);
}

static void show(void) {
  char path[4096];
  printf("pgrp=%d sid=%d tty=%d cwd=%s\n", getpgrp() == getpid(), getsid(0) == getpid(), isatty(1),
         getcwd(path, sizeof path) != NULL ? path : "?");
  for (int i = 1; i < 32; ++i) {
    struct sigaction action;
    if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN) printf("ignores %d\n", i);
  }
  sigset_t set;
  sigprocmask(SIG_BLOCK, NULL, &set);
  for (int i = 1; i < 32; ++i) {
    if (sigismember(&set, i)) printf("blocks %d\n", i);
  }
  for (int fd = 0; fd < 64; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) printf("open %d\n", fd);
  }
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  if (strcmp(mode, "quiet") == 0) _exit(0);
  if (strcmp(mode, "single") == 0) single();
  if (strcmp(mode, "threads") == 0) threads();
  if (strcmp(mode, "forks") == 0) forks();
  if (strcmp(mode, "vforks") == 0) vforks(argv[0]);
  if (strcmp(mode, "signals") == 0) signals();
  if (strcmp(mode, "refused") == 0) refused();
  if (strcmp(mode, "thread-killed") == 0) thread_killed();
  if (strcmp(mode, "filter-killed") == 0) {
    filter(SECCOMP_RET_KILL_PROCESS);
    syscall(SYS_getpgrp);
  }
  if (strcmp(mode, "killed") == 0) {
    calls(10);
    kill(getpid(), SIGKILL);
  }
  if (strcmp(mode, "other") == 0) execl(argv[2], argv[2], "single", NULL);
  if (strcmp(mode, "show") == 0) show();
  if (strcmp(mode, "exit") == 0) exit(atoi(argv[2]));
  if (strcmp(mode, "loop") == 0) {
    printf("ready\n");
    fflush(stdout);
    for (;;) {
      calls(1);
      usleep(20000);
    }
  }
  if (strcmp(mode, "wait") == 0) {
    signal(SIGTERM, SIG_DFL);
    printf("ready\n");
    fflush(stdout);
    char byte;
    if (read(0, &byte, 1) < 0) exit(8);
    printf("got %c\n", byte);
  }
  return 0;
}
