// SPDX-License-Identifier: Apache-2.0
//
// What rules, architectures and kernel releases in a profile mean as numbers: shared by decide() and
// compile(), so that both speak of the same thing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <stile/profile.h>

#include "arch/syscalls.h"

namespace stile::filter {

// What a tracer writes in place of the number to skip a call (seccomp(2), ptrace(2)).
inline constexpr uint32_t kSkipped = 0xffffffff;

// A rule's key that is a number: decimal, without sign or leading zeros, up to 32 bits.
std::optional<uint32_t> number_from_key(std::string_view key);

// A set of architectures.
class ArchSet {
 public:
  void add(arch::ArchId id) { bits_ |= bit(id); }
  bool has(arch::ArchId id) const { return (bits_ & bit(id)) != 0; }

 private:
  static uint64_t bit(arch::ArchId id) { return uint64_t{1} << static_cast<unsigned>(id); }
  uint64_t bits_ = 0;
};

// The table that answers a call, of those in `answered`; nothing when it is a call from another architecture.
// With x32, all numbers from bit 30 up are its own; without it, they are foreign to x86_64, but for a
// tracer's -1.
std::optional<arch::ArchId> table_for(const ArchSet& answered, uint32_t audit_arch, uint32_t number);

// Reads "6.1", "5.10.0-21-amd64"; nothing when it does not begin with two numbers.
std::optional<arch::KernelVersion> release_from(std::string_view text);

// ENOSYS has another number on some machines.
Action no_such_call(arch::ArchId arch);

// The highest number of a call that the given release had, by what is known; -1 is none.
int64_t highest_number_at(arch::ArchId arch, arch::KernelVersion release);
// Whether a number no rule speaks of came after the release: the data say so, or they do not know it and it
// lies above all that the release had.
bool came_later(arch::ArchId arch, uint32_t number, arch::KernelVersion release, int64_t highest);

}  // namespace stile::filter
