// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stile {

// For "did you mean": the candidate that somebody who wrote `word` probably meant; empty when none is close.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace stile
