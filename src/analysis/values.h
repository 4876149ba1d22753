// SPDX-License-Identifier: Apache-2.0
//
// Which values can a register hold at an instruction? Answered backwards, on demand: over joins, spills, globals and
// memory behind pointers inside a function, and from a parameter to every caller. What cannot be answered is said, with
// the place; it is never left out.
//
// The answer is a superset of what can happen under the assumptions that docs/how-it-works.md lists.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "analysis/body.h"
#include "analysis/program.h"
#include "analysis/references.h"

namespace stile::analysis {

// Why a value is not known.
enum class Doubt : uint8_t {
  Computed,         // by an operation that is not followed
  CallResult,       // returned by another function
  Memory,           // read from memory whose writers cannot all be seen
  Table,            // read from memory at a computed index
  UnknownEntry,     // control comes from somewhere that is not known
  IndirectCallers,  // a parameter, and the function is called through a pointer
  NoCaller,         // a parameter, and nothing in the program calls the function directly
  Budget,           // too much work
};

struct Unknown {
  Doubt doubt;
  FunctionId function;
  uint64_t address;
  auto operator<=>(const Unknown&) const = default;
};

// One possible value and the place that chose it: the function in which it became a constant, and the instruction there
// (the site itself, or the call that passes it on).
struct Found {
  uint64_t value;
  FunctionId function;
  uint64_t address;
  auto operator<=>(const Found&) const = default;
};

struct Answer {
  std::vector<Found> found;       // sorted, unique
  std::vector<Unknown> unknown;   // sorted, unique; empty: `found` is everything
  std::vector<FunctionId> wrappers;  // functions through whose parameters the values came, sorted
};

// Which functions run, and which of them are entered other than by direct calls and jumps.
struct Liveness {
  std::vector<bool> reachable;
  std::vector<bool> escaped;  // called through a pointer, by the runtime, or from outside
  std::vector<bool> rooted;   // the same, and not only by code that takes its address
  std::vector<bool> now;      // which of them run in the phase that is asked about; empty: all. The others may have written to memory
};

class ValueSolver {
 public:
  ValueSolver(const Program& program, const References& references, const Liveness& liveness);
  ~ValueSolver();

  // The 32-bit system call number (rax) before the instruction at `site`.
  Answer number_at(const Site& site);
  // What a register holds there, all 64 bits of it.
  Answer argument_at(const Site& site, arch::Reg reg);
  // What the reachable callers of a function pass in a register, all 64 bits of it.
  Answer argument_of(FunctionId function, arch::Reg reg);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stile::analysis
