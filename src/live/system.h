// SPDX-License-Identifier: Apache-2.0
//
// What the C library and older kernel headers lack of seccomp(2) and landlock(7), and small helpers around
// system calls.
//
// Facts: include/uapi/linux/seccomp.h and include/uapi/linux/landlock.h of Linux 6.18.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <linux/seccomp.h>

#include <stile/filter.h>
#include <stile/result.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)  // since 6.6
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace stile::live {

// An owned file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// seccomp(2), which has no wrapper in the C library. -1 and errno on failure.
long seccomp(unsigned operation, unsigned flags, const void* argument);
// Loads a program; the arguments of SECCOMP_SET_MODE_FILTER. Makes one system call and touches no other
// memory, so it may be used between clone(2) and execve(2).
long set_filter(std::span<const Instruction> program, unsigned flags);
// Whether the kernel knows the action SECCOMP_RET_*.
bool action_available(uint32_t action);
// Whether the kernel knows a SECCOMP_FILTER_FLAG_*. Installs nothing.
bool filter_flag_available(unsigned flag);

// The ABI of this kernel's Landlock; 0 = there is none.
int landlock_abi();
// A ruleset that holds the rules, ready for landlock_restrict_self; no descriptor when there are no rules.
Result<Descriptor> landlock_ruleset(std::span<const PathRule> rules);
// 0, or -1 and errno.
long landlock_restrict_self(int ruleset);

// "6.18.44-x" -> {6, 18}.
std::pair<int, int> kernel_release();
// AUDIT_ARCH_* of the machine this runs on; 0 when it is none that stile knows.
uint32_t machine_audit_arch();

// The first `most` bytes of a file such as /proc/..., empty if it cannot be read.
std::string read_small_file(const std::string& path, size_t most = 1 << 16);

}  // namespace stile::live
