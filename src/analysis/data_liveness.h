// SPDX-License-Identifier: Apache-2.0
//
// Which relocated data is used, in position-independent files. A pointer to a function that stands in a table counts when
// something that can run names the table, or a table that leads to it. docs/how-it-works.md says what is assumed.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "analysis/program.h"
#include "analysis/references.h"

namespace stile::analysis {

class DataLiveness {
 public:
  // `take(function, by, offset)` is called for each function whose address comes to be used through data, possibly again: the
  // instruction at `offset` in the function `by` names the data, or nothing does that is known and `by` is kNoFunction.
  using Take = std::function<void(FunctionId function, FunctionId by, uint32_t offset)>;
  DataLiveness(const Program& program, const References& references, Take take);

  // Data that counts whatever the code does: what nothing is known to name, what the unwinder reads, thread-local templates,
  // all data of Go and of files whose users are not here. Data in `left_out` (start, end; sorted) is read by nobody but whom the caller
  // knows.
  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;
  void mark_roots(const Ranges& left_out = {});
  // A function runs: what it names is used.
  void mark_named_by(FunctionId function);

 private:
  // A piece of data goes from one boundary to the next: from the start of an object to that of another.
  void find_boundaries();
  void add_boundary(uint64_t address) { boundaries_.push_back(address); }
  void drop_inside_symbols();
  // Calls each(start, size) for the variables of an object that have a symbol.
  template <typename Each>
  void for_each_variable(const Object& object, Each each) const;
  void find_named();
  size_t piece_of(uint64_t address) const;  // pieces_ in number when it lies before the first
  void use_address(uint64_t address);
  void use_piece(size_t piece);
  void drain(FunctionId by, uint32_t offset);
  bool covers(uint64_t address) const;  // in data of a position-independent file
  bool looks_like_vtable(uint64_t address) const;
  const Program::Slot* slot_at(uint64_t address) const;
  std::span<const Program::Slot> slots_of(const Object& object) const;
  void mark_named_by_unwinder(const Object& object);
  void mark_offsets_in(const Object& object, uint64_t address, const Bytes& bytes);

  const Program& program_;
  const References& references_;
  Take take_;
  std::vector<uint64_t> boundaries_;      // sorted, unique
  std::vector<bool> live_, named_;        // by piece
  std::vector<uint32_t> first_reference_; // variables of function f: [first_reference_[f], first_reference_[f + 1])
  std::vector<size_t> work_;
};

}  // namespace stile::analysis
