// SPDX-License-Identifier: Apache-2.0
//
// Which functions can run. What cannot be shown dead stays.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <stile/analyze.h>

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

enum class RootKind : uint8_t { None, Main, Runtime, Initialiser, Library, Data, Table, Kept };  // Kept: by code of the start

struct Reach {
  Liveness liveness;
  std::vector<Arrival> arrival;    // by function; meaningful for reachable ones
  std::vector<RootKind> root_kind;
  uint64_t reachable_count = 0;
  std::vector<QuietFunction> quiet;  // of the gates that stay closed
  std::vector<bool> open_gates;      // by gate
  std::string limit;               // why a part of the program was taken as reachable whole; empty if none was
};

// A walk over one phase of the process alone. What may have happened in the other counts as it can matter: gates of the C library that
// are opened in either, and, in the main phase, pointers that code of the start has put somewhere.
struct PhaseOfWalk {
  Phase phase = Phase::All;
  const Reach* all = nullptr;    // of the walk over both, where this is about one
  const Reach* start = nullptr;  // for the main phase
  // For the main phase: functions that run on, or whose addresses the start may have left anywhere; and those that are called
  // through a pointer by certain functions alone, as (caller, function), sorted.
  std::vector<FunctionId> kept;
  std::vector<std::pair<FunctionId, FunctionId>> called_by;
  FunctionId over = kNoFunction;  // is not called through a pointer any more, whoever takes its address
};

// `threads` as AnalyzeOptions::threads.
Reach find_reachable(const Program& program, const References& references, unsigned threads = 0, const PhaseOfWalk& phase = {});

}  // namespace stile::analysis
