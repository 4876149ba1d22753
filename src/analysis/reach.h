// SPDX-License-Identifier: Apache-2.0
//
// Which functions can run. What cannot be shown dead stays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/gates.h"
#include "analysis/program.h"
#include "analysis/references.h"
#include "analysis/values.h"

namespace stile::analysis {

// How the walk first came to a function.
enum class Via : uint8_t {
  Root,          // entry point, initialiser, signal handler, exported
  Data,          // its address stands in data
  Edge,          // see the edge's kind
  Itab,          // a method in an interface table built by the linker
  Method,        // a method of a type that runtime conversions or reflection can find
};

struct Arrival {
  FunctionId from = kNoFunction;  // the function that led here; kNoFunction for Root and Data
  uint32_t offset = 0;            // instruction in `from`
  Via via = Via::Root;
  EdgeKind kind = EdgeKind::Call; // via Edge
};

enum class RootKind : uint8_t { None, Main, Runtime, Initialiser, Library, Data, Table };

struct Reach {
  Liveness liveness;
  std::vector<Arrival> arrival;    // by function; meaningful for reachable ones
  std::vector<RootKind> root_kind;
  uint64_t reachable_count = 0;
  std::vector<QuietFunction> quiet;  // of the gates that stay closed
  std::string limit;               // why a part of the program was taken as reachable whole; empty if none was
};

// `threads` as AnalyzeOptions::threads.
Reach find_reachable(const Program& program, const References& references, unsigned threads = 0);

}  // namespace stile::analysis
