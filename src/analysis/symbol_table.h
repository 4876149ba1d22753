// SPDX-License-Identifier: Apache-2.0
//
// Which definition a symbol binds to, as the dynamic linker decides it.
//
// Facts: glibc 2.36 elf/dl-lookup.c (check_match, do_lookup_x, _dl_lookup_symbol_x), elf/dl-reloc.c (RESOLVE_MAP), elf/dl-load.c
// (DT_SYMBOLIC). musl 1.2.3 (ldso/dynlink.c, find_sym) decides alike but looks at no version names, which its libraries have none of.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analysis/program.h"

namespace stile::analysis {

class SymbolTable {
 public:
  // The order of `objects` is the search order. They must outlive the table.
  explicit SymbolTable(const std::vector<Object>& objects);

  struct Definition {
    size_t object;
    const elf::Symbol* symbol;
  };
  // For a relocation in object `from` that names `wanted`, one of its dynamic symbols. Nothing: nobody defines it.
  // Where no definition has the version that is wanted, the program would not start; the first of that name is given then, so that
  // nothing is left out should it start after all.
  std::optional<Definition> find(const elf::Symbol& wanted, size_t from) const;
  // What R_X86_64_COPY copies: the first definition outside `from`.
  std::optional<Definition> find_to_copy(const elf::Symbol& wanted, size_t from) const;

 private:
  struct Export {
    uint32_t object;
    uint32_t index;
  };
  const elf::Symbol& symbol_of(const Export& one) const;
  // Of the exports of one object, the one that matches; `end` as for iterators. Null: none does.
  const Export* match(const Export* begin, const Export* end, const elf::Symbol& wanted) const;
  std::optional<Definition> search(const std::vector<Export>& exports, const elf::Symbol& wanted, std::optional<size_t> only,
                                   std::optional<size_t> except) const;

  const std::vector<Object>& objects_;
  std::unordered_map<std::string_view, std::vector<Export>> exports_;  // in search order
};

}  // namespace stile::analysis
