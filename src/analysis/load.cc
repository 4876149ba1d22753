// SPDX-License-Identifier: Apache-2.0
//
// Puts a program together the way the dynamic linker would: finds the libraries, binds the symbols, applies relocations.
#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <elf.h>
#include <fmt/format.h>

#include "analysis/discover.h"
#include "analysis/libraries.h"
#include "analysis/program.h"
#include "runtime/glibc.h"

namespace stile::analysis {

namespace {

// Libraries get addresses no program uses, far enough apart that no two can touch.
constexpr uint64_t kLibraryBase = uint64_t{1} << 48;
constexpr uint64_t kLibraryStride = uint64_t{1} << 47;
constexpr size_t kMostObjects = 400;
constexpr size_t kMostCopied = 1 << 20;  // pointers in variables that R_X86_64_COPY moves; real programs have some dozens

std::string file_label(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

}  // namespace

// Fills a Program step by step; each step is named in load_program below.
class ProgramBuilder {
 public:
  ProgramBuilder(Program& program, const LoadOptions& options) : program_(program), options_(options) {}

  Result<void> add_objects(elf::Image main);
  void lay_out();
  void bind();
  void find_initialisers();

 private:
  struct Copy {
    uint32_t object;  // whose relocation it is
    uint64_t to;
    const elf::Symbol* symbol;
  };
  void copy_variables();
  Object& add(elf::Image image);
  void missing(const std::string& name, const std::string& wanted_by, const std::string& why);
  // Program address of the definition an import binds to; nothing if nobody defines it.
  std::optional<uint64_t> resolve(const elf::Symbol& wanted, size_t from) const;

  Program& program_;
  const LoadOptions& options_;
  std::vector<Copy> copies_;
  std::unordered_map<std::string_view, std::vector<std::pair<uint32_t, uint32_t>>> exports_;
};

Object& ProgramBuilder::add(elf::Image image) {
  Object object(std::move(image));
  object.label = file_label(object.image.path());
  program_.objects.push_back(std::move(object));
  return program_.objects.back();
}

void ProgramBuilder::missing(const std::string& name, const std::string& wanted_by, const std::string& why) {
  Gap gap;
  gap.kind = GapKind::UnanalysedLibrary;
  gap.object = wanted_by;
  gap.what = fmt::format("the shared library {} was not analysed: {}", name, why);
  gap.hint = "install it, or name the file with --also";
  program_.gaps.push_back(std::move(gap));
}

// Breadth first, as the dynamic linker searches: the program, what --also adds, then each one's needs in order.
Result<void> ProgramBuilder::add_objects(elf::Image main) {
  const bool dynamic = !main.interpreter().empty();
  const std::string interpreter(main.interpreter());
  program_.objects.reserve(kMostObjects + 2);  // names and views point into the images
  Object& program = add(std::move(main));
  // A shared library given as the program: whoever loads it may call what it exports.
  program.all_exports = !program.image.soname().empty() ||
                        (program.image.interpreter().empty() && program.image.position_independent() && program.image.entry() == 0);
  std::unordered_set<std::string> loaded;
  for (const std::string& path : options_.also) {
    auto bytes = FileBytes::open(path);
    if (!bytes) return tl::unexpected(bytes.error());
    auto image = elf::Image::parse(std::move(*bytes), path);
    if (!image) return tl::unexpected(image.error());
    loaded.insert(image->soname().empty() ? file_label(path) : std::string(image->soname()));
    Object& object = add(std::move(*image));
    object.is_library = true;
    object.all_exports = true;
  }
  std::optional<LibrarySearch> search;
  if (options_.libraries) search.emplace();
  const auto load_from = [&](const std::string& path, const std::string& name, const std::string& by) {
    auto bytes = FileBytes::open(path);
    if (!bytes) return missing(name, by, to_line(bytes.error()));
    auto image = elf::Image::parse(std::move(*bytes), path);
    if (!image) return missing(name, by, to_line(image.error()));
    add(std::move(*image)).is_library = true;
  };
  for (size_t i = 0; i < program_.objects.size(); ++i) {
    const std::vector<std::string_view> needed = program_.objects[i].image.needed();
    for (const std::string_view wanted : needed) {
      const std::string name(wanted);
      if (!loaded.insert(name).second) continue;
      const std::string by = program_.objects[i].label;
      if (!options_.libraries) {
        missing(name, by, "libraries are not looked for here");
        continue;
      }
      if (program_.objects.size() >= kMostObjects) {
        missing(name, by, fmt::format("there are more than {} libraries", kMostObjects));
        continue;
      }
      const auto path = search->find(name, program_.objects[i].image, program_.objects[0].image);
      if (!path) {
        missing(name, by, "it is not in the dynamic linker's search path");
        continue;
      }
      load_from(*path, name, by);
    }
  }
  if (dynamic) {
    const std::string name = file_label(interpreter);
    Object* loader = nullptr;
    for (Object& object : program_.objects) {
      if (object.is_library && (object.image.soname() == name || object.label == name)) loader = &object;
    }
    if (loader == nullptr && options_.libraries) {
      const size_t before = program_.objects.size();
      load_from(interpreter, name, program_.objects[0].label);
      if (program_.objects.size() > before) loader = &program_.objects.back();
    } else if (loader == nullptr) {
      missing(name, program_.objects[0].label, "libraries are not looked for here");
    }
    // musl's is the C library itself, with all that programs call.
    if (loader != nullptr) loader->is_interpreter = glibc::is_loader(loader->image);
  }
  return {};
}

void ProgramBuilder::lay_out() {
  for (uint32_t i = 0; i < program_.objects.size(); ++i) {
    Object& object = program_.objects[i];
    // Position-independent code never lies where a null pointer, or one plus a little, would find it.
    const bool fixed = i == 0 && !object.image.position_independent();
    object.bias = fixed ? 0 : kLibraryBase + i * kLibraryStride;
    for (const elf::Segment& segment : object.image.segments()) {
      program_.spans_.push_back({segment.address + object.bias, segment.end() + object.bias, i, segment.executable,
                                 segment.writable});
    }
  }
  std::sort(program_.spans_.begin(), program_.spans_.end(),
            [](const auto& a, const auto& b) { return a.start < b.start; });
  program_.lowest_ = program_.spans_.front().start;
  program_.extent_ = program_.spans_.back().end - program_.lowest_;
}

// The first object that defines the name wins, as with LD_PRELOAD and --also; versions must agree where both say one.
std::optional<uint64_t> ProgramBuilder::resolve(const elf::Symbol& wanted, size_t from) const {
  if (wanted.defined() && wanted.binding == STB_LOCAL) return wanted.value + program_.objects[from].bias;
  const auto it = exports_.find(wanted.name);
  if (it == exports_.end()) {
    if (wanted.defined()) return wanted.value + program_.objects[from].bias;
    return std::nullopt;
  }
  const std::pair<uint32_t, uint32_t>* fallback = nullptr;
  for (const auto& candidate : it->second) {
    const elf::Symbol& symbol = program_.objects[candidate.first].image.dynamic_symbols()[candidate.second];
    const bool agrees = wanted.version.empty() ? !symbol.hidden_version
                                               : symbol.version.empty() || symbol.version == wanted.version;
    if (agrees) return symbol.value + program_.objects[candidate.first].bias;
    if (fallback == nullptr) fallback = &candidate;
  }
  const elf::Symbol& symbol = program_.objects[fallback->first].image.dynamic_symbols()[fallback->second];
  return symbol.value + program_.objects[fallback->first].bias;
}

void ProgramBuilder::bind() {
  for (uint32_t i = 0; i < program_.objects.size(); ++i) {
    const auto& symbols = program_.objects[i].image.dynamic_symbols();
    for (uint32_t k = 0; k < symbols.size(); ++k) {
      if (symbols[k].defined() && symbols[k].binding != STB_LOCAL && !symbols[k].name.empty()) {
        exports_[symbols[k].name].emplace_back(i, k);
      }
    }
  }
  std::unordered_set<uint64_t> indirect;  // addresses of the resolvers that symbols name
  for (const Object& object : program_.objects) {
    for (const elf::Symbol& symbol : object.image.dynamic_symbols()) {
      if (symbol.type != STT_GNU_IFUNC || !symbol.defined()) continue;
      indirect.insert(symbol.value + object.bias);
      if (object.all_exports) program_.resolvers.push_back(symbol.value + object.bias);
    }
  }
  for (size_t i = 0; i < program_.objects.size(); ++i) {
    Object& object = program_.objects[i];
    const auto& symbols = object.image.dynamic_symbols();
    for (const elf::Relocation& relocation : object.image.relocations()) {
      std::optional<uint64_t> value;
      switch (relocation.type) {
        case R_X86_64_RELATIVE: value = object.bias + static_cast<uint64_t>(relocation.addend); break;
        case R_X86_64_IRELATIVE:
          // The slot will hold one of the functions whose address the resolver takes; calls lead there through it.
          value = object.bias + static_cast<uint64_t>(relocation.addend);
          program_.resolvers.push_back(*value);
          break;
        case R_X86_64_64:
        case R_X86_64_GLOB_DAT:
        case R_X86_64_JUMP_SLOT:
          if (relocation.symbol < symbols.size()) {
            value = resolve(symbols[relocation.symbol], i);
            if (value && relocation.type == R_X86_64_64) *value += static_cast<uint64_t>(relocation.addend);
          }
          break;
        default: break;  // thread-local offsets hold no code address
      }
      if (relocation.type == R_X86_64_COPY && relocation.symbol < symbols.size()) {
        copies_.push_back({static_cast<uint32_t>(i), relocation.address + object.bias, &symbols[relocation.symbol]});
      }
      if (!value) continue;
      // Resolvers of functions that nothing binds to are never run.
      if (indirect.contains(*value)) program_.resolvers.push_back(*value);
      object.image.write_word(relocation.address, *value);
      const bool imported = relocation.type == R_X86_64_GLOB_DAT || relocation.type == R_X86_64_JUMP_SLOT;
      program_.slots.push_back({relocation.address + object.bias, *value, imported});
    }
  }
  const auto by_address = [](const Program::Slot& a, const Program::Slot& b) { return a.address < b.address; };
  std::sort(program_.slots.begin(), program_.slots.end(), by_address);
  copy_variables();
  std::sort(program_.slots.begin(), program_.slots.end(), by_address);
}

// R_X86_64_COPY: the variable lives in the program, and starts as its definition in a library does, pointers included.
void ProgramBuilder::copy_variables() {
  std::vector<Program::Slot> copied;
  for (const Copy& copy : copies_) {
    const auto it = exports_.find(copy.symbol->name);
    if (it == exports_.end()) continue;
    for (const auto& [object, index] : it->second) {
      if (object == copy.object) continue;
      const elf::Symbol& source = program_.objects[object].image.dynamic_symbols()[index];
      const uint64_t start = source.value + program_.objects[object].bias;
      for (auto slot = std::lower_bound(program_.slots.begin(), program_.slots.end(), start,
                                        [](const Program::Slot& s, uint64_t address) { return s.address < address; });
           slot != program_.slots.end() && slot->address - start < source.size && copied.size() < kMostCopied; ++slot) {
        copied.push_back({copy.to + (slot->address - start), slot->value, false});
      }
      break;
    }
  }
  if (copied.size() == kMostCopied) {
    Gap gap;
    gap.kind = GapKind::LimitedWork;
    gap.object = program_.objects[0].label;
    gap.what = fmt::format("copies more than {} pointers out of libraries' variables; the others were not looked at", kMostCopied);
    gap.hint = "no linker writes such a file";
    program_.gaps.push_back(std::move(gap));
  }
  program_.slots.insert(program_.slots.end(), copied.begin(), copied.end());
}

void ProgramBuilder::find_initialisers() {
  for (const Object& object : program_.objects) {
    if (object.image.entry() != 0) program_.initialisers.push_back(object.image.entry() + object.bias);
    for (const uint64_t address : object.image.initialiser_functions()) {
      program_.initialisers.push_back(address + object.bias);
    }
  }
}

Result<Program> load_program(elf::Image main, const LoadOptions& options) {
  Program program;
  ProgramBuilder builder(program, options);
  if (auto ok = builder.add_objects(std::move(main)); !ok) return tl::unexpected(ok.error());
  builder.lay_out();
  builder.bind();
  builder.find_initialisers();
  if (auto ok = discover_functions(program); !ok) return tl::unexpected(ok.error());
  program.index_functions();
  return program;
}

}  // namespace stile::analysis
