// SPDX-License-Identifier: Apache-2.0
//
// kafel's language (nsjail --seccomp_policy), as its README and src/parser.y, src/lexer.l have it in 2026. It carries nearly everything: all actions
// with their data, any condition, any number, several architectures (ON). The first rule of a call that matches decides. Calls by
// other architectures end the thread; numbers of x32 are numbers of x86-64.
//
// Arguments have names: those that a rule declares, `write(fd, buf, count) { fd == 1 }`, which are 64 bits wide, or those of kafel's own
// table (kafel_calls.inc), 32 or 64 bits wide. Rules are written with declared ones, a0 to a5.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <stile/format.h>

#include "format/plan.h"

namespace stile::format::kafel {

// One call of kafel's table for x86-64. Its names differ from the kernel's in a few places (newstat for stat).
struct KafelCall {
  std::string_view name;
  uint32_t number;
  std::string_view arguments;  // "fd:4 buf:8 count:8": name and bytes
};
const KafelCall* call_by_name(std::string_view name);
const KafelCall* call_by_number(uint32_t number);

// What ON takes; empty for an architecture that kafel has no name for.
std::string_view arch_name(arch::ArchId id);

Result<Plan> plan(const Profile& profile, Losses& losses);
Result<std::string> write(const Profile& profile, std::vector<std::string>* lost);
// context.include reads what #include names.
Result<Profile> read(std::string_view text, const std::string& where, const ReadContext& context, std::vector<std::string>* warnings);

}  // namespace stile::format::kafel
