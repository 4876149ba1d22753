// SPDX-License-Identifier: Apache-2.0
//
// Which functions there are. Go code: exactly as Go's function table says. Other code: symbols, unwind entries, targets of
// calls and of addresses in code and data. A start that is missed makes the function before it longer, never lost.
#pragma once

#include <stile/result.h>

#include "analysis/program.h"

namespace stile::analysis {

// Fills program.functions, program.names and each object's Go part.
// Malformed if a file claims to be a Go program and its function table contradicts itself.
Result<void> discover_functions(Program& program);

}  // namespace stile::analysis
