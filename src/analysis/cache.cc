// SPDX-License-Identifier: Apache-2.0
#include "analysis/cache.h"

#include <algorithm>
#include <climits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "analysis/cache_entry.h"
#include "analysis/closure.h"
#include "arch/x86_64_level.h"
#include "base/running_code.h"
#include "base/sha256.h"
#include "elf/image.h"

namespace stile::analysis {

namespace {

constexpr FileStore::Bounds kBounds = {.bytes = 128 << 20, .files = 4000, .largest = kLargestEntry};

// What cannot be found again, or is another thing each time.
bool is_passing(const std::string& path) { return path.starts_with("/proc/") || path.starts_with("/dev/"); }

std::string hex_of(const Sha256& digest) {
  std::string text;
  for (const uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

// Everything that shapes an answer and is not looked up in files, as one text; each part with its length, so that no two can run
// together. Empty: there is something that cannot be told.
std::string question(const std::string& path, const AnalyzeOptions& options, const Root& tree) {
  // Whoever adds an option is stopped here, to say whether it shapes the answer. Threads do not.
  const auto& [also, sysroot, phase, paths, max_paths, threads, cache] = options;
  static_cast<void>(threads);
  static_cast<void>(cache);
  static const std::string code = running_code();
  if (code.empty() || is_passing(path)) return {};
  std::string text;
  const auto add = [&](std::string_view part) { text += fmt::format("{}:{},", part.size(), part); };
  add(STILE_VERSION);
  add(code);
  add(std::to_string(arch::x86_64_level_here()));  // which files of a library the dynamic linker takes
  add(paths ? "paths" : "");
  add(std::to_string(max_paths));
  add(to_string(phase));
  add(sysroot);
  add(tree.directory());
  add(path);
  bool relative = !path.starts_with('/') || (!sysroot.empty() && !sysroot.starts_with('/'));
  for (const std::string& file : also) {
    if (is_passing(file)) return {};
    add(file);
    relative |= !file.starts_with('/');
  }
  if (relative) {
    char here[PATH_MAX];
    if (::getcwd(here, sizeof here) == nullptr) return {};
    add(here);
  }
  // Another build is another entry, also where a file system does not keep times and numbers of files as it should.
  const auto inside = locate(tree, path);
  auto bytes = inside ? tree.open(*inside) : FileBytes::open(path);
  if (!bytes) return {};
  const auto image = elf::Image::parse(std::move(*bytes), path);
  if (!image) return {};
  add(image->gnu_build_id());
  return text;
}

std::string key_of(const std::string& path, const AnalyzeOptions& options, const Root& tree) {
  if (options.cache.empty()) return {};
  const std::string asked = question(path, options, tree);
  return asked.empty() ? asked : hex_of(sha256(asked));
}

}  // namespace

Cache::Cache(const std::string& path, const AnalyzeOptions& options, const Root& tree)
    : key_(key_of(path, options, tree)), tree_(tree), store_(options.cache, kBounds) {}

std::optional<Analysis> Cache::find() const {
  if (!usable()) return std::nullopt;
  const auto bytes = store_.read(key_);
  if (!bytes) return std::nullopt;
  auto entry = decode(*bytes);
  if (!entry || entry->key != key_) return std::nullopt;
  const Root machine;
  const bool same = std::all_of(entry->lookups.begin(), entry->lookups.end(), [&](const auto& one) {
    const auto& [lookup, answer] = one;
    return (lookup.machine ? machine : tree_).answer(lookup.question, lookup.path, lookup.limit) == answer;
  });
  if (!same) return std::nullopt;
  return std::move(entry->analysis);
}

void Cache::keep(const Analysis& analysis, const Lookups& lookups) const {
  if (!usable() || !lookups.complete()) return;
  const std::vector<uint8_t> bytes = encode({key_, lookups.answers(), analysis});
  if (!bytes.empty()) store_.write(key_, bytes);
}

}  // namespace stile::analysis
