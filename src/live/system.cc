// SPDX-License-Identifier: Apache-2.0
#include "live/system.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "arch/syscalls.h"

namespace stile::live {

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

long seccomp(unsigned operation, unsigned flags, const void* argument) {
  return ::syscall(SYS_seccomp, operation, flags, argument);
}

long set_filter(std::span<const Instruction> program, unsigned flags) {
  static_assert(sizeof(Instruction) == sizeof(sock_filter) && alignof(Instruction) <= alignof(sock_filter));
  sock_fprog description{};
  description.len = static_cast<unsigned short>(program.size());
  // The kernel only reads it.
  description.filter = reinterpret_cast<sock_filter*>(const_cast<Instruction*>(program.data()));
  return seccomp(SECCOMP_SET_MODE_FILTER, flags, &description);
}

bool action_available(uint32_t action) {
  return seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool filter_flag_available(unsigned flag) {
  // Flags are looked at before the program is copied: a null program gives EFAULT when they are known, EINVAL
  // when not (seccomp_set_mode_filter in kernel/seccomp.c). WAIT_KILLABLE_RECV is refused without
  // NEW_LISTENER.
  if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  return seccomp(SECCOMP_SET_MODE_FILTER, flag, nullptr) != 0 && errno == EFAULT;
}

std::pair<int, int> kernel_release() {
  utsname name{};
  int major = 0, minor = 0;
  if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return {0, 0};
  return {major, minor};
}

uint32_t machine_audit_arch() {
  utsname name{};
  if (::uname(&name) != 0) return 0;
  const auto arch = arch::arch_by_name(name.machine);
  return arch ? arch::arch_info(*arch).audit_arch : 0;
}

std::string read_small_file(const std::string& path, size_t most) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  std::string text;
  char piece[4096];
  while (file && text.size() < most) {
    const ssize_t got = ::read(file.get(), piece, std::min(sizeof piece, most - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(piece, static_cast<size_t>(got));
  }
  return text;
}

}  // namespace stile::live
