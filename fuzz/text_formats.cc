// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a profile in one of the formats that carry less than stile's own; the first byte says which. What can be read can be written,
// and comes back as what the writer says it carries.
#include <stile/filter.h>
#include <stile/format.h>

#include "check.h"

namespace stile::fuzz::text_formats {

constexpr const char* kFormats[] = {"spo", "systemd", "minijail", "kafel", "firejail", "seccompiler"};

// Files that an input can include: small, and one that includes others.
ReadContext context_of(uint8_t bits) {
  ReadContext context;
  if ((bits & 0x40) != 0) context.arch = "arm64";
  if ((bits & 0x80) != 0) context.thread = "a";
  context.include = [](const std::string& path) -> Result<std::string> {
    if (path.size() % 3 == 0) return fail(Code::Io, "cannot be opened: no such file");
    if (path.size() % 3 == 1) return std::string("read: 1\n");
    return "@include ./" + path.substr(path.find_last_of('/') + 1) + "\n#include \"" + path.substr(path.find_last_of('/') + 1) + "\"\n";
  };
  return context;
}

void run(uint8_t choice, std::string_view text) {
  const Format& format = *find_format(only_format().empty() ? kFormats[(choice & 0x3f) % std::size(kFormats)] : only_format());
  const ReadContext context = context_of(choice);
  std::vector<std::string> warnings, lost;
  const auto profile = format.read(text, "input", context, &warnings);
  for (const std::string& warning : warnings) FUZZ_CHECK(!warning.empty());
  if (!profile) return check_error(profile.error());
  const auto written = format.write(*profile, &lost);
  if (!written) return check_error(written.error());
  ReadContext again = context;
  again.arch = profile->arch;
  again.thread.clear();
  const auto back = format.read(*written, "again", again, nullptr);
  FUZZ_CHECK(back.has_value());
  if (!lost.empty()) return;
  const Profile* const both[] = {&*profile, &*back};
  for (const Event& event : boundary_events(both)) FUZZ_CHECK(decide(*profile, event) == decide(*back, event));
}

}  // namespace stile::fuzz::text_formats

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  stile::fuzz::text_formats::run(data[0], std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}
