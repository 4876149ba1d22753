// SPDX-License-Identifier: Apache-2.0
//
// Puts a program together the way the dynamic linker would: finds the libraries, binds the symbols, applies relocations.
#include <algorithm>
#include <optional>
#include <unordered_set>

#include <elf.h>
#include <fmt/format.h>

#include "analysis/closure.h"
#include "analysis/discover.h"
#include "analysis/program.h"
#include "analysis/symbol_table.h"
#include "runtime/glibc.h"
#include "runtime/musl.h"

namespace stile::analysis {

namespace {

// Libraries get addresses no program uses, far enough apart that no two can touch.
constexpr uint64_t kLibraryBase = uint64_t{1} << 48;
constexpr uint64_t kLibraryStride = uint64_t{1} << 47;
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
  void find_starter();
  void find_initialisers();

 private:
  struct Copy {
    uint32_t object;  // whose relocation it is
    uint64_t to;
    const elf::Symbol* symbol;
  };
  void copy_variables(const SymbolTable& table);
  Object& add(elf::Image image);
  uint64_t address_of(const elf::Symbol& symbol, size_t object) const;
  void unknown_relocation(const Object& object, const elf::Relocation& relocation);

  Program& program_;
  const LoadOptions& options_;
  std::vector<Copy> copies_;
  const Object* told_ = nullptr;  // the object whose unknown relocations were last told
};

Object& ProgramBuilder::add(elf::Image image) {
  Object object(std::move(image));
  object.label = file_label(object.image.path());
  program_.objects.push_back(std::move(object));
  return program_.objects.back();
}

// The files are found elsewhere; here they become objects, in the order in which symbols are looked up.
Result<void> ProgramBuilder::add_objects(elf::Image main) {
  auto closure = find_closure(std::move(main), options_);
  if (!closure) return tl::unexpected(closure.error());
  program_.objects.reserve(closure->files.size());
  for (LoadedFile& file : closure->files) {
    Object& object = add(std::move(file.image));
    object.is_library = file.is_library;
    // musl's is the C library itself, with all that programs call.
    object.is_interpreter = file.is_interpreter && glibc::is_loader(object.image);
    object.all_exports = file.all_exports;
  }
  program_.gaps = std::move(closure->gaps);
  // A shared library given as the program: whoever loads it may call what it exports.
  Object& program = program_.objects[0];
  program.all_exports = !program.image.soname().empty() ||
                        (program.image.interpreter().empty() && program.image.position_independent() && program.image.entry() == 0);
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

uint64_t ProgramBuilder::address_of(const elf::Symbol& symbol, size_t object) const {
  return symbol.section == SHN_ABS ? symbol.value : symbol.value + program_.objects[object].bias;
}

// Old code that was not compiled for sharing has the linker write into its instructions (DT_TEXTREL).
void ProgramBuilder::unknown_relocation(const Object& object, const elf::Relocation& relocation) {
  if (told_ == &object) return;
  told_ = &object;
  Gap gap;
  gap.kind = GapKind::LimitedWork;
  gap.object = object.label;
  gap.address = relocation.address;
  gap.what = fmt::format("the dynamic linker fills in places here by a rule that is not followed (relocation type {})", relocation.type);
  gap.hint = "build it as position-independent code (-fPIC)";
  program_.gaps.push_back(std::move(gap));
}

void ProgramBuilder::bind() {
  const SymbolTable table(program_.objects);
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
            const auto definition = table.find(symbols[relocation.symbol], i);
            if (definition) value = address_of(*definition->symbol, definition->object);
            // Resolvers of functions that nothing binds to are never run.
            if (value && indirect.contains(*value)) program_.resolvers.push_back(*value);
            if (value && relocation.type == R_X86_64_64) *value += static_cast<uint64_t>(relocation.addend);
          }
          break;
        case R_X86_64_COPY:
          if (relocation.symbol < symbols.size()) {
            copies_.push_back({static_cast<uint32_t>(i), relocation.address + object.bias, &symbols[relocation.symbol]});
          }
          break;
        case R_X86_64_NONE:
        case R_X86_64_TPOFF64:
        case R_X86_64_DTPMOD64:
        case R_X86_64_DTPOFF64:
        case R_X86_64_TLSDESC:
        case R_X86_64_SIZE32:
        case R_X86_64_SIZE64:
          break;  // offsets of thread-local variables, and sizes: no address of code
        default: unknown_relocation(object, relocation); break;
      }
      if (!value) continue;
      object.image.write_word(relocation.address, *value);
      const bool imported = relocation.type == R_X86_64_GLOB_DAT || relocation.type == R_X86_64_JUMP_SLOT;
      program_.slots.push_back({relocation.address + object.bias, *value, imported});
    }
  }
  const auto by_address = [](const Program::Slot& a, const Program::Slot& b) { return a.address < b.address; };
  std::sort(program_.slots.begin(), program_.slots.end(), by_address);
  copy_variables(table);
  std::sort(program_.slots.begin(), program_.slots.end(), by_address);
}

// R_X86_64_COPY: the variable lives in the program, and starts as its definition in a library does, pointers included.
void ProgramBuilder::copy_variables(const SymbolTable& table) {
  std::vector<Program::Slot> copied;
  for (const Copy& copy : copies_) {
    const auto source = table.find_to_copy(*copy.symbol, copy.object);
    if (!source) continue;
    const uint64_t start = address_of(*source->symbol, source->object);
    for (auto slot = std::lower_bound(program_.slots.begin(), program_.slots.end(), start,
                                      [](const Program::Slot& s, uint64_t address) { return s.address < address; });
         slot != program_.slots.end() && slot->address - start < source->symbol->size && copied.size() < kMostCopied; ++slot) {
      copied.push_back({copy.to + (slot->address - start), slot->value, false});
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

// Which dynamic linker it is decides what runs before the program's entry point: glibc's runs the initialisers of all libraries
// (elf/dl-init.c; those of the program itself are run by __libc_start_main, csu/libc-start.c), musl's nothing but itself
// (ldso/dynlink.c: __libc_start_init).
void ProgramBuilder::find_starter() {
  const Object& program = program_.objects[0];
  if (program.all_exports) return;
  if (program.image.interpreter().empty()) {
    program_.starter = Program::Starter::Kernel;
    return;
  }
  for (const Object& object : program_.objects) {
    if (object.is_interpreter) program_.starter = Program::Starter::Glibc;
    if (musl::is_library(object.image)) program_.starter = Program::Starter::Musl;
  }
}

void ProgramBuilder::find_initialisers() {
  find_starter();
  const bool known = program_.starter != Program::Starter::Unknown;
  for (size_t i = 0; i < program_.objects.size(); ++i) {
    Object& object = program_.objects[i];
    // What is loaded later is initialised then.
    object.starts_first = program_.starter == Program::Starter::Glibc && i != 0 && !object.all_exports;
    const auto add_initialiser = [&](uint64_t address, bool before, bool after) {
      program_.initialisers.push_back({address + object.bias, before || !known, after || !known});
    };
    const bool linker = object.is_interpreter || (i != 0 && musl::is_library(object.image));
    // That of a library is for who starts it as a command (libc.so.6, libcap.so.2): loading it does not lead there.
    if (object.image.entry() != 0 && (i == 0 || linker || !known)) add_initialiser(object.image.entry(), linker, !linker);
    for (const uint64_t address : object.image.initialiser_functions()) add_initialiser(address, object.starts_first, true);
    for (const elf::Symbol& symbol : object.image.dynamic_symbols()) {
      if (symbol.defined() && musl::is_start_stage(symbol.name)) add_initialiser(symbol.value, true, false);
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
