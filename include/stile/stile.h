/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters from C (and from languages that speak C): say a policy, compile it, load it.
 *
 *     char *error = NULL;
 *     stile_policy *policy = stile_policy_new("errno:EPERM", &error);
 *     stile_policy_rule(policy, "write", "allow", "arg0 in {1, 2}", &error);
 *     stile_policy_rule(policy, "exit_group", "allow", NULL, &error);
 *     if (stile_policy_load(policy, STILE_ALL_THREADS, NULL, &error) != 0) fputs(error, stderr);
 *     free(error);
 *     stile_policy_free(policy);
 *
 * Every function that can fail takes `char **error`. On failure it returns -1 or NULL and, unless error is NULL, puts a line of text there
 * that the caller frees with free(3). On success *error is left alone. A text that is there already is freed first, so one variable,
 * NULL at first, serves for a row of calls.
 *
 * A policy belongs to the caller until stile_policy_free. It may be used by one thread at a time. Strings that are passed in are copied.
 * Linking: the library is C++, so link with a C++ compiler or add -lstdc++ (pkg-config --libs stile does).
 */
#ifndef STILE_STILE_H
#define STILE_STILE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stile_policy stile_policy;

/* struct sock_filter of <linux/filter.h>: the same layout, so a pointer to one may be cast to the other. */
typedef struct stile_instruction {
  uint16_t code;
  uint8_t jt;
  uint8_t jf;
  uint32_t k;
} stile_instruction;

/* --- saying a policy --- */

/* Actions are words: "allow", "errno" (EPERM), "errno:NAME", "errno:NUMBER", "kill-process", "kill-thread", "trap", "trace", "log", "notify". */
stile_policy *stile_policy_new(const char *default_action, char **error);
/* NULL is allowed. */
void stile_policy_free(stile_policy *policy);

/* What is done with a call: a name ("write"), a group ("@file-system") or a number ("463"). `condition` is a text such as
 * "arg0:32 == AF_UNIX && arg1 & 0xf in {1, 2}" (see stile/condition.h), or NULL for always. Rules of one call are looked at in the order they
 * were added; the first whose condition holds decides. Names are checked by stile_policy_compile and stile_policy_load. */
int stile_policy_rule(stile_policy *policy, const char *call, const char *action, const char *condition, char **error);

/* System call tables the filter answers for, by stile's names ("x86_64", "i386"), count of them. Default: "x86_64". */
int stile_policy_architectures(stile_policy *policy, const char *const *names, size_t count, char **error);
/* What is done with calls by other tables. Default: "kill-process". */
int stile_policy_other_architectures(stile_policy *policy, const char *action, char **error);
/* The kernel release the policy was written for, "6.1": later calls answer ENOSYS. */
int stile_policy_written_for(stile_policy *policy, const char *release, char **error);

/* Landlock rules, see PathRule in stile/profile.h. */
#define STILE_PATH_READ 1u
#define STILE_PATH_WRITE 2u
#define STILE_PATH_EXECUTE 4u
int stile_policy_path(stile_policy *policy, const char *path, unsigned access, char **error);

/* --- compiling and loading --- */

/* The program, in *program and *length; the caller frees it with free(3). Makes no system call but for memory. */
int stile_policy_compile(const stile_policy *policy, stile_instruction **program, size_t *length, char **error);

/* Compiles the policy and puts it in force, for good: path rules first (for the calling thread and what it starts), then the filter. Sets
 * no_new_privs. `listener` may be NULL; with STILE_LISTENER the supervisor's descriptor is put there, which the caller closes. */
#define STILE_ALL_THREADS 1u   /* every thread of the process; else the calling one alone */
#define STILE_LOG 2u           /* the kernel logs what it refuses */
#define STILE_SPEC_ALLOW 4u    /* no mitigation of speculative store bypass */
#define STILE_LISTENER 8u      /* for the action "notify" */
#define STILE_WAIT_KILLABLE 16u /* with STILE_LISTENER: signals do not interrupt a call the supervisor looks at */
int stile_policy_load(const stile_policy *policy, unsigned flags, int *listener, char **error);
/* The same for a program made before, without path rules. */
int stile_load(const stile_instruction *program, size_t length, unsigned flags, int *listener, char **error);

/* --- strict mode --- */

/* read, write, exit and rt_sigreturn are left to the calling thread, all else is SIGKILL. exit_group is not among them: returning from
 * main(), exit() and _exit() all kill. Leave with stile_strict_exit(). */
int stile_enter_strict_mode(char **error);
/* exit(2) itself; ends the calling thread. */
void stile_strict_exit(int status);

#ifdef __cplusplus
}
#endif

#endif
