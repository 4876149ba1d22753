// SPDX-License-Identifier: Apache-2.0
//
// Reads a system call as people write it, with the names that C headers give to its arguments.
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include <stile/filter.h>

#include "arch/constants.h"
#include "arch/syscalls.h"
#include "filter/opcodes.h"

namespace stile {
namespace {

constexpr size_t kMaxText = 4096;

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// For messages: hostile text stays short and on one line.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) out += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > 60 ? out + "..." : out;
}

// Decimal, 0x hexadecimal, 0 octal, all with an optional minus sign.
Result<uint64_t> read_number(std::string_view text) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error == std::errc::result_out_of_range && stop == end) {
    return fail(Code::Usage, fmt::format("'{}' does not fit in 64 bits", shown(text)));
  }
  if (error != std::errc() || stop != end)
    return fail(Code::Usage, fmt::format("'{}' is not a number", shown(text)));
  if (negative && value > uint64_t{1} << 63) {
    return fail(Code::Usage, fmt::format("'{}' does not fit in 64 bits", shown(text)));
  }
  return negative ? 0 - value : value;
}

// "O_RDWR | O_CLOEXEC", "0x1", "-1".
Result<uint64_t> read_argument(std::string_view text) {
  if (text.find('"') != std::string_view::npos) {
    return fail(Code::Usage,
                fmt::format("{}: a filter sees the pointer, not the text it points to", shown(text)), {},
                "give any address in its place, such as 0x1");
  }
  uint64_t value = 0;
  for (;;) {
    const size_t bar = text.find('|');
    const std::string_view term = trim(text.substr(0, bar));
    if (term.empty()) return fail(Code::Usage, "an argument is empty");
    const bool number = is_digit(term[0]) || term[0] == '-';
    const auto part = number ? read_number(term) : symbolic_constant(term);
    if (!part) return part;
    value |= *part;
    if (bar == std::string_view::npos) return value;
    text.remove_prefix(bar + 1);
  }
}

std::optional<std::string> other_arch_with(std::string_view name) {
  for (const arch::ArchInfo& info : arch::all_archs()) {
    if (arch::syscall_number(info.id, name)) return std::string(info.name);
  }
  return std::nullopt;
}

Result<uint32_t> read_call(std::string_view call, const arch::ArchInfo& info) {
  if (!call.empty() && (is_digit(call[0]) || call[0] == '-')) {
    const auto number = read_number(call);
    if (!number) return tl::unexpected(number.error());
    const auto wide = static_cast<int64_t>(*number);
    if (wide < INT32_MIN || wide > int64_t{UINT32_MAX}) {
      return fail(Code::Usage, fmt::format("system call number {} does not fit in 32 bits", shown(call)));
    }
    return static_cast<uint32_t>(*number);
  }
  if (const auto number = arch::syscall_number(info.id, call)) return *number;
  if (const auto other = other_arch_with(call)) {
    return fail(Code::Usage, fmt::format("{} has no system call '{}'", info.name, call), {},
                fmt::format("{} has it", *other));
  }
  std::vector<std::string_view> names;
  for (const arch::Syscall& known : arch::all_syscalls(info.id)) names.push_back(known.name);
  const std::string_view near = arch::nearest_name(call, names);
  return fail(Code::Usage, fmt::format("no system call is called '{}'", shown(call)), {},
              near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

// A 32-bit machine's arguments reach the filter zero-extended.
Result<uint64_t> fit(uint64_t value, const arch::ArchInfo& info) {
  constexpr uint32_t kAudit64Bit = 0x80000000;  // __AUDIT_ARCH_64BIT, include/uapi/linux/audit.h
  if ((info.audit_arch & kAudit64Bit) != 0) return value;
  const auto wide = static_cast<int64_t>(value);
  if (wide < INT32_MIN || wide > int64_t{UINT32_MAX}) {
    return fail(Code::Usage,
                fmt::format("{:#x} does not fit in an argument of {}, which has 32 bits", value, info.name));
  }
  return static_cast<uint32_t>(value);
}

}  // namespace

Result<uint64_t> symbolic_constant(std::string_view name) {
  if (const auto value = arch::constant(name)) return *value;
  const std::string_view near = arch::nearest_name(name, arch::constant_names());
  return fail(Code::Usage, fmt::format("no constant is called '{}'", shown(name)), {},
              near.empty()
                  ? std::string("names are those of the C headers, such as O_RDONLY; numbers do as well")
                  : fmt::format("did you mean '{}'?", near));
}

Result<Event> parse_event(std::string_view text, std::string_view arch_name) {
  const auto id = arch::arch_by_name(arch_name);
  if (!id) {
    std::vector<std::string_view> names;
    for (const arch::ArchInfo& info : arch::all_archs()) names.push_back(info.name);
    const std::string_view near = arch::nearest_name(arch_name, names);
    return fail(Code::Usage, fmt::format("no architecture is called '{}'", shown(arch_name)), {},
                near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
  }
  const arch::ArchInfo& info = arch::arch_info(*id);
  text = trim(text.substr(0, kMaxText));
  const size_t open = text.find('(');
  const std::string_view call = trim(text.substr(0, open));
  if (call.empty())
    return fail(Code::Usage, "no system call is named", {},
                "write it as in C: openat(AT_FDCWD, 0x1, O_RDONLY)");
  const auto number = read_call(call, info);
  if (!number) return tl::unexpected(number.error());
  Event event;
  event.arch = info.audit_arch;
  event.number = *number;
  if (open == std::string_view::npos) return event;

  std::string_view rest = text.substr(open + 1);
  if (!rest.ends_with(')'))
    return fail(Code::Usage, fmt::format("'{}' lacks its closing parenthesis", shown(text)));
  rest = trim(rest.substr(0, rest.size() - 1));
  for (size_t i = 0; !rest.empty(); ++i) {
    if (i == event.args.size())
      return fail(Code::Usage, fmt::format("more than {} arguments", event.args.size()));
    const size_t comma = rest.find(',');
    auto value = read_argument(trim(rest.substr(0, comma)));
    if (value) value = fit(*value, info);
    if (!value) {
      Error error = value.error();
      error.where = fmt::format("argument {}", i);
      return tl::unexpected(error);
    }
    event.args[i] = *value;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
    if (trim(rest).empty())
      return fail(Code::Usage, "an argument is empty", fmt::format("argument {}", i + 1));
  }
  return event;
}

}  // namespace stile
