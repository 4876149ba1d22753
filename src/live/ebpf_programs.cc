// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// In what order the kernel does things decides what is written here (kernel/entry, kernel/seccomp.c and
// kernel/fork.c of 6.18).
//
// A call passes a tracer first, then the filter, then sys_enter. One that a filter answers gives sys_exit
// without sys_enter; a thread that a filter kills alone gives neither. execve gives sys_enter,
// sched_process_exec, sys_exit; a new task's first event is the return from clone. A thread that ends inside
// a call gives sys_enter and then sched_process_exit.
//
// The programs run with preemption off and do not nest: a task's own state needs no care, what is shared is
// added to atomically.
#include "live/ebpf_programs.h"

#include "live/ebpf_writer.h"

namespace stile::live::bpf {

// (struct pt_regs *regs, long number)
std::vector<bpf_insn> enter_program(const Maps& maps, const Offsets& offsets, const Shape& shape) {
  Writer w{{}, maps, offsets, shape};
  Assembler& a = w.a;
  a.move(R6, R1);
  a.load(Double, R7, R6, 8);
  w.current();
  a.load(Word, R1, R9, AT(TaskState, program));
  a.jump(BPF_JEQ, R1, 0, w.out);
  w.call_of_task(R7);
  a.store(Word, R9, AT(TaskState, pending), kInCall);
  if (shape.by == TraceBy::Comm) w.group_by_comm();
  if (shape.args) w.argument();
  w.start_clock();
  w.finish();
  return a.finish();
}

// (struct pt_regs *regs, long result)
std::vector<bpf_insn> exit_program(const Maps& maps, const Offsets& offsets, const Shape& shape) {
  Writer w{{}, maps, offsets, shape};
  Assembler& a = w.a;
  a.move(R6, R1);
  a.load(Double, R7, R6, 8);
  w.current();
  a.load(Word, R1, R9, AT(TaskState, program));
  a.jump(BPF_JEQ, R1, 0, w.out);
  const auto timed = a.label();
  a.load(Word, R1, R9, AT(TaskState, pending));
  a.store(Word, R9, AT(TaskState, pending), kNone);
  a.jump(BPF_JEQ, R1, kInCall, timed);
  a.jump(BPF_JEQ, R1, kSkipExit, w.out);
  // A filter answered it, or it began before the tracing did.
  a.load(Double, R2, R6, 0);
  a.load(Double, R7, R2, kOrigAx);
  w.call_of_task(R7);
  a.load(Double, R7, R6, 8);
  a.store(Word, R9, AT(TaskState, pending), kRefused);
  if (shape.by == TraceBy::Comm) w.group_by_comm();
  if (shape.args) w.argument();
  w.key_from_state();
  w.count(true, false);
  a.jump(w.out);

  a.bind(timed);
  w.error_of_the_dead();
  w.stop_clock();
  w.count_kept();
  w.finish();
  return a.finish();
}

// (struct task_struct *parent, struct task_struct *child), in the parent
std::vector<bpf_insn> fork_program(const Maps& maps, const Offsets& offsets, const Shape& shape) {
  Writer w{{}, maps, offsets, shape};
  Assembler& a = w.a;
  a.move(R6, R1);
  w.current();
  a.load(Word, R7, R9, AT(TaskState, program));
  a.jump(BPF_JEQ, R7, 0, w.out);
  a.load(Word, R1, R9, AT(TaskState, group));
  a.store(Word, R10, kKey, R1);
  a.load(Double, R8, R6, 8);
  w.storage(R8, BPF_LOCAL_STORAGE_GET_F_CREATE);
  const auto made = a.label();
  a.jump(BPF_JNE, R9, 0, made);
  w.add_lost();
  a.jump(w.out);
  a.bind(made);
  a.store(Word, R9, AT(TaskState, program), R7);
  a.load(Word, R1, R10, kKey);
  a.store(Word, R9, AT(TaskState, group), R1);
  a.store(Word, R9, AT(TaskState, pending), kSkipExit);
  w.add_shared(AT(Shared, live), 1);
  if (shape.by == TraceBy::Process) {  // a thread stays in the group of its process
    a.load(Word, R1, R8, static_cast<int16_t>(offsets.task_pid));
    a.load(Word, R2, R8, static_cast<int16_t>(offsets.task_tgid));
    a.jump(BPF_JNE, R1, R2, w.out);
  }
  w.new_group(R8);
  w.finish();
  return a.finish();
}

// (struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
std::vector<bpf_insn> exec_program(const Maps& maps, const Offsets& offsets, const Shape& shape) {
  Writer w{{}, maps, offsets, shape};
  Assembler& a = w.a;
  a.move(R6, R1);
  w.current();
  // The call itself belongs to the program that made it.
  const auto counted = a.label();
  a.load(Word, R1, R9, AT(TaskState, pending));
  a.jump(BPF_JNE, R1, kInCall, counted);
  a.load(Word, R1, R9, AT(TaskState, program));
  a.jump(BPF_JEQ, R1, 0, counted);
  a.move(R7, R8);
  w.key_from_state();
  const auto by_ticks = a.label(), done = a.label();
  if (shape.times == TraceTimes::Sampled) {
    a.load(Word, R1, R9, AT(TaskState, clock));
    a.jump(BPF_JEQ, R1, kTicks, by_ticks);
  }
  if (shape.times != TraceTimes::None) {
    a.call(BPF_FUNC_ktime_get_ns);
    a.load(Double, R8, R9, AT(TaskState, start));
    a.alu(BPF_SUB, R0, R8);
    a.move(R8, R0);
    w.count(false, true);
  }
  // What cannot be reached the kernel refuses.
  if (shape.times == TraceTimes::Sampled) a.jump(done);
  a.bind(by_ticks);
  if (shape.times != TraceTimes::All) w.count(false, false);
  a.bind(done);
  a.move(R8, R7);
  a.bind(counted);
  a.store(Word, R9, AT(TaskState, pending), kSkipExit);

  // R7 = the path, filled up with zeroes
  a.store(Word, R10, kNumber, 0);
  a.map(R1, maps.scratch);
  w.stack_address(R2, kNumber);
  a.call(BPF_FUNC_map_lookup_elem);
  a.jump(BPF_JEQ, R0, 0, w.out);
  a.move(R7, R0);
  for (uint32_t i = 0; i < kPathBytes; i += 8) a.store(Double, R7, static_cast<int16_t>(i), 0);
  a.load(Double, R3, R6, 16);
  a.load(Double, R3, R3, static_cast<int16_t>(offsets.binprm_interp));
  a.move(R1, R7);
  a.move(R2, static_cast<int32_t>(kPathBytes));
  a.call(BPF_FUNC_probe_read_kernel_str);

  const auto found = a.label(), first = a.label();
  a.map(R1, maps.programs);
  a.move(R2, R7);
  a.call(BPF_FUNC_map_lookup_elem);
  a.jump(BPF_JNE, R0, 0, found);
  a.map_value(R1, maps.shared, AT(Shared, last_program));
  a.move(R2, 1);
  a.atomic_fetch_add(Word, R1, 0, R2);
  a.alu(BPF_ADD, R2, 1);
  a.store(Word, R10, kNumber, R2);
  a.map(R1, maps.programs);
  a.move(R2, R7);
  w.stack_address(R3, kNumber);
  a.move(R4, BPF_NOEXIST);
  a.call(BPF_FUNC_map_update_elem);
  a.map(R1, maps.programs);
  a.move(R2, R7);
  a.call(BPF_FUNC_map_lookup_elem);
  a.jump(BPF_JNE, R0, 0, found);
  w.add_lost();
  a.jump(w.out);
  a.bind(found);
  a.load(Word, R1, R0, 0);
  a.load(Word, R2, R9, AT(TaskState, program));
  a.store(Word, R9, AT(TaskState, program), R1);
  a.store(Word, R9, AT(TaskState, group), R1);
  a.jump(BPF_JNE, R2, 0, first);
  a.map_value(R3, maps.shared, AT(Shared, main_program));
  a.store(Word, R3, 0, R1);
  a.bind(first);
  w.new_group(R8);
  w.finish();
  return a.finish();
}

// (struct task_struct *task, ...), in the task that ends
std::vector<bpf_insn> end_program(const Maps& maps, const Offsets& offsets, const Shape& shape) {
  Writer w{{}, maps, offsets, shape};
  Assembler& a = w.a;
  const auto ended = a.label(), in_call = a.label();
  a.move(R6, R1);
  w.current();
  a.load(Word, R1, R9, AT(TaskState, program));
  a.jump(BPF_JEQ, R1, 0, ended);
  a.load(Word, R1, R9, AT(TaskState, pending));
  a.jump(BPF_JEQ, R1, kInCall, in_call);
  a.jump(BPF_JNE, R1, kNone, ended);
  // Killed alone by a filter: not the way in, not the way out was seen.
  a.load(Word, R1, R8, static_cast<int16_t>(offsets.task_exit_code));
  a.alu(BPF_AND, R1, 0x7f);
  a.jump(BPF_JNE, R1, kSigsys, ended);
  a.load(Double, R1, R8, static_cast<int16_t>(offsets.task_signal));
  a.load(Word, R1, R1, static_cast<int16_t>(offsets.signal_flags));
  a.alu(BPF_AND, R1, kSignalGroupExit);
  a.jump(BPF_JNE, R1, 0, ended);
  a.move(R1, R8);
  a.call(BPF_FUNC_task_pt_regs);
  a.load(Double, R7, R0, kOrigAx);
  w.call_of_task(R7);
  a.bind(in_call);
  w.key_from_state();
  w.count(false, false);
  a.bind(ended);
  w.hand_in_all();
  w.add_shared(AT(Shared, live), -1);
  w.finish();
  return a.finish();
}

// (struct bpf_iter_meta *, struct task_struct *task), see bpf_iter_task in kernel/bpf/task_iter.c
std::vector<bpf_insn> last_look_program(const Maps& maps, const Offsets& offsets, const Shape& shape) {
  Writer w{{}, maps, offsets, shape};
  Assembler& a = w.a;
  a.load(Double, R8, R1, 8);
  a.jump(BPF_JEQ, R8, 0, w.out);  // the end of the list
  w.storage(R8, 0);
  a.jump(BPF_JEQ, R9, 0, w.out);
  const auto counted = a.label();
  a.load(Word, R1, R9, AT(TaskState, program));
  a.jump(BPF_JEQ, R1, 0, w.out);
  a.load(Word, R1, R9, AT(TaskState, pending));
  a.jump(BPF_JNE, R1, kInCall, counted);
  a.store(Word, R9, AT(TaskState, pending), kNone);
  w.key_from_state();
  w.count(false, false);
  a.bind(counted);
  w.hand_in_all();
  w.finish();
  return a.finish();
}

// (struct bpf_iter_meta *, struct task_struct *task)
std::vector<bpf_insn> look_program(const Maps& maps, const Offsets& offsets, const Shape& shape) {
  Writer w{{}, maps, offsets, shape};
  Assembler& a = w.a;
  a.load(Double, R6, R1, 0);
  a.load(Double, R6, R6, 0);  // the first member of the meta data, struct seq_file *
  a.load(Double, R8, R1, 8);
  a.jump(BPF_JEQ, R8, 0, w.out);
  w.storage(R8, 0);
  a.jump(BPF_JEQ, R9, 0, w.out);
  static_assert(offsetof(Kept, key) == 0 && offsetof(Kept, count) == 8 && offsetof(CountValue, calls) == 0);
  for (uint32_t i = 0; i < kKept; ++i) {
    const auto next = a.label();
    const auto at = static_cast<int32_t>(offsetof(TaskState, kept) + i * sizeof(Kept));
    a.load(Double, R1, R9, static_cast<int16_t>(at));
    a.jump(BPF_JEQ, R1, 0, next);
    a.move(R1, R6);
    a.move(R2, R9);
    a.alu(BPF_ADD, R2, at);
    a.move(R3, static_cast<int32_t>(sizeof(KeptLook)));
    a.call(BPF_FUNC_seq_write);
    a.bind(next);
  }
  w.finish();
  return a.finish();
}

}  // namespace stile::live::bpf
