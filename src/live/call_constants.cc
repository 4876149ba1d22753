// SPDX-License-Identifier: Apache-2.0
#include "live/call_constants.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "arch/constants.h"

namespace stile::live {

namespace {

struct NamedValue {
  uint64_t value;
  std::string_view name;
};

// The families' names; flags that contain others come before them. What the values are data/constants.tsv
// says.
struct Family {
  Constants family;
  std::string_view names;
};
constexpr Family kFamilies[] = {
    {Constants::OpenFlags,
     "O_TMPFILE O_SYNC O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_DSYNC O_DIRECT "
     "O_DIRECTORY O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH O_LARGEFILE"},
    {Constants::AtFlags,
     "AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH "
     "AT_STATX_FORCE_SYNC AT_STATX_DONT_SYNC AT_RECURSIVE"},
    {Constants::Protections, "PROT_READ PROT_WRITE PROT_EXEC PROT_GROWSDOWN PROT_GROWSUP"},
    {Constants::MapFlags,
     "MAP_SHARED_VALIDATE MAP_SHARED MAP_PRIVATE MAP_FIXED MAP_ANONYMOUS MAP_32BIT MAP_GROWSDOWN "
     "MAP_DENYWRITE MAP_LOCKED MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_STACK MAP_HUGETLB MAP_SYNC "
     "MAP_FIXED_NOREPLACE"},
    {Constants::CloneFlags,
     "CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_PIDFD CLONE_PTRACE CLONE_VFORK CLONE_PARENT "
     "CLONE_THREAD CLONE_NEWNS CLONE_SYSVSEM CLONE_SETTLS CLONE_PARENT_SETTID CLONE_CHILD_CLEARTID "
     "CLONE_DETACHED CLONE_UNTRACED CLONE_CHILD_SETTID CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC "
     "CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET CLONE_IO"},
    {Constants::FcntlCommands,
     "F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_SETSIG "
     "F_GETSIG F_SETOWN_EX F_GETOWN_EX F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW F_SETLEASE F_GETLEASE "
     "F_NOTIFY F_DUPFD_CLOEXEC F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS"},
    {Constants::PrctlOptions,
     "PR_SET_PDEATHSIG PR_GET_PDEATHSIG PR_GET_DUMPABLE PR_SET_DUMPABLE PR_GET_KEEPCAPS "
     "PR_SET_KEEPCAPS PR_SET_NAME PR_GET_NAME PR_GET_SECCOMP PR_SET_SECCOMP PR_CAPBSET_READ "
     "PR_CAPBSET_DROP PR_GET_SECUREBITS PR_SET_SECUREBITS PR_SET_TIMERSLACK PR_GET_TIMERSLACK "
     "PR_SET_MM PR_SET_CHILD_SUBREAPER PR_GET_CHILD_SUBREAPER PR_SET_NO_NEW_PRIVS PR_GET_NO_NEW_PRIVS "
     "PR_GET_TID_ADDRESS PR_SET_THP_DISABLE PR_GET_THP_DISABLE PR_CAP_AMBIENT PR_GET_SPECULATION_CTRL "
     "PR_SET_SPECULATION_CTRL PR_SET_IO_FLUSHER PR_SET_SYSCALL_USER_DISPATCH PR_SET_VMA PR_SET_PTRACER"},
    {Constants::SocketFamilies,
     "AF_UNSPEC AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_X25 AF_INET6 AF_KEY AF_NETLINK "
     "AF_PACKET AF_RDS AF_PPPOX AF_LLC AF_IB AF_CAN AF_TIPC AF_BLUETOOTH AF_RXRPC AF_PHONET "
     "AF_IEEE802154 AF_CAIF AF_ALG AF_NFC AF_VSOCK AF_KCM AF_QIPCRTR AF_SMC AF_XDP"},
    {Constants::SocketTypes, "SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_DCCP SOCK_PACKET"},
    {Constants::SocketFlags, "SOCK_CLOEXEC SOCK_NONBLOCK"},
    {Constants::Ioctls,
     "TCGETS TCSETS TCSETSW TCSETSF TIOCSCTTY TIOCGPGRP TIOCSPGRP TIOCSTI TIOCGWINSZ TIOCSWINSZ "
     "TIOCCONS TIOCLINUX FIONREAD TIOCNOTTY TIOCSETD FIONBIO FIOCLEX FIONCLEX FIOASYNC TIOCGPTN "
     "TIOCSPTLCK SIOCGIFCONF SIOCGIFFLAGS SIOCSIFFLAGS SIOCGIFADDR SIOCSIFADDR SIOCGIFINDEX "
     "SIOCGIFNAME SIOCGIFHWADDR"},
    {Constants::Signals,
     "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 "
     "SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU "
     "SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS"},
    {Constants::AccessModes, "R_OK W_OK X_OK"},
    {Constants::Madvice,
     "MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_WILLNEED MADV_DONTNEED MADV_FREE MADV_REMOVE "
     "MADV_DONTFORK MADV_DOFORK MADV_MERGEABLE MADV_UNMERGEABLE MADV_HUGEPAGE MADV_NOHUGEPAGE "
     "MADV_DONTDUMP MADV_DODUMP MADV_WIPEONFORK MADV_KEEPONFORK MADV_COLD MADV_PAGEOUT "
     "MADV_POPULATE_READ MADV_POPULATE_WRITE MADV_DONTNEED_LOCKED MADV_COLLAPSE"},
    {Constants::FutexOperations,
     "FUTEX_WAIT FUTEX_WAKE FUTEX_REQUEUE FUTEX_CMP_REQUEUE FUTEX_WAKE_OP FUTEX_LOCK_PI "
     "FUTEX_UNLOCK_PI FUTEX_TRYLOCK_PI FUTEX_WAIT_BITSET FUTEX_WAKE_BITSET FUTEX_WAIT_REQUEUE_PI "
     "FUTEX_CMP_REQUEUE_PI FUTEX_LOCK_PI2"},
    {Constants::FutexFlags, "FUTEX_PRIVATE_FLAG FUTEX_CLOCK_REALTIME"},
};

std::vector<NamedValue> values_of(std::string_view names) {
  std::vector<NamedValue> values;
  while (!names.empty()) {
    const size_t space = std::min(names.find(' '), names.size());
    const std::string_view name = names.substr(0, space);
    if (const auto value = arch::constant(name)) values.push_back({*value, name});
    names.remove_prefix(std::min(space + 1, names.size()));
  }
  return values;
}

const std::vector<NamedValue>& values_of(Constants family) {
  static const std::map<Constants, std::vector<NamedValue>> all = [] {
    std::map<Constants, std::vector<NamedValue>> made;
    for (const Family& each : kFamilies) made[each.family] = values_of(each.names);
    return made;
  }();
  return all.at(family);
}

}  // namespace

std::string value_name(Constants family, uint64_t value) {
  for (const NamedValue& known : values_of(family)) {
    if (known.value == value) return std::string(known.name);
  }
  return fmt::format("{:#x}", value);
}

std::string flag_names(Constants family, uint64_t value) {
  if (value == 0) return "0";
  std::string text;
  for (const NamedValue& known : values_of(family)) {
    if (known.value == 0 || (value & known.value) != known.value) continue;
    value &= ~known.value;
    text += (text.empty() ? "" : "|") + std::string(known.name);
  }
  if (value != 0) text += fmt::format("{}{:#x}", text.empty() ? "" : "|", value);
  return text;
}

}  // namespace stile::live
