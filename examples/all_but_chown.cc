// SPDX-License-Identifier: Apache-2.0
//
// A deny-list: everything but changing owners. One thing can be asked for by several calls (chown, fchown,
// lchown, fchownat, and on 32-bit machines more), so the rule names the group. A deny-list has to know them
// all, and those of future kernels: prefer an allow-list.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
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
  const auto policy = stile::Policy(stile::allow_action()).deny("@chown", EPERM).build();
  if (!policy) return complain(policy.error());
  const auto program = stile::compile(*policy);
  if (!program) return complain(program.error());

  std::string path = "/tmp/stile-owner-XXXXXX";
  const int fd = ::mkstemp(path.data());
  if (fd < 0) return EXIT_FAILURE;
  // Giving a file to oneself is allowed to everybody, so what is refused below is refused by the filter.
  const bool before = ::chown(path.c_str(), ::getuid(), ::getgid()) == 0;
  std::printf("before: chown %s\n", before ? "works" : "fails");

  if (const auto loaded = stile::load(*program); !loaded) return complain(loaded.error());
  bool refused = true;
  const auto tell = [&](const char* name, int result) {
    const bool right = result == -1 && errno == EPERM;
    std::printf("after: %s %s\n", name, right ? "gives EPERM" : "is not refused");
    refused = refused && right;
  };
  tell("chown", ::chown(path.c_str(), ::getuid(), ::getgid()));
  tell("lchown", ::lchown(path.c_str(), ::getuid(), ::getgid()));
  tell("fchown", ::fchown(fd, ::getuid(), ::getgid()));
  tell("fchownat", ::fchownat(AT_FDCWD, path.c_str(), ::getuid(), ::getgid(), 0));
  ::close(fd);
  const bool others = ::unlink(path.c_str()) == 0;
  std::printf("after: unlink %s\n", others ? "works" : "fails");
  return before && refused && others ? EXIT_SUCCESS : EXIT_FAILURE;
}
