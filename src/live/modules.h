// SPDX-License-Identifier: Apache-2.0
//
// The files whose code a process runs, read when something in them has to be named.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <stile/profile.h>

#include "elf/image.h"
#include "live/tracee.h"
#include "runtime/go_pclntab.h"

namespace stile::live {

struct Module {
  uint32_t id = 0;    // distinct for each file
  std::string label;  // file name without its directory
  std::optional<elf::Image> image;
  std::optional<go::Pclntab> go;
  struct Function {
    uint64_t start;
    uint64_t end;           // start where the symbol says no size
    std::string_view name;  // empty: known from unwind tables alone
  };
  std::vector<Function> functions;  // sorted, without Go's

  // The function of Go's table that holds an address of the file.
  std::optional<size_t> go_function(uint64_t address) const;
  // Names the instruction at an address of the file. Always gives a frame.
  Frame frame(uint64_t address) const;
};

// Where an instruction of a process lies.
struct Place {
  const Module* module = nullptr;  // null: in no file, or one that cannot be read
  uint64_t address = 0;            // in the file; in memory without a module
  uint64_t bias = 0;               // address in memory minus the former
};

class Modules {
 public:
  // The instruction at `address` of a process, given its mappings.
  Place find(int tid, const std::vector<Mapping>& mappings, uint64_t address);

 private:
  const Module* open(int tid, const Mapping& mapping);

  // By path and inode: a file that was replaced is another one.
  std::map<std::pair<std::string, uint64_t>, std::unique_ptr<Module>> modules_;
};

}  // namespace stile::live
