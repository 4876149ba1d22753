// SPDX-License-Identifier: Apache-2.0
#include "analysis/libraries.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace stile::analysis {

namespace {

constexpr size_t kLongestPath = 4096;
constexpr size_t kMostParts = 256;  // directories of one RPATH that are looked at; real ones have a handful

// Subdirectories that glibc before 2.37 looked into on processors that have what they are called after, or always.
constexpr const char* kOldSubdirectories[] = {
    "tls",          "haswell",         "xeon_phi",         "avx512_1",        "x86_64",      "tls/haswell", "tls/x86_64",
    "tls/xeon_phi", "haswell/x86_64",  "haswell/avx512_1", "avx512_1/x86_64", "x86_64/x86_64"};

unsigned level_of(const std::string& subdirectory) {
  if (subdirectory == "x86-64-v2") return 2;
  if (subdirectory == "x86-64-v3") return 3;
  if (subdirectory == "x86-64-v4") return 4;
  return subdirectory.empty() ? 1 : 0;
}

std::vector<std::string> parts_of(const std::string& paths) {
  std::vector<std::string> parts;
  for (size_t at = 0; parts.size() < kMostParts;) {
    const size_t colon = std::min(paths.find(':', at), paths.size());
    parts.push_back(paths.substr(at, colon - at));
    if (colon == paths.size()) break;
    at = colon + 1;
  }
  return parts;
}

std::string outside(const std::string& part) {
  return fmt::format("the search path has {}, and the program is not inside the system root", part);
}

std::string relative(const std::string& directory) {
  return fmt::format("the search path has the directory '{}', relative to where the program is started", directory);
}

}  // namespace

LibrarySearch::LibrarySearch(Root root, Linker linker, unsigned level)
    : root_(std::move(root)), linker_(std::move(linker)), level_(level) {
  if (linker_.kind == LinkerKind::Musl) {
    musl_ = musl_directories(root_, linker_.path);
    return;
  }
  if (auto bytes = root_.open(linker_.cache)) {
    if (auto cache = elf::LdCache::parse(std::move(*bytes), linker_.cache)) cache_ = std::move(*cache);
  }
  // The linker itself never reads the configuration. Without a cache it is what there will be one from.
  if (!cache_) configured_ = configured_directories(root_);
}

// What opening the file for its header shows, as open_verify.
LibrarySearch::Look LibrarySearch::look(const std::string& file) const {
  const int fd = root_.open_read(file);
  if (fd < 0) return errno == EACCES || errno == EPERM ? Look::Unreadable : Look::Absent;
  unsigned char head[20] = {};
  const ssize_t got = ::read(fd, head, sizeof head);
  ::close(fd);
  // What is no ELF file at all stops the dynamic linker with an error, so nothing behind it is looked at either.
  if (linker_.kind == LinkerKind::Musl || got < static_cast<ssize_t>(sizeof head)) return Look::Taken;
  if (std::memcmp(head, ELFMAG, SELFMAG) != 0) return Look::Taken;
  const unsigned machine = head[18] | static_cast<unsigned>(head[19]) << 8;
  const bool ours = head[EI_CLASS] == ELFCLASS64 && (head[EI_DATA] != ELFDATA2LSB || machine == EM_X86_64);
  return ours ? Look::Taken : Look::OtherMachine;
}

const std::vector<LibrarySearch::Place>& LibrarySearch::subdirectories(const std::string& directory) {
  const auto [it, fresh] = subdirectories_.try_emplace(directory);
  if (!fresh || !root_.is_directory(directory)) return it->second;
  if (linker_.levels && root_.is_directory(directory + "/glibc-hwcaps")) {
    for (const char* name : {"x86-64-v4", "x86-64-v3", "x86-64-v2"}) {
      const std::string below = directory + "/glibc-hwcaps/" + name;
      if (root_.is_directory(below)) it->second.push_back({below, level_of(name)});
    }
  }
  for (const char* name : kOldSubdirectories) {
    const std::string below = directory + "/" + name;
    if (root_.is_directory(below)) it->second.push_back({below, 0});
  }
  it->second.push_back({directory, 1});
  return it->second;
}

void LibrarySearch::directory_places(const std::string& directory, const std::string& name, Places& places) {
  for (const Place& place : subdirectories(directory)) places.push_back({place.file + "/" + name, place.level});
}

// An RPATH or RUNPATH of `owner`.
void LibrarySearch::path_places(const std::string& paths, const Asker& owner, const std::string& name, Places& places) {
  for (const std::string& part : parts_of(paths)) {
    bool platform = false;
    const auto directory = expand_tokens(part, owner.origin, linker_, &platform);
    if (!directory) {
      places.push_back({"", 0, outside(part)});
      continue;
    }
    if (!directory->starts_with('/')) {
      // An empty part is the current directory, too (fillin_rpath).
      places.push_back({"", 0, relative(*directory)});
      continue;
    }
    if (directory->size() >= kLongestPath) continue;
    if (platform) {
      // AT_PLATFORM, or what the processor is called after: sysdeps/x86/cpu-features.c.
      for (const char* other : {"haswell", "xeon_phi"}) {
        Linker as_other = linker_;
        std::string text = part;
        for (const char* form : {"${PLATFORM}", "$PLATFORM"}) {
          for (size_t at = text.find(form); at != text.npos; at = text.find(form, at)) text.replace(at, std::strlen(form), other);
        }
        if (const auto elsewhere = expand_tokens(text, owner.origin, as_other, nullptr)) {
          places.push_back({*elsewhere + "/" + name, 0});
        }
      }
    }
    directory_places(*directory, name, places);
  }
}

void LibrarySearch::cache_places(const std::string& name, const Asker& by, Places& places) {
  if (!cache_) return;
  std::vector<Place> cached;
  for (const elf::LdCache::Entry& entry : cache_->find(name)) {
    const bool built_in = std::any_of(linker_.directories.begin(), linker_.directories.end(),
                                      [&](const std::string& directory) { return entry.path.starts_with(directory + "/"); });
    if (by.no_default_libraries && built_in) continue;
    const unsigned level = level_of(entry.level);
    if (level != 0 && !linker_.levels && level != 1) continue;
    cached.push_back({entry.path, level});
  }
  // The highest level wins wherever it stands; among equals the first.
  std::stable_sort(cached.begin(), cached.end(), [](const Place& a, const Place& b) {
    return (a.level == 0 ? 5 : a.level) > (b.level == 0 ? 5 : b.level);
  });
  places.insert(places.end(), cached.begin(), cached.end());
}

void LibrarySearch::glibc_places(const std::string& name, const Asker& by, Places& places) {
  // RUNPATH is for the object's own needs alone, and where there is one no RPATH counts, not even those of the objects above.
  if (!by.has_runpath) {
    // The chain ends in the program, whose RPATH so counts for all.
    for (const Asker* owner = &by; owner != nullptr; owner = owner->loader) {
      if (!owner->rpath.empty() && !owner->has_runpath) path_places(owner->rpath, *owner, name, places);
    }
  } else if (!by.runpath.empty()) {
    path_places(by.runpath, by, name, places);
  }
  cache_places(name, by, places);
  if (!by.no_default_libraries) {
    for (const std::string& directory : linker_.directories) directory_places(directory, name, places);
    for (const std::string& directory : configured_) directory_places(directory, name, places);
  }
}

// RPATH and RUNPATH are the same to musl, and both are inherited. One with a token other than $ORIGIN is left out whole.
void LibrarySearch::musl_places(const std::string& name, const Asker& by, Places& places) {
  const auto add = [&](const std::string& paths, const Asker& owner) {
    for (size_t at = 0; at < paths.size();) {
      const size_t end = std::min(paths.find_first_of(":\n", at), paths.size());
      const std::string part = paths.substr(at, end - at);
      at = end + 1;
      if (part.empty()) continue;
      const auto directory = expand_tokens(part, owner.origin, linker_, nullptr);
      if (!directory) {
        places.push_back({"", 0, outside(part)});
      } else if (!directory->starts_with('/')) {
        places.push_back({"", 0, relative(*directory)});
      } else {
        places.push_back({*directory + "/" + name, 1});
      }
    }
  };
  for (const Asker* owner = &by; owner != nullptr; owner = owner->loader) {
    const std::string& paths = owner->has_runpath ? owner->runpath : owner->rpath;
    bool understood = true;
    for (size_t at = paths.find('$'); at != paths.npos; at = paths.find('$', at + 1)) {
      understood &= paths.compare(at, 7, "$ORIGIN") == 0 || paths.compare(at, 9, "${ORIGIN}") == 0;
    }
    if (understood) add(paths, *owner);
  }
  for (const std::string& directory : musl_) add(directory, by);
}

bool LibrarySearch::same_file(const std::string& one, const std::string& other) const {
  const auto first = root_.identity(one), second = root_.identity(other);
  if (first && second && *first == *second) return true;
  const auto a = root_.open(one), b = root_.open(other);
  return a && b && a->size() == b->size() && std::memcmp(a->data(), b->data(), a->size()) == 0;
}

FoundLibrary LibrarySearch::choose(const std::string& name, const Places& places) const {
  FoundLibrary found;
  std::array<std::string, 5> taken;  // by the level of the processor
  std::vector<std::string> by_older_rules;
  bool other_machine = false;
  for (const Place& place : places) {
    if (!place.doubt.empty()) {
      found.doubts.push_back(place.doubt);
      continue;
    }
    const Look seen = look(place.file);
    other_machine |= seen == Look::OtherMachine;
    if (seen == Look::Unreadable) found.doubts.push_back(fmt::format("{} cannot be read by this user", place.file));
    if (seen != Look::Taken) continue;
    if (place.level == 0) {
      by_older_rules.push_back(place.file);
      continue;
    }
    for (unsigned level = place.level; level < taken.size(); ++level) {
      if (taken[level].empty()) taken[level] = place.file;
    }
    if (!taken[1].empty()) break;
  }
  found.path = taken[level_];
  std::vector<std::string> others(taken.rbegin(), taken.rend() - 1);
  others.insert(others.end(), by_older_rules.begin(), by_older_rules.end());
  for (const std::string& other : others) {
    if (other.empty()) continue;
    if (found.path.empty()) found.path = other;
    const bool known = std::any_of(found.others.begin(), found.others.end(),
                                   [&](const std::string& one) { return same_file(one, other); });
    if (!known && !same_file(found.path, other)) found.others.push_back(other);
  }
  if (found.path.empty()) {
    found.why = name.find('/') != name.npos ? "it is not there"
                : other_machine             ? "only files for another machine are in the dynamic linker's search path"
                                            : "it is not in the dynamic linker's search path";
  }
  return found;
}

FoundLibrary LibrarySearch::find(const std::string& name, const Asker& by) {
  Places places;
  if (name.find('/') != name.npos) {
    const auto path = linker_.kind == LinkerKind::Musl ? std::optional(name) : expand_tokens(name, by.origin, linker_, nullptr);
    if (!path || !path->starts_with('/')) {
      FoundLibrary found;
      found.why = path ? "its path is relative to where the program is started"
                       : "its path starts at the program, which is not inside the system root";
      return found;
    }
    places.push_back({*path, 1});
  } else if (name.size() < 256) {  // NAME_MAX
    if (linker_.kind == LinkerKind::Musl) {
      musl_places(name, by, places);
    } else {
      glibc_places(name, by, places);
    }
  }
  return choose(name, places);
}

}  // namespace stile::analysis
