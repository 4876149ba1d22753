// SPDX-License-Identifier: Apache-2.0
//
// Numbers that travel through variables, and functions and pointers that do.
#include "unit/analysis_fixture.h"

namespace stile {
namespace {

class Globals : public AnalysisTest {};

const std::string kAskNr = "fn _start\n call set\n mov nr(%rip), %eax\n syscall\n ud2\n";
// Not at the start of its segment: the program headers, which are data too, name that address.
const std::string kNr = "\n.data\n.p2align 4\n.zero 64\nnr: .quad 39\n.quad 0\n";

TEST_F(Globals, ReadOnlyConstant) {
  check("fn _start\n mov nr(%rip), %eax\n syscall\n ud2\n .section .rodata\n nr: .quad 39\n", {"getpid"}, kNoGaps);
}
TEST_F(Globals, LowAddressesOfPositionIndependentCode) {
  check("fn _start\n mov nr(%rip), %eax\n syscall\n ud2\n .section .rodata\n nr: .quad 39\n", {"getpid"}, kNoGaps, Link::LowPie);
  check(kAskNr + "fn set\n movl $186, nr(%rip)\n ret" + kNr, {"getpid", "gettid"}, kNoGaps, Link::LowPie);
}
TEST_F(Globals, NullPointerBringsNothing) {
  check("fn _start\n xor %ecx, %ecx\n mov 8(%rcx), %eax\n syscall\n ud2", {}, kNoGaps, Link::Static);
}
TEST_F(Globals, NamedByTheProgramHeaders) {  // harmless: a gap more than needed
  check(kAskNr + "fn set\n ret\n.data\nnr: .quad 39\n", {"getpid"}, kUnknownNumber, Link::Static);
}
TEST_F(Globals, OnlyItsInitialValue) { check(kAskNr + "fn set\n ret" + kNr, {"getpid"}, kNoGaps); }
TEST_F(Globals, WrittenFromTwoPlaces) {
  check(kAskNr + "fn set\n movl $186, nr(%rip)\n call more\n ret\n fn more\n mov $110, %ecx\n mov %ecx, nr(%rip)\n ret" + kNr,
        {"getpid", "gettid", "getppid"}, kNoGaps);
}
TEST_F(Globals, WrittenByDeadCode) { check(kAskNr + "fn set\n ret\n fn dead\n movl $57, nr(%rip)\n ret" + kNr, {"getpid"}, kNoGaps); }
TEST_F(Globals, WrittenFromElsewhere) {
  check(kAskNr + "fn set\n mov (%rdi), %ecx\n mov %ecx, nr(%rip)\n ret" + kNr, {"getpid"}, kEscapedWrapper);
}
// A store narrower than what is read is not put together: a gap more than needed.
TEST_F(Globals, WrittenInParts) { check(kAskNr + "fn set\n movb $57, nr(%rip)\n ret" + kNr, {"getpid"}, kUnknownNumber); }
TEST_F(Globals, WrittenByExchange) { check(kAskNr + "fn set\n mov $57, %ecx\n xchg %ecx, nr(%rip)\n ret" + kNr, {"getpid"}, kUnknownNumber); }
TEST_F(Globals, WrittenByCompareExchange) {
  check(kAskNr + "fn set\n mov $57, %ecx\n lock cmpxchg %ecx, nr(%rip)\n ret" + kNr, {"getpid"}, kUnknownNumber);
}
TEST_F(Globals, ChangedInPlace) { check(kAskNr + "fn set\n incl nr(%rip)\n ret" + kNr, {"getpid"}, kUnknownNumber); }
TEST_F(Globals, WrittenBySetcc) { check(kAskNr + "fn set\n sete nr(%rip)\n ret" + kNr, {"getpid"}, kUnknownNumber); }
TEST_F(Globals, WrittenByX87) { check(kAskNr + "fn set\n fldpi\n fistpl nr(%rip)\n ret" + kNr, {"getpid"}, kUnknownNumber); }
TEST_F(Globals, WrittenByVector) { check(kAskNr + "fn set\n movups (%rdi), %xmm0\n movups %xmm0, nr(%rip)\n ret" + kNr, {"getpid"}, kEscapedWrapper); }
TEST_F(Globals, WrittenByPop) { check(kAskNr + "fn set\n push $57\n pop nr(%rip)\n ret" + kNr, {"getpid"}, kUnknownNumber); }
TEST_F(Globals, WrittenByStringInstruction) {
  check(kAskNr + "fn set\n lea nr(%rip), %rdi\n mov $57, %eax\n mov $1, %ecx\n rep stosl\n ret" + kNr, {"getpid"}, kUnknownNumber);
}

// Through a pointer.
TEST_F(Globals, WrittenThroughPointer) {
  check(kAskNr + "fn set\n lea nr(%rip), %rdi\n jmp put\n fn put\n movl $57, (%rdi)\n ret" + kNr, {"getpid", "fork"}, kNoGaps);
}
TEST_F(Globals, AddressGivenToTheKernel) {
  check(kAskNr + "fn set\n lea nr(%rip), %rsi\n xor %edi, %edi\n mov $8, %edx\n xor %eax, %eax\n syscall\n ret" + kNr, {"getpid", "read"},
        kUnknownNumber);
}
TEST_F(Globals, AddressGivenToUnknownCode) {
  check(kAskNr + "fn set\n lea nr(%rip), %rdi\n call *(%rsi)\n ret" + kNr, {"getpid"}, kUnknownNumber);
}
TEST_F(Globals, AddressInData) {
  check(kAskNr + "fn set\n mov p(%rip), %rcx\n movl $57, (%rcx)\n ret" + kNr + "p: .quad nr\n", {"getpid"}, kUnknownNumber);
}
TEST_F(Globals, AddressInCallerSavedRegisterOverCall) {  // gcc -fipa-ra does so where it knows what the callee leaves alone
  check(kAskNr + "fn set\n lea nr(%rip), %r8\n call leaf\n movl $57, (%r8)\n ret\n fn leaf\n ret" + kNr, {"getpid", "fork"}, kNoGaps);
  check(kAskNr + "fn set\n lea nr(%rip), %r10\n call leaf\n movl $57, (%r10)\n ret\n fn leaf\n ret" + kNr, {"getpid", "fork"}, kNoGaps);
}
TEST_F(Globals, AddressInCalleeSavedRegisterOverCall) {
  check(kAskNr + "fn set\n push %rbx\n lea nr(%rip), %rbx\n call leaf\n movl $57, (%rbx)\n pop %rbx\n ret\n fn leaf\n ret" + kNr,
        {"getpid", "fork"}, kNoGaps);
}
TEST_F(Globals, AddressGoesToColdPart) {  // a function split in two: the parts share all registers
  check(kAskNr + "fn set\n lea nr(%rip), %rbx\n test %edx, %edx\n jne set.cold\n ret\n fn set.cold\n movl $57, (%rbx)\n ret" + kNr,
        {"getpid", "fork"}, kNoGaps);
  check(kAskNr + "fn set\n lea nr(%rip), %rbx\n jmp set.cold\n fn other\n ret\n fn set.cold\n movl $57, (%rbx)\n ret" + kNr, {"getpid", "fork"},
        kNoGaps);
}
TEST_F(Globals, AddressComesBackFromColdPart) {
  check(kAskNr + "fn set\n test %edx, %edx\n jne set.cold\n lea dummy(%rip), %rbx\n 1: movl $57, (%rbx)\n ret\n"
                 "fn set.cold\n lea nr(%rip), %rbx\n jmp 1b" + kNr + ".bss\n .zero 65536\n .zero 65536\n dummy: .quad 0\n",
        {"getpid", "fork"}, kNoGaps);
}
TEST_F(Globals, AddressFallsIntoNextFunction) {
  check(kAskNr + "fn set\n lea nr(%rip), %rbx\n fn next\n movl $57, (%rbx)\n ret" + kNr, {"getpid", "fork"}, kNoGaps);
}
TEST_F(Globals, FieldFarInsideAnEscapedObject) {  // read(0, &box, 256), the number 160 bytes into it
  const std::string box = "\n.data\n.p2align 4\n.zero 64\n.type box, @object\nbox: .zero 160\nnr: .quad 39\n.zero 88\n.size box, 256\n";
  check(kAskNr + "fn set\n lea box(%rip), %rsi\n xor %edi, %edi\n mov $256, %edx\n xor %eax, %eax\n syscall\n ret" + box, {"getpid", "read"},
        kUnknownNumber);
}
TEST_F(Globals, FieldFarInsideAnEscapedObjectWithoutSymbol) {
  const std::string box = "\n.data\n.p2align 4\n.zero 64\n.Lbox: .zero 160\n.Lnr: .quad 39\n.zero 88\n";
  check("fn _start\n lea .Lbox(%rip), %rsi\n xor %edi, %edi\n mov $256, %edx\n xor %eax, %eax\n syscall\n mov .Lnr(%rip), %eax\n syscall\n ud2" +
            box,
        {"getpid", "read"}, kUnknownNumber);
}
// Assumed not to happen, see "What is assumed" in docs/how-it-works.md.
TEST_F(Globals, DISABLED_InnerPointerReachesBack) {  // container_of on a variable
  const std::string box = "\n.data\n.p2align 4\n.zero 64\n.type box, @object\nbox:\nnr: .quad 39\nlink: .quad 0\n.size box, 16\n";
  check(kAskNr + "fn set\n lea link(%rip), %rdi\n jmp put\n fn put\n movl $57, -8(%rdi)\n ret" + box, {"getpid"}, kUnknownNumber);
}

TEST_F(Globals, TableAtComputedIndex) {
  check("fn _start\n lea table(%rip), %rcx\n mov (%rcx,%rdi,4), %eax\n syscall\n ud2\n .section .rodata\n table: .long 39, 186\n", {},
        kUnknownNumber);
}
TEST_F(Globals, TableAtConstantIndex) {
  check("fn _start\n lea table(%rip), %rcx\n mov $1, %edi\n mov (%rcx,%rdi,4), %eax\n syscall\n ud2\n .section .rodata\n table: .long 39, 186\n",
        {"gettid"}, kNoGaps);
}
TEST_F(Globals, Argv) { check("fn _start\n mov 16(%rsp), %rdi\n movzbl (%rdi), %eax\n syscall\n ud2", {}, kEscapedWrapper); }
TEST_F(Globals, ThreadLocal) { check("fn _start\n mov %fs:-8, %eax\n syscall\n ud2", {}, kUnknownNumber); }

// A pointer to a frame, kept in a variable and read by a signal handler (glibc: sysdeps/nptl/setxid.c).
const std::string kHandler = "fn handler\n mov gp(%rip), %rcx\n mov 8(%rcx), %eax\n syscall\n ret\n.bss\n.p2align 3\n.zero 64\ngp: .quad 0\n";

TEST_F(Globals, FrameKeptForSignalHandler) {
  check("fn _start\n lea handler(%rip), %rdi\n call install\n sub $40, %rsp\n movq $39, 16(%rsp)\n lea 8(%rsp), %rax\n mov %rax, gp(%rip)\n call wait\n ud2\n"
        "fn install\n mov %rdi, h(%rip)\n ret\n fn wait\n ret\n .bss\n .zero 64\n h: .quad 0\n" + kHandler,
        {"getpid"}, kNoGaps);
}
TEST_F(Globals, FrameChangedAfterItWasKept) {
  check("fn _start\n lea handler(%rip), %rdi\n call install\n sub $40, %rsp\n movq $39, 16(%rsp)\n lea 8(%rsp), %rax\n mov %rax, gp(%rip)\n movq $186, 16(%rsp)\n"
        "call wait\n ud2\n fn install\n mov %rdi, h(%rip)\n ret\n fn wait\n ret\n .bss\n .zero 64\n h: .quad 0\n" + kHandler,
        {"getpid"}, kUnknownNumber);
}

// A callback with its context (musl: src/thread/synccall.c).
TEST_F(Globals, CallbackWithContext) {
  check("fn _start\n sub $40, %rsp\n movq $39, 16(%rsp)\n lea 8(%rsp), %rsi\n lea work(%rip), %rdi\n call each\n ud2\n"
        "fn each\n mov %rdi, callback(%rip)\n mov %rsi, context(%rip)\n mov context(%rip), %rdi\n call *callback(%rip)\n ret\n"
        "fn work\n mov 8(%rdi), %eax\n syscall\n ret\n .bss\n .p2align 3\n .zero 64\n callback: .quad 0\n context: .quad 0\n",
        {"getpid"}, kNoGaps);
}
TEST_F(Globals, CallbackThatIsHandedOut) {
  check("fn _start\n sub $40, %rsp\n movq $39, 16(%rsp)\n lea 8(%rsp), %rsi\n lea work(%rip), %rdi\n call each\n ud2\n"
        "fn each\n mov %rdi, (%rdx)\n mov %rsi, %rdi\n call *(%rdx)\n ret\n fn work\n mov 8(%rdi), %eax\n syscall\n ret\n",
        {}, kEscapedWrapper);
}

}  // namespace
}  // namespace stile
