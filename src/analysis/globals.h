// SPDX-License-Identifier: Apache-2.0
//
// Who writes a global variable. Answered from the references that the pass over the code has collected.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/program.h"
#include "analysis/references.h"

namespace stile::analysis {

struct GlobalStore {
  FunctionId function;
  uint64_t address;      // of the instruction
  uint64_t destination;  // where it begins to write
};

// An address that something names, and whether it is held (taken, stored) rather than only read or written through.
struct Mention {
  uint64_t address;
  bool held;
  FunctionId function;   // kNoFunction: a pointer in data
  uint64_t instruction;  // 0: a pointer in data
};

struct GlobalUses {
  std::vector<GlobalStore> stores;  // instructions that name bytes of the variable as a destination
  std::vector<GlobalStore> reads;   // instructions that read bytes of it
  std::vector<Mention> held;        // held addresses through which it may be written
  bool escapes = false;             // one of them stands in data, so that anybody may write it
};

class GlobalIndex {
 public:
  GlobalIndex(const Program& program, const References& references) : program_(program), references_(references) {}
  GlobalUses uses_of(uint64_t address, unsigned width) const;
  // What one such question costs, in instructions looked at: it goes through all references to variables.
  uint64_t cost() const;

 private:
  void look_at(const VariableReference& reference, uint64_t address, unsigned width, GlobalUses& uses,
               std::vector<Mention>& mentions) const;
  // Start and end of the variable that a symbol table says covers an address.
  std::optional<std::pair<uint64_t, uint64_t>> symbol_over(uint64_t address) const;
  std::vector<Mention> held_over(uint64_t address, unsigned width, const std::vector<Mention>& mentions) const;
  const Program& program_;
  const References& references_;
};

}  // namespace stile::analysis
