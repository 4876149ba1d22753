// SPDX-License-Identifier: Apache-2.0
//
// The analysis of what an image starts.
#include <stile/image.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "image/shown.h"

namespace stile {

namespace {

void add_all(std::vector<std::string>& to, const std::vector<std::string>& from) {
  std::set<std::string> all(to.begin(), to.end());
  all.insert(from.begin(), from.end());
  to.assign(all.begin(), all.end());
}

// What both need, each call with the evidence of both.
void join(Analysis& all, Analysis one) {
  for (SyscallUse& use : one.syscalls) {
    const auto same = std::find_if(all.syscalls.begin(), all.syscalls.end(), [&](const SyscallUse& known) {
      return known.name == use.name && known.arch == use.arch;
    });
    if (same == all.syscalls.end()) {
      all.syscalls.push_back(std::move(use));
      continue;
    }
    same->sites += use.sites;
    add_all(same->packages, use.packages);
    add_all(same->brought_by, use.brought_by);
    same->because.insert(same->because.end(), use.because.begin(), use.because.end());
  }
  std::sort(all.syscalls.begin(), all.syscalls.end(), [](const SyscallUse& a, const SyscallUse& b) {
    return std::tie(a.arch, a.name) < std::tie(b.arch, b.name);
  });
  all.gaps.insert(all.gaps.end(), one.gaps.begin(), one.gaps.end());
  for (std::string& library : one.origin.libraries) {
    auto& known = all.origin.libraries;
    if (std::find(known.begin(), known.end(), library) == known.end()) known.push_back(std::move(library));
  }
  all.stats.functions += one.stats.functions;
  all.stats.reachable_functions += one.stats.reachable_functions;
  all.stats.sites += one.stats.sites;
  all.stats.wrappers += one.stats.wrappers;
  if (all.stats.limit.empty()) all.stats.limit = one.stats.limit;
}

void add_gap(Analysis& analysis, const std::string& object, std::string what) {
  Gap gap;
  gap.kind = GapKind::ExecInherits;
  gap.object = object.substr(object.rfind('/') + 1);
  gap.what = std::move(what);
  gap.hint = "profile each program it starts (stile profile --image IMAGE /path/of/program) and join the profiles with stile merge";
  analysis.gaps.insert(analysis.gaps.begin(), std::move(gap));
}

bool is_shell(const std::string& word) {
  const std::string name = word.substr(word.rfind('/') + 1);
  return std::set<std::string>{"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"}.contains(name);
}

}  // namespace

Result<Analysis> analyze(const ContainerImage& image, const EntryPoint& entry, const AnalyzeOptions& options) {
  AnalyzeOptions inside = options;
  inside.sysroot = image.directory();
  inside.cache.clear();  // the directory is gone soon, and so is all that an entry would be compared with
  Analysis all;
  // The last one is what goes on running, so the origin is its.
  for (auto program = entry.programs.rbegin(); program != entry.programs.rend(); ++program) {
    auto one = analyze(*program, inside);
    if (!one) {
      Error error = one.error();
      if (error.where.starts_with(image.directory())) error.where.erase(0, image.directory().size());
      error.where = image.file() + ": " + error.where;
      return tl::unexpected(error);
    }
    if (program == entry.programs.rbegin()) {
      all = std::move(*one);
    } else {
      join(all, std::move(*one));
    }
  }
  for (auto script = entry.scripts.rbegin(); script != entry.scripts.rend(); ++script) {
    add_gap(all, entry.programs.back(), fmt::format("runs the script {}; what it starts was not followed", image::shown(*script)));
  }
  if (entry.words.size() > 2 && is_shell(entry.words[0]) && entry.words[1] == "-c") {
    add_gap(all, entry.programs.back(),
            fmt::format("runs the command line '{}'; what it starts was not followed", image::shown(entry.words[2])));
  }
  return all;
}

}  // namespace stile
