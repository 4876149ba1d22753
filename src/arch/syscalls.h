// SPDX-License-Identifier: Apache-2.0
//
// What is known about system calls: numbers and names on every architecture, the kernel version that added
// them, groups, risk, and what container runtimes need. All of it is constant data compiled from data/*.tsv
// (see syscall_tables.h): nothing is read or parsed when the program starts, and every string_view lives as
// long as the program. No function here fails or allocates beyond what it returns.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stile::arch {

// In the order of data/architectures.tsv. Byte orders are separate because the kernel's audit architecture
// tells them apart.
enum class ArchId : uint8_t {
  X86_64,
  X32,
  I386,
  Arm64,
  Arm,
  Armeb,
  Riscv64,
  Riscv32,
  Loongarch64,
  Loongarch32,
  Ppc64le,
  Ppc64,
  Ppc,
  S390x,
  S390,
  Mips,
  Mipsel,
  Mips64,
  Mipsel64,
  Mips64n32,
  Mipsel64n32,
  Parisc,
  Parisc64,
  M68k,
  Sh,
  Sheb,
  Sparc,
  Sparc64,
  Alpha,
  Arc,
  Arceb,
  Arcompact,
  Arcompactbe,
  Csky,
  Xtensa,
  Microblaze,
  Nios2,
  Hexagon,
  Openrisc,
};

// x32 shares its audit architecture with x86_64; its numbers have this bit set
// (arch/x86/include/uapi/asm/unistd.h,
// __X32_SYSCALL_BIT). All numbers here have it, as seccomp_data.nr does: read is 0 on X86_64 and 0x40000000
// on X32.
inline constexpr uint32_t kX32Bit = 0x40000000;

// A kernel release, in the words of the kernel's Makefile: 2.6.16 = {2, 6, 16}, 5.3 = {5, 3, 0}; {0, 0, 0} =
// unknown.
struct KernelVersion {
  uint8_t version = 0;
  uint8_t patchlevel = 0;
  uint8_t sublevel = 0;
  bool exact = false;  // false: not earlier than this; the call may have come later to this architecture
                       // (data/syscalls.tsv)

  bool known() const { return version != 0; }
  // Age only; whether it is exact does not count.
  std::strong_ordering operator<=>(const KernelVersion& other) const {
    if (auto order = version <=> other.version; order != 0) return order;
    if (auto order = patchlevel <=> other.patchlevel; order != 0) return order;
    return sublevel <=> other.sublevel;
  }
  bool operator==(const KernelVersion& other) const { return (*this <=> other) == 0; }
};

// "5.3", "2.6.16"; "unknown" when it is not known. Does not say whether it is exact.
std::string to_string(KernelVersion version);

struct ArchInfo {
  ArchId id;
  std::string_view name;      // stile's own: "x86_64", "arm64", "i386"
  std::string_view oci_name;  // "SCMP_ARCH_X86_64"; empty when OCI profiles have no name for it
  std::string_view aliases;   // other names, comma separated; may be empty
  uint32_t
      audit_arch;  // seccomp_data.arch; X86_64 and X32 share one, as do byte orders of some small machines
  KernelVersion since;       // release that brought the architecture; before 2.6 only the stable series
  KernelVersion exact_from;  // syscall_since is exact at or above this
  uint8_t table;             // index into the tables of numbers
};

struct Syscall {
  uint32_t number;
  std::string_view name;
  KernelVersion since;
};

// All architectures, indexed by ArchId.
std::span<const ArchInfo> all_archs();
const ArchInfo& arch_info(ArchId id);
// By stile's name, an alias (uname -m, Go's GOARCH, Debian's) or the OCI name with or without "SCMP_ARCH_";
// exact spelling.
std::optional<ArchId> arch_by_name(std::string_view name);
// From what a filter sees in seccomp_data: the number decides between X86_64 and X32.
std::optional<ArchId> arch_by_audit(uint32_t audit_arch, uint32_t number);

// The kernel's name of a number, as seccomp_data.nr holds it; nothing for a number outside the table.
std::optional<std::string_view> syscall_name(ArchId arch, uint32_t number);
// The number of a name, aliases included (umount on alpha, sync_file_range2 on arm).
std::optional<uint32_t> syscall_number(ArchId arch, std::string_view name);
// The release that added it to this architecture; not known() for numbers outside the table and where no
// source says.
KernelVersion syscall_since(ArchId arch, uint32_t number);
// Every call of an architecture in the order of numbers, each number once (no aliases).
std::vector<Syscall> all_syscalls(ArchId arch);
// The calls of an architecture in the order of their names, aliases included: to join them with a sorted list of
// names without looking up each.
struct NamedCall {
  uint16_t name;  // index into all_names()
  uint32_t number;
};
size_t named_call_count(ArchId arch);
NamedCall named_call(ArchId arch, size_t index);
// Every name on any architecture, sorted.
std::span<const std::string_view> all_names();
// True when some architecture has a call of this name.
bool is_syscall_name(std::string_view name);
// The release the tables describe: newer kernels may have calls they do not name.
KernelVersion tables_kernel();

// Groups as systemd names them, "@file-system" with its @; nested groups are resolved, members sorted.
std::optional<std::vector<std::string_view>> group(std::string_view name);
std::span<const std::string_view> all_groups();
// One line on what a group is for; empty for an unknown group.
std::string_view group_description(std::string_view name);

struct Risk {
  std::string_view group;   // "code-execution"
  uint8_t level;            // 4 = ask why it is there, 3 = know why, 2 = usual, 1 = harmless in itself
  std::string_view reason;  // one line on the group
};
// A call of any architecture; nothing for a name that is none.
std::optional<Risk> risk_of(std::string_view name);
// Worst first.
std::span<const Risk> all_risks();

struct RuntimeCall {
  std::string_view name;
  std::string_view note;  // how it is known
};
// What a container runtime itself calls after it loaded the filter; sorted by name. `runtime` is "runc",
// "crun" or "none" (empty set); nothing for any other. Names are x86_64's.
std::optional<std::span<const RuntimeCall>> runtime_base(std::string_view runtime, bool no_new_privs);
std::span<const std::string_view> all_runtimes();

// "Did you mean": the candidate that differs from `unknown` in the fewest letters (added, lost, changed, two
// swapped), or an empty view when none is close. Linear in the candidates; inputs longer than 64 bytes match
// nothing.
std::string_view nearest_name(std::string_view unknown, std::span<const std::string_view> candidates);

}  // namespace stile::arch
