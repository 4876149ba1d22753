// SPDX-License-Identifier: Apache-2.0
//
// What can run, where the kernel is entered, and what is told about what stays open.
#include "unit/analysis_fixture.h"

namespace stile {
namespace {

class Reach : public AnalysisTest {};

const std::string kExit = "fn _start\n mov $60, %eax\n syscall\n ud2\n";
const std::string kFork = "mov $57, %eax\n syscall\n ret\n";

TEST_F(Reach, UnreachableFunction) { check(kExit + "fn dead\n" + kFork, {"exit"}, kNoGaps); }
TEST_F(Reach, CalledFunction) { check("fn _start\n call f\n ud2\n fn f\n" + kFork, {"fork"}, kNoGaps); }
TEST_F(Reach, FunctionWhoseAddressIsTaken) {
  check("fn _start\n lea f(%rip), %rdi\n call g\n ud2\n fn f\n" + kFork + "fn g\n jmp *%rdi", {"fork"}, kNoGaps);
}
TEST_F(Reach, FunctionWhoseAbsoluteAddressIsTaken) {
  check("fn _start\n mov $f, %edi\n call g\n ud2\n fn f\n" + kFork + "fn g\n jmp *%rdi", {"fork"}, kNoGaps, Link::Static);
}
TEST_F(Reach, PointerInData) { check(kExit + "fn f\n" + kFork + ".data\n .p2align 3\n .quad f", {"exit", "fork"}, kNoGaps); }
TEST_F(Reach, PointerInReadOnlyData) {
  check(kExit + "fn f\n" + kFork + ".section .rodata\n .p2align 3\n .quad f", {"exit", "fork"}, kNoGaps, Link::Static);
}
// Pointers in data count when something that can run names the data. The tables here are 32 bytes and more and aligned as
// compilers align such objects.
const std::string kTable = ".section .data.rel.ro, \"aw\", @progbits\n .p2align 5\n table: .quad f, f, f, f\n .p2align 5\n after: .quad 0\n";
const std::string kDead = "fn dead\n lea table(%rip), %rax\n lea after(%rip), %rcx\n ret\n";
TEST_F(Reach, TableThatDeadCodeNames) { check(kExit + kDead + "fn f\n" + kFork + kTable, {"exit"}, kNoGaps, Link::LowPie); }
TEST_F(Reach, TableThatLiveCodeNames) {
  check("fn _start\n lea table(%rip), %rdi\n call g\n ud2\n fn g\n jmp *8(%rdi)\n" + kDead + "fn f\n" + kFork + kTable, {"fork"}, kNoGaps);
}
// A symbol inside a larger one (an alias of a member) does not end the object.
TEST_F(Reach, SymbolInsideTable) {
  check("fn _start\n lea table(%rip), %rdi\n call g\n ud2\n fn g\n jmp *24(%rdi)\n fn dead\n lea member+8(%rip), %rax\n ret\n fn f\n" + kFork +
            ".section .data.rel.ro, \"aw\", @progbits\n .p2align 5\n .globl table, member\n .type table, @object\n .size table, 32\n table: .quad 0\n"
            " .type member, @object\n .size member, 8\n member: .quad 0\n .quad 0, f\n",
        {"fork"}, kNoGaps);
}
// A relocated word in memory that is not written to is in no object that is followed.
TEST_F(Reach, PointerInReadOnlyDataOfPie) {
  check(kExit + "fn dead\n lea table(%rip), %rax\n ret\n fn f\n" + kFork + ".section .rodata\n .p2align 5\n table: .quad f, f, f, f", {"exit", "fork"},
        kNoGaps, Link::LowPie);
}
TEST_F(Reach, TableNamedInItsMiddle) {
  check("fn _start\n mov table+16(%rip), %rdi\n call g\n ud2\n fn g\n jmp *%rdi\n" + kDead + "fn f\n" + kFork + kTable, {"fork"}, kNoGaps);
}
TEST_F(Reach, TableBehindTable) {
  check("fn _start\n lea outer(%rip), %rdi\n call g\n ud2\n fn g\n mov (%rdi), %rax\n jmp *(%rax)\n" + kDead + "fn f\n" + kFork + kTable +
            ".p2align 5\n outer: .quad table, 0, 0, 0\n",
        {"fork"}, kNoGaps);
}
TEST_F(Reach, TableBehindDeadTable) {
  check(kExit + "fn other\n lea outer(%rip), %rax\n ret\n" + kDead + "fn f\n" + kFork + kTable + ".p2align 5\n outer: .quad table, 0, 0, 0\n",
        {"exit"}, kNoGaps, Link::LowPie);
}
// Dead code names a member; that does not end the object, which live code walks through from its start.
TEST_F(Reach, MemberThatDeadCodeNames) {
  check("fn _start\n lea object(%rip), %rdi\n call g\n ud2\n fn g\n jmp *24(%rdi)\n fn dead\n lea object+8(%rip), %rax\n ret\n fn f\n" + kFork +
            ".data\n .p2align 5\n object: .quad 0, 0, 0, f\n",
        {"fork"}, kNoGaps);
}
// Functions that no table names and others only jump to (musl has no unwind tables) get what those that jump have passed.
TEST_F(Reach, FunctionThatIsOnlyJumpedTo) {
  check("fn _start\n call f\n mov $186, %edi\n jmp .Lwrapper\n fn f\n mov $57, %edi\n jmp .Lwrapper\n fn other\n ret\n .p2align 4\n .Lwrapper:" + kWrapper.substr(kWrapper.find('\n', 1)),
        {"fork", "gettid"}, kNoGaps);
}
TEST_F(Reach, FunctionThatIsOnlyJumpedToBehindCallThatNeverReturns) {
  check("fn _start\n call f\n mov $186, %edi\n jmp .Lwrapper\n fn f\n mov $57, %edi\n jmp .Lwrapper\n fn other\n call die\n .p2align 4\n .Lwrapper:" +
            kWrapper.substr(kWrapper.find('\n', 1)) + "fn die\n ud2",
        {"fork", "gettid"}, kNoGaps);
}
TEST_F(Reach, ChainOfFunctionsThatAreOnlyJumpedTo) {
  check("fn _start\n mov $57, %edi\n jmp .Lfirst\n fn other\n ret\n .Lfirst:\n jmp .Lsecond\n .p2align 4\n .Lsecond:\n mov %edi, %eax\n syscall\n ud2", {"fork"},
        kNoGaps);
}
// A block in the middle of a function that another one jumps into is part of that function.
TEST_F(Reach, BlockThatIsJumpedInto) {
  check("fn _start\n mov $57, %edi\n call f\n jmp .Lblock\n fn f\n test %edi, %edi\n jne .Lblock\n ret\n .Lblock:\n mov $186, %eax\n syscall\n jmp f",
        {"gettid"}, kNoGaps);
}

// Memory made executable at run time.
std::string ask(const std::string& number, const std::string& protection) {
  return "fn _start\n mov $" + number + ", %eax\n mov $" + protection + ", %edx\n syscall\n mov $60, %eax\n syscall\n ud2";
}
const Names kGeneratedCode = {"generated-code"};
TEST_F(Reach, MemoryMadeExecutable) { check(ask("10", "5"), {"exit", "mprotect"}, kGeneratedCode); }
TEST_F(Reach, ExecutableMapping) { check(ask("9", "7"), {"exit", "mmap"}, kGeneratedCode); }
TEST_F(Reach, MemoryMadeReadable) { check(ask("10", "3"), {"exit", "mprotect"}, kNoGaps); }
TEST_F(Reach, OtherCallWithTheBitOfExecution) { check(ask("1", "5"), {"exit", "write"}, kNoGaps); }
TEST_F(Reach, OneSiteForAllCalls) {  // the 5 belongs to write
  check("fn _start\n mov $10, %edi\n mov $3, %edx\n call wrapper\n call f\n ud2\n fn f\n mov $1, %edi\n mov $5, %edx\n call wrapper\n ret" + kWrapper,
        {"mprotect", "write"}, kNoGaps);
}

// The unwinder finds a personality routine by a word that no code names, here right behind a table that is dead.
TEST_F(Reach, PersonalityRoutine) {
  check("fn _start\n .cfi_startproc\n .cfi_personality 0x9b, DW.ref.f\n mov $60, %eax\n syscall\n ud2\n .cfi_endproc\n" + kDead + "fn f\n" + kFork +
            "fn g\n ret\n .section .data.rel.ro, \"aw\", @progbits\n .p2align 5\n table: .quad g, g, g, g\n DW.ref.f: .quad f\n .p2align 5\n after: .quad 0\n",
        {"exit", "fork"}, kNoGaps);
}
// Assumed not to happen, see "What is assumed" in docs/how-it-works.md.
TEST_F(Reach, DISABLED_TableNamedByItsEndAlone) {  // and walked through backwards
  check("fn _start\n lea after(%rip), %rdi\n call g\n ud2\n fn g\n jmp *-8(%rdi)\n" + kDead + "fn f\n" + kFork + kTable, {"fork"}, kNoGaps);
}
TEST_F(Reach, DISABLED_PackedPointerInData) {  // __attribute__((packed)) puts pointers at odd addresses
  check(kExit + "fn f\n" + kFork + ".data\n .p2align 3\n .byte 1\n .quad f", {"exit", "fork"}, kNoGaps);
}
TEST_F(Reach, DISABLED_TableOfRelativeAddresses) {
  check("fn _start\n lea table(%rip), %rcx\n movslq (%rcx,%rdi,4), %rax\n add %rcx, %rax\n call *%rax\n ud2\n fn f\n" + kFork +
            ".section .rodata\n .p2align 2\n table: .long f - table\n",
        {"fork"}, kNoGaps);
}
TEST_F(Reach, Initialiser) {
  check(kExit + "fn f\n" + kFork + ".section .init_array, \"aw\", @init_array\n .p2align 3\n .quad f", {"exit", "fork"}, kNoGaps);
}
TEST_F(Reach, IndirectFunction) {
  check("fn _start\n call f\n ud2\n fn resolve\n lea f1(%rip), %rax\n ret\n fn f1\n" + kFork +
            ".type f, @gnu_indirect_function\n .set f, resolve\n",
        {"fork"}, kNoGaps);
}

// Code that control does not come to.
const std::string kAskFork = " mov $57, %edi\n call wrapper\n ud2\n";

TEST_F(Reach, BehindCallThatNeverReturns) {
  check("fn _start\n mov $186, %edi\n call wrapper\n call die\n fn other\n" + kFork + "fn die\n mov $60, %eax\n syscall\n hlt" + kWrapper,
        {"exit", "gettid"}, kNoGaps);
}
TEST_F(Reach, BehindCallThatReturns) {
  check("fn _start\n call f\n fn other\n" + kFork + "fn f\n mov $60, %eax\n syscall\n ret", {"exit", "fork"}, kNoGaps);
}
TEST_F(Reach, CalleeReturnsForItsCaller) {  // it drops its own return address, so the call does not lead to the ud2
  check("fn _start\n call f\n" + kAskFork + "fn f\n call g\n ud2\n fn g\n pop %rax\n ret" + kWrapper, {"fork"}, kNoGaps);
}
// Kept: a landing pad may stand there.
TEST_F(Reach, BehindUd2) { check("fn _start\n mov $39, %edi\n call wrapper\n ud2\n" + kAskFork + kWrapper, {"getpid", "fork"}, kNoGaps); }
TEST_F(Reach, BehindHlt) { check("fn _start\n mov $39, %edi\n call wrapper\n hlt\n" + kAskFork + kWrapper, {"getpid"}, kNoGaps); }
TEST_F(Reach, BehindInt3) {  // a handler for SIGTRAP, or a debugger, goes on behind it
  check("fn _start\n int3\n" + kAskFork + kWrapper, {"fork"}, kNoGaps);
}
TEST_F(Reach, LandingPad) {  // entered by the unwinder alone
  check("fn _start\n call f\n ud2\n fn f\n call g\n ret\n mov $57, %edi\n call wrapper\n ud2\n fn g\n ret" + kWrapper, {"fork"}, kNoGaps);
}
// Rust puts ud2 behind calls that diverge, and landing pads behind that. The tables for the unwinder name the pad.
TEST_F(Reach, LandingPadBehindUd2) {
  check(R"(
    fn _start
      call f
      ud2
    fn f
      .cfi_startproc
      .cfi_lsda 0x1b, table
    .Lcall:
      call g
    .Lafter:
      ud2
    .Lpad:
      mov $57, %edi
      call wrapper
      ud2
      .cfi_endproc
    fn g
      jmp *(%rdi)
    .section .gcc_except_table, "a"
      .p2align 2
    table:
      .byte 0xff, 0xff, 1
      .uleb128 .Lend - .Lsites
    .Lsites:
      .uleb128 .Lcall - f
      .uleb128 .Lafter - .Lcall
      .uleb128 .Lpad - f
      .uleb128 0
    .Lend:
    )" + kWrapper, {"fork"}, kNoGaps);
}

const std::string kCases = ".La: mov $39, %edi\n call wrapper\n ud2\n .Lb: mov $186, %edi\n call wrapper\n ud2\n" + kWrapper;

TEST_F(Reach, JumpTableOfWords) {
  check("fn _start\n jmp *table(,%rdi,8)\n" + kCases + ".section .rodata\n .p2align 3\n table: .quad .La, .Lb\n", {"getpid", "gettid"}, kNoGaps,
        Link::Static);
}
TEST_F(Reach, JumpTableOfOffsets) {
  check("fn _start\n lea table(%rip), %rcx\n movslq (%rcx,%rdi,4), %rax\n add %rcx, %rax\n jmp *%rax\n" + kCases +
            ".section .rodata\n .p2align 2\n table: .long .La - table, .Lb - table\n",
        {"getpid", "gettid"}, kNoGaps);
}
TEST_F(Reach, JumpTableKeepsWhatStoodBefore) {
  check("fn _start\n mov $39, %eax\n lea table(%rip), %rcx\n movslq (%rcx,%rdi,4), %rdx\n add %rcx, %rdx\n jmp *%rdx\n .La: syscall\n ud2\n .Lb: ud2\n"
        ".section .rodata\n .p2align 2\n table: .long .La - table, .Lb - table\n",
        {"getpid"}, kNoGaps);
}

// Ways into the kernel.
TEST_F(Reach, Int80) { check("fn _start\n mov $20, %eax\n int $0x80\n ud2", {"i386:getpid"}, kNoGaps); }
TEST_F(Reach, Sysenter) { check("fn _start\n mov $20, %eax\n sysenter\n ud2", {"i386:getpid"}, kNoGaps); }
TEST_F(Reach, CallThroughGs) { check("fn _start\n mov $20, %eax\n call *%gs:0x10\n ud2", {"i386:getpid"}, kNoGaps); }
TEST_F(Reach, Int80WithParameter) {
  check("fn _start\n mov $20, %edi\n call f\n ud2\n fn f\n mov %edi, %eax\n int $0x80\n ret", {"i386:getpid"}, kNoGaps);
}
TEST_F(Reach, BytesInsideAnImmediate) { check(kExit + ".data\n .quad f\n fn f\n mov $0x00050f57, %eax\n ret", {"exit"}, kNoGaps); }
TEST_F(Reach, BytesInData) { check(kExit + ".section .rodata\n .byte 0xb8, 57, 0, 0, 0, 0x0f, 0x05", {"exit"}, kNoGaps); }
TEST_F(Reach, VsyscallAddressInData) {
  check(kExit + ".data\n .p2align 3\n .quad 0xffffffffff600000", {"exit", "gettimeofday"}, kNoGaps);
}
TEST_F(Reach, VsyscallAddressInCode) {
  check("fn _start\n movabs $0xffffffffff600400, %rax\n call *%rax\n mov $60, %eax\n syscall\n ud2", {"exit", "time"}, kNoGaps);
}
TEST_F(Reach, VsyscallAddressInCodeSignExtended) {  // as glibc's static time() had it before 2.14
  check("fn _start\n mov $-10484736, %rax\n call *%rax\n mov $60, %eax\n syscall\n ud2", {"exit", "time"}, kNoGaps);
}

// What is told.
TEST_F(Reach, MinusOne) { check("fn _start\n mov $-1, %eax\n syscall\n ud2", {}, kNoGaps); }
TEST_F(Reach, UnnamedNumber) { check("fn _start\n mov $9999, %eax\n syscall\n ud2", {}, {"unnamed-number"}); }
TEST_F(Reach, X32Number) { check("fn _start\n mov $0x40000027, %eax\n syscall\n ud2", {}, {"unnamed-number"}); }
TEST_F(Reach, Exec) { check("fn _start\n mov $59, %eax\n syscall\n ud2", {"execve"}, {"exec-inherits"}); }
TEST_F(Reach, ExecInDeadCode) { check(kExit + "fn dead\n mov $59, %eax\n syscall\n ret", {"exit"}, kNoGaps); }
TEST_F(Reach, WritableText) { check(kExit, {"exit"}, {"self-modifying"}, Link::WritableText); }
TEST_F(Reach, WrapperInData) {
  check("fn _start\n mov $39, %edi\n call wrapper\n ud2\n .data\n .p2align 3\n .quad wrapper\n" + kWrapper, {"getpid"}, kEscapedWrapper);
}
TEST_F(Reach, WrapperWithoutCaller) { check("fn _start\n mov %edi, %eax\n syscall\n ud2", {}, kEscapedWrapper); }
TEST_F(Reach, WrapperCalledThroughPointerThatIsFollowed) {
  check("fn _start\n lea wrapper(%rip), %rbx\n mov $39, %edi\n call *%rbx\n ud2" + kWrapper, {"getpid"}, kNoGaps);
}

// Libraries.
TEST_F(Reach, LibraryAsProgram) {  // whoever loads it may call what it exports
  check(".globl exported\n fn exported\n mov $39, %eax\n syscall\n ret\n fn hidden\n" + kFork, {"getpid"}, kNoGaps, Link::Shared);
}
TEST_F(Reach, LibraryThatExportsAWrapper) {
  check(".globl wrapper\n" + kWrapper + "fn f\n mov $39, %edi\n jmp wrapper\n .globl f\n", {"getpid"}, kEscapedWrapper, Link::Shared);
}
TEST_F(Reach, CallIntoLibrary) {
  ASSERT_FALSE(build(".globl f\n fn f\n mov $39, %eax\n syscall\n ret\n .globl g\n fn g\n" + kFork, "-shared -soname libstub.so", "libstub.so").empty());
  check_file(build("fn _start\n call *f@GOTPCREL(%rip)\n ud2", "-pie --no-dynamic-linker", "user", true), {"getpid"}, kNoGaps);
}
TEST_F(Reach, WrapperInLibrary) {
  ASSERT_FALSE(build(".globl wrapper\n" + kWrapper, "-shared -soname libstub.so", "libstub.so").empty());
  check_file(build("fn _start\n mov $39, %edi\n call wrapper@PLT\n ud2", "-pie --no-dynamic-linker", "user", true), {"getpid"}, kNoGaps);
}
TEST_F(Reach, CallThroughATableEntryThatNothingNames) {  // -mcmodel=large: by the distance from the table
  ASSERT_FALSE(build(".globl f\n fn f\n mov $39, %eax\n syscall\n ret\n .globl g\n fn g\n" + kFork, "-shared -soname libstub.so", "libstub.so").empty());
  check_file(build("fn _start\n lea _GLOBAL_OFFSET_TABLE_(%rip), %rbx\n movabs $f@GOT, %rax\n call *(%rbx,%rax)\n ud2", "-pie --no-dynamic-linker", "user", true),
             {"getpid"}, kNoGaps);
}
// Entries of the procedure linkage table stand side by side; one that only dead code calls is not run with the one before it.
TEST_F(Reach, TableEntryBehindALiveOne) {
  ASSERT_FALSE(build(".globl f\n fn f\n mov $39, %eax\n syscall\n ret\n .globl g\n fn g\n" + kFork, "-shared -soname libstub.so", "libstub.so").empty());
  check_file(build("fn _start\n call f@PLT\n ud2\n fn dead\n jmp g@PLT\n", "-pie --no-dynamic-linker", "user", true), {"getpid"}, kNoGaps);
}
TEST_F(Reach, Dlsym) {
  ASSERT_FALSE(build(".globl dlsym\n fn dlsym\n xor %eax, %eax\n ret\n", "-shared -soname libstub.so", "libstub.so").empty());
  const std::string user = build("fn _start\n call *dlsym@GOTPCREL(%rip)\n mov $60, %eax\n syscall\n ud2", "-pie --no-dynamic-linker", "user", true);
  check_file(user, {"exit"}, {"dynamic-loading"});
}
TEST_F(Reach, MissingLibrary) {
  const std::string library = build(".globl f\n fn f\n ret\n", "-shared -soname libstub.so", "libstub.so");
  ASSERT_FALSE(library.empty());
  const std::string user = build("fn _start\n call *f@GOTPCREL(%rip)\n mov $60, %eax\n syscall\n ud2", "-pie --no-dynamic-linker", "user", true);
  std::filesystem::remove(library);
  check_file(user, {"exit"}, {"unanalysed-library"});
}

}  // namespace
}  // namespace stile
