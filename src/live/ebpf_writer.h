// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The parts that the eBPF programs are put together from. Included by ebpf_programs.cc alone.
#pragma once

#include <cstddef>

#include "live/bpf_assembler.h"
#include "live/ebpf_programs.h"

namespace stile::live::bpf {

// arch/x86/include/uapi/asm/ptrace.h, struct pt_regs of 64 bits.
constexpr int16_t kOrigAx = 15 * 8;
constexpr int16_t kArguments64[6] = {14 * 8, 13 * 8, 12 * 8, 7 * 8, 9 * 8, 8 * 8};   // di si dx r10 r8 r9
constexpr int16_t kArguments32[6] = {5 * 8, 11 * 8, 12 * 8, 13 * 8, 14 * 8, 4 * 8};  // bx cx dx si di bp
constexpr int32_t kTsCompat = 2;         // TS_COMPAT, arch/x86/include/asm/thread_info.h
constexpr int32_t kSignalGroupExit = 4;  // SIGNAL_GROUP_EXIT, include/linux/sched/signal.h
constexpr int32_t kSigsys = 31;
constexpr int32_t kSigkillBit = 1 << 8;  // of a sigset_t
constexpr int32_t kI386Bit = 31;         // of a CountKey
constexpr int32_t kMostErrors = 4095;    // -1 to -4095 are errors: MAX_ERRNO of include/linux/err.h

// The stack, from its top down.
constexpr int16_t kKey = -8;
constexpr int16_t kValue = kKey - static_cast<int16_t>(sizeof(CountValue));  // also a GroupInfo
constexpr int16_t kName = kValue - 24;                                       // a CommKey, a ValueKey
constexpr int16_t kNumber = kName - 8;

#define AT(type, member) static_cast<int16_t>(offsetof(type, member))

// Which of a task's Kept a call is counted in: (number * kSpread >> 8) % kKept. The multiplier was looked for
// that keeps the usual calls of programs (read write close openat newfstatat futex epoll_wait epoll_pwait
// ...) apart.
constexpr int32_t kSpread = 4721;

// Registers by use, in all programs: R6 context, R7 return value, R8 duration or task, R9 the TaskState.
struct Writer {
  Assembler a;
  const Maps& maps;
  const Offsets& offsets;
  const Shape& shape;
  Assembler::Label out = a.label();

  void finish() {
    a.bind(out);
    a.move(R0, 0);
    a.leave();
  }
  void stack_address(Register to, int16_t offset) {
    a.move(to, R10);
    a.alu(BPF_ADD, to, offset);
  }
  void add_shared(int16_t offset, int32_t value) {
    a.map_value(R1, maps.shared, offset);
    a.move(R2, value);
    a.atomic_add(Double, R1, 0, R2);
  }
  void add_lost() { add_shared(AT(Shared, lost), 1); }

  // R9 = the state of the task in `task`, or 0.
  void storage(Register task, uint64_t flags) {
    a.move(R2, task);
    a.map(R1, maps.tasks);
    a.move(R3, 0);
    a.move(R4, static_cast<int32_t>(flags));
    a.call(BPF_FUNC_task_storage_get);
    a.move(R9, R0);
  }
  // R9 = the state of the running task; leaves the program if it is not traced. Keeps R6, R7; R8 = the task.
  void current() {
    a.call(BPF_FUNC_get_current_task_btf);
    a.move(R8, R0);
    storage(R8, 0);
    const auto known = a.label();
    if (!shape.attach) {
      a.jump(BPF_JEQ, R9, 0, out);
      return;
    }
    a.jump(BPF_JNE, R9, 0, known);
    a.call(BPF_FUNC_get_current_pid_tgid);
    a.alu(BPF_RSH, R0, 32);
    a.store(Word, R10, kNumber, R0);
    a.map(R1, maps.attached);
    stack_address(R2, kNumber);
    a.call(BPF_FUNC_map_lookup_elem);
    a.jump(BPF_JEQ, R0, 0, out);
    a.load(Word, R0, R0, 0);
    a.store(Word, R10, kNumber, R0);
    storage(R8, BPF_LOCAL_STORAGE_GET_F_CREATE);
    const auto made = a.label();
    a.jump(BPF_JNE, R9, 0, made);
    add_lost();
    a.jump(out);
    a.bind(made);
    a.load(Word, R1, R10, kNumber);
    a.store(Word, R9, AT(TaskState, program), R1);
    a.store(Word, R9, AT(TaskState, group), R1);
    add_shared(AT(Shared, live), 1);
    new_group(R8);
    a.bind(known);
  }
  // A group for the task in `task` (in R6 to R8), by process or thread. The state in R9 knows its program.
  void new_group(Register task) {
    if (shape.by != TraceBy::Process && shape.by != TraceBy::Thread) return;
    a.map_value(R1, maps.shared, AT(Shared, last_group));
    a.move(R2, 1);
    a.atomic_fetch_add(Word, R1, 0, R2);
    a.alu(BPF_ADD, R2, 1);
    a.store(Word, R9, AT(TaskState, group), R2);
    a.store(Word, R10, kNumber, R2);
    a.load(Word, R1, R9, AT(TaskState, program));
    a.store(Word, R10, kValue + AT(GroupInfo, program), R1);
    a.load(Word, R1, task, static_cast<int16_t>(offsets.task_tgid));
    a.store(Word, R10, kValue + AT(GroupInfo, pid), R1);
    a.load(Word, R1, task, static_cast<int16_t>(offsets.task_pid));
    a.store(Word, R10, kValue + AT(GroupInfo, tid), R1);
    a.store(Word, R10, kValue + AT(GroupInfo, unused), 0);
    comm(kValue + AT(GroupInfo, comm));
    a.map(R1, maps.groups);
    stack_address(R2, kNumber);
    stack_address(R3, kValue);
    a.move(R4, BPF_ANY);
    a.call(BPF_FUNC_map_update_elem);
    const auto done = a.label();
    a.jump(BPF_JEQ, R0, 0, done);
    add_lost();
    a.bind(done);
  }
  void comm(int16_t at) {
    a.store(Double, R10, at, 0);
    a.store(Double, R10, static_cast<int16_t>(at + 8), 0);
    stack_address(R1, at);
    a.move(R2, 16);
    a.call(BPF_FUNC_get_current_comm);
  }
  // The group of the running thread by its name, kept in the state.
  void group_by_comm() {
    const auto found = a.label(), done = a.label();
    a.load(Word, R1, R9, AT(TaskState, program));
    a.store(Word, R10, kName, R1);
    // CommKey has no padding: the name stands behind four bytes, so it is copied from an aligned place.
    comm(kValue);
    for (int16_t i = 0; i < 16; i += 4) {
      a.load(Word, R1, R10, static_cast<int16_t>(kValue + i));
      a.store(Word, R10, static_cast<int16_t>(kName + 4 + i), R1);
    }
    a.map(R1, maps.comms);
    stack_address(R2, kName);
    a.call(BPF_FUNC_map_lookup_elem);
    a.jump(BPF_JNE, R0, 0, found);
    a.map_value(R1, maps.shared, AT(Shared, last_group));
    a.move(R2, 1);
    a.atomic_fetch_add(Word, R1, 0, R2);
    a.alu(BPF_ADD, R2, 1);
    a.store(Word, R10, kNumber, R2);
    a.map(R1, maps.comms);
    stack_address(R2, kName);
    stack_address(R3, kNumber);
    a.move(R4, BPF_NOEXIST);  // another CPU may be first
    a.call(BPF_FUNC_map_update_elem);
    a.map(R1, maps.comms);
    stack_address(R2, kName);
    a.call(BPF_FUNC_map_lookup_elem);
    a.jump(BPF_JNE, R0, 0, found);
    add_lost();
    a.jump(done);
    a.bind(found);
    a.load(Word, R1, R0, 0);
    a.store(Word, R9, AT(TaskState, group), R1);
    a.bind(done);
  }
  // Puts the key of the call that the state tells on the stack, and in R1.
  void key_from_state() {
    a.load(Word, R1, R9, AT(TaskState, group));
    a.alu(BPF_LSH, R1, 32);
    a.load(Word, R2, R9, AT(TaskState, call));
    a.alu(BPF_OR, R1, R2);
    a.store(Double, R10, kKey, R1);
  }
  // state.call = the number in `number`, with a mark if the task (in R8) makes it by i386's table. Stays in
  // `number`.
  void call_of_task(Register number) {
    a.load(Word, R1, R8, static_cast<int16_t>(offsets.task_status));
    a.alu(BPF_AND, R1, kTsCompat);
    a.alu(BPF_LSH, R1, kI386Bit - 1);
    static_assert(kTsCompat == 1 << 1);
    a.alu(BPF_AND, number, 0x7fffffff);
    a.alu(BPF_OR, number, R1);
    a.store(Word, R9, AT(TaskState, call), number);
  }
  // R6 = where the call in `call` is counted in the task's own memory.
  void slot(Register call) {
    a.move(R6, call);
    a.alu(BPF_MUL, R6, kSpread);
    a.alu(BPF_RSH, R6, 8);
    a.alu(BPF_AND, R6, static_cast<int32_t>(kKept - 1));
    a.alu(BPF_MUL, R6, static_cast<int32_t>(sizeof(Kept)));
    a.alu(BPF_ADD, R6, R9);
    a.alu(BPF_ADD, R6, AT(TaskState, kept));
  }
  // R7 = the call. R6 is lost.
  void start_clock() {
    if (shape.times == TraceTimes::None) return;
    const auto precise = a.label(), done = a.label();
    if (shape.times == TraceTimes::Sampled) {
      slot(R7);
      a.load(Word, R1, R6, AT(Kept, key));  // its lower half, which is the call
      a.jump(BPF_JNE, R1, R7, precise);
      a.load(Word, R1, R6, AT(Kept, skip));
      a.jump(BPF_JEQ, R1, 0, precise);
      a.store(Word, R9, AT(TaskState, clock), kTicks);
      a.call(BPF_FUNC_jiffies64);
      a.jump(done);
    }
    a.bind(precise);
    if (shape.times == TraceTimes::Sampled) a.store(Word, R9, AT(TaskState, clock), kNanoseconds);
    a.call(BPF_FUNC_ktime_get_ns);
    a.bind(done);
    a.store(Double, R9, AT(TaskState, start), R0);
  }
  // R8 = how long the call took, in what its clock counts.
  void stop_clock() {
    if (shape.times == TraceTimes::None) return;
    const auto precise = a.label(), done = a.label();
    if (shape.times == TraceTimes::Sampled) {
      a.load(Word, R1, R9, AT(TaskState, clock));
      a.jump(BPF_JNE, R1, kTicks, precise);
      a.call(BPF_FUNC_jiffies64);
      a.jump(done);
    }
    a.bind(precise);
    a.call(BPF_FUNC_ktime_get_ns);
    a.bind(done);
    a.load(Double, R8, R9, AT(TaskState, start));
    a.alu(BPF_SUB, R0, R8);
    a.move(R8, R0);
  }
  // A call that SIGKILL broke off returns an error to nobody: R7 = 0 then.
  void error_of_the_dead() {
    const auto done = a.label();
    a.move(R2, R7);
    a.alu(BPF_ADD, R2, kMostErrors);
    a.jump(BPF_JGT, R2, kMostErrors - 1, done);
    a.call(BPF_FUNC_get_current_task_btf);
    a.load(Word, R1, R0, static_cast<int16_t>(offsets.task_pending));
    a.alu(BPF_AND, R1, kSigkillBit);
    a.jump(BPF_JEQ, R1, 0, done);
    a.move(R7, 0);
    a.bind(done);
  }
  // Counts the call whose key is on the stack. R7 = what it returned, if has_result; R8 = how long it took,
  // if timed.
  void count(bool has_result, bool timed) {
    const auto none = a.label(), done = a.label();
    if (has_result) error_of_the_dead();
    find_count(none);
    a.move(R1, 1);
    a.atomic_add(Double, R0, AT(CountValue, calls), R1);
    if (has_result) {
      const auto good = a.label();
      a.move(R2, R7);
      a.alu(BPF_ADD, R2, kMostErrors);
      a.jump(BPF_JGT, R2, kMostErrors - 1, good);
      a.atomic_add(Double, R0, AT(CountValue, errors), R1);
      a.bind(good);
    }
    if (shape.times == TraceTimes::None) {
      // None is timed.
    } else if (!timed) {
      a.atomic_add(Double, R0, AT(CountValue, untimed), R1);
    } else {
      a.atomic_add(Double, R0, AT(CountValue, measured), R1);
      a.atomic_add(Double, R0, AT(CountValue, covered), R1);
      const auto not_longer = a.label();
      a.atomic_add(Double, R0, AT(CountValue, total), R8);
      a.load(Double, R2, R0, AT(CountValue, longest));
      a.jump(BPF_JGE, R2, R8, not_longer);
      a.store(Double, R0, AT(CountValue, longest), R8);
      a.bind(not_longer);
      a.alu(BPF_XOR, R8, -1);
      a.load(Double, R2, R0, AT(CountValue, shortest));
      a.jump(BPF_JGE, R2, R8, done);
      a.store(Double, R0, AT(CountValue, shortest), R8);
    }
    a.jump(done);
    a.bind(none);
    add_lost();
    a.bind(done);
  }
  // R0 = the count whose key is on the stack, made if there is none. Jumps to `none` if there is no room.
  void find_count(Assembler::Label none) {
    const auto have = a.label();
    a.map(R1, maps.counts);
    stack_address(R2, kKey);
    a.call(BPF_FUNC_map_lookup_elem);
    a.jump(BPF_JNE, R0, 0, have);
    for (int16_t i = 0; i < static_cast<int16_t>(sizeof(CountValue)); i += 8) {
      a.store(Double, R10, static_cast<int16_t>(kValue + i), 0);
    }
    a.map(R1, maps.counts);
    stack_address(R2, kKey);
    stack_address(R3, kValue);
    a.move(R4, BPF_NOEXIST);  // another CPU may be first
    a.call(BPF_FUNC_map_update_elem);
    a.map(R1, maps.counts);
    stack_address(R2, kKey);
    a.call(BPF_FUNC_map_lookup_elem);
    a.jump(BPF_JEQ, R0, 0, none);
    a.bind(have);
  }
  // Counts the call that the state tells in the task's own memory. R7 = what it returned, R8 = how long it
  // took, if that is measured. R6 is lost.
  void count_kept() {
    const auto ours = a.label(), good = a.label(), done = a.label();
    a.load(Word, R1, R9, AT(TaskState, call));
    slot(R1);
    key_from_state();
    a.load(Double, R2, R6, AT(Kept, key));
    a.jump(BPF_JEQ, R2, R1, ours);
    hand_in();
    key_from_state();
    a.store(Double, R6, AT(Kept, key), R1);
    for (int16_t i = AT(Kept, count); i < static_cast<int16_t>(sizeof(Kept)); i += 8) {
      a.store(Double, R6, i, 0);
    }
    a.bind(ours);
    add_kept(AT(CountValue, calls), 1);
    a.move(R2, R7);
    a.alu(BPF_ADD, R2, kMostErrors);
    a.jump(BPF_JGT, R2, kMostErrors - 1, good);
    add_kept(AT(CountValue, errors), 1);
    a.bind(good);
    if (shape.times == TraceTimes::None) return;
    if (shape.times == TraceTimes::Sampled) {
      const auto precise = a.label();
      a.load(Word, R1, R9, AT(TaskState, clock));
      a.jump(BPF_JNE, R1, kTicks, precise);
      time_by_ticks();
      a.jump(done);
      a.bind(precise);
    }
    time_kept();
    a.bind(done);
  }
  // R8 = the duration in ticks, of the call whose Kept is in R6.
  void time_by_ticks() {
    const auto lasting = a.label(), done = a.label();
    a.jump(BPF_JGE, R8, kLongTicks, lasting);
    a.load(Word, R1, R6, AT(Kept, skip));
    a.alu(BPF_SUB, R1, 1);
    a.store(Word, R6, AT(Kept, skip), R1);
    a.load(Word, R1, R6, AT(Kept, skipped));
    a.alu(BPF_ADD, R1, 1);
    a.store(Word, R6, AT(Kept, skipped), R1);
    a.jump(done);
    a.bind(lasting);
    a.alu(BPF_MUL, R8, static_cast<int32_t>(shape.tick));
    add_kept(AT(CountValue, covered), 1);
    add_kept(AT(CountValue, total), R8);
    longest_kept();
    a.bind(done);
  }
  // R8 = the duration in nanoseconds, of the call whose Kept is in R6.
  void time_kept() {
    const auto alone = a.label(), shorter = a.label(), done = a.label();
    add_kept(AT(CountValue, measured), 1);
    longest_kept();
    a.move(R1, R8);
    a.alu(BPF_XOR, R1, -1);
    a.load(Double, R2, R6, AT(Kept, count) + AT(CountValue, shortest));
    a.jump(BPF_JGE, R2, R1, shorter);
    a.store(Double, R6, AT(Kept, count) + AT(CountValue, shortest), R1);
    a.bind(shorter);
    // R3 = how many calls it stands for.
    a.move(R3, 1);
    if (shape.times == TraceTimes::Sampled) {
      a.jump(BPF_JGE, R8, kLongTicks * static_cast<int32_t>(shape.tick), alone);
      a.load(Word, R1, R6, AT(Kept, skipped));
      a.alu(BPF_ADD, R3, R1);
      a.store(Word, R6, AT(Kept, skipped), 0);
      a.bind(alone);
    }
    a.alu(BPF_MUL, R8, R3);
    add_kept(AT(CountValue, covered), R3);
    add_kept(AT(CountValue, total), R8);
    if (shape.times == TraceTimes::Sampled) {
      a.load(Double, R1, R6, AT(Kept, count) + AT(CountValue, calls));
      a.jump(BPF_JLT, R1, kMeasuredFirst, done);
      a.call(BPF_FUNC_get_prandom_u32);
      a.alu(BPF_AND, R0, kSkipMask);
      a.store(Word, R6, AT(Kept, skip), R0);
    }
    a.bind(done);
  }
  void longest_kept() {
    const auto not_longer = a.label();
    a.load(Double, R1, R6, AT(Kept, count) + AT(CountValue, longest));
    a.jump(BPF_JGE, R1, R8, not_longer);
    a.store(Double, R6, AT(Kept, count) + AT(CountValue, longest), R8);
    a.bind(not_longer);
  }
  template <typename Value>  // a register other than R1, or a number
  void add_kept(int16_t member, Value value) {
    const auto at = static_cast<int16_t>(AT(Kept, count) + member);
    a.load(Double, R1, R6, at);
    a.alu(BPF_ADD, R1, value);
    a.store(Double, R6, at, R1);
  }
  // Adds the Kept in R6 to `counts`, if it is not free, and frees it. The key on the stack is lost.
  void hand_in() {
    const auto done = a.label(), none = a.label();
    a.load(Double, R1, R6, AT(Kept, key));
    a.jump(BPF_JEQ, R1, 0, done);
    a.store(Double, R10, kKey, R1);
    a.store(Double, R6, AT(Kept, key), 0);
    find_count(none);
    for (const int16_t member : {AT(CountValue, calls), AT(CountValue, errors), AT(CountValue, total),
                                 AT(CountValue, measured), AT(CountValue, covered)}) {
      a.load(Double, R1, R6, static_cast<int16_t>(AT(Kept, count) + member));
      a.atomic_add(Double, R0, member, R1);
    }
    for (const int16_t member : {AT(CountValue, shortest), AT(CountValue, longest)}) {
      const auto less = a.label();
      a.load(Double, R1, R6, static_cast<int16_t>(AT(Kept, count) + member));
      a.load(Double, R2, R0, member);
      a.jump(BPF_JGE, R2, R1, less);
      a.store(Double, R0, member, R1);
      a.bind(less);
    }
    a.jump(done);
    a.bind(none);
    a.map_value(R1, maps.shared, AT(Shared, lost));
    a.load(Double, R2, R6, AT(Kept, count) + AT(CountValue, calls));
    a.atomic_add(Double, R1, 0, R2);
    a.bind(done);
  }
  // All of them, of the task whose state is in R9.
  void hand_in_all() {
    for (uint32_t i = 0; i < kKept; ++i) {
      a.move(R6, R9);
      a.alu(BPF_ADD, R6, static_cast<int32_t>(offsetof(TaskState, kept) + i * sizeof(Kept)));
      hand_in();
    }
  }
  // Records the watched argument of the call in the state. R6 = context, whose first value are the registers.
  void argument() {
    const auto done = a.label(), counted = a.label();
    a.load(Word, R1, R9, AT(TaskState, call));
    a.move(R2, R1);
    a.alu(BPF_AND, R1, 0x7fffffff);
    a.jump(BPF_JGE, R1, static_cast<int32_t>(kTableCalls), done);
    a.alu(BPF_RSH, R2, kI386Bit);
    a.alu(BPF_LSH, R2, 9);
    static_assert(kTableCalls == 1 << 9);
    a.alu(BPF_OR, R1, R2);
    a.store(Word, R10, kNumber, R1);
    a.map(R1, maps.watched);
    stack_address(R2, kNumber);
    a.call(BPF_FUNC_map_lookup_elem);
    a.jump(BPF_JEQ, R0, 0, done);
    a.load(Word, R1, R0, 0);
    a.jump(BPF_JEQ, R1, 0, done);
    a.load(Word, R2, R9, AT(TaskState, call));
    a.alu(BPF_RSH, R2, kI386Bit);
    a.alu(BPF_LSH, R2, 3);
    a.alu(BPF_OR, R1, R2);
    a.load(Double, R3, R6, 0);
    const auto have = a.label();
    for (int32_t i = 0; i < 6; ++i) {
      for (int32_t i386 = 0; i386 < 2; ++i386) {
        const auto other = a.label();
        a.jump(BPF_JNE, R1, (i + 1) | i386 << 3, other);
        a.load(Double, R4, R3, (i386 != 0 ? kArguments32 : kArguments64)[i]);
        a.jump(have);
        a.bind(other);
      }
    }
    a.jump(done);
    a.bind(have);
    a.move32(R4, R4);
    a.store(Double, R10, kName + AT(ValueKey, value), R4);
    key_from_state();
    a.load(Double, R1, R10, kKey);
    a.store(Double, R10, kName + AT(ValueKey, count_key), R1);
    a.map(R1, maps.values);
    stack_address(R2, kName);
    a.call(BPF_FUNC_map_lookup_elem);
    a.jump(BPF_JNE, R0, 0, counted);
    a.store(Double, R10, kValue, 1);
    a.map(R1, maps.values);
    stack_address(R2, kName);
    stack_address(R3, kValue);
    a.move(R4, BPF_ANY);
    a.call(BPF_FUNC_map_update_elem);
    a.jump(BPF_JEQ, R0, 0, done);
    add_lost();
    a.jump(done);
    a.bind(counted);
    a.move(R1, 1);
    a.atomic_add(Double, R0, 0, R1);
    a.bind(done);
  }
};

}  // namespace stile::live::bpf
