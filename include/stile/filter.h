// SPDX-License-Identifier: Apache-2.0
//
// From a policy to the BPF program the kernel runs, and back. Nothing here makes a system call; loading is in live.h.
//
//     auto policy = stile::Policy(stile::errno_action(EPERM))
//                       .allow({"write", "fstat", "exit_group"})
//                       .allow("socket", stile::arg32(0) == AF_UNIX)
//                       .build();
//     auto program = stile::compile(*policy);
//     if (!program) return report(program.error());
//     auto loaded = stile::load(*program);          // <stile/live.h>
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <stile/condition.h>
#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

// --- saying a policy ---

constexpr Action allow_action() { return {ActionKind::Allow, 0}; }
constexpr Action errno_action(uint16_t number) { return {ActionKind::Errno, number}; }
constexpr Action kill_process() { return {ActionKind::KillProcess, 0}; }

// Collects rules and says at build() what was wrong with the first bad one (unknown name, argument beyond 5, no architecture).
// A system call is a name ("write"), a group ("@file-system") or a number ("463"). Rules of one call are looked at in the order they were
// added, the first whose condition holds decides; a rule without a condition decides what no condition did, and a second one that
// differs is an error. "write" on several architectures is one rule.
class Policy {
 public:
  explicit Policy(Action otherwise);

  Policy& allow(std::initializer_list<std::string_view> calls);
  Policy& allow(std::string_view call, Condition when = Condition::always());
  Policy& deny(std::string_view call, uint16_t errno_number, Condition when = Condition::always());
  Policy& on(std::string_view call, Action action, Condition when = Condition::always());
  // The system call tables the filter answers for: stile's names (see data/architectures.tsv). Default: x86_64 alone.
  Policy& architectures(std::vector<std::string> names);
  // What is done with a call from any other table. Default: kill-process.
  Policy& other_architectures(Action action);
  // The kernel release the policy was written for, "6.1": calls that came later answer ENOSYS, as on the older kernel.
  Policy& written_for(std::string_view kernel);
  // A Landlock rule, see PathRule.
  Policy& path(std::string_view path, unsigned access);

  Result<Profile> build() const;

 private:
  Profile profile_;
  std::set<std::string> settled_;  // calls with a rule that has no condition
  std::vector<Error> errors_;
};

// --- the policy's own answer ---

// What a filter sees: struct seccomp_data of include/uapi/linux/seccomp.h, host byte order.
struct Event {
  uint32_t number = 0;  // as seccomp_data.nr holds it, with bit 30 on x32
  uint32_t arch = 0;    // AUDIT_ARCH_*
  uint64_t instruction_pointer = 0;
  Arguments args{};
  bool operator==(const Event&) const = default;
};

// What the profile says of one call, by the definition and slowly: what compile() must agree with. A call that a tracer skips (number
// 0xffffffff) is never one that came later: it gets the default. Where two rules mean one number, the first by name decides.
Action decide(const Profile& profile, const Event& event);
// The rule that decided, for people: "socket: arg0:32 == 1 -> allow", "default", "newer than 6.1", "other architecture".
std::string decided_by(const Profile& profile, const Event& event);

// Events that can tell two policies apart: for every architecture and number named by either profile (and its neighbours, the x32 bit, -1,
// the largest known), all combinations of boundary values up to a bound a call.
std::vector<Event> boundary_events(std::span<const Profile* const> profiles);

// --- compiling ---

// struct sock_filter of include/uapi/linux/filter.h: same layout, host byte order.
struct Instruction {
  uint16_t code = 0;
  uint8_t jt = 0;
  uint8_t jf = 0;
  uint32_t k = 0;
  bool operator==(const Instruction&) const = default;
};
using Program = std::vector<Instruction>;

inline constexpr size_t kMaxInstructions = 4096;  // BPF_MAXINSNS, include/uapi/linux/bpf_common.h

struct CompileOptions {
  bool optimise = true;                  // false: a plain linear program, for comparison
  std::map<std::string, double> weights; // how often each call is made (a trace's counts): hot ones are found earlier
  bool big_endian = false;               // the machine the program will run on: decides where an argument's halves lie
};

// The program that decides as decide() does. A rule for a call that an architecture does not have says nothing there, so that one list can
// serve several. Errors: Usage (an architecture, a name or a kernel release that does not exist; an argument beyond 5), Limit (more
// than kMaxInstructions, with the number needed and what takes most of them). Deterministic.
Result<Program> compile(const Profile& profile, const CompileOptions& options = {});

// --- looking inside ---

// Exactly the checks of bpf_check_classic (net/core/filter.c) and seccomp_check_filter (kernel/seccomp.c). Malformed with the index of
// the first bad instruction.
Result<void> validate(std::span<const Instruction> program);

struct Verdict {
  uint32_t value = 0;                // what the filter returns, SECCOMP_RET_*
  Action action;                     // the same, read as the kernel does (unknown actions kill the process)
  uint32_t steps = 0;                // instructions run, for judging cost
  std::vector<uint16_t> path;        // their indices, in order
  bool loads_arguments = false;      // whether an argument or the instruction pointer was read on the way
};

// Runs a program that validate() accepted. The same error as validate() otherwise. An argument's halves lie as on a machine of event.arch,
// whose byte order AUDIT_ARCH_* tells.
Result<Verdict> emulate(std::span<const Instruction> program, const Event& event);
// Whether the kernel answers this number from its bitmap without running the filter (seccomp_is_const_allow, since 5.11). Says nothing of
// x86-64's uretprobe and uprobe, which newer kernels never ask a filter about.
bool is_constant_allow(std::span<const Instruction> program, uint32_t arch, uint32_t number);

uint32_t return_value(Action action);  // SECCOMP_RET_* | data
Action action_of(uint32_t return_value);

struct DisassembleOptions {
  bool bytes = false;  // the raw fields beside each line
};
// One line an instruction: index, operation, jump targets, and in words what is compared: names of architectures, system calls and actions.
// Also takes what validate() refuses, and says so on the line.
std::string disassemble(std::span<const Instruction> program, const DisassembleOptions& options = {});

// The rules a program embodies. For every architecture and number range the paths through the program become conditions. What a profile cannot say (a
// filter blind to the architecture, one that decides long stretches of nameless numbers apart) is a gap. Errors: Malformed
// (validate), Unsupported (arithmetic on arguments that is no mask, a test of the instruction pointer), Limit (too many paths).
Result<Profile> lift(std::span<const Instruction> program);

// Reads "openat(AT_FDCWD, 0x1, O_RDONLY|O_CLOEXEC)", "write(1)", "463(0)": a call with up to six arguments, missing ones 0; numbers
// decimal, octal, hexadecimal, negative; names and "|" of names known to symbolic_constant(). Usage error with the nearest name.
Result<Event> parse_event(std::string_view text, std::string_view arch = "x86_64");
// Constants of x86-64's user headers by name (AF_UNIX, O_RDONLY, PROT_EXEC, CLONE_NEWUSER, PR_SET_SECCOMP, TIOCSTI, F_SETFL, ...).
Result<uint64_t> symbolic_constant(std::string_view name);

// Programs as bytes: eight bytes an instruction in host byte order, what bubblewrap --seccomp and crun's annotation take.
std::string to_bytes(std::span<const Instruction> program);
// Malformed when the length is no multiple of eight or above kMaxInstructions.
Result<Program> from_bytes(std::string_view bytes);
// The text of a C array of struct sock_filter, with the disassembly as comments.
std::string to_c_array(std::span<const Instruction> program, std::string_view name);

}  // namespace stile
