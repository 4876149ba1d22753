// SPDX-License-Identifier: Apache-2.0
#include "live/call_stack.h"

#include <algorithm>
#include <cstring>

#include "live/frame_rules.h"
#include "runtime/go_buildinfo.h"

namespace stile::live {

namespace {

constexpr size_t kMostFrames = 64;
constexpr size_t kMostGuesses = 8;
constexpr size_t kStackBytes = 64 << 10;  // looked at
constexpr size_t kGuessBytes = 4 << 10;   // and searched for one return address
constexpr uint64_t kInstruction = 2;      // syscall, sysenter, int 0x80

// Where nothing lies above: the first function of a goroutine or thread.
bool is_outermost(std::string_view name) {
  return name == "runtime.goexit" || name == "runtime.mstart" || name == "runtime.rt0_go" ||
         name == "runtime.mcall" || name == "runtime.systemstack" || name == "runtime.asmcgocall.abi0" ||
         name == "runtime.asmcgocall";
}

// Packages whose only purpose is to enter the kernel: who called them is what a reader wants to know.
bool wraps_system_calls(std::string_view package) {
  return package == "syscall" || package == "internal/runtime/syscall" ||
         package == "runtime/internal/syscall" || package == "internal/syscall/unix" ||
         package == "golang.org/x/sys/unix" || package == "vendor/golang.org/x/sys/unix";
}

struct GoFrame {
  size_t function;
  uint64_t address;  // in the file: of the call, or of the entering instruction
};

// Addresses of calls are those of their last byte, which is inside the call instruction whatever its length.
std::vector<GoFrame> unwind_go(const Place& site, uint64_t sp, const Stack& stack, size_t most) {
  std::vector<GoFrame> frames;
  const Module& module = *site.module;
  uint64_t address = site.address;
  // At the site the stack pointer is what it was before the instruction.
  while (frames.size() < most) {
    const auto function = module.go_function(address);
    if (!function) break;
    frames.push_back({*function, address});
    if (is_outermost(module.go->name(*function))) break;
    const auto depth = module.go->frame_bytes(*function, address);
    if (!depth) break;
    const auto back = stack.word(sp + *depth);
    if (!back || *back - site.bias == 0) break;
    sp += *depth + 8;
    address = *back - site.bias - 1;
  }
  return frames;
}

// Whether a call instruction ends where these bytes end (Intel SDM volume 2, CALL): E8 rel32, or FF /2 with
// its address forms.
bool ends_in_call(std::string_view bytes) {
  const auto at = [&](size_t back) { return static_cast<uint8_t>(bytes[bytes.size() - back]); };
  const auto is_call = [](uint8_t modrm) { return (modrm & 0x38) == 0x10; };
  if (bytes.size() >= 5 && at(5) == 0xe8) return true;
  if (bytes.size() >= 2 && at(2) == 0xff && is_call(at(1))) return true;
  if (bytes.size() >= 3 && at(3) == 0xff && is_call(at(2)) && (at(2) >> 6 == 1 || (at(2) & 7) == 4))
    return true;
  if (bytes.size() >= 6 && at(6) == 0xff && is_call(at(5))) return true;
  return bytes.size() >= 7 && at(7) == 0xff && is_call(at(6)) && at(6) >> 6 == 2 && (at(6) & 7) == 4;
}

}  // namespace

CallSite CallStacks::site(int tid, const std::vector<Mapping>& mappings, uint64_t pc) {
  CallSite found;
  found.site = modules_.find(tid, mappings, pc - kInstruction);
  if (found.site.module == nullptr || !found.site.module->go_function(found.site.address)) return found;
  const auto where = waiting_at(tid);
  if (!where || where->pc != pc) return found;
  constexpr size_t kNear = 12;
  const Stack stack(tid, where->sp, kStackBytes / 32);
  for (const GoFrame& frame : unwind_go(found.site, where->sp, stack, kNear)) {
    const std::string package = go::package_of(found.site.module->go->name(frame.function));
    if (wraps_system_calls(package)) continue;
    found.caller = frame.address;
    break;
  }
  return found;
}

std::vector<Frame> CallStacks::frames(int tid, const std::vector<Mapping>& mappings, uint64_t pc) {
  std::vector<Frame> frames;
  const Place site = modules_.find(tid, mappings, pc - kInstruction);
  if (site.module == nullptr) return frames;
  const auto where = waiting_at(tid);
  const bool known = where && where->pc == pc;
  if (known && site.module->go_function(site.address)) {
    const Stack stack(tid, where->sp, kStackBytes);
    for (const GoFrame& frame : unwind_go(site, where->sp, stack, kMostFrames)) {
      frames.push_back(site.module->frame(frame.address));
    }
    return frames;
  }
  frames.push_back(site.module->frame(site.address));
  if (known) unwind_other(tid, mappings, site, where->sp, frames);
  return frames;
}

// Code with unwind tables. Only the stack pointer is known at first; a function that finds its frame by the
// frame pointer, before any caller's was found on the stack, is passed by looking for the next return
// address, and from there on it is "perhaps".
void CallStacks::unwind_other(int tid, const std::vector<Mapping>& mappings, Place place, uint64_t sp,
                              std::vector<Frame>& frames) {
  const Stack stack(tid, sp, kStackBytes);
  uint64_t frame_pointer = 0;  // 0: not known
  bool sure = true;
  size_t guesses = 0;
  for (size_t steps = 0; steps < kMostFrames; ++steps) {
    const auto rule = place.module->image ? frame_rule(*place.module->image, place.address) : std::nullopt;
    if (rule && rule->outermost) return;
    std::optional<uint64_t> frame;  // where the caller's part of the stack begins
    if (rule && rule->base == FrameRule::Base::StackPointer) frame = sp + static_cast<uint64_t>(rule->offset);
    if (rule && rule->base == FrameRule::Base::FramePointer && frame_pointer != 0)
      frame = frame_pointer + static_cast<uint64_t>(rule->offset);
    if (!frame) {
      if (++guesses > kMostGuesses) return;
      frame = next_return_address(tid, mappings, stack, sp);
      sure = false;
    }
    // The stack grows down: callers lie above.
    if (!frame || *frame <= sp) return;
    const auto back = stack.word(*frame - 8);
    if (!back || *back == 0) return;
    if (rule && rule->frame_pointer_at) {
      frame_pointer = stack.word(*frame + static_cast<uint64_t>(*rule->frame_pointer_at)).value_or(0);
    } else if (!rule || rule->frame_pointer_lost) {
      frame_pointer = 0;
    }
    sp = *frame;
    place = modules_.find(tid, mappings, *back - 1);
    if (place.module == nullptr) return;
    Frame found = place.module->frame(place.address);
    if (!sure) found.via = "perhaps";
    frames.push_back(std::move(found));
  }
}

std::optional<uint64_t> CallStacks::next_return_address(int tid, const std::vector<Mapping>& mappings,
                                                        const Stack& stack, uint64_t from) {
  for (uint64_t at = from; at < from + kGuessBytes; at += 8) {
    const auto word = stack.word(at);
    if (!word) break;
    const auto inside = [&](const Mapping& mapping) { return *word > mapping.start && *word < mapping.end; };
    if (std::none_of(mappings.begin(), mappings.end(), inside) ||
        !ends_in_call(read_memory(tid, *word - 7, 7)))
      continue;
    return at + 8;
  }
  return std::nullopt;
}

}  // namespace stile::live
