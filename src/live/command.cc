// SPDX-License-Identifier: Apache-2.0
#include "live/command.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stile/live.h>

#include "live/system.h"

namespace stile::live {

namespace {

// 0 for something execve may take, else why not. `there`: something of that name exists.
int executable(const std::string& path, bool* there) {
  struct stat status {};
  *there = ::stat(path.c_str(), &status) == 0;
  if (!*there) return errno;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return ::access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

// As execvp(3) searches: what may not be executed is passed over, and remembered. Unlike there, a directory
// that may not be looked into does not make "not found" a "permission denied".
Result<std::string> search(const std::string& name) {
  bool there = false;
  if (name.find('/') != std::string::npos) {
    const int error = executable(name, &there);
    if (error != 0) return tl::unexpected(exec_error(name, error));
    return name;
  }
  const char* variable = std::getenv("PATH");
  const std::string directories = variable != nullptr ? variable : "/bin:/usr/bin";
  int remembered = ENOENT;
  for (size_t at = 0; at <= directories.size();) {
    const size_t colon = std::min(directories.find(':', at), directories.size());
    const std::string directory = directories.substr(at, colon - at);
    at = colon + 1;
    const std::string path = directory.empty() ? "./" + name : directory + "/" + name;
    const int error = executable(path, &there);
    if (error == 0) return path;
    if (there) remembered = error;
  }
  return tl::unexpected(exec_error(name, remembered));
}

void failed(Progress& progress, Stage stage) {
  progress.error = errno;
  progress.failed = stage;
}

}  // namespace

Error exec_error(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return {Code::Io, kNotFound, path,
            path.find('/') == std::string::npos ? "it is in no directory of PATH" : "check the path"};
  }
  std::string hint;
  if (error == EACCES)
    hint =
        "it must be a file with permission to execute, and path rules must let it and its loader be read and "
        "executed";
  if (error == ENOEXEC) hint = "it is no program for this machine and no script";
  return {Code::Io, fmt::format("{}: {}", kNotExecutable, std::strerror(error)), path, hint};
}

Result<void> find_command(const std::vector<std::string>& argv, Command& command) {
  if (argv.empty() || argv.front().empty()) return fail(Code::Usage, "there is no command to run");
  for (const std::string& text : argv) {
    if (text.find('\0') != std::string::npos)
      return fail(Code::Usage, "an argument of the command holds a NUL byte");
  }
  auto path = search(argv.front());
  if (!path) return tl::unexpected(path.error());
  command.path = std::move(*path);
  command.text = argv;
  static char shell[] = "sh";
  command.shell_argv = {shell, command.path.data()};
  for (std::string& text : command.text) {
    if (!command.argv.empty()) command.shell_argv.push_back(text.data());
    command.argv.push_back(text.data());
  }
  command.argv.push_back(nullptr);
  command.shell_argv.push_back(nullptr);
  return {};
}

void launch(const Launch& launch) {
  Progress& progress = *launch.progress;
  ::sigprocmask(SIG_SETMASK, &launch.mask, nullptr);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed(progress, Stage::NoNewPrivs);
  if (launch.ruleset >= 0 && landlock_restrict_self(launch.ruleset) != 0)
    return failed(progress, Stage::Landlock);
  const long answer = set_filter(launch.program, launch.filter_flags);
  if (answer < 0) return failed(progress, Stage::Filter);
  if ((launch.filter_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0)
    progress.listener = static_cast<int>(answer);
  progress.loaded = 1;

  ++progress.step;
  ::execve(launch.command->path.c_str(), launch.command->argv.data(), environ);
  const int error = errno;
  if (error == ENOEXEC) {
    ++progress.step;
    ::execve(kShell, launch.command->shell_argv.data(), environ);
  }
  errno = error;
  failed(progress, Stage::Exec);
}

Error launch_error(const Launch& launch) {
  const int error = launch.progress->error;
  const char* text = std::strerror(error);
  switch (launch.progress->failed.load()) {
    case Stage::NoNewPrivs:
      return {Code::Unsupported, fmt::format("no_new_privs cannot be set: {}", text), "", ""};
    case Stage::Landlock:
      return {Code::Io, fmt::format("Landlock does not confine the command: {}", text), "", ""};
    case Stage::Filter: {
      if (error == EBUSY) {
        return {Code::Io,
                "refusals cannot be reported: a filter around this process has a supervisor already", "",
                "a process has one listener at most; run without reports"};
      }
      return {Code::Io, fmt::format("the filter could not be loaded: {}", text), "",
              "stile doctor says what this kernel can do"};
    }
    case Stage::Exec:
      return exec_error(launch.command->path, error);
    case Stage::None:
      break;
  }
  return {Code::Io, "the command ended before it started", launch.command->path,
          "the filter stopped it: let execve through"};
}

}  // namespace stile::live

namespace stile {

int exec_status(const Error& error) {
  if (error.code == Code::Io && error.message.starts_with(live::kNotFound)) return 127;
  if (error.code == Code::Io && error.message.starts_with(live::kNotExecutable)) return 126;
  return 125;
}

}  // namespace stile
