// SPDX-License-Identifier: Apache-2.0
//
// Everything that will run in one process, laid out in one address space: the program and the libraries it needs, with
// relocations applied and symbols bound as the dynamic linker would. After this, no pass knows about files.
//
// Addresses below are program addresses: those of a file that is not position-independent unchanged, all others shifted by
// the object's bias.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <stile/profile.h>
#include <stile/result.h>

#include "base/root.h"
#include "elf/image.h"
#include "runtime/go_buildinfo.h"
#include "runtime/go_moduledata.h"
#include "runtime/go_pclntab.h"

namespace stile::analysis {

using FunctionId = uint32_t;
constexpr FunctionId kNoFunction = UINT32_MAX;

// What is known of the part of a file that Go's linker wrote.
struct GoPart {
  go::Pclntab functions;
  std::optional<go::Moduledata> moduledata;
};

struct Object {
  explicit Object(elf::Image parsed) : image(std::move(parsed)) {}
  elf::Image image;
  uint64_t bias = 0;
  bool is_interpreter = false;    // glibc's dynamic linker
  bool starts_first = false;      // its initialisers run before the program's entry point, and not after
  bool is_library = false;        // reached through DT_NEEDED or --also, not the program itself
  bool all_exports = false;       // --also: anything it exports may be called by code that is not here
  std::optional<GoPart> go;
  go::BuildInfo build;
  std::vector<uint64_t> unwind_ends;  // addresses in the file where functions end that have an unwind entry; sorted
  std::string label;              // file name without directory
};

struct Function {
  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t object = 0;
  uint32_t name = UINT32_MAX;  // Go: index in its function table; else index into Program::names; UINT32_MAX: none
  bool is_go = false;
  bool opens_range = false;  // begins where executable memory does; nothing says what it is
};

class Program {
 public:
  std::vector<Object> objects;  // [0] is the program itself

  std::vector<Function> functions;  // sorted by start, not overlapping
  std::vector<std::string_view> names;

  // The function that starts at, or holds, an address; kNoFunction if none.
  FunctionId function_at(uint64_t address) const;
  FunctionId function_holding(uint64_t address) const;
  // Whether the unwind tables let a function end at an address. A call right before it never returns: compilers put something
  // behind a call that does.
  bool ends_at(const Function& function, uint64_t address) const;
  // Must be called once `functions` is complete.
  void index_functions();

  // How the process comes to the program's entry point.
  enum class Starter : uint8_t { Kernel, Glibc, Musl, Unknown };
  Starter starter = Starter::Unknown;

  const Object* object_of(uint64_t address) const;
  bool executable(uint64_t address) const;
  bool writable(uint64_t address) const;  // while the program runs; RELRO parts count as writable
  bool mapped(uint64_t address) const;
  // A quick no for values that are no address in the program.
  bool maybe_mapped(uint64_t value) const { return value - lowest_ < extent_; }
  // All of that in one look.
  struct Place {
    bool mapped = false, executable = false, writable = false;
    Bytes bytes;  // file-backed, to the end of the segment
  };
  Place place_of(uint64_t address) const;
  // After a pass over all code, or all data: see elf::Image::release.
  void release_code() const;
  void release_data() const;
  Bytes at(uint64_t address) const;       // file-backed bytes to the end of the segment
  Bytes code(const Function& function) const;
  template <typename T>
  std::optional<T> read(uint64_t address) const {
    const Object* object = object_of(address);
    return object == nullptr ? std::nullopt : object->image.read<T>(address - object->bias);
  }

  std::string name_of(FunctionId id) const;      // never empty: sub_<address> at worst
  std::string package_of(FunctionId id) const;   // Go import path, or the file's label for C code
  std::string module_label(FunctionId id) const; // "path@version", "std", "" if unknown
  go::LineInfo line_of(uint64_t address) const;

  // Slots filled by the dynamic linker with the address of a function or variable, for pointer scans and GOT calls.
  struct Slot {
    uint64_t address;
    uint64_t value;
    bool imported;  // a GOT entry: read only by code that names it, so not a pointer that stands in data
  };
  std::vector<Slot> slots;                 // relocated words, sorted by address
  std::map<uint64_t, std::vector<uint64_t>> itabs;  // Go interface tables: address -> code of the methods
  std::vector<uint64_t> resolvers;         // IFUNC resolvers: run by the dynamic linker
  // Where control enters from outside: entry points, DT_INIT and DT_FINI. Both flags: nobody knows when.
  struct Initialiser {
    uint64_t address;
    bool before_entry;  // runs before the program's own entry point
    bool after_entry;   // runs from there on
  };
  std::vector<Initialiser> initialisers;
  std::vector<Gap> gaps;                   // libraries that were not found, symbols nobody defines

 private:
  struct Span {
    uint64_t start, end;
    uint32_t object;
    bool executable, writable;
  };
  friend class ProgramBuilder;
  const Span* span_of(uint64_t address) const;
  std::vector<Span> spans_;  // sorted
  uint64_t lowest_ = 0, extent_ = 0;  // of all spans
  // Direct-mapped lookup: for each 64 bytes of an executable span, the first function that ends behind its start.
  struct Index {
    uint64_t start, end;
    std::vector<uint32_t> first;
  };
  std::vector<Index> index_;
};

struct LoadOptions {
  std::vector<std::string> also;       // paths as for the program: see locate() in closure.h
  std::vector<std::string> later;      // names of libraries that are loaded at run time, if they are there
  bool libraries = true;               // look for DT_NEEDED and the interpreter
  Root root;                           // where every path is looked up
  Root machine;                        // this machine's own tree, for what somebody named that lies outside
  std::optional<std::string> program;  // the program's own path in there; nothing if it lies outside
};

// Loads the program at the heart of `main` with everything it needs.
Result<Program> load_program(elf::Image main, const LoadOptions& options);

}  // namespace stile::analysis
