// SPDX-License-Identifier: Apache-2.0
//
// What a Go program says about itself: version, main module, dependencies.
//
// Facts: Go source, src/debug/buildinfo/buildinfo.go (header, two encodings) and src/runtime/debug/mod.go (the text).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "elf/image.h"

namespace stile::go {

struct Module {
  std::string path;
  std::string version;
};

struct BuildInfo {
  std::string go_version;  // "go1.23.4"
  Module main;
  std::vector<Module> dependencies;  // as linked: a replaced module stands under its own path, with what replaced it as version
  bool cgo = false;
};

// Empty fields where the file says nothing.
BuildInfo read_build_info(const elf::Image& image);
// The Go build id (note "Go", type 4), empty if there is none.
std::string read_build_id(const elf::Image& image);

// The import path a Go symbol name belongs to: "net/http" for "net/http.(*Server).Serve". Undoes the escapes the
// compiler writes into names (cmd/internal/objabi.PathToPrefix). Empty for names that have none.
std::string package_of(std::string_view symbol);

// The module of a package: the longest module path it starts with; "std" for the standard library; null if unknown.
const Module* module_of(const BuildInfo& info, std::string_view package);
// Whether the first path element has no dot: the standard library and its vendored packages.
bool is_standard_library(std::string_view package);

}  // namespace stile::go
