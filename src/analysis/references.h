// SPDX-License-Identifier: Apache-2.0
//
// One linear pass over all code, and one over all data: which function calls, jumps to, or takes the address of which other, and where it enters
// the kernel. Decodes shapes only, so it runs at memory speed; what operands mean is asked later, of
// the few functions where it matters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/data_pointers.h"
#include "analysis/program.h"

namespace stile::analysis {

enum class EdgeKind : uint8_t {
  Call,     // call to the function's start (or into it, see interior)
  Jump,     // tail call, or a branch that leaves the function
  Fall,     // control runs off the end into the next function
  Address,  // code takes the function's address
  Closure,  // code names a constant cell that holds the function's address (a Go func value)
  Interface,  // code names an interface table that has the function as a method
  Data,       // code names a variable that holds the function's address, or leads to one that does (see DataLiveness)
};

// Whether the edge hands the function's address out rather than going there.
constexpr bool takes_address(EdgeKind kind) { return kind >= EdgeKind::Address; }

struct Edge {
  FunctionId from;
  FunctionId to;
  uint32_t offset;  // of the instruction, from the start of `from`; Fall: of the last one that is not filler
  EdgeKind kind;
  bool interior;    // leads to an instruction inside `to`, not to its start
};

enum class SiteKind : uint8_t { Syscall, Sysenter, Int80, GsCall };

struct Site {
  FunctionId function;
  uint64_t address;
  SiteKind kind;
};

struct InteriorEntry {
  FunctionId function;
  uint64_t target;
};

// An instruction that names an address in memory that can be written.
struct VariableReference {
  FunctionId function;
  uint32_t offset;
  uint64_t target;
  bool held;  // the address itself is put into a register, and not what stands there
};

struct References {
  std::vector<Edge> edges;                    // sorted by from, offset
  std::vector<uint32_t> out;                  // edges of f: [out[f], out[f+1])
  std::vector<uint32_t> incoming;             // indices into edges, grouped by `to`
  std::vector<uint32_t> in;                   // incoming of f: [in[f], in[f+1])
  std::vector<Site> sites;                    // sorted by address
  std::vector<InteriorEntry> interior;        // places entered from outside other than at the start; sorted
  std::vector<VariableReference> variables;   // sorted by function, offset
  DataPointers data;

  std::span<const Edge> from(FunctionId id) const { return {edges.data() + out[id], out[id + 1] - out[id]}; }
  std::span<const uint32_t> to(FunctionId id) const { return {incoming.data() + in[id], in[id + 1] - in[id]}; }
};

// `threads` as AnalyzeOptions::threads.
References collect_references(const Program& program, unsigned threads);

}  // namespace stile::analysis
