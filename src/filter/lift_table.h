// SPDX-License-Identifier: Apache-2.0
//
// What a program does with every system call number of an architecture.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include <stile/filter.h>

#include "filter/lift_decision.h"
#include "filter/symbolic.h"

namespace stile::filter {

// Numbers that are decided alike, both ends included; `decision` is an index into LiftTables.
struct Stretch {
  uint32_t first = 0;
  uint32_t last = 0;
  size_t decision = 0;
};

// Every number of one audit architecture, neighbouring stretches differ.
class LiftTable {
 public:
  explicit LiftTable(std::vector<Stretch> stretches) : stretches_(std::move(stretches)) {}

  size_t at(uint32_t number) const;
  // The stretches from `first` to `last`, cut to these.
  std::vector<Stretch> between(uint32_t first, uint32_t last) const;
  bool is_uniform(uint32_t first, uint32_t last) const {
    return at(first) == at(last) && between(first, last).size() == 1;
  }
  // The decision of the most numbers.
  size_t widest() const;

 private:
  std::vector<Stretch> stretches_;  // sorted, without holes, from 0 to 0xffffffff
};

class LiftTables {
 public:
  explicit LiftTables(std::span<const Instruction> program)
      : program_(program), points_(boundaries(program)) {}

  // Errors: Unsupported, Limit.
  Result<LiftTable> table(uint32_t audit_arch);
  Result<size_t> decide(uint32_t audit_arch, uint32_t number);
  const Decision& operator[](size_t decision) const { return decisions_[decision]; }
  // Some numbers that no table has, some architectures, were judged by others.
  bool numbers_sampled() const { return numbers_sampled_; }
  bool arches_sampled() const { return budget_.arch_arithmetic; }

 private:
  Result<LiftTable> at_points(uint32_t audit_arch, const std::vector<uint32_t>& points, bool& sampled);
  size_t intern(Decision decision);

  std::span<const Instruction> program_;
  std::vector<uint32_t> points_;
  Budget budget_;
  bool numbers_sampled_ = false;
  std::map<std::pair<bool, std::vector<Leaf>>, size_t> seen_;  // by byte order and ways
  std::vector<Decision> decisions_;
};

}  // namespace stile::filter
