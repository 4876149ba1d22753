// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a profile file in a format that carries all decisions (text_formats.cc has the others). What can be read can be written, and reads
// back as the same, or decides the same.
#include <stile/filter.h>
#include <stile/format.h>

#include "check.h"

namespace stile::fuzz::profile_formats {

// What the last byte of an input says about the machine it is read for.
ReadContext context_of(std::string_view text) {
  ReadContext context;
  const unsigned bits = text.empty() ? 0 : static_cast<unsigned char>(text.back());
  if ((bits & 1) != 0) context.capabilities = {"CAP_SYS_ADMIN", "CAP_AUDIT_WRITE"};
  if ((bits & 2) != 0) context.kernel = "4.7";
  if ((bits & 4) != 0) context.arch = "s390x";
  return context;
}

void round_trip(const Format& format, std::string_view text) {
  const ReadContext context = context_of(text);
  std::vector<std::string> warnings, lost;
  const auto profile = format.read(text, "input", context, &warnings);
  for (const std::string& warning : warnings) FUZZ_CHECK(!warning.empty());
  if (!profile) return check_error(profile.error());
  const auto written = format.write(*profile, &lost);
  if (format.binary && !written) return check_error(written.error());  // more instructions than the kernel takes
  FUZZ_CHECK(written.has_value());
  const auto again = format.read(*written, "again", context, nullptr);
  FUZZ_CHECK(again.has_value());
  if (format.name == "stile") {
    FUZZ_CHECK(*again == *profile);
    return;
  }
  // Where a rule came from has no place in it; and a widened rule is written as what it has become.
  if (!lost.empty()) return;
  const Profile* const both[] = {&*profile, &*again};
  for (const Event& event : boundary_events(both)) {
    FUZZ_CHECK(decide(*profile, event) == decide(*again, event));
  }
}

}  // namespace stile::fuzz::profile_formats

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile;
  const std::string text(reinterpret_cast<const char*>(data), size);
  recognise_format(text);
  for (const std::string_view name : {"oci", "docker", "podman", "stile", "bpf"}) {
    if (fuzz::only_format().empty() || name == fuzz::only_format()) fuzz::profile_formats::round_trip(*find_format(name), text);
  }
  return 0;
}
