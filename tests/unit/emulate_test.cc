// SPDX-License-Identifier: Apache-2.0
//
// The emulator against what is known of each instruction; tests/live/bpf_accept_test.cc compares it with the
// kernel.
#include <gtest/gtest.h>

#include <stile/filter.h>

#include "filter/opcodes.h"
#include "live/random_programs.h"

namespace stile {
namespace {

using namespace filter;

Event event_with(uint64_t arg0, uint64_t arg1 = 0) {
  Event event;
  event.number = 41;
  event.arch = kAuditX86_64;
  event.instruction_pointer = 0x7fff0000dead0004;
  event.args = {arg0, arg1, 0, 0, 0, 0};
  return event;
}

// What A holds after the instructions.
uint32_t a_after(Program program, const Event& event = event_with(0)) {
  program.push_back({kReturnA, 0, 0, 0});
  const auto verdict = emulate(program, event);
  EXPECT_TRUE(verdict) << to_line(verdict.error());
  return verdict ? verdict->value : 0xdeadbeef;
}

uint32_t calculate(uint16_t code, uint32_t a, uint32_t k) {
  if ((code & 0x08) == 0) return a_after({{kLoadImm, 0, 0, a}, {code, 0, 0, k}});
  return a_after({{kLoadXImm, 0, 0, k}, {kLoadImm, 0, 0, a}, {code, 0, 0, 0}});
}

TEST(Emulate, Words) {
  Event event = event_with(0x1122334455667788, 0x99aabbccddeeff00);
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 0}}, event), 41u);
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 4}}, event), kAuditX86_64);
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 8}}, event), 0xdead0004u);
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 12}}, event), 0x7fff0000u);
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 16}}, event), 0x55667788u);
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 20}}, event), 0x11223344u);
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 28}}, event), 0x99aabbccu);
  event.arch = 0x80000016;  // s390x: the upper half comes first
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 16}}, event), 0x11223344u);
  EXPECT_EQ(a_after({{kLoadAbs, 0, 0, 20}}, event), 0x55667788u);
  EXPECT_EQ(a_after({{kLoadLen, 0, 0, 0}}), 64u);
  EXPECT_EQ(a_after({{kLoadXLen, 0, 0, 0}, {kTxa, 0, 0, 0}}), 64u);
}

TEST(Emulate, Arithmetic) {
  EXPECT_EQ(a_after({}), 0u);
  EXPECT_EQ(a_after({{kTxa, 0, 0, 0}}), 0u);
  for (const unsigned x : {0u, 8u}) {
    const auto code = [x](uint16_t k) { return static_cast<uint16_t>(k | x); };
    EXPECT_EQ(calculate(code(kAddK), 0xffffffff, 2), 1u);
    EXPECT_EQ(calculate(code(kSubK), 1, 2), 0xffffffffu);
    EXPECT_EQ(calculate(code(kMulK), 0x10001, 0x10001), 0x20001u);
    EXPECT_EQ(calculate(code(kDivK), 0xfffffffe, 3), 0x55555554u);
    EXPECT_EQ(calculate(code(kOrK), 0xf0, 0x0f), 0xffu);
    EXPECT_EQ(calculate(code(kAndK), 0xf3, 0x0f), 3u);
    EXPECT_EQ(calculate(code(kXorK), 0xff, 0x0f), 0xf0u);
    EXPECT_EQ(calculate(code(kLshK), 3, 31), 0x80000000u);
    EXPECT_EQ(calculate(code(kRshK), 0x80000000, 31), 1u);
  }
  // Shifts by a register use its low five bits.
  EXPECT_EQ(calculate(kLshX, 1, 33), 2u);
  EXPECT_EQ(calculate(kRshX, 4, 0xffffffe1), 2u);
  EXPECT_EQ(a_after({{kLoadImm, 0, 0, 5}, {kNeg, 0, 0, 0}}), 0xfffffffbu);
}

TEST(Emulate, DivisionByZeroKillsTheThread) {
  const auto verdict =
      emulate(Program{{kLoadImm, 0, 0, 5}, {kDivX, 0, 0, 0}, {kReturnK, 0, 0, kRetAllow}}, event_with(0));
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->value, 0u);
  EXPECT_EQ(verdict->action.kind, ActionKind::KillThread);
  EXPECT_EQ(verdict->steps, 2u);
}

TEST(Emulate, Memory) {
  EXPECT_EQ(a_after({{kLoadImm, 0, 0, 7}, {kStore, 0, 0, 15}, {kLoadImm, 0, 0, 0}, {kLoadMem, 0, 0, 15}}),
            7u);
  EXPECT_EQ(a_after({{kLoadXImm, 0, 0, 8},
                     {kStoreX, 0, 0, 0},
                     {kLoadXImm, 0, 0, 0},
                     {kLoadXMem, 0, 0, 0},
                     {kTxa, 0, 0, 0}}),
            8u);
}

TEST(Emulate, BranchesAndPath) {
  struct {
    uint16_t code;
    uint32_t a, k;
    bool taken;
  } const cases[] = {
      {kJumpEqK, 5, 5, true},          {kJumpEqK, 5, 6, false},          {kJumpGtK, 5, 5, false},
      {kJumpGtK, 0x80000000, 5, true}, {kJumpGeK, 5, 5, true},           {kJumpGeK, 4, 5, false},
      {kJumpSetK, 6, 3, true},         {kJumpSetK, 4, 3, false},         {kJumpEqX, 0, 0, true},
      {kJumpGtX, 1, 0, true},          {kJumpGeX, 0, 0xffffffff, false}, {kJumpSetX, 0xff, 0x100, false}};
  for (const auto& c : cases) {
    const Program program = {{kLoadXImm, 0, 0, c.k},
                             {kLoadImm, 0, 0, c.a},
                             {c.code, 1, 0, c.k},
                             {kReturnK, 0, 0, 1},
                             {kReturnK, 0, 0, 2}};
    const auto verdict = emulate(program, event_with(0));
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->value, c.taken ? 2u : 1u) << disassemble(program);
    EXPECT_EQ(verdict->path, (std::vector<uint16_t>{0, 1, 2, static_cast<uint16_t>(c.taken ? 4 : 3)}));
    EXPECT_FALSE(verdict->loads_arguments);
  }
}

TEST(Emulate, SaysWhetherArgumentsWereRead) {
  const Program program = {
      {kLoadAbs, 0, 0, 0}, {kJumpEqK, 0, 1, 41}, {kLoadAbs, 0, 0, 16}, {kReturnK, 0, 0, kRetAllow}};
  Event event = event_with(0);
  EXPECT_TRUE(emulate(program, event)->loads_arguments);
  event.number = 40;
  EXPECT_FALSE(emulate(program, event)->loads_arguments);
}

TEST(Actions, RoundTrip) {
  for (const ActionKind kind :
       {ActionKind::Allow, ActionKind::Errno, ActionKind::KillProcess, ActionKind::KillThread,
        ActionKind::Log, ActionKind::Trap, ActionKind::Trace, ActionKind::Notify}) {
    const bool has_data = kind == ActionKind::Errno || kind == ActionKind::Trap || kind == ActionKind::Trace;
    for (const uint16_t data : {0, 1, 38, 4095}) {
      const Action action = {kind, has_data ? data : uint16_t{0}};
      EXPECT_EQ(action_of(return_value(action)), action);
    }
  }
  EXPECT_EQ(action_of(0x0005ffff), errno_action(4095));
  EXPECT_EQ(action_of(0x00010000), kill_process());  // no such action
  EXPECT_EQ(action_of(0x7fff0001), allow_action());
}

TEST(Validate, SaysWhereAndWhy) {
  struct {
    Program program;
    const char* where;
    const char* what;
  } const cases[] = {
      {{}, "", "empty"},
      {Program(4097, {kReturnK, 0, 0, 0}), "instruction 4096", "4097"},
      {{{kLoadAbs, 0, 0, 0}}, "instruction 0", "no return"},
      {{{kLoadAbs, 0, 0, 2}, {kReturnK, 0, 0, 0}}, "instruction 0", "multiple of 4"},
      {{{kLoadAbs, 0, 0, 64}, {kReturnK, 0, 0, 0}}, "instruction 0", "beyond"},
      {{{0x94, 0, 0, 3}, {kReturnK, 0, 0, 0}}, "instruction 0", "MOD"},
      {{{0x28, 0, 0, 0}, {kReturnK, 0, 0, 0}}, "instruction 0", "whole words"},
      {{{0xffff, 0, 0, 0}, {kReturnK, 0, 0, 0}}, "instruction 0", "0xffff"},
      {{{kDivK, 0, 0, 0}, {kReturnK, 0, 0, 0}}, "instruction 0", "division"},
      {{{kLshK, 0, 0, 32}, {kReturnK, 0, 0, 0}}, "instruction 0", "shift"},
      {{{kStore, 0, 0, 16}, {kReturnK, 0, 0, 0}}, "instruction 0", "M[16]"},
      {{{kJump, 0, 0, 1}, {kReturnK, 0, 0, 0}}, "instruction 0", "beyond the end"},
      {{{kReturnK, 0, 0, 0}, {kJumpEqK, 0, 1, 0}, {kReturnK, 0, 0, 0}}, "instruction 1", "beyond the end"},
      {{{kJumpEqK, 0, 1, 0}, {kStore, 0, 0, 1}, {kLoadMem, 0, 0, 1}, {kReturnK, 0, 0, 0}},
       "instruction 2",
       "not written"},
  };
  for (const auto& c : cases) {
    const auto valid = validate(c.program);
    ASSERT_FALSE(valid) << disassemble(c.program);
    EXPECT_EQ(valid.error().code, Code::Malformed);
    EXPECT_EQ(valid.error().where, c.where);
    EXPECT_NE(valid.error().message.find(c.what), std::string::npos) << valid.error().message;
    EXPECT_FALSE(emulate(c.program, event_with(0)));
    EXPECT_FALSE(is_constant_allow(c.program, kAuditX86_64, 0));
  }
}

TEST(ConstantAllow, AsTheKernelHasIt) {
  const auto allowed = [](const Program& program, uint32_t number = 41, uint32_t arch = kAuditX86_64) {
    EXPECT_TRUE(validate(program));
    return is_constant_allow(program, arch, number);
  };
  const Instruction allow = {kReturnK, 0, 0, kRetAllow};
  EXPECT_TRUE(allowed({allow}));
  EXPECT_FALSE(allowed({{kReturnK, 0, 0, kRetAllow | 1}}));
  EXPECT_FALSE(allowed({{kReturnK, 0, 0, kRetLog}}));
  EXPECT_FALSE(allowed({{kLoadImm, 0, 0, kRetAllow}, {kReturnA, 0, 0, 0}}));
  EXPECT_FALSE(allowed({{kLoadImm, 0, 0, 0}, allow}));   // any other instruction
  EXPECT_FALSE(allowed({{kLoadAbs, 0, 0, 16}, allow}));  // an argument
  EXPECT_TRUE(
      allowed({{kLoadAbs, 0, 0, 0}, {kAndK, 0, 0, 1}, {kJumpEqK, 0, 1, 1}, allow, {kReturnK, 0, 0, 0}}));
  const Program list = {{kLoadAbs, 0, 0, 4},  {kJumpEqK, 0, 4, kAuditX86_64}, {kLoadAbs, 0, 0, 0},
                        {kJumpGtK, 2, 0, 41}, {kJumpSetK, 1, 0, 2},           allow,
                        {kReturnK, 0, 0, 0}};
  EXPECT_TRUE(allowed(list, 41));
  EXPECT_FALSE(allowed(list, 42));
  EXPECT_FALSE(allowed(list, 2));
  EXPECT_FALSE(allowed(list, 41, 0x40000003));
  EXPECT_FALSE(allowed({allow}, 0x40000000));  // x32 has no bitmap
}

// What is answered from the bitmap is allowed whatever the arguments are.
TEST(ConstantAllow, AgreesWithEmulation) {
  testing::RandomPrograms random(5);
  size_t constant = 0;
  for (int i = 0; i < 20000; ++i) {
    const Program program = random.sound(1 + random.below(8));
    if (!validate(program)) continue;
    Event event = event_with(random.word(), random.word());
    event.number = static_cast<uint32_t>(random.below(450));
    if (!is_constant_allow(program, event.arch, event.number)) continue;
    ++constant;
    const auto verdict = emulate(program, event);
    ASSERT_EQ(verdict->value, kRetAllow) << disassemble(program);
    ASSERT_FALSE(verdict->loads_arguments);
  }
  EXPECT_GT(constant, 100u);
}

}  // namespace
}  // namespace stile
