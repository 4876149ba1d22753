// SPDX-License-Identifier: Apache-2.0
//
// Which system calls the sites make: the value analysis asked of every site, sorted by call.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analysis/reach.h"
#include "analysis/references.h"
#include "analysis/values.h"
#include "arch/syscalls.h"

namespace stile::analysis {

// One place that asks for a call, and the site that makes it.
struct Request {
  Found found;
  Site site;
  std::shared_ptr<const std::vector<FunctionId>> wrappers;  // between the two, sorted; all of the site's numbers share them
};

struct Numbers {
  struct Key {
    arch::ArchId arch;
    uint32_t number;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, std::vector<Request>> calls;
  std::vector<Unknown> unknown;          // sorted, unique
  std::vector<FunctionId> wrappers;      // sorted, unique
  uint64_t sites = 0;                    // in reachable functions
};

// Of the sites that `reach` holds. `running`: everything that may have set the values they are reached with.
Numbers find_numbers(const Program& program, const References& references, const Reach& reach, const Liveness& running);

// The system call table a site's instruction uses on x86-64 (arch/x86/entry: syscall: 64-bit; int 0x80, sysenter: i386).
arch::ArchId table_of(SiteKind kind);

}  // namespace stile::analysis
