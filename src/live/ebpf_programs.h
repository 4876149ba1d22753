// SPDX-License-Identifier: Apache-2.0
//
// The five eBPF programs that count system calls, and the layout of the data they share with the tracer. They
// run in the kernel at sys_enter, sys_exit, sched_process_fork, sched_process_exec and sched_process_exit,
// for every task of the machine, and return at once for those without a TaskState.
#pragma once

#include <cstdint>
#include <vector>

#include <linux/bpf.h>

#include <stile/trace.h>

namespace stile::live::bpf {

enum Pending : uint32_t {
  kNone = 0,
  kInCall = 1,    // entered and not returned: what TaskState says of the call is valid
  kSkipExit = 2,  // the next return is of a call that is not to be counted: a child's first, or that of
                  // execve, counted by then
  kRefused = 3,   // a filter answered the last call: it came back without having been entered
};

// In the map `counts`, by CountKey.
struct CountValue {
  uint64_t calls = 0;
  uint64_t errors = 0;
  uint64_t untimed = 0;   // calls that did not return, or whose entry was not seen: they have no duration
  uint64_t total = 0;     // nanoseconds
  uint64_t shortest = 0;  // all bits inverted, so that 0 is the longest there is
  uint64_t longest = 0;
  uint64_t measured = 0;  // calls whose duration was measured
  uint64_t covered = 0;   // calls that `total` stands for: those, and others by them
};

enum Clock : uint32_t {
  kTicks = 0,        // jiffies: next to no cost, in steps of Shape::tick
  kNanoseconds = 1,  // ktime: dear, on many virtual machines
};

// What a task counted and did not yet add to `counts`. Nobody else touches it: no lock, no search.
struct Kept {
  uint64_t key = 0;  // CountKey; 0 = free
  CountValue count;
  uint32_t skip = 0;     // so many calls are let by before the next one is measured
  uint32_t skipped = 0;  // were let by, and `total` does not stand for them yet
};
inline constexpr uint32_t kKept = 32;  // a power of 2

// Kept by the kernel for each task that is traced, and gone with it.
struct TaskState {
  uint64_t start = 0;  // of the call, by `clock`
  uint32_t group = 0;
  uint32_t pending = kNone;
  uint32_t call = 0;     // as in a CountKey
  uint32_t clock = 0;    // a Clock
  uint32_t program = 0;  // 0: has not yet executed the command, so nothing is counted
  uint32_t unused = 0;
  Kept kept[kKept];  // by number, see Writer::slot()
};

// group << 32 | arch << 31 | number & 0x7fffffff
struct CountKey {
  uint64_t bits = 0;
  uint32_t group() const { return static_cast<uint32_t>(bits >> 32); }
  bool i386() const { return (bits >> 31 & 1) != 0; }
  uint32_t number() const { return static_cast<uint32_t>(bits) & 0x7fffffff; }
};

// In the map `values`: how often an argument had a value.
struct ValueKey {
  uint64_t count_key = 0;
  uint64_t value = 0;
};

// In the map `groups`, by number of the group, unless groups are programs.
struct GroupInfo {
  uint32_t program = 0;
  uint32_t pid = 0;
  uint32_t tid = 0;
  uint32_t unused = 0;
  char comm[16] = {};
};

// In the map `comms`: which group a thread of that name belongs to.
struct CommKey {
  uint32_t program = 0;
  char comm[16] = {};
};

// The one element of `shared`.
struct Shared {
  uint64_t lost = 0;  // could not be counted: no room in a map
  uint64_t live = 0;  // tasks traced now
  uint32_t last_group = 0;
  uint32_t last_program = 0;
  uint32_t main_program = 0;
  uint32_t unused = 0;
};

inline constexpr uint32_t kPathBytes = 256;  // key of `programs`
inline constexpr uint32_t kTableCalls =
    512;  // numbers of calls whose argument is recorded are below; `watched` has this many for each table

struct Maps {
  int tasks = -1;     // task storage: TaskState
  int counts = -1;    // hash: CountKey -> CountValue
  int shared = -1;    // array of one: Shared
  int programs = -1;  // hash: path -> number of the program
  int groups = -1;    // hash: number -> GroupInfo
  int comms = -1;     // hash: CommKey -> number of the group
  int values = -1;    // hash: ValueKey -> uint64_t
  int watched = -1;   // array, [number + kTableCalls * i386]: index of the argument + 1, or 0
  int attached = -1;  // hash: pid -> number of its program
  int scratch = -1;   // per-CPU array of one: kPathBytes
};

// Where things lie in this kernel's structures; from its own description (BTF).
struct Offsets {
  uint32_t task_pid = 0;
  uint32_t task_tgid = 0;
  uint32_t task_exit_code = 0;
  uint32_t task_signal = 0;
  uint32_t task_status = 0;   // thread_info.status in the task
  uint32_t task_pending = 0;  // pending.signal.sig[0] in the task
  uint32_t signal_flags = 0;
  uint32_t binprm_interp = 0;
};

struct Shape {
  TraceBy by = TraceBy::Executable;
  bool args = false;
  bool attach = false;  // processes are found by `attached` too
  TraceTimes times = TraceTimes::Sampled;
  uint32_t tick = 4'000'000;  // nanoseconds of this kernel's jiffy
};

// With TraceTimes::Sampled. A task measures its first calls of each kind one by one, and of the later ones
// about one in sixteen, at random, so that nothing a program does in turns falls into step with it. Each
// stands for those that were let by before it. Those are timed too, by ticks: one that took two or more
// stands for itself, so that no long call hides among short ones.
inline constexpr int32_t kMeasuredFirst = 1024;
inline constexpr int32_t kSkipMask = 31;  // 0 to 31 are let by
inline constexpr int32_t kLongTicks = 2;

std::vector<bpf_insn> enter_program(const Maps& maps, const Offsets& offsets, const Shape& shape);
std::vector<bpf_insn> exit_program(const Maps& maps, const Offsets& offsets, const Shape& shape);
std::vector<bpf_insn> fork_program(const Maps& maps, const Offsets& offsets, const Shape& shape);
std::vector<bpf_insn> exec_program(const Maps& maps, const Offsets& offsets, const Shape& shape);
std::vector<bpf_insn> end_program(const Maps& maps, const Offsets& offsets, const Shape& shape);
// Runs once for each task when the others are gone: counts what is under way, and hands in what was kept.
std::vector<bpf_insn> last_look_program(const Maps& maps, const Offsets& offsets, const Shape& shape);
// Runs once for each task while the others count, and gives what it kept: a KeptLook for each kind of call.
// The task goes on meanwhile, so this is for showing how far things are.
std::vector<bpf_insn> look_program(const Maps& maps, const Offsets& offsets, const Shape& shape);
struct KeptLook {  // how a Kept begins
  CountKey key;
  uint64_t calls = 0;
};

}  // namespace stile::live::bpf
