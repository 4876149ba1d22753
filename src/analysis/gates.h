// SPDX-License-Identifier: Apache-2.0
//
// Parts of the C library that run only after certain of its functions have run (runtime/glibc.h), found in the program at hand.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/program.h"
#include "analysis/references.h"

namespace stile::analysis {

// A function that makes none of the gate's calls (glibc::Gate::calls) while the gate is closed.
struct QuietFunction {
  FunctionId function;
  uint8_t gate;
};

class Gates {
 public:
  Gates(const Program& program, const References& references);

  static constexpr uint8_t kNone = 0xff;
  // The gate a function stands behind; kNone for nearly all.
  uint8_t before(FunctionId function) const { return before_.empty() ? kNone : before_[function]; }
  // Whether the gate opens when `by` leads to `function`, or kNoFunction: something outside does.
  bool opens(uint8_t gate, FunctionId function, FunctionId by) const;
  bool opens_any(FunctionId function) const { return !opens_.empty() && opens_[function] != 0; }
  const std::vector<QuietFunction>& quiet() const { return quiet_; }

 private:
  void look_at(uint32_t object, const Program& program, const References& references);

  std::vector<QuietFunction> quiet_;
  std::vector<uint8_t> before_;  // by function; empty if there is no such library
  std::vector<uint8_t> opens_;   // by function: a bit for each gate; empty likewise
};

}  // namespace stile::analysis
