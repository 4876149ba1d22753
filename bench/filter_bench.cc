// SPDX-License-Identifier: Apache-2.0
//
// Docker's default profile, compiled by us and by libseccomp: how long that takes, how many instructions it
// makes, and how many of them an argument-checked call runs through. Arguments: 1 = x86_64 alone, 3 = x86_64,
// x32 and i386.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include <stile/filter.h>
#include <stile/format.h>

#include "../tests/unit/libseccomp_policy.h"

namespace stile {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << why << "\n";
  std::exit(1);
}

Profile docker_default(int64_t arches) {
  const std::string path = std::string(STILE_SOURCE_DIR) + "/tests/fixtures/profiles/docker-default.json";
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  Result<Profile> profile = find_format("oci")->read(text.str(), path, {}, nullptr);
  if (!profile) give_up(to_line(profile.error()));
  profile->also_arches.clear();
  if (arches == 3) profile->also_arches = {"i386", "x32"};
  for (auto& [call, rule] : profile->rules) rule.arches.clear();
  return *profile;
}

// The calls whose arguments the profile looks at, as a container makes them; and one that is simply allowed.
struct Call {
  const char* name;
  uint32_t number;
  Arguments args;
};
constexpr Call kCalls[] = {
    {"socket", 41, {2, 1, 0}}, {"clone", 56, {0x1200011}}, {"personality", 135, {0xffffffff}}};

void count(benchmark::State& state, const Program& program) {
  state.counters["instructions"] = static_cast<double>(program.size());
  double total = 0;
  for (const Call& call : kCalls) {
    Event event;
    event.arch = 0xc000003e;
    event.number = call.number;
    event.args = call.args;
    const Result<Verdict> verdict = emulate(program, event);
    if (!verdict || verdict->action.kind != ActionKind::Allow)
      give_up(std::string("not allowed: ") + call.name);
    state.counters[std::string("steps_") + call.name] = verdict->steps;
    total += verdict->steps;
  }
  state.counters["steps_mean"] = total / static_cast<double>(std::size(kCalls));
}

void BM_Stile(benchmark::State& state) {
  const Profile profile = docker_default(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(compile(profile));
  const Result<Program> program = compile(profile);
  if (!program) give_up(to_line(program.error()));
  count(state, *program);
}

void libseccomp_bench(benchmark::State& state, bool tree) {
  const auto policy = libseccomp::translate(docker_default(state.range(0)));
  if (!policy) give_up("libseccomp cannot say this profile");
  for (auto _ : state) benchmark::DoNotOptimize(libseccomp::compile(*policy, tree));
  const auto program = libseccomp::compile(*policy, tree);
  if (!program) give_up("libseccomp refuses this profile");
  count(state, *program);
}

void BM_Libseccomp(benchmark::State& state) {
  libseccomp_bench(state, false);
}
void BM_LibseccompTree(benchmark::State& state) {
  libseccomp_bench(state, true);
}

BENCHMARK(BM_Stile)->Arg(1)->Arg(3)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Libseccomp)->Arg(1)->Arg(3)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_LibseccompTree)->Arg(1)->Arg(3)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace stile
