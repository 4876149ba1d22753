// SPDX-License-Identifier: Apache-2.0
#include "filter/assembler.h"

namespace stile::filter {
namespace {
constexpr uint32_t kFurthest = 255;  // jt and jf are bytes
}

Assembler::Place Assembler::returns(uint32_t value) {
  for (const Return& known : returns_) {
    if (known.value == value) return known.place;
  }
  put({kReturnK, 0, 0, value});
  returns_.push_back({value, here()});
  return here();
}

Assembler::Place Assembler::reach(Place place, uint32_t ahead) {
  // The instruction that jumps will stand at size() + ahead.
  const auto reaches = [&](Place to) { return size() + ahead - to - 1 <= kFurthest; };
  const Place start = place;
  if (nearer_.size() < size()) {
    for (size_t i = nearer_.size(); i < size(); ++i) nearer_.push_back(static_cast<Place>(i));
  }
  if (reaches(place)) return place;
  place = nearer_[start];
  if (reaches(place)) return place;
  const Instruction& there = reversed_[start];
  if (there.code == kReturnK) {
    put(Instruction(there));
  } else {
    put({kJump, 0, 0, static_cast<uint32_t>(size()) - start - 1});
  }
  nearer_[start] = here();
  return here();
}

Assembler::Place Assembler::branch(Opcode code, uint32_t k, Place yes, Place no) {
  // What is put in for one of the two moves the other further away: room is left for that.
  const Place near_yes = reach(yes, 1);
  const Place near_no = no == yes ? near_yes : reach(no, 0);
  const uint32_t at = static_cast<uint32_t>(size());
  put({code, static_cast<uint8_t>(at - near_yes - 1), static_cast<uint8_t>(at - near_no - 1), k});
  return here();
}

void Assembler::go_on_at(Place place) {
  if (place != here()) put({kJump, 0, 0, static_cast<uint32_t>(size()) - place - 1});
}

Program Assembler::take() {
  return Program(reversed_.rbegin(), reversed_.rend());
}

}  // namespace stile::filter
