// SPDX-License-Identifier: Apache-2.0
#include "filter/linear.h"

#include <algorithm>

#include "filter/assembler.h"
#include "filter/opcodes.h"
#include "filter/rule_graph.h"

namespace stile::filter {
namespace {

using Place = Assembler::Place;

// Everything is written from its end: what is done in the end comes first here.
class Linear {
 public:
  Linear(const Profile& profile, const Resolved& resolved, const std::vector<std::vector<Case>>& conditions,
         bool big_endian)
      : profile_(profile), resolved_(resolved), conditions_(conditions), big_endian_(big_endian) {}

  Program run() {
    const Table* x86_64 = nullptr;
    const Table* x32 = nullptr;
    Place next = bad_arch();
    for (auto table = resolved_.tables.rbegin(); table != resolved_.tables.rend(); ++table) {
      if (table->id == arch::ArchId::X86_64) {
        x86_64 = &*table;
      } else if (table->id == arch::ArchId::X32) {
        x32 = &*table;
      } else {
        const Place numbers = load_number(number_chain(*table));
        next = arch_test(arch::arch_info(table->id).audit_arch, numbers, next);
      }
    }
    if (x86_64 != nullptr || x32 != nullptr) {
      const Place numbers = x86_numbers(x86_64, x32);
      next = arch_test(kAuditX86_64, numbers, next);
    }
    code_.go_on_at(next);
    return code_.take();
  }

 private:
  Place bad_arch() { return code_.returns(return_value(profile_.bad_arch)); }

  Place load_number(Place first) {
    code_.go_on_at(first);
    code_.load(kOffsetNumber);
    return code_.here();
  }

  Place arch_test(uint32_t audit, Place yes, Place no) {
    code_.branch(kJumpEqK, audit, yes, no);
    code_.load(kOffsetArch);
    return code_.here();
  }

  Place x86_numbers(const Table* x86_64, const Table* x32) {
    Place high = bad_arch();
    if (x32 != nullptr) {
      high = number_chain(*x32);
    } else {
      const auto rule = std::find_if(x86_64->calls.begin(), x86_64->calls.end(),
                                     [](const NumberedRule& call) { return call.number == kSkipped; });
      const Place skipped = rule == x86_64->calls.end() ? code_.returns(return_value(profile_.otherwise))
                                                        : rule_block(rule->rule);
      high = code_.branch(kJumpEqK, kSkipped, skipped, high);
    }
    const Place low = x86_64 != nullptr ? number_chain(*x86_64) : bad_arch();
    code_.branch(kJumpGeK, kX32Bit, high, low);
    return load_number(code_.here());
  }

  // Expects the number in the accumulator.
  Place number_chain(const Table& table) {
    Place next = unlisted_chain(table);
    for (auto call = table.calls.rbegin(); call != table.calls.rend(); ++call)
      next = code_.branch(kJumpEqK, call->number, rule_block(call->rule), next);
    return next;
  }

  Place unlisted_chain(const Table& table) {
    const Place known = code_.returns(return_value(profile_.otherwise));
    if (!resolved_.written_for) return known;
    const arch::KernelVersion release = *resolved_.written_for;
    const Place later = code_.returns(return_value(no_such_call(table.id)));
    const int64_t highest = highest_number_at(table.id, release);
    Place next = highest < 0 ? later : code_.branch(kJumpGtK, static_cast<uint32_t>(highest), later, known);
    for (const arch::Syscall& call : arch::all_syscalls(table.id)) {
      const bool is_later = came_later(table.id, call.number, release, highest);
      next = code_.branch(kJumpEqK, call.number, is_later ? later : known, next);
    }
    return code_.branch(kJumpEqK, kSkipped, known, next);
  }

  Place rule_block(uint32_t rule) {
    Place next = code_.returns(return_value(resolved_.rules[rule]->second.action));
    const std::vector<Case>& cases = conditions_[rule];
    for (auto one = cases.rbegin(); one != cases.rend(); ++one) {
      const Place action = code_.returns(return_value(one->action));
      for (auto alternative = one->when.any.rbegin(); alternative != one->when.any.rend(); ++alternative) {
        Place yes = action;
        for (auto test = alternative->rbegin(); test != alternative->rend(); ++test)
          yes = test_block(*test, yes, next);
        next = yes;
      }
    }
    return next;
  }

  Place test_block(const Test& test, Place yes, Place no) {
    Place next = no;
    for (auto range = test.in.rbegin(); range != test.in.rend(); ++range)
      next = at_least(test, range->first, at_most(test, range->last, yes, next), next);
    return next;
  }

  Place at_least(const Test& test, uint64_t value, Place yes, Place no) {
    code_.branch(kJumpGeK, static_cast<uint32_t>(value), yes, no);
    const Place low = load_half(test, false);
    const uint32_t high = static_cast<uint32_t>(value >> 32);
    const Place equal = code_.branch(kJumpEqK, high, low, no);
    code_.branch(kJumpGtK, high, yes, equal);
    return load_half(test, true);
  }

  Place at_most(const Test& test, uint64_t value, Place yes, Place no) {
    code_.branch(kJumpGtK, static_cast<uint32_t>(value), no, yes);
    const Place low = load_half(test, false);
    const uint32_t high = static_cast<uint32_t>(value >> 32);
    const Place equal = code_.branch(kJumpEqK, high, low, yes);
    code_.branch(kJumpGtK, high, no, equal);
    return load_half(test, true);
  }

  Place load_half(const Test& test, bool high) {
    const uint32_t mask = static_cast<uint32_t>(high ? test.mask >> 32 : test.mask);
    if (mask != ~uint32_t{0}) code_.mask(mask);
    code_.load(argument_word(test.arg, high, big_endian_) * 4U);
    return code_.here();
  }

  const Profile& profile_;
  const Resolved& resolved_;
  const std::vector<std::vector<Case>>& conditions_;
  bool big_endian_;
  Assembler code_;
};

}  // namespace

Program linear_program(const Profile& profile, const Resolved& resolved,
                       const std::vector<std::vector<Case>>& conditions, bool big_endian) {
  return Linear(profile, resolved, conditions, big_endian).run();
}

}  // namespace stile::filter
