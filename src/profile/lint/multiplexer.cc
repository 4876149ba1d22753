// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "profile/lint/check.h"

namespace stile::linting {
namespace {

constexpr std::string_view kSocket[] = {"socket",     "bind",       "connect", "listen", "accept4",
                                        "socketpair", "setsockopt", "sendto",  "sendmsg"};
constexpr std::string_view kIpc[] = {"shmget", "shmat",  "shmctl", "semget", "semctl",
                                     "msgget", "msgsnd", "msgrcv", "msgctl"};
struct Way {
  std::string_view by;
  std::span<const std::string_view> reaches;
};
constexpr Way kWays[] = {{"socketcall", kSocket}, {"ipc", kIpc}};

void run(const Subject& subject, Report& report) {
  for (const Way& way : kWays) {
    const std::string by(way.by);
    for (const std::string& table : subject.tables) {
      const Decision open = subject.said_of(table, by);
      if (open.size() != 1 || !lets_through(open[0].action)) continue;
      std::vector<std::string> behind;
      for (const std::string_view name : way.reaches) {
        const Decision said = subject.said_of(table, std::string(name));
        const bool everything = said.size() == 1 && lets_through(said[0].action);
        if (!said.empty() && !everything && (subject.listed(std::string(name)) || subject.is_general()))
          behind.emplace_back(name);
      }
      if (behind.empty()) continue;
      report.add(by,
                 fmt::format("{} is allowed on {} and reaches {} without the conditions set for {}", by,
                             table, fmt::join(behind, ", "), behind.size() == 1 ? "it" : "them"),
                 fmt::format("stile edit PROFILE --drop {} -i", by));
      break;
    }
  }
}

}  // namespace

extern const Check kMultiplexer = {{"multiplexer", Severity::Warning, "socketcall or ipc goes around a rule",
                                    "On 32-bit x86, s390 and some others one call reaches all of them, with "
                                    "the arguments in memory where no filter can look."},
                                   run,
                                   false};

}  // namespace stile::linting
