// SPDX-License-Identifier: Apache-2.0
//
// Which definition a call goes to. Every program exits with the number of the function that the dynamic linker bound, and the analysis
// has to find that function's system call, and no other's.
#include "program_builder.h"

namespace stile {
namespace {

class Binding : public BuiltProgramTest {
 protected:
  // What the program really calls is all that the analysis finds.
  void check(const std::string& program, std::source_location from = std::source_location::current()) const {
    const testing::ScopedTrace trace(from.file_name(), static_cast<int>(from.line()), program);
    const int status = shell("./" + program);
    ASSERT_GE(status, 1);
    ASSERT_LE(status, 6) << "it did not run";
    EXPECT_EQ(marks(analysed(program)), std::string(1, static_cast<char>('A' + status - 1)));
  }
  static inline const std::string kStart = "int foo(void); int start(void) { return foo(); }";
  static inline const std::string kHere = " -Wl,-rpath,$PWD -L. ";
};

TEST_F(Binding, TheFirstInSearchOrder) {
  compile("libone.so", marked("int foo(void)", 'A'), "-shared -fPIC");
  compile("libtwo.so", marked("int foo(void)", 'B'), "-shared -fPIC");
  compile_program("first", kStart, kHere + "-Wl,--no-as-needed -lone -ltwo");
  compile_program("second", kStart, kHere + "-Wl,--no-as-needed -ltwo -lone");
  check("first");
  check("second");
}

TEST_F(Binding, AWeakDefinitionIsAsGoodAsAnother) {
  compile("libweak.so", marked("__attribute__((weak)) int foo(void)", 'A'), "-shared -fPIC");
  compile("libstrong.so", marked("int foo(void)", 'B'), "-shared -fPIC");
  compile_program("program", kStart, kHere + "-Wl,--no-as-needed -lweak -lstrong");
  check("program");
}

TEST_F(Binding, TheProgramStandsBeforeItsLibraries) {
  compile("libone.so", marked("int foo(void)", 'A') + "int bar(void) { return foo(); }", "-shared -fPIC");
  compile_program("program", marked("int foo(void)", 'B') + "int bar(void); int start(void) { return bar(); }",
                  kHere + "-lone -rdynamic");
  check("program");
}

TEST_F(Binding, ProtectedAndHiddenStayInside) {
  for (const std::string visibility : {"protected", "hidden"}) {
    compile("libone.so", marked("__attribute__((visibility(\"" + visibility + "\"))) int foo(void)", 'A') +
                             "int bar(void) { return foo(); }", "-shared -fPIC");
    compile_program("program-" + visibility, marked("int foo(void)", 'B') + "int bar(void); int start(void) { return bar(); }",
                    kHere + "-lone -rdynamic -Wl,--gc-sections");
    SCOPED_TRACE(visibility);
    const Analysis analysis = analysed("program-" + visibility);
    EXPECT_EQ(shell("./program-" + visibility), 1);
    EXPECT_NE(marks(analysis).find('A'), std::string::npos);
  }
}

TEST_F(Binding, AProtectedFunctionsAddressInATableIsItsOwn) {
  compile("libone.so", marked("__attribute__((visibility(\"protected\"))) int foo(void)", 'A') +
                           "int (*table[])(void) = {foo}; int bar(void) { return table[0](); }", "-shared -fPIC");
  compile_program("program", marked("int foo(void)", 'B') + "int bar(void); int start(void) { return bar(); }", kHere + "-lone -rdynamic");
  check("program");
}

TEST_F(Binding, SymbolicLibrariesPreferTheirOwn) {
  const std::string text = marked("int foo(void)", 'A') + "int bar(void) { return foo(); }";
  compile("libone.so", text, "-shared -fPIC -Wl,-Bsymbolic");
  const std::string program = marked("int foo(void)", 'B') + "int bar(void); int start(void) { return bar(); }";
  compile_program("program", program, kHere + "-lone -rdynamic");
  check("program");
  // The linker resolves it itself; a table it leaves to be filled with a symbol shows whether the flag is read.
  compile("libtwo.so", marked("int foo(void)", 'A') + "int foo_away(void) __attribute__((weak)); int bar(void) { return foo(); }",
          "-shared -fPIC -fno-semantic-interposition -fno-plt -Wl,-Bsymbolic-functions");
  compile_program("program2", program, kHere + "-ltwo -rdynamic");
  check("program2");
}

TEST_F(Binding, Versions) {
  write("one.map", "V1 { global: foo; local: *; }; V2 { global: foo; } V1;\n");
  compile("libversioned.so", marked("int foo_old(void)", 'A') + marked("int foo_new(void)", 'B') +
                                 "__asm__(\".symver foo_old, foo@V1\"); __asm__(\".symver foo_new, foo@@V2\");",
          "-shared -fPIC -Wl,--version-script=one.map");
  compile_program("newest", kStart, kHere + "-lversioned");
  check("newest");
  compile_program("oldest", "__asm__(\".symver foo, foo@V1\");" + kStart, kHere + "-lversioned");
  check("oldest");
  // Linked when the library had no versions yet: the first version is meant.
  build("mkdir -p before");
  compile("before/libversioned.so", marked("int foo(void)", 'C'), "-shared -fPIC");
  compile_program("before-versions", kStart, "-Wl,-rpath,$PWD -Lbefore -lversioned");
  check("before-versions");
}

TEST_F(Binding, AVersionedUseTakesAnUnversionedDefinitionThatComesFirst) {
  write("one.map", "V1 { global: foo; local: *; };\n");
  compile("libversioned.so", marked("int foo(void)", 'A'), "-shared -fPIC -Wl,--version-script=one.map");
  compile("libplain.so", marked("int foo(void)", 'B'), "-shared -fPIC");
  compile_program("program", kStart, kHere + "-Wl,--no-as-needed -lversioned");
  check("program");
  // As LD_PRELOAD would, but in the program's own list of needs.
  compile("libfirst.so", "int nothing;", "-shared -fPIC -Wl,--no-as-needed -L. -lplain");
  build("gcc -w -nostdlib -Wl,-rpath,$PWD -L. -Wl,--no-as-needed -o both program.c -lversioned && "
        "cp libplain.so keep.so && gcc -w -nostdlib -Wl,-rpath,$PWD -L. -Wl,--no-as-needed -o plain-first program.c -lversioned -lplain");
  check("both");
  check("plain-first");
}

TEST_F(Binding, UniqueSymbols) {
  compile("libone.so", marked("int foo(void)", 'A') + "__asm__(\".type foo, @gnu_unique_object\");", "-shared -fPIC");
  compile("libtwo.so", marked("int foo(void)", 'B'), "-shared -fPIC");
  compile_program("program", kStart, kHere + "-fPIE -pie -Wl,--no-as-needed -lone -ltwo");
  check("program");
}

// Every way in which a program can be made to reach a function of another file.
TEST_F(Binding, EveryKindOfCall) {
  compile("libone.so", marked("int foo(void)", 'A'), "-shared -fPIC");
  for (const std::string flags : {"-fno-pie -no-pie", "-fPIE -pie", "-fno-plt -fPIE -pie", "-Wl,-z,now -fPIE -pie", "-Wl,-z,lazy -fPIE -pie",
                                  "-fcf-protection=full -Wl,-z,ibtplt -fPIE -pie", "-fcf-protection=full -Wl,-z,now,-z,ibtplt -fno-pie -no-pie",
                                  "-fPIE -pie -Wl,-z,pack-relative-relocs"}) {
    SCOPED_TRACE(flags);
    compile_program("direct", kStart, kHere + flags + " -lone");
    check("direct");
    compile_program("pointer", "int foo(void); int (*volatile table[])(void) = {0, foo}; int start(void) { return table[1](); }",
                    kHere + flags + " -lone");
    check("pointer");
    compile_program("taken", "int foo(void); int call(int (*f)(void)); int start(void) { int (*volatile f)(void) = foo; return f(); }",
                    kHere + flags + " -lone");
    check("taken");
  }
}

TEST_F(Binding, IndirectFunctionsInEveryKindOfRelocation) {
  const std::string indirect = marked("static int chosen(void)", 'A') +
                               "static void* resolve(void) { return chosen; } int foo(void) __attribute__((ifunc(\"resolve\")));";
  compile("libone.so", indirect + "int bar(void) { return foo(); }", "-shared -fPIC");
  for (const std::string flags : {"-fno-pie -no-pie", "-fPIE -pie", "-fno-plt -fPIE -pie", "-Wl,-z,now -fPIE -pie"}) {
    SCOPED_TRACE(flags);
    compile_program("direct", kStart, kHere + flags + " -lone");
    check("direct");
    compile_program("pointer", "int foo(void); int (*volatile table[])(void) = {0, foo}; int start(void) { return table[1](); }",
                    kHere + flags + " -lone");
    check("pointer");
    compile_program("own", indirect + "int start(void) { return foo(); }", flags);
    check("own");
  }
}

TEST_F(Binding, CopiedVariablesKeepTheirPointers) {
  compile("libone.so", marked("static int one(void)", 'A') + "struct { long other; int (*f)(void); } table = {1, one};", "-shared -fPIC");
  compile("libtwo.so", marked("static int two(void)", 'B') + "struct { long other; int (*f)(void); } table = {1, two};", "-shared -fPIC");
  compile_program("program", "extern struct { long other; int (*f)(void); } table; int start(void) { return table.f(); }",
                  kHere + "-fno-pie -no-pie -Wl,--no-as-needed -lone -ltwo");
  EXPECT_EQ(shell("./program"), 1);
  EXPECT_NE(marks(analysed("program")).find('A'), std::string::npos);
}

TEST_F(Binding, PackedRelativeRelocations) {
  compile("libone.so", marked("static int one(void)", 'A') +
                           "static int (*table[70])(void) = {[0 ... 69] = one}; int foo(int i) { return table[i](); }",
          "-shared -fPIC -Wl,-z,pack-relative-relocs");
  compile_program("program", "int foo(int); int start(void) { volatile int i = 66; return foo(i); }", kHere + "-lone");
  if (shell("readelf -d libone.so | grep -q RELR") != 0) GTEST_SKIP() << "this linker does not pack relocations";
  check("program");
}

TEST_F(Binding, AFilterStandsBehindWhatItFilters) {
  for (const std::string kind : {"--auxiliary", "--filter"}) {
    SCOPED_TRACE(kind);
    compile("libreal.so", marked("int foo(void)", 'A'), "-shared -fPIC -Wl,-soname,libreal.so");
    compile("libfilter.so", marked("int foo(void)", 'B'), "-shared -fPIC -Wl,-rpath,$PWD -Wl," + kind + ",libreal.so");
    compile_program("program", kStart, kHere + "-lfilter");
    check("program");
  }
  compile("liblonely.so", marked("int foo(void)", 'B'), "-shared -fPIC -Wl,--auxiliary,libnowhere.so");
  compile_program("program", kStart, kHere + "-llonely");
  check("program");
  EXPECT_EQ(gaps(analysed("program")), "");
}

}  // namespace
}  // namespace stile
