// SPDX-License-Identifier: Apache-2.0
//
// Any two texts as profiles, with a zero byte between them: linted, edited, compared and merged. What is said
// of them has to hold.
#include <stile/diff.h>
#include <stile/edit.h>
#include <stile/filter.h>
#include <stile/format.h>
#include <stile/lint.h>

#include "check.h"

namespace stile::fuzz::policies {

std::optional<Profile> read_one(const std::string& text) {
  const Format* format = recognise_format(text);
  if (format == nullptr || format->read == nullptr) return std::nullopt;
  LintInput input;
  input.format = format->name;
  auto profile = format->read(text, "input", {}, &input.warnings);
  if (!profile) {
    check_error(profile.error());
    return std::nullopt;
  }
  input.profile = &*profile;
  if (!format->binary) input.text = text;
  if (const auto findings = lint(input)) {
    for (const Finding& one : *findings) FUZZ_CHECK(!one.message.empty() && !one.check.empty());
  } else {
    check_error(findings.error());
  }

  FUZZ_CHECK(*edit_text(*format, text, "input", {}, {}) == text);
  Edits edits;
  edits.allow = {"read"};
  edits.drop = {"mount", "@clock"};
  edits.set = {{"socket", errno_action(13), arg32(0) == 1}, {"socket", allow_action(), arg(0) <= 2}};
  const auto edited = edit_text(*format, text, "input", edits, {});
  if (!edited) {
    check_error(edited.error());
  } else if (format->name == "oci") {
    const auto after = format->read(*edited, "edited", {}, nullptr);
    FUZZ_CHECK(after.has_value());
    const auto answer = [&](const char* call) { return decide(*after, *parse_event(call)); };
    FUZZ_CHECK(answer("read") == allow_action());
    FUZZ_CHECK(latitude(answer("mount").kind) < 3);
    FUZZ_CHECK(answer("socket(1)") == errno_action(13));
    FUZZ_CHECK(answer("socket(2)") == allow_action());
  }
  return std::move(*profile);
}

void compare(const Profile& a, const Profile& b) {
  const auto there = diff(a, b), back = diff(b, a);
  FUZZ_CHECK(there.has_value() == back.has_value());
  if (!there) return check_error(there.error());
  FUZZ_CHECK(there->wider == back->narrower && there->narrower == back->wider);
  FUZZ_CHECK(there->calls.size() == back->calls.size());
  const Profile both[] = {a, b};
  if (const auto wide = merge(both, Merge::Union)) {
    const auto more = diff(a, *wide);
    FUZZ_CHECK(!more || !more->narrower);
  }
  if (const auto narrow = merge(both, Merge::Intersection)) {
    const auto less = diff(b, *narrow);
    FUZZ_CHECK(!less || !less->wider);
  }
}

}  // namespace stile::fuzz::policies

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stile::fuzz;
  const std::string all(reinterpret_cast<const char*>(data), size);
  const size_t zero = all.find('\0');
  const auto a = policies::read_one(all.substr(0, zero));
  if (!a || zero == std::string::npos) return 0;
  const auto b = policies::read_one(all.substr(zero + 1));
  if (b) policies::compare(*a, *b);
  return 0;
}
