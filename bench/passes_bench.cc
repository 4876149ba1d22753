// SPDX-License-Identifier: Apache-2.0
//
// Bytes of the program per second, for each pass of the analysis on its own, in the order they run. What the passes
// before it made is made once and kept; unlike in the command, no memory is given back between them.
//     STILE_BENCH_FILE=/usr/bin/kubectl bench_passes_bench
#include <benchmark/benchmark.h>
#include <stile/analyze.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "analysis/evidence.h"
#include "analysis/numbers.h"
#include "analysis/program.h"
#include "analysis/reach.h"
#include "analysis/references.h"

namespace {

using namespace stile;
using namespace stile::analysis;

constexpr unsigned kAllThreads = 0;
constexpr unsigned kMaxPaths = 3;  // the default of AnalyzeOptions::max_paths

std::string value_of(const char* variable, const std::string& otherwise) {
  const char* value = std::getenv(variable);
  return value == nullptr || *value == 0 ? otherwise : value;
}

std::string file() {
  const std::string corpus = value_of("STILE_CORPUS", value_of("HOME", "") + "/.cache/stile-corpus");
  const std::string kubectl = corpus + "/bin/kubectl-1.32";
  return value_of("STILE_BENCH_FILE", access(kubectl.c_str(), R_OK) == 0 ? kubectl : "/proc/self/exe");
}

Result<elf::Image> open_image(const std::string& path) {
  auto bytes = FileBytes::open(path);
  if (!bytes) return tl::unexpected(bytes.error());
  return elf::Image::parse(std::move(*bytes), path);
}

Result<Program> load(const std::string& path) {
  auto image = open_image(path);
  if (!image) return tl::unexpected(image.error());
  return load_program(std::move(*image), {});
}

// The input of each pass.
struct Passes {
  explicit Passes(Program loaded)
      : program(std::move(loaded)),
        references(collect_references(program, kAllThreads)),
        reach(find_reachable(program, references)),
        numbers(find_numbers(program, references, reach, reach.liveness)) {
    for (const Object& object : program.objects) bytes += object.image.file_size();
  }
  Program program;
  References references;
  Reach reach;
  Numbers numbers;
  uint64_t bytes = 0;  // the program's and its libraries'
};

// Made when the first benchmark asks, so that --help and the like need no file. Null, with the state told why, if the
// file cannot be analysed.
const Passes* passes(benchmark::State& state) {
  static std::string error;
  static const std::optional<Passes> made = []() -> std::optional<Passes> {
    auto program = load(file());
    if (program) return std::make_optional<Passes>(std::move(*program));
    error = to_line(program.error());
    return std::nullopt;
  }();
  if (made) return &*made;
  state.SkipWithError(error.c_str());
  return nullptr;
}

template <typename Pass>
void run(benchmark::State& state, Pass pass) {
  const Passes* before = passes(state);
  if (before == nullptr) return;
  for (auto _ : state) benchmark::DoNotOptimize(pass(*before));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * before->bytes));
  state.SetLabel(before->program.objects[0].label);
}

void bench_load_program(benchmark::State& state) {
  run(state, [](const Passes& before) { return load(before.program.objects[0].image.path()).has_value(); });
}

void bench_collect_references(benchmark::State& state) {
  run(state, [&](const Passes& before) {
    return collect_references(before.program, static_cast<unsigned>(state.range(0))).edges.size();
  });
}

void bench_find_reachable(benchmark::State& state) {
  run(state, [](const Passes& before) { return find_reachable(before.program, before.references).reachable_count; });
}

void bench_find_numbers(benchmark::State& state) {
  run(state, [](const Passes& before) {
    return find_numbers(before.program, before.references, before.reach, before.reach.liveness).calls.size();
  });
}

void bench_evidence(benchmark::State& state) {
  run(state, [](const Passes& before) {
    EvidenceBuilder evidence(before.program, before.references, before.reach);
    size_t paths = 0;
    for (const auto& [key, requests] : before.numbers.calls) {
      SyscallUse use;
      evidence.explain(requests, true, kMaxPaths, use);
      paths += use.because.size();
    }
    return paths;
  });
}

// Real time: one pass uses several threads, and the clock of the process would count each of them.
BENCHMARK(bench_load_program)->Name("load_program")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(bench_collect_references)
    ->Name("collect_references/threads")
    ->Arg(1)
    ->Arg(kAllThreads)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(bench_find_reachable)->Name("find_reachable")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(bench_find_numbers)->Name("find_numbers")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(bench_evidence)->Name("EvidenceBuilder")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
