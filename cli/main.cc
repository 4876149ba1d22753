// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "commands.h"

int main(int argc, char** argv) {
  // A reader that goes away is then an error of write(2), which is reported like any other. A handler, and not SIG_IGN, because
  // that would be inherited by what run and trace execute; what the caller ignores stays ignored.
  const auto before = std::signal(SIGPIPE, [](int) {});
  if (before == SIG_IGN) std::signal(SIGPIPE, SIG_IGN);
  try {
    return stile::cli::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::exception& error) {  // in practice std::bad_alloc
    return stile::cli::report({stile::Code::Limit, std::string("cannot go on: ") + error.what(), {}, {}});
  }
}
