// SPDX-License-Identifier: Apache-2.0
//
// What docker's and podman's profiles add to the OCI format: members that are resolved for one machine and
// one container before a runtime sees the profile (moby/profiles seccomp/seccomp_linux.go; podman's
// pkg/seccomp/seccomp_linux.go, which has no minKernel).
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <stile/format.h>

#include "arch/syscalls.h"
#include "format/json_text.h"

namespace stile::format::oci {

class Resolver {
 public:
  // Usage error for an architecture or a kernel that is none.
  static Result<Resolver> make(const ReadContext& context);

  // "architectures", or the fitting element of "archMap": the tables a filter made of the document answers
  // for. Begins with the machine's own, which libseccomp always adds.
  std::vector<arch::ArchId> read_tables(Object& top, std::vector<std::string>& warnings) const;
  // "includes" and "excludes" of an entry.
  bool applies(Object& entry, std::vector<std::string>& warnings) const;

 private:
  // What one of the two says: whether everything it asks for is there, and whether anything of it is.
  struct Match {
    bool all = true;
    bool any = false;
  };
  Match match(Object& entry, const char* key, std::vector<std::string>& warnings) const;

  arch::ArchId arch_ = arch::ArchId::X86_64;
  std::pair<unsigned, unsigned> kernel_;  // version, patch level: docker looks at no more
  std::set<std::string> capabilities_;
};

}  // namespace stile::format::oci
