// SPDX-License-Identifier: Apache-2.0
#include "live/describe_call.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "arch/syscalls.h"
#include "live/call_constants.h"

namespace stile::live {

namespace {

// One letter an argument:
//   d directory descriptor   f descriptor   i int   l long   u unsigned   z size   x hexadecimal   o octal
//   mode   p pointer   s string B buffer whose length is the next argument   a socket address whose length is
//   the next argument O open flags   A *at flags   P protection   M mapping flags   C clone flags   N
//   namespace flags   F fcntl command   R prctl option S socket family   T socket type   I ioctl request   G
//   signal   K access mode   H madvise   L futex operation
struct Shape {
  std::string_view name;
  std::string_view arguments;
};

// clang-format off
constexpr Shape kShapes[] = {
    {"accept", "fpp"}, {"accept4", "fppx"}, {"access", "sK"}, {"acct", "s"}, {"add_key", "sspzi"},
    {"bind", "fai"}, {"bpf", "ipu"}, {"brk", "x"}, {"capset", "pp"}, {"chdir", "s"}, {"chmod", "so"},
    {"chown", "sii"}, {"chroot", "s"}, {"clone", "Cxppx"}, {"clone3", "pz"}, {"close", "f"},
    {"close_range", "uux"}, {"connect", "fai"}, {"copy_file_range", "fpfpzx"}, {"creat", "so"},
    {"delete_module", "sx"}, {"dup", "f"}, {"dup2", "ff"}, {"dup3", "ffO"}, {"epoll_create1", "x"},
    {"epoll_ctl", "fifp"}, {"eventfd2", "ux"}, {"execve", "spp"}, {"execveat", "dsppA"}, {"exit", "i"},
    {"exit_group", "i"}, {"faccessat", "dsK"}, {"faccessat2", "dsKA"}, {"fallocate", "fill"},
    {"fanotify_init", "xO"}, {"fanotify_mark", "fxxds"}, {"fchdir", "f"}, {"fchmod", "fo"},
    {"fchmodat", "dso"}, {"fchmodat2", "dsoA"}, {"fchown", "fii"}, {"fchownat", "dsiiA"},
    {"fcntl", "fFx"}, {"fdatasync", "f"}, {"fgetxattr", "fspz"}, {"finit_module", "fsx"}, {"flock", "fi"},
    {"fork", ""}, {"fsconfig", "fisps"}, {"fsetxattr", "fspzx"}, {"fsmount", "fxx"}, {"fsopen", "sx"},
    {"fstat", "fp"}, {"fstatfs", "fp"}, {"fsync", "f"}, {"ftruncate", "fl"}, {"futex", "pLupp"},
    {"getcpu", "ppp"}, {"getcwd", "pz"}, {"getdents64", "fpz"}, {"getegid", ""}, {"geteuid", ""},
    {"getgid", ""}, {"getgroups", "ip"}, {"getpeername", "fpp"}, {"getpgid", "i"}, {"getpgrp", ""},
    {"getpid", ""}, {"getppid", ""}, {"getpriority", "ii"}, {"getrandom", "pzx"}, {"getresgid", "ppp"},
    {"getresuid", "ppp"}, {"getrlimit", "ip"}, {"getrusage", "ip"}, {"getsid", "i"},
    {"getsockname", "fpp"}, {"getsockopt", "fiipp"}, {"gettid", ""}, {"gettimeofday", "pp"},
    {"getuid", ""}, {"getxattr", "sspz"}, {"init_module", "pzs"}, {"inotify_add_watch", "fsx"},
    {"inotify_init1", "x"}, {"io_uring_enter", "fuuxpz"}, {"io_uring_register", "fupu"},
    {"io_uring_setup", "up"}, {"ioctl", "fIx"}, {"ioperm", "xxi"}, {"iopl", "i"}, {"kcmp", "iiixx"},
    {"kexec_load", "xupx"}, {"keyctl", "ixxxx"}, {"kill", "iG"}, {"landlock_add_rule", "fipx"},
    {"landlock_create_ruleset", "pzx"}, {"landlock_restrict_self", "fx"}, {"lchown", "sii"},
    {"lgetxattr", "sspz"}, {"link", "ss"}, {"linkat", "dsdsA"}, {"listen", "fi"}, {"listxattr", "spz"},
    {"lseek", "fli"}, {"lsetxattr", "sspzx"}, {"lstat", "sp"}, {"madvise", "pzH"}, {"membarrier", "ixi"},
    {"memfd_create", "sx"}, {"mkdir", "so"}, {"mkdirat", "dso"}, {"mknod", "sox"}, {"mknodat", "dsox"},
    {"mlock", "pz"}, {"mlockall", "x"}, {"mmap", "pzPMfx"}, {"mount", "sssxp"},
    {"mount_setattr", "dsxpz"}, {"move_mount", "dsdsx"}, {"mprotect", "pzP"}, {"mremap", "pzzxp"},
    {"msync", "pzx"}, {"munmap", "pz"}, {"name_to_handle_at", "dsppA"}, {"nanosleep", "pp"},
    {"newfstatat", "dspA"}, {"open", "sOo"}, {"open_by_handle_at", "dpO"}, {"open_tree", "dsx"},
    {"openat", "dsOo"}, {"openat2", "dspz"}, {"pause", ""}, {"perf_event_open", "piifx"},
    {"personality", "x"}, {"pidfd_getfd", "ffx"}, {"pidfd_open", "ix"}, {"pidfd_send_signal", "fGpx"},
    {"pipe", "p"}, {"pipe2", "pO"}, {"pivot_root", "ss"}, {"pkey_alloc", "xx"}, {"pkey_mprotect", "pzPi"},
    {"poll", "pui"}, {"prctl", "Rxxxx"}, {"pread64", "fpzl"}, {"prlimit64", "iipp"},
    {"process_madvise", "fpzHx"}, {"process_vm_readv", "ipupux"}, {"process_vm_writev", "ipupux"},
    {"ptrace", "iixx"}, {"pwrite64", "fBzl"}, {"quotactl", "xsip"}, {"read", "fpz"}, {"readahead", "flz"},
    {"readlink", "spz"}, {"readlinkat", "dspz"}, {"readv", "fpi"}, {"reboot", "xxxp"},
    {"recvfrom", "fpzxpp"}, {"recvmsg", "fpx"}, {"removexattr", "ss"}, {"rename", "ss"},
    {"renameat", "dsds"}, {"renameat2", "dsdsx"}, {"request_key", "sssi"}, {"rmdir", "s"},
    {"rt_sigaction", "Gppz"}, {"rt_sigprocmask", "ippz"}, {"rt_sigreturn", ""},
    {"rt_tgsigqueueinfo", "iiGp"}, {"sched_getaffinity", "izp"}, {"sched_setaffinity", "izp"},
    {"sched_setscheduler", "iip"}, {"sched_yield", ""}, {"seccomp", "ixp"}, {"sendfile", "ffpz"},
    {"sendmsg", "fpx"}, {"sendto", "fBzxpi"}, {"set_mempolicy", "ipx"}, {"set_robust_list", "pz"},
    {"set_tid_address", "p"}, {"setdomainname", "sz"}, {"setfsgid", "i"}, {"setfsuid", "i"},
    {"setgid", "i"}, {"setgroups", "zp"}, {"sethostname", "sz"}, {"setns", "fN"}, {"setpgid", "ii"},
    {"setpriority", "iii"}, {"setregid", "ii"}, {"setresgid", "iii"}, {"setresuid", "iii"},
    {"setreuid", "ii"}, {"setrlimit", "ip"}, {"setsid", ""}, {"setsockopt", "fiipi"},
    {"settimeofday", "pp"}, {"setuid", "i"}, {"setxattr", "sspzx"}, {"shmat", "ipx"}, {"shmget", "xzx"},
    {"shutdown", "fi"}, {"sigaltstack", "pp"}, {"signalfd4", "fpzO"}, {"socket", "STi"},
    {"socketpair", "STip"}, {"splice", "fpfpzx"}, {"stat", "sp"}, {"statfs", "sp"}, {"statx", "dsAxp"},
    {"swapoff", "s"}, {"swapon", "sx"}, {"symlink", "ss"}, {"symlinkat", "sds"}, {"sync", ""},
    {"syslog", "ipi"}, {"sysinfo", "p"}, {"tgkill", "iiG"}, {"timerfd_create", "iO"}, {"tkill", "iG"},
    {"truncate", "sl"}, {"umask", "o"}, {"umount2", "sx"}, {"uname", "p"}, {"unlink", "s"},
    {"unlinkat", "dsA"}, {"unshare", "N"}, {"userfaultfd", "O"}, {"ustat", "xp"}, {"utime", "sp"},
    {"utimensat", "dspA"}, {"utimes", "sp"}, {"vfork", ""}, {"vhangup", ""}, {"wait4", "ipxp"},
    {"waitid", "iipxp"}, {"write", "fBz"}, {"writev", "fpi"},
};
// clang-format on

std::string quoted(std::string_view text, bool cut) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (cut ? "\"..." : "\"");
}

std::string pointer(uint64_t value) {
  return value == 0 ? "NULL" : fmt::format("{:#x}", value);
}

std::string string_at(uint64_t address, const ReadMemory& read) {
  constexpr size_t kMost = 256;
  if (address == 0) return "NULL";
  std::string bytes = read(address, kMost);
  if (bytes.empty()) return pointer(address);
  const size_t nul = bytes.find('\0');
  const bool cut = nul == std::string::npos;
  if (!cut) bytes.resize(nul);
  return quoted(bytes, cut);
}

std::string buffer_at(uint64_t address, uint64_t length, const ReadMemory& read) {
  constexpr size_t kMost = 32;
  const std::string bytes = read(address, std::min<uint64_t>(length, kMost));
  return bytes.empty() ? pointer(address) : quoted(bytes, bytes.size() < length);
}

// struct sockaddr of the three families people ask about; see ip(7), ipv6(7), unix(7).
std::string socket_address(uint64_t address, uint64_t length, const ReadMemory& read) {
  const std::string bytes = read(address, std::min<uint64_t>(length, 110));
  if (bytes.size() < 2) return pointer(address);
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned family = byte(0) | byte(1) << 8;
  const unsigned port = bytes.size() >= 4 ? byte(2) << 8 | byte(3) : 0;
  if (family == 2 && bytes.size() >= 8) {
    return fmt::format("{{AF_INET, {}.{}.{}.{}:{}}}", byte(4), byte(5), byte(6), byte(7), port);
  }
  if (family == 10 && bytes.size() >= 24) {
    std::string text;
    for (size_t i = 8; i < 24; i += 2)
      text += fmt::format("{}{:x}", i > 8 ? ":" : "", byte(i) << 8 | byte(i + 1));
    return fmt::format("{{AF_INET6, [{}]:{}}}", text, port);
  }
  if (family == 1) {
    std::string_view path = std::string_view(bytes).substr(2);
    if (path.empty()) return "{AF_UNIX}";
    if (path.front() == '\0') return fmt::format("{{AF_UNIX, @{}}}", quoted(path.substr(1), false));
    return fmt::format("{{AF_UNIX, {}}}", quoted(path.substr(0, path.find('\0')), false));
  }
  return fmt::format("{{{}}}", value_name(Constants::SocketFamilies, family));
}

std::string argument(char kind, uint64_t value, uint64_t next, const ReadMemory& read) {
  const auto low = static_cast<uint32_t>(value);
  const auto small = static_cast<int32_t>(low);
  switch (kind) {
    case 'd':
      return small == -100 ? "AT_FDCWD" : fmt::format("{}", small);
    case 'f':
    case 'i':
      return fmt::format("{}", small);
    case 'l':
      return fmt::format("{}", static_cast<int64_t>(value));
    case 'u':
      return fmt::format("{}", low);
    case 'z':
      return fmt::format("{}", value);
    case 'o':
      return fmt::format("{:#o}", low);
    case 'p':
      return pointer(value);
    case 's':
      return string_at(value, read);
    case 'B':
      return buffer_at(value, next, read);
    case 'a':
      return socket_address(value, next, read);
    case 'O': {
      // The access mode is a number, not bits: fcntl.h's O_ACCMODE.
      static constexpr const char* kModes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
      const uint32_t rest = low & ~3u;
      return rest == 0 ? kModes[low & 3]
                       : fmt::format("{}|{}", kModes[low & 3], flag_names(Constants::OpenFlags, rest));
    }
    case 'A':
      return flag_names(Constants::AtFlags, low);
    case 'P':
      return low == 0 ? "PROT_NONE" : flag_names(Constants::Protections, low);
    case 'M':
      return flag_names(Constants::MapFlags, low);
    case 'C': {
      const uint64_t signal = value & 0xff;  // CSIGNAL
      const std::string flags = (value & ~uint64_t{0xff}) == 0 && signal != 0
                                    ? ""
                                    : flag_names(Constants::CloneFlags, value & ~uint64_t{0xff});
      if (signal == 0) return flags;
      return fmt::format("{}{}{}", flags, flags.empty() ? "" : "|", value_name(Constants::Signals, signal));
    }
    case 'N':
      return flag_names(Constants::CloneFlags, low);
    case 'F':
      return value_name(Constants::FcntlCommands, low);
    case 'R':
      return value_name(Constants::PrctlOptions, low);
    case 'S':
      return value_name(Constants::SocketFamilies, low);
    case 'T': {
      const std::string type = value_name(Constants::SocketTypes, low & 0xf);
      return (low & ~0xfu) == 0 ? type
                                : fmt::format("{}|{}", type, flag_names(Constants::SocketFlags, low & ~0xfu));
    }
    case 'I':
      return value_name(Constants::Ioctls, low);
    case 'G':
      return value_name(Constants::Signals, low);
    case 'K':
      return low == 0 ? "F_OK" : flag_names(Constants::AccessModes, low);
    case 'H':
      return value_name(Constants::Madvice, low);
    case 'L': {
      const std::string operation = value_name(Constants::FutexOperations, low & 0x7f);
      return (low & ~0x7fu) == 0
                 ? operation
                 : fmt::format("{}|{}", operation, flag_names(Constants::FutexFlags, low & ~0x7fu));
    }
    default:
      return value == 0 ? "0" : fmt::format("{:#x}", value);
  }
}

}  // namespace

std::string call_name(const Event& event) {
  const auto arch = arch::arch_by_audit(event.arch, event.number);
  const auto name = arch ? arch::syscall_name(*arch, event.number) : std::nullopt;
  return name ? std::string(*name) : fmt::format("{}", event.number);
}

std::string describe_call(const Event& event, const ReadMemory& read) {
  const std::string name = call_name(event);
  const auto known =
      std::find_if(std::begin(kShapes), std::end(kShapes), [&](const Shape& s) { return s.name == name; });
  // Constants and structures above are those of x86-64, which most 64-bit machines share; others have their
  // arguments as numbers.
  const auto arch = arch::arch_by_audit(event.arch, event.number);
  const bool shaped =
      known != std::end(kShapes) && arch &&
      (*arch == arch::ArchId::X86_64 || *arch == arch::ArchId::X32 || *arch == arch::ArchId::I386);
  std::string text = name + "(";
  const size_t count = shaped ? known->arguments.size() : event.args.size();
  for (size_t i = 0; i < count; ++i) {
    const char kind = shaped ? known->arguments[i] : 'x';
    // The mode is only there when a file may be created.
    if (kind == 'o' && i > 0 && known->arguments[i - 1] == 'O' && (event.args[i - 1] & 0x400040) == 0)
      continue;
    if (i > 0) text += ", ";
    text += argument(kind, event.args[i], i + 1 < event.args.size() ? event.args[i + 1] : 0, read);
  }
  return text + ")";
}

}  // namespace stile::live
