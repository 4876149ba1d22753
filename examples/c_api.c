/* SPDX-License-Identifier: Apache-2.0
 *
 * The same from C: write to standard output and error, end, and get EPERM for the rest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stile/stile.h>

static int complain(char* error, stile_policy* policy) {
  fprintf(stderr, "%s\n", error);
  free(error);
  stile_policy_free(policy);
  return EXIT_FAILURE;
}

int main(void) {
  char* error = NULL;
  stile_policy* policy = stile_policy_new("errno:EPERM", &error);
  if (policy == NULL) return complain(error, policy);

  /* What is wrong is said in words. */
  if (stile_policy_rule(policy, "write", "allow", "arg0 in {1, ", &error) == 0) return EXIT_FAILURE;
  printf("a condition with a mistake: %s\n", error);

  if (stile_policy_rule(policy, "write", "allow", "arg0:32 in {1, 2}", &error) != 0 ||
      stile_policy_rule(policy, "newfstatat", "allow", NULL, &error) != 0 ||
      stile_policy_rule(policy, "exit_group", "allow", NULL, &error) != 0 ||
      stile_policy_rule(policy, "socket", "errno:EACCES", "arg0:32 == AF_INET", &error) != 0) {
    return complain(error, policy);
  }

  stile_instruction* program = NULL;
  size_t length = 0;
  if (stile_policy_compile(policy, &program, &length, &error) != 0) return complain(error, policy);
  printf("the filter has %s instructions\n", length > 0 && length < 100 ? "a handful of" : "too many");
  free(program);
  fflush(stdout);

  if (stile_policy_load(policy, STILE_ALL_THREADS, NULL, &error) != 0) return complain(error, policy);
  free(error); /* of the mistake above */
  stile_policy_free(policy);

  static const char text[] = "written under the filter\n";
  const int written = write(1, text, sizeof text - 1) == (ssize_t)(sizeof text - 1);
  const int inet = socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EACCES;
  const int others = socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EPERM;
  const int closed = close(2) == -1 && errno == EPERM;
  static const char right[] = "socket gives EACCES for AF_INET and EPERM for others, close EPERM\n";
  static const char wrong[] = "something was not refused as told\n";
  if (inet && others && closed) {
    if (write(1, right, sizeof right - 1) < 0) return EXIT_FAILURE;
  } else if (write(1, wrong, sizeof wrong - 1) < 0) {
    return EXIT_FAILURE;
  }
  return written && inet && others && closed ? EXIT_SUCCESS : EXIT_FAILURE;
}
