// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a profile file. What can be read can be written, and reads back as the same.
#include <stile/format.h>

#include "check.h"

namespace stile::fuzz::profile_formats {

void round_trip(const Format& format, std::string_view text) {
  const auto profile = format.read(text, "input");
  if (!profile) return check_error(profile.error());
  const auto written = format.write(*profile);
  FUZZ_CHECK(written.has_value());
  const auto again = format.read(*written, "again");
  FUZZ_CHECK(again.has_value());
  if (format.name == "oci") {
    // The format has no place for where a rule came from, and the default action takes in what equals it (a clone3 that
    // does is then as good as never named); so what must not change is what is written.
    const auto clone3 = profile->rules.find("clone3");
    if (clone3 != profile->rules.end() && clone3->second.action == profile->otherwise) return;
    const auto twice = format.write(*again);
    FUZZ_CHECK(twice.has_value() && *twice == *written);
  } else {
    FUZZ_CHECK(*again == *profile);
  }
}

}  // namespace stile::fuzz::profile_formats

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const Format* format : formats()) {
    if (format->read != nullptr) fuzz::profile_formats::round_trip(*format, text);
  }
  return 0;
}
