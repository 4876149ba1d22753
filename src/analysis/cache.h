// SPDX-License-Identifier: Apache-2.0
//
// Analyses that are kept from one run to the next.
//
// What is kept is the answer for a program and everything it was made of. It cannot be less: which functions of a library run, which of
// its data count and which numbers reach its wrappers depends on all objects together, so a summary of a library by itself would have to
// take whatever any program may need.
//
// An entry is found by what was asked: this build of stile, the options, the program's path and build id. It is valid if every file, directory and link
// that was looked at on the way is as it was, and what was not there is not there still (base/lookups.h).
#pragma once

#include <optional>
#include <string>

#include <stile/analyze.h>

#include "base/file_store.h"
#include "base/lookups.h"
#include "base/root.h"

namespace stile::analysis {

class Cache {
 public:
  // For one analysis. `tree` is where options.sysroot leads; it notes nothing yet.
  Cache(const std::string& path, const AnalyzeOptions& options, const Root& tree);

  // False: nothing is found and nothing kept. There is no directory, or it cannot be told what would have to be the same.
  bool usable() const { return !key_.empty(); }
  // What an analysis would answer now, if that is known.
  std::optional<Analysis> find() const;
  // `lookups` are all that were made for it.
  void keep(const Analysis& analysis, const Lookups& lookups) const;

 private:
  std::string key_;   // 64 hex digits
  Root tree_;
  FileStore store_;
};

}  // namespace stile::analysis
