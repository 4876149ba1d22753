// SPDX-License-Identifier: Apache-2.0
//
// The static analysis from end to end. docs/how-it-works.md tells the same story at length.
#include <stile/analyze.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "analysis/cache.h"
#include "analysis/closure.h"
#include "analysis/evidence.h"
#include "analysis/gaps.h"
#include "analysis/generated_code.h"
#include "analysis/later_libraries.h"
#include "analysis/numbers.h"
#include "analysis/packed.h"
#include "analysis/phases.h"
#include "analysis/program.h"
#include "analysis/reach.h"
#include "analysis/references.h"
#include "analysis/vsyscall.h"
#include "base/huge_pages.h"
#include "base/parallel.h"

namespace stile {

namespace {

using namespace analysis;

std::string link_kind(const elf::Image& image) {
  const bool dynamic = !image.interpreter().empty() || !image.needed().empty();
  if (image.position_independent()) return dynamic ? "dynamic-pie" : "static-pie";
  return dynamic ? "dynamic" : "static";
}

Origin origin_of(const Program& program) {
  const Object& main = program.objects[0];
  Origin origin;
  origin.program = main.label;
  origin.build_id = main.image.gnu_build_id();
  if (origin.build_id.empty() && main.go) origin.build_id = go::read_build_id(main.image);
  origin.go_version = main.build.go_version;
  origin.main_module = {main.build.main.path, main.build.main.version};
  origin.link = link_kind(main.image);
  origin.tool_version = STILE_VERSION;
  for (size_t i = 1; i < program.objects.size(); ++i) origin.libraries.push_back(program.objects[i].image.path());
  return origin;
}

// The first passes: all that has to be done again when it turns out which libraries are loaded later.
struct Walked {
  Program program;
  References references;
  Reach reach;
  std::vector<Gap> gaps;  // of the search for libraries that are loaded later
};

Result<Walked> walk(elf::Image image, const LoadOptions& load, const AnalyzeOptions& options) {
  // One address space: the program and the libraries it needs, relocated and bound, and every function in them.
  auto program = load_program(std::move(image), load);
  if (!program) return tl::unexpected(program.error());
  program->release_data();

  // One pass over the code: calls, jumps, addresses taken, and the instructions that enter the kernel.
  References references = collect_references(*program, options.threads);
  program->release_code();

  // What can run. From here on, dead code does not exist.
  Reach reach = find_reachable(*program, references, options.threads);
  program->release_data();
  return Walked{std::move(*program), std::move(references), std::move(reach), {}};
}

using Reopen = std::function<Result<elf::Image>()>;

// Walks until no library is found that was not there before. Each round finds those that the ones before load in turn.
Result<Walked> walk_with_later_libraries(elf::Image image, LoadOptions load, const AnalyzeOptions& options, const Reopen& reopen) {
  constexpr unsigned kMostRounds = 4;  // what is loaded after that many is left to the gap that says so
  auto walked = walk(std::move(image), load, options);
  for (unsigned round = 1; round < kMostRounds && walked && load.libraries; ++round) {
    auto [names, gaps] = find_later_libraries(walked->program, walked->references, walked->reach, load.root);
    walked->gaps = gaps;
    if (std::includes(load.later.begin(), load.later.end(), names.begin(), names.end())) break;
    names.insert(names.end(), load.later.begin(), load.later.end());
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    load.later = std::move(names);
    auto again = reopen();
    if (!again) return tl::unexpected(again.error());
    const size_t objects = walked->program.objects.size();
    walked = walk(std::move(*again), load, options);
    if (walked) walked->gaps = std::move(gaps);
    if (walked && walked->program.objects.size() == objects) break;  // none of them is there
  }
  return walked;
}

Result<Analysis> analyze_image(elf::Image image, const LoadOptions& load, const AnalyzeOptions& options, const Reopen& reopen) {
  prefer_huge_heap();

  // Refuse what is not the program itself but a wrapping around it.
  if (auto ok = refuse_packed(image); !ok) return tl::unexpected(ok.error());

  // Everything that runs in the process, and what of it can run.
  auto walked = walk_with_later_libraries(std::move(image), load, options, reopen);
  if (!walked) return tl::unexpected(walked.error());
  // No structured binding: clang takes none into a lambda before its version 16.
  const Program& program = walked->program;
  const References& references = walked->references;
  const Reach& all = walked->reach;
  const std::vector<Gap>& gaps = walked->gaps;

  // Of that, the part of the process's life that is asked about.
  const Reach part = options.phase == Phase::All ? Reach() : reach_in_phase(program, references, all, options.phase, options.threads);
  const Reach& reach = options.phase == Phase::All ? all : part;

  // Which numbers those instructions can be reached with, asked backwards from each, and who makes memory executable; and,
  // beside it, which calls are made out of a page that the kernel maps.
  Numbers numbers;
  std::vector<Found> generated;
  std::vector<std::string_view> vsyscalls;
  // By name: clang 14 cannot capture structured bindings otherwise.
  parallel_for(2, options.threads, [&, &program = program, &references = references, &all = all](size_t i) {
    if (i == 0) {
      numbers = find_numbers(program, references, reach, all.liveness);
      generated = find_generated_code(program, references, reach, numbers);
    }
    if (i == 1) vsyscalls = find_vsyscalls(program);
  });

  // What all of that leaves open.
  Analysis analysis;
  analysis.gaps = find_gaps(program, references, reach, numbers, generated);
  analysis.gaps.insert(analysis.gaps.end(), gaps.begin(), gaps.end());

  // And why each call is there.
  EvidenceBuilder evidence(program, references, reach);
  for (const auto& [key, requests] : numbers.calls) {
    const auto name = arch::syscall_name(key.arch, key.number);
    if (!name) continue;  // a gap says so
    SyscallUse use;
    use.name = *name;
    use.number = key.number;
    use.arch = key.arch == arch::ArchId::I386 ? "i386" : "x86_64";
    evidence.explain(requests, options.paths, options.max_paths, use);
    analysis.syscalls.push_back(std::move(use));
  }
  for (const std::string_view name : vsyscalls) {
    const auto same = [&](const SyscallUse& use) { return use.name == name && use.arch == "x86_64"; };
    if (std::any_of(analysis.syscalls.begin(), analysis.syscalls.end(), same)) continue;
    SyscallUse use;
    use.name = name;
    use.number = arch::syscall_number(arch::ArchId::X86_64, name).value_or(0);
    use.arch = "x86_64";
    use.because.push_back({EvidenceKind::Kernel, "", {}, "the program holds its address in the vsyscall page"});
    analysis.syscalls.push_back(std::move(use));
  }
  std::sort(analysis.syscalls.begin(), analysis.syscalls.end(), [](const SyscallUse& a, const SyscallUse& b) {
    return std::tie(a.arch, a.name) < std::tie(b.arch, b.name);
  });

  analysis.origin = origin_of(program);
  analysis.stats.functions = program.functions.size();
  analysis.stats.reachable_functions = reach.reachable_count;
  analysis.stats.sites = numbers.sites;
  analysis.stats.wrappers = numbers.wrappers.size();
  analysis.stats.limit = reach.limit;
  return analysis;
}

Result<Analysis> analyze_file(const std::string& path, LoadOptions load, const AnalyzeOptions& options) {
  const std::optional<std::string> inside = locate(load.root, path);
  const auto open = [&]() { return inside ? load.root.open(*inside) : load.machine.open(path); };
  auto bytes = open();
  if (!bytes) {
    Error error = bytes.error();
    error.where = path;
    return tl::unexpected(error);
  }
  // $ORIGIN is where the kernel says the program is: without symbolic links.
  if (inside) load.program = load.root.real_path(*inside);
  auto image = elf::Image::parse(std::move(*bytes), path);
  if (!image) return tl::unexpected(image.error());
  const auto reopen = [&]() -> Result<elf::Image> {
    auto again = open();
    if (!again) return tl::unexpected(again.error());
    return elf::Image::parse(std::move(*again), path);
  };
  return analyze_image(std::move(*image), load, options, reopen);
}

}  // namespace

Result<Analysis> analyze(const std::string& path, const AnalyzeOptions& options) {
  LoadOptions load;
  load.also = options.also;
  if (!options.sysroot.empty()) {
    auto root = Root::at(options.sysroot);
    if (!root) return tl::unexpected(root.error());
    load.root = std::move(*root);
  }
  const Cache cache(path, options, load.root);
  if (auto known = cache.find()) return std::move(*known);
  const auto lookups = cache.usable() ? std::make_shared<Lookups>() : nullptr;
  load.root.note_in(lookups);
  load.machine.note_in(lookups);
  auto analysis = analyze_file(path, std::move(load), options);
  if (analysis && lookups) cache.keep(*analysis, *lookups);
  return analysis;
}

Result<Analysis> analyze_bytes(std::vector<uint8_t> bytes, const std::string& name, const AnalyzeOptions& options) {
  if (bytes.empty()) return fail(Code::Io, "is empty", name, "name an ELF executable");
  auto image = elf::Image::parse(FileBytes(std::move(bytes)), name);
  if (!image) return tl::unexpected(image.error());
  LoadOptions load;
  load.also = options.also;
  load.libraries = false;
  return analyze_image(std::move(*image), load, options, {});
}

}  // namespace stile
