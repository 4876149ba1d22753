// SPDX-License-Identifier: Apache-2.0
#include "analysis/later_libraries.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <elf.h>

#include "analysis/name_service.h"
#include "analysis/values.h"
#include "runtime/glibc.h"

namespace stile::analysis {

namespace {

constexpr size_t kLongestName = 4096;          // PATH_MAX
constexpr size_t kMostNames = 256;             // no program names so many
constexpr size_t kLongestConfiguration = 1 << 16;
constexpr const char* kConfiguration = "/etc/nsswitch.conf";

// Functions that load a library whose name they get in their first parameter, dlmopen in its second.
constexpr std::string_view kLoaders[] = {"dlopen", "__libc_dlopen_mode"};

class Finder {
 public:
  Finder(const Program& program, const References& references, const Reach& reach, const Root& root)
      : program_(program), references_(references), reach_(reach), root_(root) {}

  LaterLibraries find() {
    for (const Object& object : program_.objects) {
      const bool glibc = glibc::is_library(object.image);
      std::set<std::string_view> databases;
      for (const elf::Symbol& symbol : object.image.dynamic_symbols()) {
        if (!symbol.defined() || symbol.type != STT_FUNC) continue;
        const FunctionId id = program_.function_at(symbol.value + object.bias);
        if (id == kNoFunction || !reach_.liveness.reachable[id]) continue;
        if (std::find(std::begin(kLoaders), std::end(kLoaders), symbol.name) != std::end(kLoaders)) names_passed_to(id);
        if (!glibc) continue;
        if (const auto database = name_database_of(symbol.name); !database.empty()) databases.insert(database);
      }
      if (!databases.empty()) modules(databases);
    }
    return {{names_.begin(), names_.end()}, std::move(gaps_)};
  }

 private:
  void names_passed_to(FunctionId loader) {
    ValueSolver solver(program_, references_, reach_.liveness);
    for (const Found& found : solver.argument_of(loader, arch::kRdi).found) {
      if (found.value == 0) continue;  // the program itself
      const Bytes bytes = program_.at(found.value);
      const std::string_view name = bytes.c_string(0);
      if (name.empty() || name.size() > kLongestName || name.size() == bytes.size()) continue;
      if (program_.writable(found.value)) continue;  // who knows what stands there then
      add(std::string(name));
    }
  }

  void modules(const std::set<std::string_view>& databases) {
    const auto configuration = root_.read_text(kConfiguration, kLongestConfiguration + 1);
    // Where there is none, what is built in is all there is.
    if (!configuration && root_.real_path(kConfiguration)) leave_out(kConfiguration, "cannot be read, so modules of the name service are not known");
    if (!configuration) return;
    if (configuration->size() > kLongestConfiguration) {
      leave_out(kConfiguration, "is longer than 64 KiB: modules of the name service that it names behind that are not known");
    }
    for (const std::string& service : services_in(*configuration, databases)) add("libnss_" + service + ".so.2");
  }

  void add(std::string name) {
    if (names_.size() < kMostNames) {
      names_.insert(std::move(name));
    } else if (!names_.contains(name)) {
      leave_out(program_.objects[0].label, "loads more than 256 libraries by name: the others were not looked at");
    }
  }

  void leave_out(std::string object, std::string what) {
    Gap gap;
    gap.kind = GapKind::DynamicLoading;
    gap.object = std::move(object);
    gap.what = std::move(what);
    gap.hint = "name the libraries it may load with --also FILE";
    if (std::find(gaps_.begin(), gaps_.end(), gap) == gaps_.end()) gaps_.push_back(std::move(gap));
  }

  const Program& program_;
  const References& references_;
  const Reach& reach_;
  const Root& root_;
  std::set<std::string> names_;
  std::vector<Gap> gaps_;
};

}  // namespace

LaterLibraries find_later_libraries(const Program& program, const References& references, const Reach& reach, const Root& root) {
  return Finder(program, references, reach, root).find();
}

}  // namespace stile::analysis
