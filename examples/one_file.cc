// SPDX-License-Identifier: Apache-2.0
//
// "How do I allow openat to open one specific file?" With a filter: not at all. It sees the address of the
// name, not the name, and could not trust it if it did, since another thread may change the text after the
// check. Landlock checks inside the kernel, where the name has been resolved: a path rule beside the filter.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stile/filter.h>
#include <stile/live.h>

namespace {

int complain(const stile::Error& error) {
  std::fprintf(stderr, "%s\n", stile::to_line(error).c_str());
  return EXIT_FAILURE;
}

bool opens(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool refused = fd < 0;
  std::printf("open %s to %s: %s\n", path.c_str(), flags == O_RDONLY ? "read" : "write",
              refused ? "refused" : "works");
  if (fd >= 0) ::close(fd);
  return !refused;
}

int confined(const std::string& path) {
  // Path rules for files, the filter for everything else: here, no sockets.
  const auto policy =
      stile::Policy(stile::allow_action()).deny("socket", EPERM).path(path, stile::kPathRead).build();
  if (!policy) return complain(policy.error());
  const auto program = stile::compile(*policy);
  if (!program) return complain(program.error());
  if (const auto paths = stile::restrict_paths(policy->paths); !paths) return complain(paths.error());
  if (const auto loaded = stile::load(*program); !loaded) return complain(loaded.error());

  const bool one = opens(path, O_RDONLY);
  const bool written = opens(path, O_WRONLY);
  const bool shadow = opens("/etc/shadow", O_RDONLY);
  const bool passwd = opens("/etc/passwd", O_RDONLY);
  const bool socket = ::socket(AF_INET, SOCK_STREAM, 0) >= 0;
  std::printf("make a socket: %s\n", socket ? "works" : "refused");
  std::fflush(stdout);
  return one && !written && !shadow && !passwd && !socket ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main() {
  std::string path = "/tmp/stile-allowed-XXXXXX";
  const int fd = ::mkstemp(path.data());
  if (fd < 0) return EXIT_FAILURE;
  ::close(fd);
  // A confined process could not remove the file again.
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(confined(path));
  int status = -1;
  ::waitpid(pid, &status, 0);
  ::unlink(path.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
