// SPDX-License-Identifier: Apache-2.0
//
// Why a system call is in the set: the way from a root of the program to the instruction, in words.
#pragma once

#include <string>
#include <vector>

#include <stile/analyze.h>

#include "analysis/numbers.h"

namespace stile::analysis {

class EvidenceBuilder {
 public:
  EvidenceBuilder(const Program& program, const References& references, const Reach& reach);

  // Sets sites, packages, brought_by and, if `paths`, up to `max_paths` call paths, shortest first, one a package.
  void explain(const std::vector<Request>& requests, bool paths, unsigned max_paths, SyscallUse& use);

 private:
  std::vector<FunctionId> chain_to(FunctionId function) const;
  // The functions a request passes through from where the number is named to the site, both included.
  std::vector<std::pair<FunctionId, uint64_t>> wrapper_chain(const Request& request) const;
  Evidence path_of(const Request& request, const std::vector<FunctionId>& chain) const;
  Frame frame_of(FunctionId function, uint64_t address) const;
  bool brings(FunctionId function) const;
  // Fills in the tables below for a function and those on its way.
  void locate(FunctionId function);

  const Program& program_;
  const References& references_;
  const Reach& reach_;
  // By function: what its way from a root starts with, how long that way is, and the last function on it that is not
  // the standard library's and not C (kNoFunction: none).
  std::vector<FunctionId> roots_;
  std::vector<uint32_t> depths_;
  std::vector<FunctionId> bringers_;
};

}  // namespace stile::analysis
