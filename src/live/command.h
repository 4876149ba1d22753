// SPDX-License-Identifier: Apache-2.0
//
// A command line on its way to becoming a process: found before the filter, started under it.
#pragma once

#include <csignal>

#include <atomic>
#include <string>
#include <vector>

#include <stile/filter.h>
#include <stile/result.h>

namespace stile::live {

// What the messages of exec_status()'s errors begin with.
inline constexpr const char* kNotFound = "command not found";
inline constexpr const char* kNotExecutable = "cannot be executed";

// What runs a script without #!.
inline constexpr char kShell[] = "/bin/sh";

// Everything execve needs, laid out beforehand: between clone and execve nothing may be allocated.
struct Command {
  std::string path;               // found in PATH
  std::vector<std::string> text;  // argv
  std::vector<char*> argv;        // into text, ends in null
  std::vector<char*> shell_argv;  // "sh", path, arguments: for a script without #!, as execvp(3) does
};
// Errors as exec_status() sorts them. A Command must not be moved: argv points into it.
Result<void> find_command(const std::vector<std::string>& argv, Command& command);
Error exec_error(const std::string& path, int error);

enum class Stage : int { None, NoNewPrivs, Landlock, Filter, Exec };

// What the child tells its parent through shared memory. No call is needed for that, and after the filter
// there may be none left.
struct Progress {
  std::atomic<int> listener{-1};  // the descriptor, once the filter is in force
  std::atomic<int> loaded{0};     // 1: it is in force
  std::atomic<int> step{0};  // counts up before each call that the filter has to let through for the start
  std::atomic<Stage> failed{Stage::None};
  std::atomic<int> error{0};  // errno of that
};

struct Launch {
  const Command* command = nullptr;
  std::span<const Instruction> program;
  unsigned filter_flags = 0;
  int ruleset = -1;  // Landlock, or -1
  sigset_t mask{};   // of signals, for the command
  Progress* progress = nullptr;
};

// no_new_privs, Landlock, filter, execve. Comes back only when one of them failed, which `progress` then
// tells. Makes system calls and nothing else.
void launch(const Launch& launch);
// The failure that `progress` tells, in words.
Error launch_error(const Launch& launch);

}  // namespace stile::live
