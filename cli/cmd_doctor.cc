// SPDX-License-Identifier: Apache-2.0
//
// stile doctor: can this kernel do what stile needs?
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <stile/live.h>

#include "commands.h"
#include "help.h"
#include "output.h"

namespace stile::cli {
namespace {

bool missing(const Capability& capability) { return capability.needed && !capability.available; }

std::string as_json(const Kernel& kernel, bool healthy) {
  nlohmann::ordered_json document;
  document["schema"] = 1;
  document["kernel"] = kernel.release;
  document["arch"] = kernel.arch;
  document["landlock_abi"] = kernel.landlock_abi;
  document["healthy"] = healthy;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Capability& capability : kernel.capabilities) {
    list.push_back({{"name", capability.name},
                    {"available", capability.available},
                    {"needed", capability.needed},
                    {"detail", capability.detail}});
  }
  document["capabilities"] = list;
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_text(const Kernel& kernel, bool healthy, const Style& style) {
  std::string text = fmt::format("{} {} {}\n\n", style.bold("Linux"), printable(kernel.release), printable(kernel.arch));
  size_t width = 0;
  for (const Capability& capability : kernel.capabilities) width = std::max(width, capability.name.size());
  for (const Capability& capability : kernel.capabilities) {
    const std::string mark = capability.available ? "yes" : capability.needed ? style.red("NO ") : style.yellow("no ");
    text += fmt::format("{}  {:{}}  {}\n", mark, capability.name, width, printable(capability.detail));
  }
  text += healthy ? "\nEverything stile needs is there.\n" : "\nSomething stile needs is missing: see the lines with NO.\n";
  return text;
}

int run_doctor(const Arguments& arguments) {
  const Kernel kernel = probe_kernel();
  const bool healthy = std::none_of(kernel.capabilities.begin(), kernel.capabilities.end(), missing);
  auto written = write_stdout(arguments.has("--json") ? as_json(kernel, healthy)
                                                       : as_text(kernel, healthy, style_for(STDOUT_FILENO, arguments)));
  if (!written) return report(written.error());
  return healthy ? 0 : 1;
}

}  // namespace

Command doctor_command() {
  Command command;
  command.name = "doctor";
  command.summary = "say what this kernel can do";
  command.about = {"Tries out, without changing anything, what stile uses of the kernel: seccomp filters and their actions, Landlock, user "
                   "notification, tracing. What is missing is said in plain words."};
  command.flags = {{.names = "--json", .help = "As JSON"}};
  command.examples = {{"stile doctor", "A line for each thing"}};
  command.exits = {{0, "all that is needed is there"}, {1, "something is missing"}, {2, "an error"}};
  command.run = run_doctor;
  return command;
}

}  // namespace stile::cli
