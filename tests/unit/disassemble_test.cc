// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <stile/filter.h>

#include "filter/opcodes.h"
#include "live/random_programs.h"

namespace stile {
namespace {

using namespace filter;

TEST(Disassemble, NamesWhatIsCompared) {
  const Program program = {
      {kLoadAbs, 0, 0, 4},     {kJumpEqK, 1, 0, 0xc000003e}, {kJumpEqK, 4, 11, 0x40000003},
      {kLoadAbs, 0, 0, 0},     {kJumpGeK, 9, 0, 0x40000000}, {kJumpEqK, 7, 0, 14},
      {kJumpEqK, 2, 7, 41},    {kLoadAbs, 0, 0, 0},          {kJumpEqK, 4, 5, 4},
      {kLoadAbs, 0, 0, 20},    {kLoadAbs, 0, 0, 16},         {kAndK, 0, 0, 0xfff},
      {kJumpSetK, 0, 1, 0x80}, {kReturnK, 0, 0, kRetAllow},  {kReturnK, 0, 0, kRetErrno | 1}};
  ASSERT_TRUE(validate(program));
  EXPECT_EQ(disassemble(program),
            "0000: A = arch\n"
            "0001: if A == 0xc000003e (x86_64, x32) goto 0003\n"
            "0002: if A == 0x40000003 (i386) goto 0007 else 0014\n"
            "0003: A = nr\n"
            "0004: if A >= 0x40000000 (x32) goto 0014\n"
            "0005: if A == 14 (rt_sigprocmask) goto 0013\n"
            "0006: if A == 41 (socket) goto 0009 else 0014\n"
            "0007: A = nr\n"
            "0008: if A == 4 (write) goto 0013 else 0014\n"
            "0009: A = args[0] (high half)\n"
            "0010: A = args[0] (low half)\n"
            "0011: A &= 0xfff\n"
            "0012: if !(A & 0x80) goto 0014\n"
            "0013: return ALLOW\n"
            "0014: return ERRNO(1 EPERM)\n");
  EXPECT_NE(disassemble(program, {true}).find("0005: 0x15 0x07 0x00 0x0000000e  if A == 14 (rt_sigprocmask)"),
            std::string::npos);
}

TEST(Disassemble, SeveralArchitecturesOnOnePath) {
  const Program program = {{kLoadAbs, 0, 0, 4}, {kJumpEqK, 1, 0, 0xc000003e}, {kJumpEqK, 0, 2, 0x40000003},
                           {kLoadAbs, 0, 0, 0}, {kJumpEqK, 0, 0, 4},          {kReturnK, 0, 0, kRetAllow}};
  Program differs = program;
  differs[4] = {kJumpEqK, 0, 0, 4};
  differs.insert(differs.begin() + 5, {kReturnK, 0, 0, 0});
  differs[4].jt = 1;
  differs[2].jf = 3;
  EXPECT_NE(disassemble(differs).find("4 (i386 write, x86_64 stat)"), std::string::npos)
      << disassemble(differs);
  // No test of the architecture at all: the usual one is named.
  EXPECT_NE(
      disassemble(
          Program{
              {kLoadAbs, 0, 0, 0}, {kJumpEqK, 1, 0, 59}, {kReturnK, 0, 0, kRetAllow}, {kReturnK, 0, 0, 0}})
          .find("59 (x86_64 execve)"),
      std::string::npos);
}

TEST(Disassemble, Actions) {
  const auto text = [](uint32_t value) { return disassemble(Program{{kReturnK, 0, 0, value}}); };
  EXPECT_EQ(text(kRetAllow), "0000: return ALLOW\n");
  EXPECT_EQ(text(kRetKillProcess), "0000: return KILL_PROCESS\n");
  EXPECT_EQ(text(0), "0000: return KILL_THREAD\n");
  EXPECT_EQ(text(kRetTrap | 5), "0000: return TRAP(5)\n");
  EXPECT_EQ(text(kRetTrace | 7), "0000: return TRACE(7)\n");
  EXPECT_EQ(text(kRetLog), "0000: return LOG\n");
  EXPECT_EQ(text(kRetUserNotif), "0000: return USER_NOTIF\n");
  EXPECT_EQ(text(kRetErrno | 38), "0000: return ERRNO(38 ENOSYS)\n");
  EXPECT_EQ(text(kRetErrno | 0xffff), "0000: return ERRNO(4095)\n");
  EXPECT_NE(text(0x12340000).find("no such action: KILL_PROCESS"), std::string::npos);
}

TEST(Disassemble, ShowsWhatIsRefused) {
  EXPECT_EQ(disassemble({}), "; refused: the program is empty\n");
  const std::string text = disassemble(
      Program{{kLoadAbs, 0, 0, 3}, {0x94, 0, 0, 2}, {kJump, 0, 0, 0xffffffff}, {kLoadMem, 0, 0, 99}});
  EXPECT_NE(text.find("0000: A = word at 0x3  ; refused: load at offset 0x3"), std::string::npos) << text;
  EXPECT_NE(text.find("0001: A %= 2  ; refused: operation code 0x94: MOD"), std::string::npos) << text;
  EXPECT_NE(text.find("0002: goto 4294967298  ; refused: jump by"), std::string::npos) << text;
  EXPECT_NE(text.find("0003: A = M[99]  ; never reached  ; refused: "), std::string::npos) << text;
  EXPECT_NE(disassemble(Program(5000, {kReturnK, 0, 0, 0})).find("; refused: 5000 instructions"),
            std::string::npos);
}

TEST(Bytes, RoundTripAndErrors) {
  testing::RandomPrograms random(3);
  for (int i = 0; i < 500; ++i) {
    const Program program = random.next();
    if (program.size() > kMaxInstructions) continue;
    EXPECT_EQ(from_bytes(to_bytes(program)).value(), program);
  }
  EXPECT_TRUE(from_bytes("").value().empty());
  EXPECT_EQ(from_bytes("1234567").error().code, Code::Malformed);
  EXPECT_EQ(from_bytes(std::string(8 * 4097, 'x')).error().code, Code::Malformed);
  EXPECT_EQ(to_bytes(Program{{kReturnK, 0, 0, kRetAllow}}), std::string("\x06\0\0\0\0\0\xff\x7f", 8));
}

TEST(CArray, IsC) {
  const Program program = {{kLoadAbs, 0, 0, 4}, {kReturnK, 0, 0, kRetAllow}};
  EXPECT_EQ(to_c_array(program, "my-filter"),
            "/* 2 instructions, for struct sock_fprog; include <linux/filter.h> first. */\n"
            "static const struct sock_filter my_filter[2] = {\n"
            "  {0x20,   0,   0, 0x00000004},  /* 0000: A = arch */\n"
            "  {0x06,   0,   0, 0x7fff0000},  /* 0001: return ALLOW */\n"
            "};\n");
  EXPECT_NE(to_c_array(program, "9*/ x").find(" _9___x[2]"), std::string::npos);
}

uint64_t first_arg(std::string_view text, std::string_view arch = "x86_64") {
  const auto event = parse_event(text, arch);
  EXPECT_TRUE(event) << to_line(event.error());
  return event ? event->args[0] : 0xbad;
}

TEST(ParseEvent, Calls) {
  const auto event = parse_event(" openat( AT_FDCWD, 0x1, O_RDONLY|O_CLOEXEC ,0644)");
  ASSERT_TRUE(event) << to_line(event.error());
  EXPECT_EQ(event->number, 257u);
  EXPECT_EQ(event->arch, kAuditX86_64);
  EXPECT_EQ(event->args, (Arguments{0xffffffffffffff9c, 1, 02000000, 0644, 0, 0}));
  EXPECT_EQ(parse_event("getpid")->number, 39u);
  EXPECT_EQ(parse_event("getpid()")->number, 39u);
  EXPECT_EQ(parse_event("463(0)")->number, 463u);
  EXPECT_EQ(parse_event("0x10()")->number, 16u);
  EXPECT_EQ(parse_event("-1()")->number, 0xffffffffu);
  EXPECT_EQ(parse_event("write(1)", "i386")->number, 4u);
  EXPECT_EQ(parse_event("write(1)", "x32")->number, 0x40000001u);
  EXPECT_EQ(first_arg("close(-1)"), ~uint64_t{0});
  EXPECT_EQ(first_arg("close(-1)", "i386"), 0xffffffffu);
  EXPECT_EQ(first_arg("close(18446744073709551615)"), ~uint64_t{0});
  EXPECT_EQ(first_arg("socket(AF_UNIX)"), 1u);
}

TEST(ParseEvent, Errors) {
  struct {
    const char* text;
    const char* arch;
    const char* says;
  } const cases[] = {
      {"", "x86_64", "no system call"},
      {"(1)", "x86_64", "no system call"},
      {"opneat(1)", "x86_64", "did you mean 'openat'"},
      {"socketcall(1)", "x86_64", "i386 has it"},
      {"write(1", "x86_64", "parenthesis"},
      {"write(1,)", "x86_64", "empty"},
      {"write(1,,2)", "x86_64", "empty"},
      {"write(1|)", "x86_64", "empty"},
      {"write(1,2,3,4,5,6,7)", "x86_64", "more than 6"},
      {"write(08)", "x86_64", "not a number"},
      {"write(18446744073709551616)", "x86_64", "64 bits"},
      {"write(-9223372036854775809)", "x86_64", "64 bits"},
      {"open(\"/etc/shadow\", O_RDONLY)", "x86_64", "pointer"},
      {"open(1, O_RDONLI)", "x86_64", "did you mean 'O_RDONLY'"},
      {"write(0x100000000)", "i386", "32 bits"},
      {"4294967296()", "x86_64", "32 bits"},
      {"write(1)", "x86-64", "did you mean 'x86_64'"},
  };
  for (const auto& c : cases) {
    const auto event = parse_event(c.text, c.arch);
    ASSERT_FALSE(event) << c.text;
    EXPECT_EQ(event.error().code, Code::Usage);
    EXPECT_NE(to_line(event.error()).find(c.says), std::string::npos)
        << c.text << ": " << to_line(event.error());
  }
}

}  // namespace
}  // namespace stile
