// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a BPF program: read, validated, shown, run and lifted; and any text as a system call.
#include <cstring>
#include <string>

#include <stile/filter.h>

#include "check.h"

namespace stile::fuzz::bpf {

// What a lifted profile says must be what the program does, where it does not say itself that it knows less.
void check_lift(const Program& program, const Event& event, const Verdict& verdict) {
  const auto profile = lift(program);
  if (!profile) {
    check_error(profile.error());
    FUZZ_CHECK(profile.error().code != Code::Malformed);
    return;
  }
  if (!profile->gaps.empty()) return;
  FUZZ_CHECK(decide(*profile, event) == verdict.action);
}

void check_program(const Program& program, Event event) {
  FUZZ_CHECK(from_bytes(to_bytes(program)).value() == program);
  use(disassemble(program, {true}));
  use(to_c_array(program, "filter"));
  const auto valid = validate(program);
  const auto verdict = emulate(program, event);
  FUZZ_CHECK(valid.has_value() == verdict.has_value());
  if (!valid) {
    check_error(valid.error());
    FUZZ_CHECK(!lift(program));
    return;
  }
  FUZZ_CHECK(verdict->steps == verdict->path.size() && verdict->steps <= program.size());
  FUZZ_CHECK(verdict->action == action_of(verdict->value));
  if (is_constant_allow(program, event.arch, event.number)) {
    FUZZ_CHECK(verdict->action.kind == ActionKind::Allow && !verdict->loads_arguments);
  }
  if (program.size() <= 200) check_lift(program, event, *verdict);
}

}  // namespace stile::fuzz::bpf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto event = parse_event(text); !event) fuzz::check_error(event.error());

  // The event first, then the program.
  Event event;
  constexpr size_t kEvent = 4 + 4 + 8 + 6 * 8;
  if (size < kEvent) return 0;
  std::memcpy(&event.number, data, 4);
  std::memcpy(&event.arch, data + 4, 4);
  std::memcpy(&event.instruction_pointer, data + 8, 8);
  std::memcpy(event.args.data(), data + 16, 48);
  const auto program = from_bytes(text.substr(kEvent));
  if (!program) {
    fuzz::check_error(program.error());
    return 0;
  }
  fuzz::bpf::check_program(*program, event);
  return 0;
}
