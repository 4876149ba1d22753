// SPDX-License-Identifier: Apache-2.0
#include "runtime/glibc.h"

#include <algorithm>

namespace stile::glibc {

namespace {

using Names = std::string_view[];

// A mutex is locked with a priority ceiling only if its kind says PTHREAD_PRIO_PROTECT. The kind is set by pthread_mutex_init,
// from an attribute that got it from pthread_mutexattr_setprotocol; no initialiser for static mutexes has it
// (nptl/pthread_mutex_init.c, nptl/pthread_mutexattr_setprotocol.c, nptl/tpp.c, nptl/pthread_mutex_lock.c).
constexpr Names kScheduling = {"sched_getparam", "sched_getscheduler", "sched_setscheduler", "sched_get_priority_max", "sched_get_priority_min"};
constexpr Names kMutexFunctions = {
    "pthread_mutex_lock",  "pthread_mutex_trylock", "pthread_mutex_timedlock", "pthread_mutex_clocklock", "pthread_mutex_unlock",
    "pthread_cond_wait",   "pthread_cond_timedwait", "pthread_cond_clockwait", "pthread_cond_signal",     "pthread_cond_broadcast",
    "pthread_mutex_init",  "mtx_lock",            "mtx_trylock",           "mtx_timedlock",           "mtx_unlock",              "cnd_wait",
    "cnd_timedwait",       "pthread_mutex_setprioceiling", "pthread_mutexattr_setprioceiling", "pthread_mutexattr_getprioceiling", "__pthread_mutex_lock", "__pthread_mutex_trylock",
    "__pthread_mutex_unlock"};
constexpr Names kCeilings = {"pthread_mutexattr_setprotocol", "pthread_mutexattr_setprioceiling", "pthread_mutex_setprioceiling",
                             "pthread_mutexattr_getprioceiling"};

// The name service asks DNS for hosts and networks alone: the built-in module has no functions for other databases, and
// those it has are looked up by name by the functions below (nss/nss_module.c, resolv/nss_dns/dns-*.c, nss/getXXbyYY_r.c).
constexpr Names kHostLookups = {
    "gethostbyname",     "gethostbyname2",   "gethostbyname_r",    "gethostbyname2_r", "gethostbyaddr",   "gethostbyaddr_r",
    "gethostent",        "gethostent_r",     "sethostent",         "getnetbyname",     "getnetbyname_r",  "getnetbyaddr",
    "getnetbyaddr_r",    "getnetent",        "getnetent_r",        "setnetent",        "getaddrinfo",     "getnameinfo",
    "__nss_hosts_lookup2", "__nss_hosts_lookup"};

// A new thread is given a scheduling policy of its own only if the attributes say so, and processors of its own only if they
// name some (nptl/pthread_create.c: ATTR_FLAG_NOTINHERITSCHED, cpuset). Only these functions make them say it, and attributes
// start without (nptl/pthread_attr_init.c); a default for attributes is a copy of attributes (pthread_setattr_default_np).
constexpr Names kCreateThread = {"pthread_create", "pthread_setattr_default_np", "pthread_getattr_default_np", "mq_notify"};
constexpr Names kSetScheduling = {"pthread_attr_setinheritsched"};
constexpr Names kAffinity = {"sched_setaffinity"};
constexpr Names kSetAffinity = {"pthread_attr_setaffinity_np"};

constexpr Gate kGates[] = {
    {"priority ceilings", kCeilings, kMutexFunctions, kScheduling, {}, {}},
    {"scheduling of new threads", kSetScheduling, kCreateThread, {}, kScheduling, {}},
    {"processors of new threads", kSetAffinity, kCreateThread, {}, kAffinity, {}},
    {"DNS", kHostLookups, {}, {}, {}, "_nss_dns_"},
};

bool exports(const elf::Image& image, std::string_view name, std::string_view version) {
  const auto& symbols = image.dynamic_symbols();
  return std::any_of(symbols.begin(), symbols.end(),
                     [&](const elf::Symbol& symbol) { return symbol.defined() && symbol.name == name && symbol.version == version; });
}

}  // namespace

bool is_library(const elf::Image& image) {
  return image.soname() == "libc.so.6" && exports(image, "pthread_mutexattr_setprotocol", "GLIBC_2.34");
}

bool is_loader(const elf::Image& image) {
  return image.soname() == "ld-linux-x86-64.so.2" && exports(image, "_rtld_global_ro", "GLIBC_PRIVATE");
}

std::span<const Gate> gates() { return kGates; }

// rtld_chain_load: `ld.so PROGRAM` for a program with another loader. profil: LD_PROFILE (elf/rtld.c, elf/dl-profile.c).
bool only_as_command(std::string_view syscall) { return syscall == "execve" || syscall == "setitimer"; }

}  // namespace stile::glibc
