// SPDX-License-Identifier: Apache-2.0
//
// The program itself, eight bytes an instruction in host byte order: what bubblewrap --seccomp and crun's
// annotation run.oci.seccomp_bpf_data take. All of a profile's decisions are in it; path rules are not, they
// are no part of a filter.
#include <fmt/format.h>

#include <stile/filter.h>
#include <stile/format.h>

namespace stile {
namespace {

Result<std::string> write(const Profile& profile, std::vector<std::string>* lost) {
  auto program = compile(profile);
  if (!program) return tl::unexpected(program.error());
  if (lost != nullptr && !profile.paths.empty()) {
    lost->push_back(fmt::format("{} path rule{}: no filter can look at a path", profile.paths.size(),
                                profile.paths.size() == 1 ? "" : "s"));
  }
  return to_bytes(*program);
}

// The rules that the program embodies: see lift() in filter.h for what it cannot take apart.
Result<Profile> read(std::string_view text, const std::string& where, const ReadContext&,
                     std::vector<std::string>*) {
  auto profile = from_bytes(text).and_then([](const Program& program) { return lift(program); });
  if (profile) return profile;
  Error error = profile.error();
  error.where = error.where.empty() ? where : where + ": " + error.where;
  return tl::unexpected(std::move(error));
}

}  // namespace

extern const Format kBpfFormat = {"bpf", "the filter program itself, raw, as bubblewrap takes it", true,
                                  write, read};

}  // namespace stile
