// SPDX-License-Identifier: Apache-2.0
//
// Writes a program from its end to its beginning, so that all jumps lead to what is there already.
// Conditional jumps reach 255 instructions; for what lies further on, the return is repeated or a long jump
// put in between.
#pragma once

#include <cstdint>
#include <vector>

#include <stile/filter.h>

#include "filter/opcodes.h"

namespace stile::filter {

class Assembler {
 public:
  // Where an instruction stands, counted from the end of the program: its index in what has been written so
  // far.
  using Place = uint32_t;

  // The same return again is the same place.
  Place returns(uint32_t value);
  // These run into what was written last.
  void load(uint32_t offset) { put({kLoadAbs, 0, 0, offset}); }
  void mask(uint32_t bits) { put({kAndK, 0, 0, bits}); }
  // Jumps to one of two places.
  Place branch(Opcode code, uint32_t k, Place yes, Place no);
  // Makes sure that the next instruction written is followed by the one at `place`.
  void go_on_at(Place place);

  // Where the last instruction written stands.
  Place here() const { return static_cast<Place>(reversed_.size() - 1); }
  size_t size() const { return reversed_.size(); }
  // The program, from its beginning.
  Program take();

 private:
  struct Return {
    uint32_t value;
    Place place;
  };

  void put(Instruction instruction) { reversed_.push_back(instruction); }
  // A place that leads to `place` and can be reached from one that is written after at most `ahead` others.
  Place reach(Place place, uint32_t ahead);

  std::vector<Instruction> reversed_;
  std::vector<Return> returns_;  // the last of each value
  std::vector<Place> nearer_;    // for each place one that leads there and was written later, or itself
};

}  // namespace stile::filter
