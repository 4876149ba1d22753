// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include <stile/profile.h>

namespace stile {
namespace {

constexpr int kMaxErrno = 4095;  // MAX_ERRNO, include/linux/err.h: the kernel clamps a filter's errno to it

struct NamedKind {
  std::string_view name;
  ActionKind kind;
};

constexpr NamedKind kKinds[] = {
    {"allow", ActionKind::Allow},
    {"errno", ActionKind::Errno},
    {"kill-process", ActionKind::KillProcess},
    {"kill-thread", ActionKind::KillThread},
    {"log", ActionKind::Log},
    {"trap", ActionKind::Trap},
    {"trace", ActionKind::Trace},
    {"notify", ActionKind::Notify},
};

constexpr const char* kSayings =
    "allow, errno, errno:NAME, errno:NUMBER, kill-process, kill-thread, log, trap, trace, notify";

std::optional<int> number_from(std::string_view text, int max) {
  int value = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0 || value > max) return std::nullopt;
  return value;
}

std::optional<int> errno_from(std::string_view text) {
  if (auto number = number_from(text, kMaxErrno)) return number;
  // Names the C library gives a second time to one number; strerrorname_np knows the first alone.
  if (text == "EWOULDBLOCK") return EWOULDBLOCK;
  if (text == "EDEADLOCK") return EDEADLOCK;
  if (text == "ENOTSUP") return ENOTSUP;
  for (int number = 1; number < 256; ++number) {
    const char* name = strerrorname_np(number);
    if (name != nullptr && text == name) return number;
  }
  return std::nullopt;
}

}  // namespace

Result<Action> parse_action(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view head = text.substr(0, colon);
  const bool has_data = colon != std::string_view::npos;
  const std::string_view data = has_data ? text.substr(colon + 1) : std::string_view();

  for (const NamedKind& known : kKinds) {
    if (known.name != head) continue;
    if (known.kind == ActionKind::Errno) {
      if (!has_data) return Action{ActionKind::Errno, EPERM};
      if (auto number = errno_from(data)) return Action{ActionKind::Errno, static_cast<uint16_t>(*number)};
      return fail(Code::Usage, fmt::format("no error is called '{}'", data), {},
                  fmt::format("a name such as ENOSYS, or a number up to {}", kMaxErrno));
    }
    if (!has_data) return Action{known.kind, 0};
    if (known.kind == ActionKind::Trace || known.kind == ActionKind::Trap) {
      if (auto number = number_from(data, 0xffff)) return Action{known.kind, static_cast<uint16_t>(*number)};
    }
    break;
  }
  return fail(Code::Usage, fmt::format("no action is called '{}'", text), {},
              fmt::format("one of {}", kSayings));
}

std::string to_string(Action action) {
  for (const NamedKind& known : kKinds) {
    if (known.kind != action.kind) continue;
    if (action.kind == ActionKind::Errno) {
      const char* name = strerrorname_np(action.data);
      if (name != nullptr && action.data != 0) return fmt::format("errno:{}", name);
      return fmt::format("errno:{}", action.data);
    }
    const bool says_data = action.kind == ActionKind::Trace || action.kind == ActionKind::Trap;
    if (says_data && action.data != 0) return fmt::format("{}:{}", known.name, action.data);
    return std::string(known.name);
  }
  return "?";
}

}  // namespace stile
