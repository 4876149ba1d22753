// SPDX-License-Identifier: Apache-2.0
//
// A program without a library that writes what it was given to standard output: 16 registers, the flags, and 4096 bytes from the stack
// pointer up. What the stub changed would show.
        .text
        .globl  _start
_start:
        pushfq
        push    %r15
        push    %r14
        push    %r13
        push    %r12
        push    %r11
        push    %r10
        push    %r9
        push    %r8
        push    %rdi
        push    %rsi
        push    %rbp
        push    %rbx
        push    %rdx
        push    %rcx
        push    %rax
        push    %rsp
        mov     $1, %eax
        mov     $1, %edi
        mov     %rsp, %rsi
        mov     $(17 * 8 + 512), %edx
        syscall
        mov     $231, %eax
        xor     %edi, %edi
        syscall
        .section .note.GNU-stack, "", @progbits
