// SPDX-License-Identifier: Apache-2.0
//
// An allow-list that answers with an error instead of killing: a directory can be made, the working directory
// cannot be asked for.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include <stile/filter.h>
#include <stile/live.h>

namespace {

int complain(const stile::Error& error) {
  std::fprintf(stderr, "%s\n", stile::to_line(error).c_str());
  return EXIT_FAILURE;
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  const std::string directory = "/tmp/stile-info-" + std::to_string(::getpid());
  const auto policy =
      stile::Policy(stile::errno_action(EPERM))
          .allow({"mkdir", "mkdirat", "rmdir", "unlinkat", "write", "fstat", "newfstatat", "exit_group"})
          .build();
  if (!policy) return complain(policy.error());
  const auto program = stile::compile(*policy);
  if (!program) return complain(program.error());
  if (const auto loaded = stile::load(*program); !loaded) return complain(loaded.error());

  if (::mkdir(directory.c_str(), 0700) != 0) {
    std::printf("making %s failed: %s\n", directory.c_str(), std::strerror(errno));
    return EXIT_FAILURE;
  }
  std::printf("directory %s was made\n", directory.c_str());
  ::rmdir(directory.c_str());

  char text[4096];
  errno = 0;
  const bool refused = ::getcwd(text, sizeof text) == nullptr && errno == EPERM;
  std::printf("asking for the working directory: %s\n", refused ? "Operation not permitted" : text);
  return refused ? EXIT_SUCCESS : EXIT_FAILURE;
}
