// SPDX-License-Identifier: Apache-2.0
#include "runtime/go_buildinfo.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <elf.h>

namespace stile::go {

namespace {

constexpr std::string_view kMagic = "\xff Go buildinf:";
constexpr uint64_t kMostText = 4 << 20;  // no real program's module list comes near

// A length as unsigned varint, then so many bytes. Advances `at`.
std::string_view counted(Bytes bytes, uint64_t& at) {
  uint64_t length = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    const auto byte = bytes.read<uint8_t>(at);
    if (!byte) return {};
    ++at;
    length |= static_cast<uint64_t>(*byte & 0x7f) << shift;
    if ((*byte & 0x80) == 0) break;
  }
  if (length > kMostText || !bytes.holds(at, length)) return {};
  const std::string_view text = bytes.text(at, length);
  at += length;
  return text;
}

// A Go string header {pointer, length} at an address.
std::string_view pointed(const elf::Image& image, uint64_t header) {
  const uint64_t data = image.read<uint64_t>(header).value_or(0);
  const uint64_t length = image.read<uint64_t>(header + 8).value_or(0);
  return length <= kMostText ? image.at(data).text(0, length) : std::string_view();
}

Bytes find_header(const elf::Image& image) {
  if (const elf::Section* section = image.section(".go.buildinfo")) {
    const Bytes bytes = image.at(section->address);
    if (bytes.text(0, kMagic.size()) == kMagic) return bytes;
  }
  for (const elf::Segment& segment : image.segments()) {
    if (segment.executable) continue;
    const Bytes bytes = image.at(segment.address);
    if (bytes.empty()) continue;
    uint64_t at = 0;
    while (const void* hit = memmem(bytes.from(at).data(), bytes.from(at).size(), kMagic.data(), kMagic.size())) {
      const uint64_t offset = static_cast<const uint8_t*>(hit) - bytes.data();
      // The linker aligns the header to 16 bytes; other hits are programs that carry the magic as a string.
      if ((segment.address + offset) % 16 == 0 && bytes.holds(offset, 32)) return bytes.from(offset);
      at = offset + 1;
    }
  }
  return {};
}

void read_modules(std::string_view text, BuildInfo& info) {
  // Sixteen bytes of sentinel stand before and after the text.
  if (text.size() < 33) return;
  text = text.substr(16, text.size() - 32);
  while (!text.empty()) {
    const std::string_view row = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), row.size() + 1));
    std::vector<std::string_view> fields;
    for (std::string_view rest = row;;) {
      const size_t tab = rest.find('\t');
      fields.push_back(rest.substr(0, tab));
      if (tab == rest.npos) break;
      rest.remove_prefix(tab + 1);
    }
    if (fields[0] == "mod" && fields.size() >= 3) info.main = {std::string(fields[1]), std::string(fields[2])};
    if (fields[0] == "dep" && fields.size() >= 3) info.dependencies.push_back({std::string(fields[1]), std::string(fields[2])});
    if (fields[0] == "=>" && fields.size() >= 3 && !info.dependencies.empty()) {
      info.dependencies.back().version = "=> " + std::string(fields[1]) + " " + std::string(fields[2]);
    }
    if (fields[0] == "build" && fields.size() >= 2 && fields[1] == "CGO_ENABLED=1") info.cgo = true;
  }
}

}  // namespace

BuildInfo read_build_info(const elf::Image& image) {
  BuildInfo info;
  const Bytes header = find_header(image);
  if (header.empty()) return info;
  const uint8_t pointer_size = header.read_or_zero<uint8_t>(14);
  const uint8_t flags = header.read_or_zero<uint8_t>(15);
  std::string_view modules;
  if ((flags & 2) != 0) {  // Go 1.18 on: the strings follow the 32-byte header
    uint64_t at = 32;
    info.go_version = counted(header, at);
    modules = counted(header, at);
  } else if (pointer_size == 8) {
    info.go_version = pointed(image, header.read_or_zero<uint64_t>(16));
    modules = pointed(image, header.read_or_zero<uint64_t>(24));
  }
  read_modules(modules, info);
  return info;
}

std::string read_build_id(const elf::Image& image) {
  // The note lies near the start of the file (cmd/internal/buildid reads the first 32 KiB for it).
  const Bytes head = image.file().part(0, std::min<uint64_t>(image.file_size(), 32768));
  for (uint64_t at = 0; head.holds(at, 16); at += 4) {
    if (head.read_or_zero<uint32_t>(at) != 4 || head.read_or_zero<uint32_t>(at + 8) != 4) continue;
    if (head.text(at + 12, 4) != std::string_view("Go\0\0", 4)) continue;
    const uint32_t size = head.read_or_zero<uint32_t>(at + 4);
    if (size <= 256) return std::string(head.text(at + 16, size));
  }
  return {};
}

std::string package_of(std::string_view symbol) {
  // Type arguments and receivers may hold slashes and dots of their own: the path ends before either.
  const size_t bracket = symbol.find_first_of("[(");
  const std::string_view head = symbol.substr(0, bracket);
  const size_t slash = head.rfind('/');
  const size_t dot = head.find('.', slash == head.npos ? 0 : slash);
  if (dot == head.npos) return {};
  std::string package;
  for (size_t i = 0; i < dot; ++i) {
    unsigned value = 0;
    if (head[i] == '%' && i + 2 < dot &&
        std::from_chars(head.data() + i + 1, head.data() + i + 3, value, 16).ptr == head.data() + i + 3) {
      package += static_cast<char>(value);
      i += 2;
    } else {
      package += head[i];
    }
  }
  return package;
}

const Module* module_of(const BuildInfo& info, std::string_view package) {
  const auto covers = [&](const Module& module) {
    return !module.path.empty() && package.starts_with(module.path) &&
           (package.size() == module.path.size() || package[module.path.size()] == '/');
  };
  const Module* best = nullptr;
  if (package == "main" || covers(info.main)) best = &info.main;
  for (const Module& module : info.dependencies) {
    if (covers(module) && (best == nullptr || module.path.size() > best->path.size())) best = &module;
  }
  return best != nullptr && !best->path.empty() ? best : nullptr;
}

bool is_standard_library(std::string_view package) {
  if (package.empty() || package == "main") return false;
  return package.substr(0, package.find('/')).find('.') == package.npos;
}

}  // namespace stile::go
