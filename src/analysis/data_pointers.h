// SPDX-License-Identifier: Apache-2.0
//
// One pass over all data: which words hold addresses of code, and which hold addresses of variables.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/program.h"

namespace stile::analysis {

struct DataPointer {
  uint64_t address;  // of the word
  uint64_t value;
};

struct DataPointers {
  std::vector<FunctionId> code;        // functions that words of files with a fixed address hand out, in their order
  std::vector<DataPointer> variables;  // words that hold an address in writable memory; sorted by value
};

// `threads` as AnalyzeOptions::threads. Position-independent files are looked at by their relocated words alone (see
// DataLiveness for those that hold functions), all others word by word.
DataPointers collect_data_pointers(const Program& program, unsigned threads);

}  // namespace stile::analysis
