// SPDX-License-Identifier: Apache-2.0
//
// What runs before the program's own first instruction. src/embed/stub_bytes.inc holds these very bytes; a test assembles this file
// and compares:
//     gcc -c stub_x86_64.S -o stub.o && objcopy -O binary -j .text stub.o stub.bin
//
// On entry everything is as the kernel (static programs) or ld.so (dynamic ones) made it. Only %rax, %rcx, %rdx, %rsi, %rdi, %r8, %r10,
// %r11 and the flags are touched; all are saved and given back, so the program sees the registers and the stack it would have seen.
// Position independent, writes to nothing but the stack, calls nothing: shadow stacks stay in step.
//
//   1. Is this very filter in force already (the program, or one like it, executed itself again)? Then it is not stacked a second time: all
//      filters of a process together may hold 32,768 instructions, and one more a restart would reach that. The question is a prctl that
//      every kernel refuses with EINVAL, its third argument not being zero, and that our filter answers with an errno of its own.
//   2. PR_SET_NO_NEW_PRIVS.
//   3. seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC): constructors of an LD_PRELOAD library may have started threads.
//   4. The question again: an emulator or an outer filter may have said "done" and done nothing.
//
// Failure: one line on standard error with a single writev(2), and exit_group(125), or on to the program if that is what was asked for.

#define NR_WRITEV      20
#define NR_PRCTL       157
#define NR_EXIT_GROUP  231
#define NR_SECCOMP     317

#define PR_SET_NO_NEW_PRIVS       38
#define SECCOMP_SET_MODE_FILTER   1
#define SECCOMP_FILTER_FLAG_TSYNC 1

// struct StubParameters of stub.h, which follows the code. Offsets are from its own start.
#define KEY         0   // u64: what the question carries
#define ANSWER      8   // i32: what our filter makes of it, a negative errno
#define COUNT       12  // u32: instructions of the filter
#define FILTER      16  // u32: where the filter is
#define RUN_ANYWAY  20  // u32: 1 = go on without the filter after the message
#define TEXTS       24  // { u32 where, u32 length } for each of the steps 2, 3, 4
#define TAIL        48  // { u32 where, u32 length }: the end of the line

#define SCRATCH     64  // three struct iovec and 16 bytes for a number

        .text
stub:
        endbr64
        pushfq
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        push    %r8
        push    %r10
        push    %r11

        // 1. prctl(PR_SET_NO_NEW_PRIVS, 1, KEY, 0, 0). %r8d stays the number of the step for the message.
        mov     $NR_PRCTL, %eax
        mov     $PR_SET_NO_NEW_PRIVS, %edi
        mov     $1, %esi
        mov     parameters+KEY(%rip), %rdx
        xor     %r10d, %r10d
        xor     %r8d, %r8d
        syscall
        cmp     parameters+ANSWER(%rip), %eax
        je      restore

        // 2. prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        mov     $NR_PRCTL, %eax
        xor     %edx, %edx
        syscall
        test    %eax, %eax
        jnz     failed

        // 3. seccomp(SECCOMP_SET_MODE_FILTER, TSYNC, &(struct sock_fprog){ COUNT, FILTER })
        inc     %r8d
        lea     parameters(%rip), %rdx
        mov     FILTER(%rdx), %eax
        add     %rdx, %rax
        push    %rax
        mov     COUNT(%rdx), %eax
        push    %rax
        mov     $NR_SECCOMP, %eax
        mov     $SECCOMP_SET_MODE_FILTER, %edi
        mov     $SECCOMP_FILTER_FLAG_TSYNC, %esi
        mov     %rsp, %rdx
        syscall
        add     $16, %rsp
        test    %eax, %eax              // negative: an errno; positive: a thread that could not be synchronised
        jnz     failed

        // 4. prctl(PR_SET_NO_NEW_PRIVS, 1, KEY, 0, ...); %esi is still 1
        inc     %r8d
        mov     $NR_PRCTL, %eax
        mov     $PR_SET_NO_NEW_PRIVS, %edi
        mov     parameters+KEY(%rip), %rdx
        syscall
        cmp     parameters+ANSWER(%rip), %eax
        jne     failed

restore:
        pop     %r11
        pop     %r10
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        popfq
stub_jump:
        .byte   0xe9                    // jmp to the old entry: the distance is written here when the filter is embedded
        .long   0

failed:
        sub     $SCRATCH, %rsp
        lea     parameters(%rip), %rdi
        mov     TEXTS(%rdi,%r8,8), %ecx
        add     %rdi, %rcx
        mov     %rcx, (%rsp)
        mov     TEXTS+4(%rdi,%r8,8), %ecx
        mov     %rcx, 8(%rsp)
        mov     TAIL(%rdi), %ecx
        add     %rdi, %rcx
        mov     %rcx, 32(%rsp)
        mov     TAIL+4(%rdi), %ecx
        mov     %rcx, 40(%rsp)
        mov     RUN_ANYWAY(%rdi), %r10d
        // The number without its sign, last digit first, to the end of the scratch space.
        test    %eax, %eax
        jns     positive
        neg     %eax
positive:
        lea     SCRATCH(%rsp), %rsi
        mov     $10, %ecx
digit:
        xor     %edx, %edx
        div     %ecx
        add     $'0', %dl
        dec     %rsi
        mov     %dl, (%rsi)
        test    %eax, %eax
        jnz     digit
        mov     %rsi, 16(%rsp)
        lea     SCRATCH(%rsp), %rdx
        sub     %rsi, %rdx
        mov     %rdx, 24(%rsp)
        // writev(2, { text, number, tail }, 3)
        mov     $NR_WRITEV, %eax
        mov     $2, %edi
        mov     %rsp, %rsi
        mov     $3, %edx
        syscall
        add     $SCRATCH, %rsp
        test    %r10d, %r10d
        jnz     restore
leave:
        mov     $NR_EXIT_GROUP, %eax
        mov     $125, %edi
        syscall
        ud2                             // whoever refuses even that does not get the program either

        .balign 8
parameters:
