// SPDX-License-Identifier: Apache-2.0
//
// enforce-loader RULES PROGRAM [ARG...]: load a seccomp filter built by libseccomp, then run PROGRAM under it.
//
// It shares no code with the compiler it is used to check. RULES is a text file that the script `enforce` writes from an
// OCI profile, one statement a line:
//   default kill|log|trap|errno N
//   arch x86|x86_64|x32                     a further audit arch
//   rule allow|errno N|kill NAME [INDEX OP VALUE VALUE2]...
// A name that this libseccomp does not know is reported on stderr and left out (which can only tighten the filter).
// exit status: PROGRAM's, or 125 if the filter could not be made, 127 if PROGRAM could not be run.
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char* what, int err) {
  fprintf(stderr, "enforce: %s: %s\n", what, strerror(err < 0 ? -err : err));
  exit(125);
}

static char* word(char** rest) { return strtok_r(NULL, " \n", rest); }

static uint32_t action_of(const char* name, char** rest) {
  if (strcmp(name, "allow") == 0) return SCMP_ACT_ALLOW;
  if (strcmp(name, "kill") == 0) return SCMP_ACT_KILL_PROCESS;
  if (strcmp(name, "log") == 0) return SCMP_ACT_LOG;
  if (strcmp(name, "trap") == 0) return SCMP_ACT_TRAP;
  if (strcmp(name, "errno") == 0) return SCMP_ACT_ERRNO((unsigned)atoi(word(rest)));
  fprintf(stderr, "enforce: unknown action %s\n", name);
  exit(125);
}

static enum scmp_compare op_of(const char* name) {
  static const char* const names[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
                                      "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
  static const enum scmp_compare ops[] = {SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE,       SCMP_CMP_EQ,
                                          SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ};
  for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++)
    if (strcmp(name, names[i]) == 0) return ops[i];
  fprintf(stderr, "enforce: unknown comparison %s\n", name);
  exit(125);
}

static void add_rule(scmp_filter_ctx ctx, uint32_t otherwise, char** rest) {
  uint32_t action = action_of(word(rest), rest);
  const char* name = word(rest);
  struct scmp_arg_cmp args[6];
  unsigned n = 0;
  for (const char* index; n < 6 && (index = word(rest)) != NULL; n++) {
    args[n].arg = (unsigned)atoi(index);
    args[n].op = op_of(word(rest));
    args[n].datum_a = strtoull(word(rest), NULL, 0);
    args[n].datum_b = strtoull(word(rest), NULL, 0);
  }
  if (action == otherwise) return;  // libseccomp refuses a rule that says what the default says
  int nr = seccomp_syscall_resolve_name(name);
  if (nr == __NR_SCMP_ERROR) {
    fprintf(stderr, "enforce: this libseccomp does not know %s\n", name);
    return;
  }
  int rc = seccomp_rule_add_array(ctx, action, nr, n, args);
  if (rc != 0 && rc != -EEXIST && rc != -EDOM) die(name, rc);
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: enforce-loader RULES PROGRAM [ARG...]\n", stderr);
    return 125;
  }
  FILE* in = fopen(argv[1], "re");
  if (in == NULL) die(argv[1], errno);
  scmp_filter_ctx ctx = NULL;
  uint32_t otherwise = SCMP_ACT_KILL_PROCESS;
  char line[1024];
  while (fgets(line, sizeof line, in) != NULL) {
    char* rest = NULL;
    const char* what = strtok_r(line, " \n", &rest);
    if (what == NULL) continue;
    if (strcmp(what, "default") == 0) {
      otherwise = action_of(word(&rest), &rest);
      ctx = seccomp_init(otherwise);
      if (ctx == NULL) die("seccomp_init", ENOMEM);
      // A call through an entry that the profile does not name must not slip by, nor kill one thread alone.
      seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, otherwise);
    } else if (ctx == NULL) {
      die("the first line has to name the default", EINVAL);
    } else if (strcmp(what, "arch") == 0) {
      int rc = seccomp_arch_add(ctx, seccomp_arch_resolve_name(word(&rest)));
      if (rc != 0 && rc != -EEXIST) die("arch", rc);
    } else if (strcmp(what, "rule") == 0) {
      add_rule(ctx, otherwise, &rest);
    }
  }
  fclose(in);
  if (ctx == NULL) die("no rules", EINVAL);
  // The execve below comes after the filter. It is let through by the address of its path, which the program that it
  // starts will not pass; so the profile need not hold execve for this loader's sake.
  const char* path = argv[2];
  int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(execve), 1, SCMP_A0(SCMP_CMP_EQ, (uintptr_t)path));
  if (rc != 0 && rc != -EEXIST && rc != -EACCES) die("execve", rc);
  // no_new_privs is not what is tested: leave it off where that is allowed (it needs CAP_SYS_ADMIN).
  seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
  rc = seccomp_load(ctx);
  if (rc != 0) {
    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 1);
    rc = seccomp_load(ctx);
  }
  if (rc != 0) die("seccomp_load", rc);
  execv(path, argv + 2);
  fprintf(stderr, "enforce: %s: %s\n", path, strerror(errno));
  _exit(127);
}
