// SPDX-License-Identifier: Apache-2.0
//
// Sets of numbers as sorted ranges, under a mask: of all 64-bit numbers only those "possible" are looked at,
// whose bits lie in the mask. Canonical: sorted; every range begins and ends with a possible number; between
// two ranges lies at least one possible number that is in neither. Two sets with the same possible numbers
// have one canonical form.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <stile/condition.h>

namespace stile {

// The smallest possible number that is not below `value`; nothing above the mask itself.
std::optional<uint64_t> next_possible(uint64_t value, uint64_t mask);
// The largest possible number that is not above `value`. There is one always: 0.
uint64_t previous_possible(uint64_t value, uint64_t mask);

using Ranges = std::vector<Range>;

Ranges canonical(Ranges ranges, uint64_t mask);

// These take canonical sets and give canonical sets.
Ranges intersection(const Ranges& a, const Ranges& b);
Ranges union_of(const Ranges& a, const Ranges& b, uint64_t mask);
Ranges complement(const Ranges& ranges, uint64_t mask);
bool is_subset(const Ranges& inner, const Ranges& outer);
bool is_everything(const Ranges& ranges, uint64_t mask);

}  // namespace stile
