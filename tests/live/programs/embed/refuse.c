// SPDX-License-Identifier: Apache-2.0
//
// refuse CALL ANSWER PROGRAM [ARG]...: runs a program under a filter that answers one system call (a number, or "number:first-argument") with
// an errno (0 pretends success), or with "kill"; so the stub can be shown every kernel there is.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 4) return 99;
  const unsigned number = (unsigned)atoi(argv[1]);
  const char *colon = strchr(argv[1], ':');
  const unsigned first = colon ? (unsigned)atoi(colon + 1) : 0;
  const unsigned verdict =
      strcmp(argv[2], "kill") == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | (unsigned)atoi(argv[2]);
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | (colon ? BPF_JEQ : BPF_JGE) | BPF_K, first, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, verdict),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 98;
  execv(argv[3], argv + 3);
  return 97;
}
