// SPDX-License-Identifier: Apache-2.0
#include "live/modules.h"

#include <algorithm>

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf/eh_frame.h"
#include "live/system.h"
#include "runtime/go_buildinfo.h"
#include "runtime/go_moduledata.h"

namespace stile::live {

namespace {

constexpr size_t kMostModules = 1000;
constexpr off_t kLargestFile = 1 << 30;

// Read, not mapped: the process may cut its own files short at any time, and a mapping would then bring us
// down.
std::optional<std::vector<uint8_t>> read_file(int tid, const Mapping& mapping) {
  // The process may see other files than we do under the same names.
  for (const std::string& path :
       {fmt::format("/proc/{}/root{}", tid, mapping.path), fmt::format("/proc/{}/exe", tid)}) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_ino != mapping.inode || status.st_size > kLargestFile) {
      continue;
    }
    std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
      if (got <= 0) break;
      done += static_cast<size_t>(got);
    }
    bytes.resize(done);
    if (!bytes.empty()) return bytes;
  }
  return std::nullopt;
}

void find_go(Module& module) {
  elf::Image& image = *module.image;
  const std::vector<uint64_t> candidates = go::Pclntab::candidates(image);
  if (candidates.empty()) return;
  if (image.position_independent()) {
    for (const elf::Relocation& relocation : image.relocations()) {
      if (relocation.type == R_X86_64_RELATIVE)
        image.write_word(relocation.address, static_cast<uint64_t>(relocation.addend));
    }
  }
  // Of several tables (a program may carry others as data) the one that its own moduledata names is the right
  // one.
  for (const uint64_t address : candidates) {
    const auto moduledata = go::find_moduledata(image, address, 0);
    auto table = go::Pclntab::parse(image, address, moduledata ? moduledata->text.start : 0, 0);
    if (!table) continue;
    const bool confirmed = moduledata.has_value();
    if (confirmed || !module.go) module.go = std::move(*table);
    if (confirmed) return;
  }
}

void find_functions(Module& module) {
  const elf::Image& image = *module.image;
  for (const auto* symbols : {&image.symbols(), &image.dynamic_symbols()}) {
    for (const elf::Symbol& symbol : *symbols) {
      if (!symbol.defined() || symbol.name.empty() ||
          (symbol.type != STT_FUNC && symbol.type != STT_GNU_IFUNC))
        continue;
      module.functions.push_back(
          {symbol.value, symbol.value + std::min(symbol.size, UINT64_MAX - symbol.value), symbol.name});
    }
  }
  for (const uint64_t start : elf::unwind_function_starts(image))
    module.functions.push_back({start, start, {}});
  // Of several names of one address the first without underscores: getcwd rather than __getcwd.
  const auto rank = [](const Module::Function& function) {
    return function.name.empty() ? 1000 : std::min<size_t>(function.name.find_first_not_of('_'), 999);
  };
  std::sort(module.functions.begin(), module.functions.end(), [&](const auto& a, const auto& b) {
    if (a.start != b.start) return a.start < b.start;
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    return a.name < b.name;
  });
  const auto same = [](const auto& a, const auto& b) { return a.start == b.start; };
  module.functions.erase(std::unique(module.functions.begin(), module.functions.end(), same),
                         module.functions.end());
}

}  // namespace

std::optional<size_t> Module::go_function(uint64_t address) const {
  if (!go || go->size() == 0 || address < go->entry(0) || address >= go->end(go->size() - 1))
    return std::nullopt;
  const auto& entries = go->entries();
  return static_cast<size_t>(std::upper_bound(entries.begin(), entries.end(), address) - entries.begin()) - 1;
}

Frame Module::frame(uint64_t address) const {
  Frame frame;
  frame.address = address;
  if (const auto function = go_function(address)) {
    frame.function = go->name(*function);
    frame.package = go::package_of(frame.function);
    const go::LineInfo line = go->line(*function, address);
    frame.file = line.file;
    frame.line = line.line;
    return frame;
  }
  frame.package = label;
  const auto after =
      std::upper_bound(functions.begin(), functions.end(), address,
                       [](uint64_t value, const Function& function) { return value < function.start; });
  if (after == functions.begin()) {
    frame.function = fmt::format("sub_{:x}", address);
    return frame;
  }
  const Function& function = *(after - 1);
  const bool named = !function.name.empty() && (function.end == function.start || address < function.end);
  frame.function = named ? std::string(function.name) : fmt::format("sub_{:x}", function.start);
  return frame;
}

const Module* Modules::open(int tid, const Mapping& mapping) {
  auto& slot = modules_[{mapping.path, mapping.inode}];
  if (slot != nullptr) return slot.get();
  slot = std::make_unique<Module>();
  Module& module = *slot;
  module.id = static_cast<uint32_t>(modules_.size());
  module.label = mapping.path.substr(mapping.path.rfind('/') + 1);
  auto bytes = read_file(tid, mapping);
  if (!bytes) return &module;
  auto image = elf::Image::parse(FileBytes(std::move(*bytes)), mapping.path);
  if (!image) return &module;
  module.image = std::move(*image);
  find_go(module);
  find_functions(module);
  return &module;
}

Place Modules::find(int tid, const std::vector<Mapping>& mappings, uint64_t address) {
  for (const Mapping& mapping : mappings) {
    if (address < mapping.start || address >= mapping.end) continue;
    if (mapping.inode == 0 || modules_.size() >= kMostModules) break;
    const Module* module = open(tid, mapping);
    if (!module->image) {
      // Not readable as ELF; the offset in the file still tells its places apart.
      return {module, address - mapping.start + mapping.offset, mapping.start - mapping.offset};
    }
    for (const elf::Segment& segment : module->image->segments()) {
      // Mappings begin at the page that holds the segment's first byte.
      const uint64_t page = segment.file_offset & ~uint64_t{0xfff};
      if (!segment.executable || mapping.offset < page ||
          mapping.offset >= segment.file_offset + segment.file_size)
        continue;
      const uint64_t bias = mapping.start - (segment.address - segment.file_offset + mapping.offset);
      return {module, address - bias, bias};
    }
  }
  return {nullptr, address, 0};
}

}  // namespace stile::live
