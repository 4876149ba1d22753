// SPDX-License-Identifier: Apache-2.0
//
// Small changes to finished programs, so that profiles and raw programs are treated alike.
#pragma once

#include <span>

#include <stile/filter.h>
#include <stile/result.h>

namespace stile::live {

// Whether the kernel carries out a call with this verdict.
bool lets_through(Action action);

// The same program with a notification to a supervisor wherever it would refuse. The supervisor asks the
// original what was refused how. Unsupported for a program that returns a computed value: where it refuses
// cannot be seen before it runs.
Result<Program> notify_instead(std::span<const Instruction> program);

// The same program behind a rule that allows one call of one architecture.
Result<Program> allow_first(std::span<const Instruction> program, uint32_t arch, uint32_t number);

}  // namespace stile::live
