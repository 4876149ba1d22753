// SPDX-License-Identifier: Apache-2.0
//
// What is known of the dynamic linker that will start a program: which one it is, and which directories it was built and
// configured to look in. The program names it (PT_INTERP); the rest stands in its own file, so nothing depends on a distribution.
//
// Facts: glibc 2.36 elf/dl-load.c, elf/rtld.c, elf/ldconfig.c; musl 1.2.3 ldso/dynlink.c. See ld.so(8), ldconfig(8).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/root.h"

namespace stile::analysis {

enum class LinkerKind { Glibc, Musl };

struct Linker {
  LinkerKind kind = LinkerKind::Glibc;
  bool recognised = false;  // false: neither of the two; glibc's rules are taken
  std::string path;         // inside the tree
  std::vector<std::string> directories;  // built in, in order, without a slash at the end
  std::string lib = "lib64";             // what $LIB stands for
  bool levels = true;                    // looks into glibc-hwcaps
  std::string cache = "/etc/ld.so.cache";
  std::string preload = "/etc/ld.so.preload";
};

// Reads them out of the linker's file.
Linker read_linker(Bytes file, const std::string& path);
// The same where there is no file to read: by its name.
Linker guess_linker(const std::string& path);

// The directories of /etc/ld.so.conf and what it includes: what ldconfig makes the cache from. Bounded in number and depth.
std::vector<std::string> configured_directories(const Root& root);
// The names in /etc/ld.so.preload, which glibc loads into every program.
std::vector<std::string> preloaded_names(const Root& root, const std::string& path);
// What musl's linker looks through: /etc/ld-musl-x86_64.path beside it, or what is built in.
std::vector<std::string> musl_directories(const Root& root, const std::string& linker_path);

// "${ORIGIN}/../lib" with its tokens replaced. Nothing: it holds $ORIGIN, and that is not known.
// `platform`, if not null, is set when it holds $PLATFORM, which depends on the processor: the commonest is put in.
std::optional<std::string> expand_tokens(std::string_view text, const std::optional<std::string>& origin, const Linker& linker,
                                         bool* platform);

}  // namespace stile::analysis
