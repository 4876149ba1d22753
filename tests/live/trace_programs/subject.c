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
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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

// Starts children that wait until all are there: under a tracer the end of a child breaks off a fork, which is then made
// again. True in a child.
static int children(int n) {
  int gate[2];
  char byte;
  if (pipe(gate) != 0) exit(9);
  for (int i = 0; i < n; ++i) {
    if (fork() != 0) continue;
    close(gate[1]);
    if (read(gate[0], &byte, 1) != 0) exit(9);
    return 1;
  }
  close(gate[0]);
  close(gate[1]);
  return 0;
}
// All at once.
static void storm(void) {
  if (children(10)) {
    if (children(20)) {
      calls(2);
      _exit(0);
    }
    for (int i = 0; i < 20; ++i) wait(NULL);
    _exit(0);
  }
  for (int i = 0; i < 10; ++i) wait(NULL);
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

// A call that SIGSTOP breaks off and SIGCONT takes up again, by another call.
static void restarts(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  action.sa_flags = SA_NOCLDSTOP;  // or waitpid is broken off too
  sigaction(SIGCHLD, &action, NULL);
  pid_t child = fork();
  if (child == 0) {
    struct timespec time = {1, 0};
    _exit(nanosleep(&time, NULL) == 0 ? 4 : 9);
  }
  usleep(300000);
  kill(child, SIGSTOP);
  usleep(100000);
  kill(child, SIGCONT);
  int status;
  if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 4) exit(9);
}

// Killed in the middle of a call.
static void blocked_killed(void) {
  if (pipe(blocks) != 0) exit(9);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    calls(1);
    if (read(blocks[0], &byte, 1) >= 0) _exit(9);
  }
  usleep(300000);
  kill(child, SIGKILL);
  int status;
  if (waitpid(child, &status, 0) != child || WTERMSIG(status) != SIGKILL) exit(9);
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
static void on_trap(int number) {
  (void)number;
  ++caught;
}
static void trapped(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_trap;
  sigaction(SIGSYS, &action, NULL);
  filter(SECCOMP_RET_TRAP);
  for (int i = 0; i < 10; ++i) syscall(SYS_getpgrp);
  if (caught != 10) exit(9);
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

static char* self_path;
static void* executing_thread(void* unused) {
  (void)unused;
  char* words[] = {self_path, "quiet", NULL};
  execv(self_path, words);
  exit(9);
}
// The others are gone when a thread executes something, and it becomes the first.
static void thread_executes(char* self) {
  self_path = self;
  if (pipe(blocks) != 0 || pipe(tells) != 0) exit(9);
  pthread_t thread;
  char byte;
  for (int i = 0; i < 8; ++i) {
    if (pthread_create(&thread, NULL, thread_main, NULL) != 0) exit(9);
    if (read(tells[0], &byte, 1) != 1) exit(9);
  }
  usleep(300000);
  if (pthread_create(&thread, NULL, executing_thread, NULL) != 0) exit(9);
  if (read(blocks[0], &byte, 1) != 0) exit(9);
}

// More names than there is room for.
static void names(int n) {
  for (int i = 0; i < n; ++i) {
    char name[16];
    snprintf(name, sizeof name, "n%d", i);
    prctl(PR_SET_NAME, name, 0, 0, 0);
    syscall(SYS_getppid);
  }
}
// A long one among many short ones.
static void long_read(void) {
  char byte = 0;
  if (pipe(blocks) != 0) exit(9);
  int fd = open("/dev/null", O_RDONLY);
  for (int i = 0; i < 20000; ++i) {
    if (i == 15000) {
      if (fork() == 0) {
        usleep(400000);
        _exit(write(blocks[1], &byte, 1) == 1 ? 0 : 9);
      }
      if (read(blocks[0], &byte, 1) != 1) exit(9);
    }
    if (read(fd, &byte, 1) != 0) exit(9);
  }
}

static void requests(int n) {
  for (int i = 0; i < n; ++i) ioctl(-1, (unsigned)i, 0);
}

static void show(void) {
  char path[4096];
  printf("pgrp=%d sid=%d tty=%d front=%d mask=%o cwd=%s\n", getpgrp() == getpid(), getsid(0) == getpid(), isatty(1),
         tcgetpgrp(0) == getpgrp(), (unsigned)umask(022), getcwd(path, sizeof path) != NULL ? path : "?");
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
  if (strcmp(mode, "storm") == 0) storm();
  if (strcmp(mode, "vforks") == 0) vforks(argv[0]);
  if (strcmp(mode, "restarts") == 0) restarts();
  if (strcmp(mode, "blocked-killed") == 0) blocked_killed();
  if (strcmp(mode, "trapped") == 0) trapped();
  if (strcmp(mode, "thread-executes") == 0) thread_executes(argv[0]);
  if (strcmp(mode, "long-read") == 0) long_read();
  if (strcmp(mode, "names") == 0) names(atoi(argv[2]));
  if (strcmp(mode, "requests") == 0) requests(atoi(argv[2]));
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
