// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an entry of the cache of analyses: as a file, and as what stands behind its digest.
#include "analysis/cache_entry.h"

#include "check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  const std::vector<uint8_t> bytes = fuzz::copy(data, size);
  analysis::decode(bytes);
  const auto entry = analysis::decode_contents(bytes);
  if (!entry) return 0;
  // What can be read is what would be read again from what is written of it.
  FUZZ_CHECK(analysis::decode(analysis::seal(bytes)) == entry);
  const std::vector<uint8_t> again = analysis::encode(*entry);
  FUZZ_CHECK(!again.empty() && again.size() <= analysis::kLargestEntry);
  FUZZ_CHECK(analysis::decode(again) == entry);
  return 0;
}
