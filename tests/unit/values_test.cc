// SPDX-License-Identifier: Apache-2.0
//
// Which numbers reach an instruction that enters the kernel: inside one function, over calls, through memory.
#include "unit/analysis_fixture.h"

namespace stile {
namespace {

class Values : public AnalysisTest {};

// What comes from a register or a pointer that _start was given, or a function from callers that do not set it, is told as
// an escaped wrapper: somebody outside chooses the number.

// `body` in _start, then a syscall.
std::string asks(const std::string& body) { return "fn _start\n" + body + "\n syscall\n ud2\n"; }

TEST_F(Values, Constant) { check(asks("mov $39, %eax"), {"getpid"}, kNoGaps); }
TEST_F(Values, ConstantOf64Bits) { check(asks("movabs $39, %rax"), {"getpid"}, kNoGaps); }
TEST_F(Values, HighHalfDoesNotCount) { check(asks("movabs $0x700000027, %rax"), {"getpid"}, kNoGaps); }
TEST_F(Values, Xor) { check(asks("xor %eax, %eax"), {"read"}, kNoGaps); }
TEST_F(Values, XorOfTwoRegisters) { check(asks("xor %ebx, %eax"), {}, kUnknownNumber); }
TEST_F(Values, Arithmetic) { check(asks("mov $40, %ebx\n lea -1(%rbx), %eax"), {"getpid"}, kNoGaps); }
TEST_F(Values, Or) { check(asks("mov $32, %eax\n or $7, %eax"), {"getpid"}, kNoGaps); }
TEST_F(Values, Multiplication) { check(asks("mov $13, %eax\n imul $3, %eax, %eax"), {}, kUnknownNumber); }
TEST_F(Values, CpuidWritesRax) { check(asks("mov $39, %eax\n cpuid"), {}, kUnknownNumber); }

TEST_F(Values, JoinOfTwoConstants) {
  check(asks("mov $39, %eax\n test %edi, %edi\n je 1f\n mov $186, %eax\n 1:"), {"getpid", "gettid"}, kNoGaps);
}
TEST_F(Values, JoinWithAnUnknown) {
  check(asks("mov $39, %eax\n test %edi, %edi\n je 1f\n mov %fs:0, %eax\n 1:"), {"getpid"}, kUnknownNumber);
}
TEST_F(Values, Cmov) {
  check(asks("mov $39, %eax\n mov $186, %ecx\n test %edi, %edi\n cmove %ecx, %eax"), {"getpid", "gettid"}, kNoGaps);
}
TEST_F(Values, CmovFromMemory) {
  check(asks("mov $39, %eax\n test %edi, %edi\n cmove (%rsi), %eax"), {"getpid"}, kEscapedWrapper);
}

// The way taken tells the value.
TEST_F(Values, EqualBranch) {
  check("fn _start\n call f\n ud2\n fn f\n mov (%rdi), %eax\n cmp $39, %eax\n je 1f\n ret\n 1: syscall\n ret", {"getpid"},
        kNoGaps);
}
TEST_F(Values, EqualBranchAfterTest) {
  check("fn _start\n call f\n ud2\n fn f\n mov (%rdi), %rax\n test %rax, %rax\n jne 1f\n syscall\n 1: ret", {"read"}, kNoGaps);
}
TEST_F(Values, UnequalBranchTellsNothing) {
  check("fn _start\n call f\n ud2\n fn f\n mov (%rdi), %eax\n cmp $39, %eax\n jne 1f\n ret\n 1: syscall\n ret", {},
        kEscapedWrapper);
}
TEST_F(Values, SomethingJumpsBetweenCompareAndBranch) {
  check("fn _start\n call f\n ud2\n fn f\n mov (%rdi), %eax\n test %esi, %esi\n js 1f\n cmp $39, %eax\n 1: je 2f\n ret\n 2: syscall\n ret",
        {}, kEscapedWrapper);
}
TEST_F(Values, ComparedHalfSaysNothingOfTheOther) {
  check("fn _start\n call f\n ud2\n fn f\n mov (%rdi), %rax\n cmp $39, %eax\n jne 1f\n shr $32, %rax\n syscall\n 1: ret", {},
        kUnknownNumber);
}

TEST_F(Values, PartialWrite) { check(asks("xor %eax, %eax\n mov $60, %al"), {"exit"}, kNoGaps); }
TEST_F(Values, PartialWriteOverConstant) { check(asks("mov $0x100, %eax\n mov $1, %al"), {"openat"}, kNoGaps); }
TEST_F(Values, PartialWriteOverUnknown) { check(asks("mov (%rdi), %eax\n mov $60, %al"), {}, kUnknownNumber); }
TEST_F(Values, HighByte) { check(asks("mov $39, %eax\n mov $1, %ah"), {}, kUnknownNumber); }

TEST_F(Values, PushPop) { check(asks("push $39\n pop %rax"), {"getpid"}, kNoGaps); }
TEST_F(Values, PushPopInOrder) { check(asks("push $39\n push $186\n pop %rbx\n pop %rax"), {"getpid"}, kNoGaps); }
TEST_F(Values, SpillAcrossCall) {
  check(asks("sub $24, %rsp\n movl $39, 8(%rsp)\n call f\n mov 8(%rsp), %eax") + "fn f\n ret", {"getpid"}, kNoGaps);
}
TEST_F(Values, SpillWhoseAddressEscapes) {
  check(asks("sub $24, %rsp\n movl $39, 8(%rsp)\n lea 8(%rsp), %rdi\n call f\n mov 8(%rsp), %eax") +
            "fn f\n mov (%rsi), %eax\n mov %eax, (%rdi)\n ret",
        {}, kUnknownNumber);
}
TEST_F(Values, SpillThatTheKernelWrites) {  // read(0, &slot, 8)
  check(asks("sub $24, %rsp\n movl $39, 8(%rsp)\n lea 8(%rsp), %rsi\n xor %edi, %edi\n mov $8, %edx\n xor %eax, %eax\n syscall\n"
             "mov 8(%rsp), %eax"),
        {"read", "getpid"}, kUnknownNumber);
}
TEST_F(Values, SlotChangedInPlace) {
  check(asks("sub $24, %rsp\n movl $39, 8(%rsp)\n incl 8(%rsp)\n mov 8(%rsp), %eax"), {}, kUnknownNumber);
}
TEST_F(Values, SlotWrittenAtIndex) {
  check(asks("sub $24, %rsp\n movl $39, 8(%rsp)\n mov %ecx, (%rsp,%rdx,4)\n mov 8(%rsp), %eax"), {}, kUnknownNumber);
}
TEST_F(Values, SlotNeverWritten) { check(asks("sub $24, %rsp\n mov 8(%rsp), %eax"), {}, kUnknownNumber); }
TEST_F(Values, VectorCopyOfStruct) {
  check(asks("sub $56, %rsp\n movq $1, (%rsp)\n movq $39, 8(%rsp)\n movups (%rsp), %xmm0\n movups %xmm0, 32(%rsp)\n mov 40(%rsp), %eax"),
        {"getpid"}, kNoGaps);
}
TEST_F(Values, VectorFromElsewhere) {
  check(asks("sub $56, %rsp\n movups (%rdi), %xmm0\n movups %xmm0, 32(%rsp)\n mov 40(%rsp), %eax"), {}, kEscapedWrapper);
}
TEST_F(Values, CallClobbersRax) { check(asks("mov $39, %eax\n call f") + "fn f\n ret", {}, kUnknownNumber); }
TEST_F(Values, CalleeSavedRegisterLives) {
  check(asks("mov $39, %ebx\n call f\n mov %ebx, %eax") + "fn f\n ret", {"getpid"}, kNoGaps);
}
TEST_F(Values, LoopOverRegister) { check(asks("mov $39, %ecx\n 1: mov %ecx, %eax\n dec %edx\n jne 1b"), {"getpid"}, kNoGaps); }
TEST_F(Values, LoopThatCounts) { check(asks("mov $39, %eax\n 1: inc %eax\n dec %edx\n jne 1b"), {"sendfile"}, kUnknownNumber); }

// The number as a parameter.
TEST_F(Values, Wrapper) {
  check("fn _start\n mov $39, %edi\n call wrapper\n mov $186, %edi\n call wrapper\n call f\n ud2\n"
        "fn f\n mov $110, %edi\n call wrapper\n ret" + kWrapper,
        {"getpid", "gettid", "getppid"}, kNoGaps);
}
TEST_F(Values, WrapperWithUnknownCaller) {
  check("fn _start\n mov $39, %edi\n call wrapper\n mov 16(%rsp), %rdi\n mov (%rdi), %edi\n call wrapper\n ud2" + kWrapper, {"getpid"},
        kEscapedWrapper);
}
TEST_F(Values, WrapperOfWrapper) {
  check("fn _start\n mov $29, %edi\n call f\n ud2\n fn f\n add $10, %edi\n call wrapper\n ret" + kWrapper, {"getpid"}, kNoGaps);
}
TEST_F(Values, WrapperOfWrapperTimesTwo) {
  check("fn _start\n mov $29, %edi\n call f\n ud2\n fn f\n imul %edi, %edi\n call wrapper\n ret" + kWrapper, {}, kUnknownNumber);
}
TEST_F(Values, TailCall) { check("fn _start\n call f\n ud2\n fn f\n mov $39, %edi\n jmp wrapper" + kWrapper, {"getpid"}, kNoGaps); }
TEST_F(Values, ConditionalTailCall) {
  check("fn _start\n call f\n ud2\n fn f\n mov $39, %edi\n test %esi, %esi\n jne wrapper\n ret" + kWrapper, {"getpid"}, kNoGaps);
}
TEST_F(Values, FallThrough) {
  check("fn _start\n call f\n mov $186, %edi\n call wrapper\n ud2\n fn f\n mov $39, %edi" + kWrapper, {"getpid", "gettid"}, kNoGaps);
}
TEST_F(Values, JumpIntoTheMiddleOfAFunction) {
  check("fn _start\n test %edx, %edx\n je f\n mov $186, %eax\n jmp 1f\n fn f\n mov $39, %eax\n 1: syscall\n ud2", {"getpid"},
        kUnknownNumber);
}
TEST_F(Values, StackParameter) {  // as Go passed parameters before it used registers
  check("fn _start\n sub $24, %rsp\n movq $39, (%rsp)\n call f\n ud2\n fn f\n mov 8(%rsp), %rax\n syscall\n ret", {"getpid"}, kNoGaps);
}
TEST_F(Values, StackParameterNotWritten) {
  check("fn _start\n sub $24, %rsp\n call f\n ud2\n fn f\n mov 8(%rsp), %rax\n syscall\n ret", {}, kUnknownNumber);
}
TEST_F(Values, StackParameterPushed) {
  check("fn _start\n push $39\n call f\n ud2\n fn f\n push %rbp\n mov %rsp, %rbp\n mov 16(%rbp), %eax\n syscall\n pop %rbp\n ret", {"getpid"},
        kNoGaps);
}
TEST_F(Values, TwoWrappersCallEachOther) {
  check("fn _start\n mov $39, %edi\n call f\n ud2\n fn f\n mov %edi, %eax\n syscall\n call g\n ret\n"
        "fn g\n push %rdi\n mov $186, %edi\n call f\n pop %rdi\n jmp f",
        {"getpid", "gettid"}, kNoGaps);
}
TEST_F(Values, RecursionPassesTheNumberOn) {
  check("fn _start\n mov $39, %edi\n call f\n ud2\n fn f\n test %esi, %esi\n jne g\n mov %edi, %eax\n syscall\n ret\n fn g\n dec %esi\n jmp f",
        {"getpid"}, kNoGaps);
}
TEST_F(Values, RecursionCounts) {
  check("fn _start\n mov $39, %edi\n call f\n ud2\n fn f\n mov %edi, %eax\n syscall\n ret\n fn g\n inc %edi\n jmp f", {"getpid"}, kNoGaps);
  check("fn _start\n mov $39, %edi\n call g\n ud2\n fn f\n test %esi, %esi\n jne g\n mov %edi, %eax\n syscall\n ret\n fn g\n inc %edi\n jmp f",
        kAnyCalls, {"exec-inherits", "limited-work"});
}

// A struct behind a pointer.
constexpr const char* kStructCaller = "fn _start\n sub $40, %rsp\n movq $39, 16(%rsp)\n lea 8(%rsp), %rdi\n call f\n ud2\n";

TEST_F(Values, StructBehindPointer) {
  check(std::string(kStructCaller) + "fn f\n mov 8(%rdi), %eax\n syscall\n ret", {"getpid"}, kNoGaps);
}
// Assumed not to happen, see "What is assumed" in docs/how-it-works.md.
TEST_F(Values, DISABLED_StructBehindPointerWrittenByCallee) {
  check(std::string(kStructCaller) + "fn f\n movq $186, 8(%rdi)\n mov 8(%rdi), %eax\n syscall\n ret", {"gettid"}, kNoGaps);
}
TEST_F(Values, DISABLED_StructBehindPointerWrittenByAnother) {
  check(std::string(kStructCaller) + "fn f\n push %rdi\n call g\n pop %rdi\n mov 8(%rdi), %eax\n syscall\n ret\n fn g\n movq $186, 8(%rdi)\n ret",
        {"getpid"}, kUnknownNumber);
}
TEST_F(Values, DISABLED_StructBehindPointerWrittenByKernel) {
  check(std::string(kStructCaller) +
            "fn f\n mov %rdi, %rsi\n mov %rdi, %rbx\n xor %edi, %edi\n mov $16, %edx\n xor %eax, %eax\n syscall\n mov 8(%rbx), %eax\n syscall\n ret",
        {"getpid", "read"}, kUnknownNumber);
}
TEST_F(Values, StructBehindUnknownPointer) {
  check("fn _start\n mov (%rsp), %rdi\n call f\n ud2\n fn f\n mov 8(%rdi), %eax\n syscall\n ret", {}, kUnknownNumber);
}
// Assumed not to happen, see "What is assumed" in docs/how-it-works.md.
TEST_F(Values, DISABLED_InnerPointerReachesBack) {  // container_of: the callee is given a field and writes the one before it
  check(asks("sub $40, %rsp\n movq $39, 8(%rsp)\n lea 16(%rsp), %rdi\n call f\n mov 8(%rsp), %eax") +
            "fn f\n movq $186, -8(%rdi)\n ret",
        {"gettid"}, kUnknownNumber);
}

}  // namespace
}  // namespace stile
