// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a trace. What can be read is written and read back as the same, added to itself, and made into a profile and a table.
#include <stile/trace.h>

#include "check.h"

namespace stile::fuzz::trace_json {

void check_uses(const Trace& trace) {
  Trace twice = trace;
  if (const auto added = merge(twice, trace); !added) {
    check_error(added.error());
  } else {
    FUZZ_CHECK(twice.groups.size() <= trace.groups.size() * 2);
    FUZZ_CHECK(read_trace(write_trace(twice), "twice").has_value());
  }
  for (const bool own : {false, true}) {
    TraceProfileOptions options;
    options.own_calls_only = own;
    const auto profile = trace_profile(trace, options);
    if (!profile) check_error(profile.error());
  }
  const auto table = trace_table(trace, {});
  if (!table) check_error(table.error());
}

}  // namespace stile::fuzz::trace_json

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  const std::string text(reinterpret_cast<const char*>(data), size);
  is_trace(text);
  const auto trace = read_trace(text, "input");
  if (!trace) {
    fuzz::check_error(trace.error());
    return 0;
  }
  const std::string written = write_trace(*trace);
  FUZZ_CHECK(is_trace(written));
  const auto again = read_trace(written, "again");
  FUZZ_CHECK(again.has_value() && *again == *trace);
  fuzz::trace_json::check_uses(*trace);
  return 0;
}
