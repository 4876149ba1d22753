// SPDX-License-Identifier: Apache-2.0
//
// Conditions on arguments: write(2) to standard output and standard error alone. A descriptor is an int, so
// its 32 bits are compared; the kernel ignores the upper half and a caller may fill it with anything.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stile/filter.h>
#include <stile/live.h>

namespace {

int complain(const stile::Error& error) {
  std::fprintf(stderr, "%s\n", stile::to_line(error).c_str());
  return EXIT_FAILURE;
}

bool say(int fd, const char* text) {
  return ::write(fd, text, std::strlen(text)) > 0;
}

}  // namespace

int main() {
  const auto policy = stile::Policy(stile::allow_action())
                          .deny("write", EPERM, stile::arg32(0).not_in({1, 2}))
                          // The same could be done by these: a rule for one call alone is no wall.
                          .deny("writev", EPERM, stile::arg32(0).not_in({1, 2}))
                          .deny("pwrite64", EPERM)
                          .deny("pwritev", EPERM)
                          .deny("pwritev2", EPERM)
                          .build();
  if (!policy) return complain(policy.error());
  const auto program = stile::compile(*policy);
  if (!program) return complain(program.error());
  const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (const auto loaded = stile::load(*program); !loaded) return complain(loaded.error());

  const bool out = say(1, "this goes to standard output\n");
  const bool error = say(2, "this goes to standard error\n");
  errno = 0;
  const bool refused = !say(fd, "this goes nowhere\n") && errno == EPERM;
  const bool wide = ::syscall(SYS_write, 0x100000000 + fd, "x", 1) == -1 && errno == EPERM;
  say(1, refused ? "a write to another descriptor gives EPERM\n"
                 : "a write to another descriptor went through\n");
  say(1, wide ? "so does one with its upper half set\n" : "one with its upper half set went through\n");
  return out && error && refused && wide ? EXIT_SUCCESS : EXIT_FAILURE;
}
