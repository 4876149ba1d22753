// SPDX-License-Identifier: Apache-2.0
#include "analysis/closure.h"

#include <algorithm>
#include <deque>
#include <map>

#include <fmt/format.h>

#include "analysis/libraries.h"
#include "analysis/linker.h"
#include "arch/x86_64_level.h"

namespace stile::analysis {

namespace {

constexpr size_t kMostFiles = 400;
constexpr size_t kMostNames = 4096;  // names looked for; each costs some dozens of system calls

std::string file_label(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

// Names that musl's linker keeps for itself: libc, libpthread and so on are all in its one file.
bool is_musl_itself(std::string_view name) {
  for (const char* part : {"c", "pthread", "rt", "m", "dl", "util", "xnet"}) {
    if (name.starts_with(fmt::format("lib{}.", part))) return true;
  }
  return false;
}

class Gatherer {
 public:
  Gatherer(const LoadOptions& options, Closure& closure) : options_(options), closure_(closure) {}
  Result<void> gather(elf::Image main);

 private:
  struct File {
    explicit File(elf::Image parsed) : image(std::move(parsed)) {}
    elf::Image image;
    Asker asker;
    bool is_interpreter = false;
    bool all_exports = false;
    bool filters_done = false;
    std::optional<Root::Identity> identity;
  };
  enum class Want { Needed, Optional };

  File& store(elf::Image image, std::optional<std::string> inside, const File* loader);
  Result<void> read_also(const File& main);
  void start_linker(const File& main);
  // The file for a name: loaded already, --also's, or found now. Null: there is none, which is a gap for what is needed.
  File* load(const std::string& name, const File& by, Want want);
  File* load_found(const std::string& name, const File& by, Want want);
  void filters(size_t at);
  void append(File* file);
  void gap(const File& by, std::string what, std::string hint);
  void missing(const std::string& name, const File& by, const std::string& why);
  void name_file(File& file, const std::string& name);

  const LoadOptions& options_;
  Closure& closure_;
  std::deque<File> files_;            // does not move what it holds: askers point at each other
  std::vector<File*> order_;          // as symbols are looked up
  std::vector<File*> also_;           // named with --also and not yet in the order
  std::map<std::string, File*> names_;  // names that are answered without a search
  std::map<std::string, File*> failed_;
  std::optional<LibrarySearch> search_;
  File* interpreter_ = nullptr;
  size_t asked_ = 0;
};

void Gatherer::gap(const File& by, std::string what, std::string hint) {
  Gap gap;
  gap.kind = GapKind::UnanalysedLibrary;
  gap.object = file_label(by.image.path());
  gap.what = std::move(what);
  gap.hint = std::move(hint);
  closure_.gaps.push_back(std::move(gap));
}

void Gatherer::missing(const std::string& name, const File& by, const std::string& why) {
  gap(by, fmt::format("the shared library {} was not analysed: {}", name, why), "install it, or name the file with --also");
}

// `inside`: its path in the tree, as it was opened.
Gatherer::File& Gatherer::store(elf::Image image, std::optional<std::string> inside, const File* loader) {
  File& file = files_.emplace_back(std::move(image));
  Asker& asker = file.asker;
  asker.rpath = file.image.rpath();
  asker.runpath = file.image.runpath();
  asker.has_runpath = file.image.has_runpath();
  asker.no_default_libraries = file.image.no_default_libraries();
  asker.loader = loader == nullptr ? nullptr : &loader->asker;
  if (inside) {
    asker.origin = directory_of(*inside);
    file.identity = options_.root.identity(*inside);
  }
  return file;
}

void Gatherer::name_file(File& file, const std::string& name) {
  names_.try_emplace(name, &file);
  // A soname answers like a name that was asked for; musl goes by the latter alone.
  if (!search_ || search_->linker().kind == LinkerKind::Glibc) {
    if (!file.image.soname().empty()) names_.try_emplace(std::string(file.image.soname()), &file);
  }
}

Result<void> Gatherer::read_also(const File& main) {
  for (const std::string& path : options_.also) {
    const auto inside = locate(options_.root, path);
    auto bytes = inside ? options_.root.open(*inside) : options_.machine.open(path);
    if (!bytes) return tl::unexpected(bytes.error());
    auto image = elf::Image::parse(std::move(*bytes), inside.value_or(path));
    if (!image) return tl::unexpected(image.error());
    File& file = store(std::move(*image), inside, &main);
    file.all_exports = true;
    also_.push_back(&file);
  }
  return {};
}

// The interpreter is in the process from the start, whoever needs it then, and says how everything else is found.
void Gatherer::start_linker(const File& main) {
  std::string path(main.image.interpreter());
  const bool asked_for = !path.empty();
  if (!asked_for) {
    // A library by itself: the one that its C library belongs to.
    const auto& needed = main.image.needed();
    const bool musl = std::any_of(needed.begin(), needed.end(), [](std::string_view name) {
      return name == "libc.so" || name.starts_with("libc.musl-");
    });
    path = musl ? "/lib/ld-musl-x86_64.so.1" : "/lib64/ld-linux-x86-64.so.2";
  }
  Linker linker = guess_linker(path);
  auto bytes = options_.root.open(path);
  auto image = bytes ? elf::Image::parse(std::move(*bytes), path) : Result<elf::Image>(tl::unexpected(bytes.error()));
  if (image) {
    linker = read_linker(image->file(), path);
    File& file = store(std::move(*image), path, &main);
    file.is_interpreter = asked_for;
    interpreter_ = &file;
  }
  search_.emplace(options_.root, linker, arch::x86_64_level_here());
  if (interpreter_ != nullptr) {
    name_file(*interpreter_, path);
    if (linker.kind == LinkerKind::Glibc) name_file(*interpreter_, file_label(path));
  } else if (asked_for) {
    missing(file_label(path), main, to_line(image.error()));
  }
  if (asked_for && interpreter_ != nullptr && !linker.recognised) {
    gap(main, fmt::format("{} is a dynamic linker whose rules are not known; libraries were looked for as glibc's does", path),
        "compare the libraries with what it loads, and name others with --also");
  }
}

void Gatherer::append(File* file) {
  if (std::find(order_.begin(), order_.end(), file) == order_.end()) order_.push_back(file);
}

Gatherer::File* Gatherer::load(const std::string& name, const File& by, Want want) {
  if (const auto it = names_.find(name); it != names_.end()) return it->second;
  if (const auto it = failed_.find(name); it != failed_.end()) return nullptr;
  File* file = nullptr;
  if (search_ && interpreter_ != nullptr && search_->linker().kind == LinkerKind::Musl && is_musl_itself(name)) {
    file = interpreter_;
  } else if (search_) {
    file = load_found(name, by, want);
  } else {
    // By what --also names, where nothing is looked for.
    for (File* also : also_) {
      if (also->image.soname() == name || file_label(also->image.path()) == name) file = also;
    }
    if (file == nullptr && want == Want::Needed) missing(name, by, "libraries are not looked for here");
  }
  if (file == nullptr) {
    failed_.emplace(name, nullptr);
    return nullptr;
  }
  name_file(*file, name);
  return file;
}

Gatherer::File* Gatherer::load_found(const std::string& name, const File& by, Want want) {
  if (++asked_ > kMostNames || order_.size() >= kMostFiles) {
    if (asked_ <= kMostNames + 1) missing(name, by, fmt::format("there are more than {} libraries", kMostFiles));
    return nullptr;
  }
  const FoundLibrary found = search_->find(name, by.asker);
  for (const std::string& doubt : found.doubts) {
    gap(by, fmt::format("the shared library {} may be another one than was analysed: {}", name, doubt),
        "name the file it will find there with --also");
  }
  const auto identity = found.path.empty() ? std::nullopt : options_.root.identity(found.path);
  const auto same = [&](const File& file) { return identity && file.identity && *identity == *file.identity; };
  for (const std::string& other : found.others) {
    const auto its = options_.root.identity(other);
    if (std::any_of(also_.begin(), also_.end(), [&](File* also) { return its && also->identity == its; })) continue;
    gap(by, fmt::format("{} was analysed; on another processor the dynamic linker takes {}", found.path, other),
        fmt::format("add what that one needs with --also {}", other));
  }
  for (File& file : files_) {
    if (same(file)) return &file;
  }
  if (found.path.empty()) {
    for (File* also : also_) {
      if (also->image.soname() == name || file_label(also->image.path()) == name) return also;
    }
    if (want == Want::Needed) missing(name, by, found.why);
    return nullptr;
  }
  auto bytes = options_.root.open(found.path);
  auto image = bytes ? elf::Image::parse(std::move(*bytes), found.path) : Result<elf::Image>(tl::unexpected(bytes.error()));
  if (!image) {
    missing(name, by, to_line(image.error()));
    return nullptr;
  }
  return &store(std::move(*image), found.path, &by);
}

// What an object filters stands before it. Files that come to stand at `at` have their own turn there.
void Gatherer::filters(size_t at) {
  File* file = order_[at];
  file->filters_done = true;
  size_t place = at;
  if (at == 0) {
    place = 1;  // the program stays the first
    gap(*file, "the program puts the symbols of other libraries before its own; they were taken after them",
        "link it without --filter and --auxiliary, which are for libraries");
  }
  for (const auto& [name, required] : file->image.filters()) {
    const auto expanded = search_ ? expand_tokens(name, file->asker.origin, search_->linker(), nullptr) : std::string(name);
    if (!expanded || name.empty()) continue;
    File* filtee = load(*expanded, *file, required ? Want::Needed : Want::Optional);
    if (filtee == nullptr) continue;
    const auto now = std::find(order_.begin(), order_.end(), filtee);
    if (now != order_.end() && now - order_.begin() <= static_cast<std::ptrdiff_t>(place)) continue;
    if (now != order_.end()) order_.erase(now);
    order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(place), filtee);
    ++place;
  }
}

Result<void> Gatherer::gather(elf::Image image) {
  const bool dynamic = !image.interpreter().empty() || !image.needed().empty();
  File& main = store(std::move(image), options_.program, nullptr);
  if (auto ok = read_also(main); !ok) return ok;
  if (dynamic && options_.libraries) start_linker(main);
  order_.push_back(&main);
  for (const std::string_view auditor : main.image.auditors()) {
    gap(main, fmt::format("the program asks for {} to watch the dynamic linker, which was not analysed", auditor),
        "name the file with --also");
  }
  if (search_ && search_->linker().kind == LinkerKind::Glibc && !main.image.interpreter().empty()) {
    // Configuration of the machine; what cannot be found there the linker leaves out with a warning.
    for (const std::string& name : preloaded_names(options_.root, search_->linker().preload)) {
      if (File* file = load(name, main, Want::Optional)) append(file);
    }
  }
  // Breadth first: each one's needs in order, behind all that is there. What --also adds comes last, as dlopen's libraries do.
  for (size_t i = 0; i < order_.size(); ++i) {
    if (!order_[i]->filters_done && !order_[i]->image.filters().empty()) filters(i);
    File& by = *order_[i];
    const std::vector<std::string_view> needed = by.image.needed();
    for (const std::string_view wanted : needed) {
      const auto name = search_ ? expand_tokens(wanted, by.asker.origin, search_->linker(), nullptr) : std::string(wanted);
      File* file = load(name.value_or(std::string(wanted)), by, Want::Needed);
      if (file != nullptr) append(file);
    }
    if (i + 1 == order_.size()) {
      for (File* also : also_) append(also);
      for (const std::string& name : options_.later) {
        // The C library looks these up; who else asks for the same finds it loaded, or in the same places.
        File* file = load(name, main, Want::Optional);
        if (file == nullptr || file == &main) continue;
        file->all_exports |= std::find(order_.begin(), order_.end(), file) == order_.end();
        append(file);
      }
    }
  }
  if (interpreter_ != nullptr && interpreter_->is_interpreter) append(interpreter_);
  if (!options_.libraries && !main.image.interpreter().empty()) {
    const std::string name = file_label(std::string(main.image.interpreter()));
    const auto is_it = [&](File* file) { return file->image.soname() == name || file_label(file->image.path()) == name; };
    const auto it = std::find_if(order_.begin() + 1, order_.end(), is_it);
    if (it != order_.end()) {
      (*it)->is_interpreter = true;
    } else {
      missing(name, main, "libraries are not looked for here");
    }
  }
  for (File* file : order_) {
    closure_.files.push_back({std::move(file->image), file != &main, file->is_interpreter, file->all_exports});
  }
  return {};
}

}  // namespace

Result<Closure> find_closure(elf::Image main, const LoadOptions& options) {
  Closure closure;
  Gatherer gatherer(options, closure);
  if (auto ok = gatherer.gather(std::move(main)); !ok) return tl::unexpected(ok.error());
  return closure;
}

std::optional<std::string> locate(const Root& root, const std::string& path) {
  if (root.is_host()) return root.real_path(path) ? std::optional(path) : std::nullopt;
  if (const auto inside = root.inside(path); inside && root.identity(*inside)) return inside;
  if (path.starts_with('/') && root.identity(path)) return path;
  return std::nullopt;
}

}  // namespace stile::analysis
