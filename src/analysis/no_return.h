// SPDX-License-Identifier: Apache-2.0
//
// Which functions never come back to their caller: told by their code, not by their names.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "analysis/program.h"
#include "analysis/references.h"

namespace stile::analysis {

class NoReturn {
 public:
  explicit NoReturn(const Program& program) : program_(program) {}

  // Whether every way through a function ends before a return or a jump out of it. Ways out that are not understood count
  // as returns. Looks into callees a few levels deep: that is how far panic and abort helpers are stacked.
  bool never_returns(FunctionId id) { return never_returns(program_.functions[id].start, 4); }
  // Whether a Fall edge is only a call that never returns, with filler behind it.
  bool falls_after_last_call(const Edge& fall);

 private:
  // The same from an instruction on: compilers put the unlikely parts of functions elsewhere, and jump into them.
  bool never_returns(uint64_t address, unsigned depth);
  bool ends_inside(uint64_t address, unsigned depth);

  const Program& program_;
  std::unordered_map<uint64_t, bool> known_;  // by address and depth
};

}  // namespace stile::analysis
