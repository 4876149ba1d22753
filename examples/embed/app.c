// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void) {
  if (socket(AF_INET, SOCK_STREAM, 0) < 0) {
    printf("no socket: %s\n", strerror(errno));
    return 0;
  }
  puts("a socket");
  return 1;
}
