// SPDX-License-Identifier: Apache-2.0
//
// oldkernel HOW PROGRAM [ARG]...: starts a program as kernels before 5.18 did. HOW: "phdr" = AT_PHDR is the first segment's address less its offset plus
// e_phoff (create_elf_tables(), fs/binfmt_elf.c), wherever the table really is; "argc0" = no arguments at all, not even a name. Its exit
// status, or 128 and the signal; what it did to the vector goes to standard error.
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static int child;

static unsigned long peek(unsigned long at) { return (unsigned long)ptrace(PTRACE_PEEKDATA, child, at, 0); }
static void poke(unsigned long at, unsigned long value) {
  if (ptrace(PTRACE_POKEDATA, child, at, value) != 0) exit(96);
}

// Where the old formula leads, without the load bias, and where the entry is, by the file itself.
static void by_the_file(const char *path, unsigned long *table, unsigned long *entry) {
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  FILE *file = fopen(path, "r");
  if (file == NULL || fread(&header, sizeof header, 1, file) != 1) exit(95);
  fseek(file, (long)header.e_phoff, SEEK_SET);
  do {
    if (fread(&segment, sizeof segment, 1, file) != 1) exit(95);
  } while (segment.p_type != PT_LOAD);
  *table = segment.p_vaddr - segment.p_offset + header.e_phoff;
  *entry = header.e_entry;
  fclose(file);
}

int main(int argc, char **argv) {
  if (argc < 3) return 99;
  const int no_arguments = strcmp(argv[1], "argc0") == 0;
  if ((child = fork()) == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    // Two words to shift by, so that the stack stays aligned to 16 bytes.
    if (no_arguments) execl(argv[2], "x", "y", NULL);
    execv(argv[2], argv + 2);
    _exit(98);
  }
  int status;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 97;
  struct user_regs_struct registers;
  ptrace(PTRACE_GETREGS, child, 0, &registers);
  unsigned long at = registers.rsp;
  if (no_arguments) {
    registers.rsp += 16;
    poke(registers.rsp, 0);
    if (peek(registers.rsp + 8) != 0) return 94;
    ptrace(PTRACE_SETREGS, child, 0, &registers);
    fprintf(stderr, "argc %lu\n", peek(registers.rsp));
  } else {
    for (at += 8; peek(at) != 0; at += 8) {}
    for (at += 8; peek(at) != 0; at += 8) {}
    unsigned long vector = at + 8, table, entry, there = 0, given = 0, bias;
    by_the_file(argv[2], &table, &entry);
    for (at = vector; peek(at) != AT_NULL; at += 16) {
      if (peek(at) == AT_ENTRY) given = peek(at + 8);
      if (peek(at) == AT_PHDR) there = at;
    }
    if (given == 0 || there == 0) return 94;
    bias = given - entry;
    fprintf(stderr, "AT_PHDR 0x%lx, now 0x%lx\n", peek(there + 8) - bias, table);
    poke(there + 8, bias + table);
  }
  ptrace(PTRACE_DETACH, child, 0, 0);
  if (waitpid(child, &status, 0) != child) return 93;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
