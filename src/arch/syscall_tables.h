// SPDX-License-Identifier: Apache-2.0
//
// The shape of the data that tools/gen_syscalls.cc writes into the build directory from data/*.tsv. Only
// syscalls.cc, constants.cc and the generated file include this. Names are indices into `names`, so that most
// of the data needs no relocation when the program starts.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "arch/syscalls.h"

namespace stile::arch::tables {

struct Entry {
  uint32_t number;
  uint16_t name;       // index into names
  uint8_t version[3];  // see KernelVersion; {0, 0, 0} = unknown
  bool own_version;    // the version was given for this architecture, not taken from the call in general
};

struct Table {
  std::span<const Entry>
      by_number;  // sorted by number; an alias stands behind the name that its number gives
  std::span<const uint16_t> by_name;  // indices into by_number, sorted by name
};

struct Group {
  std::string_view description;
  std::span<const uint16_t> members;  // indices into names, sorted, nested groups resolved
};

struct Runtime {
  std::span<const RuntimeCall> calls[2];  // without and with no_new_privs
};

extern const KernelVersion kernel;
extern const std::span<const ArchInfo> archs;
extern const std::span<const Table> tables;
extern const std::span<const std::string_view> names;  // sorted
extern const std::span<const uint8_t> name_risks;      // per name: index into risks
extern const std::span<const Risk> risks;
extern const std::span<const std::string_view> group_names;  // sorted
extern const std::span<const Group> groups;                  // in step with group_names
extern const std::span<const std::string_view> runtime_names;
extern const std::span<const Runtime> runtimes;                 // in step with runtime_names
extern const std::span<const std::string_view> constant_names;  // sorted
extern const std::span<const uint64_t> constant_values;         // in step with constant_names

}  // namespace stile::arch::tables
