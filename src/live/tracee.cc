// SPDX-License-Identifier: Apache-2.0
#include "live/tracee.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>
#include <sys/uio.h>

#include "live/system.h"

namespace stile::live {

namespace {

constexpr size_t kPage = 4096;  // the smallest there is; only used to cut requests where a mapping may end

uint64_t number(std::string_view text, int base) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// Up to the next separator, which is taken too.
std::string_view next(std::string_view& rest, char separator) {
  const size_t at = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

std::string_view field(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = next(text, '\n');
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    const size_t at = line.find_first_not_of(" \t");
    return at == line.npos ? std::string_view() : line.substr(at);
  }
  return {};
}

}  // namespace

std::string read_memory(int tid, uint64_t address, size_t length) {
  std::string bytes(length, '\0');
  size_t done = 0;
  // process_vm_readv gives what it could read up to the first piece it cannot: one piece a page.
  while (done < length) {
    iovec pieces[16];
    size_t count = 0, asked = 0;
    while (count < 16 && done + asked < length) {
      const uint64_t at = address + done + asked;
      if (at < address) break;  // wraps around
      const size_t piece = std::min<size_t>(kPage - at % kPage, length - done - asked);
      pieces[count++] = {reinterpret_cast<void*>(at), piece};
      asked += piece;
    }
    if (count == 0) break;
    iovec local{bytes.data() + done, asked};
    const ssize_t got = ::process_vm_readv(tid, &local, 1, pieces, count, 0);
    if (got <= 0) break;
    done += static_cast<size_t>(got);
    if (static_cast<size_t>(got) < asked) break;
  }
  bytes.resize(done);
  return bytes;
}

std::optional<std::string> read_string(int tid, uint64_t address, size_t most, bool* cut) {
  std::string bytes = read_memory(tid, address, most);
  if (bytes.empty()) return std::nullopt;
  const size_t nul = bytes.find('\0');
  *cut = nul == std::string::npos;
  if (nul != std::string::npos) bytes.resize(nul);
  return bytes;
}

std::optional<WaitingAt> waiting_at(int tid) {
  const std::string path = fmt::format("/proc/{}/syscall", tid);
  for (int tries = 0; tries < 20; ++tries) {
    const std::string text = read_small_file(path, 512);
    if (text.empty()) return std::nullopt;
    if (text.starts_with("running")) continue;  // it is just going to sleep
    const size_t last = text.find_last_of(' ');
    if (last == std::string::npos || last == 0) return std::nullopt;
    const size_t before = text.find_last_of(' ', last - 1);
    if (before == std::string::npos) return std::nullopt;
    const std::string_view view = text;
    const auto hex = [](std::string_view word) {
      return number(word.starts_with("0x") ? word.substr(2) : word, 16);
    };
    return WaitingAt{hex(view.substr(before + 1, last - before - 1)), hex(view.substr(last + 1))};
  }
  return std::nullopt;
}

std::vector<Mapping> executable_mappings(int tid) {
  std::vector<Mapping> found;
  const std::string text = read_small_file(fmt::format("/proc/{}/maps", tid), 4 << 20);
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = next(rest, '\n');
    Mapping mapping;
    mapping.start = number(next(line, '-'), 16);
    mapping.end = number(next(line, ' '), 16);
    mapping.executable = next(line, ' ').find('x') != std::string_view::npos;
    if (!mapping.executable) continue;
    mapping.offset = number(next(line, ' '), 16);
    next(line, ' ');  // device
    mapping.inode = number(next(line, ' '), 10);
    const size_t at = line.find_first_not_of(' ');
    if (at != line.npos) mapping.path = line.substr(at);
    found.push_back(std::move(mapping));
  }
  return found;
}

std::optional<ThreadStatus> thread_status(int tid) {
  const std::string text = read_small_file(fmt::format("/proc/{}/status", tid));
  if (text.empty()) return std::nullopt;
  ThreadStatus status;
  status.name = field(text, "Name:");
  status.tgid = static_cast<int>(number(field(text, "Tgid:"), 10));
  status.threads = static_cast<int>(number(field(text, "Threads:"), 10));
  status.blocked = number(field(text, "SigBlk:"), 16);
  status.ignored = number(field(text, "SigIgn:"), 16);
  status.caught = number(field(text, "SigCgt:"), 16);
  return status;
}

}  // namespace stile::live
