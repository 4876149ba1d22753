// SPDX-License-Identifier: Apache-2.0
#include "analysis/gaps.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "runtime/glibc.h"

namespace stile::analysis {

namespace {

struct Words {
  GapKind kind;
  const char* what;
  const char* hint;
};

constexpr size_t kMostListed = 2000;  // unknown numbers, one by one; no real program has as many

constexpr const char* kTraceHint = "run the program's work under strace -f and add what it shows with --allow";

Words words_of(Doubt doubt) {
  switch (doubt) {
    case Doubt::Computed:
      return {GapKind::UnknownNumber, "a system call number is computed in a way that is not followed", kTraceHint};
    case Doubt::CallResult:
      return {GapKind::UnknownNumber, "a system call number is the result of a function call", kTraceHint};
    case Doubt::Memory:
      return {GapKind::UnknownNumber, "a system call number is read from memory whose writers cannot all be seen", kTraceHint};
    case Doubt::Table:
      return {GapKind::UnknownNumber, "a system call number is read from a table at a computed index", kTraceHint};
    case Doubt::UnknownEntry:
      return {GapKind::UnknownNumber, "a system call number may come from code that jumps here in a way that is not followed",
              kTraceHint};
    case Doubt::IndirectCallers:
      return {GapKind::EscapedWrapper,
              "takes a system call number as a parameter and is called through a pointer, an interface or from outside",
              "if the callers are known, add their system calls with --allow"};
    case Doubt::NoCaller:
      return {GapKind::EscapedWrapper, "takes a system call number as a parameter and no caller was found",
              "if something calls it, add its system calls with --allow"};
    case Doubt::Budget:
      return {GapKind::LimitedWork, "finding a system call number took more work than is allowed", kTraceHint};
  }
  return {GapKind::UnknownNumber, "", ""};
}

class GapFinder {
 public:
  GapFinder(const Program& program, const References& references, const Reach& reach, const Numbers& numbers,
            const std::vector<Found>& generated)
      : program_(program), references_(references), reach_(reach), numbers_(numbers), generated_(generated) {}

  std::vector<Gap> find() {
    unknown_numbers();
    unnamed_numbers();
    exec();
    dynamic_loading();
    modules_of_libc();
    self_modifying();
    generated_code();
    gaps_.insert(gaps_.end(), program_.gaps.begin(), program_.gaps.end());
    const auto key = [](const Gap& gap) {
      return std::tie(gap.kind, gap.object, gap.address, gap.function, gap.what);
    };
    std::sort(gaps_.begin(), gaps_.end(), [&](const Gap& a, const Gap& b) { return key(a) < key(b); });
    gaps_.erase(std::unique(gaps_.begin(), gaps_.end()), gaps_.end());
    return std::move(gaps_);
  }

 private:
  Gap at(GapKind kind, FunctionId function, uint64_t address, std::string what, std::string hint) const {
    Gap gap;
    gap.kind = kind;
    const Object& object = program_.objects[program_.functions[function].object];
    gap.function = program_.name_of(function);
    gap.object = object.label;
    gap.address = address - object.bias;
    const go::LineInfo line = program_.line_of(address);
    gap.file = std::string(line.file);
    gap.line = line.line;
    gap.what = std::move(what);
    gap.hint = std::move(hint);
    return gap;
  }

  void unknown_numbers() {
    std::map<Doubt, std::pair<Unknown, size_t>> rest;
    for (const Unknown& unknown : numbers_.unknown) {
      const Words words = words_of(unknown.doubt);
      if (gaps_.size() >= kMostListed) {
        ++rest.try_emplace(unknown.doubt, unknown, 0).first->second.second;
        continue;
      }
      // The doubt may lie in a caller; the place says where.
      const FunctionId holder = program_.function_holding(unknown.address);
      gaps_.push_back(at(words.kind, holder == kNoFunction ? unknown.function : holder, unknown.address, words.what, words.hint));
    }
    for (const auto& [doubt, further] : rest) {
      const Words words = words_of(doubt);
      const auto& [first, count] = further;
      gaps_.push_back(at(words.kind, first.function, first.address,
                         fmt::format("{} (here and in {} more places that are not listed)", words.what, count - 1), words.hint));
    }
  }

  void unnamed_numbers() {
    for (const auto& [key, requests] : numbers_.calls) {
      if (arch::syscall_name(key.arch, key.number) || key.number == UINT32_MAX) continue;  // -1 is no call at all
      const Found& found = requests.front().found;
      gaps_.push_back(at(GapKind::UnnamedNumber, found.function, found.address,
                         fmt::format("asks for system call number {}, which no kernel known to this version has", key.number),
                         "it cannot stand in a profile by name; a newer stile may know it"));
    }
  }

  void exec() {
    for (const auto& [key, requests] : numbers_.calls) {
      const auto name = arch::syscall_name(key.arch, key.number);
      if (!name || (*name != "execve" && *name != "execveat")) continue;
      // The dynamic linker execs only when it is itself run as a command (glibc: rtld_chain_load).
      const auto by_program = std::find_if(requests.begin(), requests.end(), [&](const Request& request) {
        return !program_.objects[program_.functions[request.found.function].object].is_interpreter;
      });
      if (by_program == requests.end()) continue;
      const Found& found = by_program->found;
      gaps_.push_back(at(GapKind::ExecInherits, found.function, found.address,
                         "can execute other programs, and they inherit the filter",
                         "profile those programs too and allow what they need, or --drop execve,execveat if it never does"));
      return;
    }
  }

  // Go's plugin package, or dlopen by whatever name a symbol table gives it.
  void dynamic_loading() {
    const auto loads_code = [](std::string_view name) {
      return name == "plugin.open" || name == "dlopen" || name == "__dlopen" || name == "dlmopen" || name == "dlsym" ||
             name == "dlvsym" || name == "__libc_dlopen_mode";
    };
    std::set<uint32_t> told;  // one gap a file says it
    for (FunctionId id = 0; id < program_.functions.size(); ++id) {
      const Function& function = program_.functions[id];
      if (!reach_.liveness.reachable[id] || program_.objects[function.object].is_interpreter) continue;
      std::string_view name;
      if (function.is_go) {
        name = program_.objects[function.object].go->functions.name(function.name);
      } else if (function.name < program_.names.size()) {
        name = program_.names[function.name];
      }
      if (!loads_code(name) || !told.insert(function.object).second) continue;
      gaps_.push_back(at(GapKind::DynamicLoading, id, function.start, "can load further code, or look functions up by name, while it runs (libraries that its code names were analysed)",
                         "name each other library or plugin it may load with --also FILE"));
    }
  }

  // glibc loads name service modules and character set converters by configuration, through a function that no symbol of a
  // stripped library names. The names it builds tell: a reachable function that holds one of them. Where the library is
  // recognised, the modules that the configuration names were analysed (see later_libraries.h).
  void modules_of_libc() {
    struct Loader {
      std::string_view text;
      const char* what;
      const char* hint;
    };
    constexpr Loader kLoaders[] = {
        {std::string_view("libnss_", 7), "can load name service modules (libnss_*.so), as /etc/nsswitch.conf says",
         "if it names services other than files and dns, give their modules with --also"},
        {std::string_view("gconv-modules.cache", 20), "can load character set converters (gconv)",
         "if it converts anything but UTF-8 and ASCII, give the modules in the gconv directory with --also"},
    };
    std::vector<bool> foreign(program_.objects.size());  // has code that is not Go's
    for (const Function& function : program_.functions) {
      if (!function.is_go && !function.opens_range) foreign[function.object] = true;
    }
    for (size_t i = 0; i < program_.objects.size(); ++i) {
      const Object& object = program_.objects[i];
      if (object.is_interpreter || !foreign[i]) continue;
      for (const Loader& loader : kLoaders) {
        if (&loader == &kLoaders[0] && glibc::is_library(object.image)) continue;
        for (const elf::Segment& segment : object.image.segments()) {
          const Bytes bytes = object.image.at(segment.address);
          const void* found = segment.executable ? nullptr : memmem(bytes.data(), bytes.size(), loader.text.data(), loader.text.size());
          if (found == nullptr) continue;
          const uint64_t text = segment.address + static_cast<uint64_t>(static_cast<const uint8_t*>(found) - bytes.data());
          const uint64_t user = user_of(object, text + object.bias);
          if (user != 0) gaps_.push_back(at(GapKind::DynamicLoading, program_.function_holding(user), user, loader.what, loader.hint));
          break;
        }
      }
    }
  }

  // An instruction in a reachable function outside Go's code that names an address, or the bytes right before it (a string
  // may be the tail of a longer one); 0 if there is none.
  uint64_t user_of(const Object& object, uint64_t address) const {
    constexpr uint64_t kLead = 48;  // "/usr/lib/x86_64-linux-gnu/gconv/" stands before the file's name
    for (const elf::Segment& segment : object.image.segments()) {
      if (!segment.executable) continue;
      const Bytes bytes = object.image.at(segment.address);
      const uint64_t base = segment.address + object.bias;
      for (uint64_t at = 0; bytes.holds(at, 4); ++at) {
        const auto value = static_cast<uint64_t>(static_cast<int64_t>(load<int32_t>(bytes.data() + at)));
        const bool relative = address - (base + at + 4 + value) <= kLead;
        const bool absolute = !object.image.position_independent() && address - value <= kLead;
        if (!relative && !absolute) continue;
        const FunctionId function = program_.function_holding(base + at);
        if (function != kNoFunction && reach_.liveness.reachable[function] && !program_.functions[function].is_go) return base + at;
      }
    }
    return 0;
  }

  void self_modifying() {
    for (const Object& object : program_.objects) {
      for (const elf::Segment& segment : object.image.segments()) {
        if (!segment.writable || !segment.executable) continue;
        Gap gap;
        gap.kind = GapKind::SelfModifying;
        gap.object = object.label;
        gap.address = segment.address;
        gap.what = "has memory that is both writable and executable: code may change while it runs";
        gap.hint = "link it without -z execstack, -N or the like; if it makes code on purpose, add that code's calls with --allow";
        gaps_.push_back(std::move(gap));
      }
    }
  }

  // One a file says it.
  void generated_code() {
    std::set<uint32_t> told;
    for (const Found& place : generated_) {
      if (!told.insert(program_.functions[place.function].object).second) continue;
      gaps_.push_back(at(GapKind::GeneratedCode, place.function, place.address, "makes memory executable while it runs: the code written there is not in any file",
                         "generated code rarely enters the kernel by itself; if it does, add its calls with --allow"));
    }
  }

  const Program& program_;
  const References& references_;
  const Reach& reach_;
  const Numbers& numbers_;
  const std::vector<Found>& generated_;
  std::vector<Gap> gaps_;
};

}  // namespace

std::vector<Gap> find_gaps(const Program& program, const References& references, const Reach& reach, const Numbers& numbers,
                          const std::vector<Found>& generated) {
  return GapFinder(program, references, reach, numbers, generated).find();
}

}  // namespace stile::analysis
