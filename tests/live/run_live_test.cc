// SPDX-License-Identifier: Apache-2.0
//
// Commands under a filter. The command is mostly this same program with the arguments `--act NAME ...`: it
// does what NAME says and tells by its exit status whether that went as expected.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "live/live_test.h"

// Names to be found on a stack. The sum keeps the calls from being the last thing done, which would take
// their frames away.
extern "C" [[gnu::noinline]] long stile_test_inner(long number) {
  char usage[256];
  return ::syscall(number, 0, usage) + 1;
}
extern "C" [[gnu::noinline]] long stile_test_outer(long number) {
  return stile_test_inner(number) + 1;
}

namespace stile {
namespace {

RunOptions act(std::vector<std::string> arguments) {
  RunOptions options;
  options.command = {"/proc/self/exe", "--act"};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  return options;
}

// --- run ---

TEST(Run, PassesTheStatusOn) {
  for (const char* mode : {"plain", "report", "log"}) {
    for (const char* status : {"0", "1", "77", "255"}) {
      RunOptions options = act({"exit", status});
      options.report = std::string_view(mode) == "report";
      options.log_only = std::string_view(mode) == "log";
      const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
      ASSERT_TRUE(result) << to_line(result.error());
      EXPECT_EQ(std::atoi(status), result->status) << mode;
    }
    for (const int signal : {SIGTERM, SIGKILL, SIGSEGV}) {
      RunOptions options = act({"signal", std::to_string(signal)});
      options.report = std::string_view(mode) == "report";
      options.log_only = std::string_view(mode) == "log";
      const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
      ASSERT_TRUE(result) << to_line(result.error());
      EXPECT_EQ(128 + signal, result->status) << mode;
    }
  }
}

TEST(Run, SaysWhyACommandCannotStart) {
  const auto status_of = [](const std::string& command, bool report) {
    RunOptions options;
    options.command = {command};
    options.report = report;
    const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
    return result ? -1 : exec_status(result.error());
  };
  char text[] = "/tmp/stile-broken-XXXXXX";
  const int fd = ::mkstemp(text);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(4, ::write(fd,
                       "\x7f"
                       "ELF",
                       4));
  ::close(fd);
  for (const bool report : {false, true}) {
    EXPECT_EQ(127, status_of("stile-no-such-command", report));
    EXPECT_EQ(127, status_of("/no/such/path", report));
    EXPECT_EQ(126, status_of("/etc/passwd", report));
    EXPECT_EQ(126, status_of("/tmp", report));
    EXPECT_EQ(126, status_of(text, report));
  }
  ASSERT_EQ(0, ::chmod(text, 0755));
  // Now it is execve that finds out, after the filter. The shell that execvp(3) falls back to finds no
  // command in it and says 127 or 126.
  EXPECT_EQ(125, exec_status(Error{Code::Usage, "x", "", ""}));
  ::unlink(text);
}

TEST(Run, RunsAScriptWithoutAFirstLine) {
  char text[] = "/tmp/stile-script-XXXXXX";
  const int fd = ::mkstemp(text);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(7, ::write(fd, "exit 5\n", 7));
  ::fchmod(fd, 0755);
  ::close(fd);
  for (const bool report : {false, true}) {
    RunOptions options;
    options.command = {text};
    options.report = report;
    const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
    EXPECT_TRUE(result) << to_line(result.error());
    EXPECT_EQ(5, result ? result->status : -1);
  }
  ::unlink(text);
}

TEST(Run, StartsUnderAProfileWithoutExecve) {
  std::string note;
  RunOptions plain = act({"exec-refused"});
  plain.on_note = [&](const std::string& text) { note = text; };
  const Program program = answers({{SYS_execve, error_answer(EACCES)}});
  auto result = run(program, plain);
  ASSERT_TRUE(result);
  EXPECT_EQ(2, result->status) << "execve is open to the command then";
  EXPECT_NE(std::string::npos, note.find("execve"));

  note.clear();
  RunOptions report = plain;
  report.report = true;
  result = run(program, report);
  ASSERT_TRUE(result) << to_line(result.error());
  EXPECT_EQ(0, result->status) << "with a supervisor only the first execve is let through";
  EXPECT_EQ(1u, result->refused);
  EXPECT_EQ("", note);
}

TEST(Run, ReplacesTheProcess) {
  EXPECT_EXIT_STATUS(41, in_child([] {
                       const Error error =
                           exec_under(answers({{kVictim, error_answer(EPERM)}}), act({"victim-fails", "41"}));
                       return exec_status(error);
                     }));
  EXPECT_EXIT_STATUS(127, in_child([] {
                       RunOptions options;
                       options.command = {"stile-no-such-command"};
                       return exec_status(exec_under(answers({}), options));
                     }));
}

TEST(Run, ReportsARefusalOnceAndCountsAll) {
  RunOptions options = act({"victim", "100", "EPERM"});
  options.report = true;
  std::vector<Refusal> told;
  options.on_refusal = [&](const Refusal& refusal) { told.push_back(refusal); };
  const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
  ASSERT_TRUE(result) << to_line(result.error());
  EXPECT_EQ(0, result->status);
  EXPECT_EQ(100u, result->refused);
  ASSERT_EQ(1u, told.size());
  EXPECT_TRUE(told[0].call.starts_with("getrusage(0, 0x")) << told[0].call;
  EXPECT_EQ((Action{ActionKind::Errno, EPERM}), told[0].action);
  EXPECT_GT(told[0].pid, 0);
  ASSERT_FALSE(told[0].stack.empty());
  EXPECT_EQ("syscall", told[0].stack[0].function);
  ASSERT_EQ(1u, result->refusals.size());
  EXPECT_EQ(100u, result->refusals[0].count);
}

TEST(Run, ComplainsAndRefusesNothing) {
  for (const uint32_t answer :
       {error_answer(EPERM), uint32_t{SECCOMP_RET_KILL_PROCESS}, uint32_t{SECCOMP_RET_TRAP},
        uint32_t{SECCOMP_RET_KILL_THREAD}, uint32_t{SECCOMP_RET_TRACE}}) {
    RunOptions options = act({"victim", "10", "none"});
    options.log_only = true;
    const auto result = run(answers({{kVictim, answer}}), options);
    ASSERT_TRUE(result) << to_line(result.error());
    EXPECT_EQ(0, result->status);
    EXPECT_EQ(10u, result->refused);
    ASSERT_EQ(1u, result->refusals.size());
    EXPECT_EQ(action_of(answer), result->refusals[0].action);
  }
}

TEST(Run, LosesNoneOfManyRefusals) {
  RunOptions options = act({"threads", "8", "1250"});
  options.report = true;
  int told = 0;
  options.on_refusal = [&](const Refusal&) { ++told; };
  const auto start = std::chrono::steady_clock::now();
  const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(result) << to_line(result.error());
  EXPECT_EQ(0, result->status);
  EXPECT_EQ(10000u, result->refused);
  EXPECT_EQ(1, told);
  ASSERT_EQ(1u, result->refusals.size());
  EXPECT_EQ(10000u, result->refusals[0].count);
  RecordProperty("seconds", std::to_string(seconds));
}

TEST(Run, LosesAndDoublesNoneUnderSignals) {
  RunOptions options = act({"threads-signals", "8", "500"});
  options.report = true;
  const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
  ASSERT_TRUE(result) << to_line(result.error());
  EXPECT_EQ(0, result->status);
  EXPECT_EQ(4000u, result->refused);
}

// What a command does and how it ends, with the kernel alone and with a supervisor in between.
TEST(Run, VerdictsAreTheKernels) {
  struct Case {
    const char* what;
    uint32_t answer;
    int status;
    bool exact = true;
  };
  const Case cases[] = {
      {"victim-once", error_answer(EPERM), 1},
      {"victim-once", error_answer(0), 0},
      {"victim-once", error_answer(4095), 1},
      {"victim-once", SECCOMP_RET_TRACE, 1},
      {"victim-once", SECCOMP_RET_KILL_PROCESS, 128 + SIGSYS},
      {"victim-once", SECCOMP_RET_KILL_THREAD, 128 + SIGSYS},
      {"victim-once", SECCOMP_RET_TRAP, 128 + SIGSYS},
      {"victim-sigsys-blocked", SECCOMP_RET_KILL_PROCESS, 128 + SIGSYS, false},
      {"victim-sigsys-ignored", SECCOMP_RET_KILL_PROCESS, 128 + SIGSYS, false},
      {"victim-sigsys-caught", SECCOMP_RET_KILL_PROCESS, 128 + SIGSYS, false},
      {"victim-sigsys-blocked", SECCOMP_RET_TRAP, 128 + SIGSYS, false},
      {"victim-sigsys-caught", SECCOMP_RET_TRAP | 33, 33},
      {"victim-in-thread", SECCOMP_RET_KILL_THREAD, 7},
      {"victim-in-thread", SECCOMP_RET_KILL_PROCESS, 128 + SIGSYS},
  };
  for (const Case& c : cases) {
    for (const bool report : {false, true}) {
      RunOptions options = act({c.what});
      options.report = report;
      const auto result = run(answers({{kVictim, c.answer}}), options);
      ASSERT_TRUE(result) << to_line(result.error());
      EXPECT_EQ(c.status, result->status) << c.what << " " << std::hex << c.answer << " report " << report;
      if (!report) continue;
      EXPECT_EQ(1u, result->refused) << c.what;
      ASSERT_EQ(1u, result->refusals.size());
      EXPECT_EQ(c.exact, result->refusals[0].note.empty()) << result->refusals[0].note;
    }
  }
}

TEST(Run, KillsAThreadEvenWhenExitIsRefused) {
  RunOptions options = act({"victim-in-thread"});
  options.report = true;
  const auto result =
      run(answers({{kVictim, SECCOMP_RET_KILL_THREAD}, {SYS_exit, error_answer(EPERM)}}), options);
  ASSERT_TRUE(result) << to_line(result.error());
  EXPECT_EQ(7, result->status);
  EXPECT_EQ(1u, result->refused);
}

TEST(Run, StaysForWhatTheCommandLeavesBehind) {
  RunOptions options = act({"background"});
  options.report = true;
  const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
  ASSERT_TRUE(result) << to_line(result.error());
  EXPECT_EQ(3, result->status);
  EXPECT_EQ(1u, result->refused);
}

TEST(Run, ServesVforkAndEndsWithKilledThreads) {
  RunOptions options = act({"vfork"});
  options.report = true;
  auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
  ASSERT_TRUE(result) << to_line(result.error());
  EXPECT_EQ(0, result->status);
  EXPECT_EQ(1u, result->refused);
  for (int round = 0; round < 20; ++round) {
    options.command.back() = "exit-amid-refusals";
    result = run(answers({{kVictim, error_answer(EPERM)}}), options);
    ASSERT_TRUE(result) << to_line(result.error());
    EXPECT_EQ(9, result->status);
  }
}

TEST(Run, PassesSignalsOn) {
  for (const bool report : {false, true}) {
    const int status = in_child([report] {
      const pid_t self = ::getpid();
      if (::fork() == 0) {
        ::usleep(300'000);
        ::kill(self, SIGTERM);
        ::_exit(0);
      }
      RunOptions options = act({"wait-for-term"});
      options.report = report;
      const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
      return result ? result->status : 200;
    });
    EXPECT_EXIT_STATUS(55, status);
  }
}

TEST(Run, DecodesArguments) {
  const std::map<std::string, std::pair<long, std::string>> cases = {
      {"open", {SYS_openat, "openat(AT_FDCWD, \"/no/such\\nfile\", O_WRONLY|O_CREAT|O_CLOEXEC, 0640)"}},
      {"socket", {SYS_socket, "socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, 0)"}},
      {"connect", {SYS_connect, "connect(-1, {AF_UNIX, \"/run/x\"}, 110)"}},
      {"mmap",
       {SYS_mmap, "mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)"}},
      {"prctl", {SYS_prctl, "prctl(PR_SET_DUMPABLE, 0x1, 0, 0, 0)"}},
  };
  for (const auto& [what, expected] : cases) {
    RunOptions options = act({"call", what});
    options.log_only = true;
    std::vector<std::string> calls;
    options.on_refusal = [&](const Refusal& refusal) { calls.push_back(refusal.call); };
    ASSERT_TRUE(run(answers({{expected.first, error_answer(EPERM)}}), options));
    // The program's start makes some of these calls too.
    EXPECT_NE(calls.end(), std::find(calls.begin(), calls.end(), expected.second))
        << what << ": " << (calls.empty() ? "none" : calls.back());
  }
}

TEST(Run, NamesTheCallersOfC) {
  RunOptions options = act({"stack"});
  options.report = true;
  std::vector<std::string> names;
  options.on_refusal = [&](const Refusal& refusal) {
    for (const Frame& frame : refusal.stack) names.push_back(frame.function);
  };
  const auto result = run(answers({{kVictim, error_answer(EPERM)}}), options);
  ASSERT_TRUE(result) << to_line(result.error());
  const auto at = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) - names.begin();
  };
  ASSERT_GE(names.size(), 4u);
  EXPECT_EQ("syscall", names[0]);
  EXPECT_LT(at("stile_test_inner"), at("stile_test_outer"));
  EXPECT_LT(at("stile_test_outer"), static_cast<long>(names.size()));
}

// Made with the newest Go there is. Every way of linking puts the tables somewhere else.
TEST(Run, NamesTheCallersOfGo) {
  std::string go;
  for (const char* version : {"1.19", "1.21", "1.22", "1.23"}) {
    const std::string path = std::string("/usr/lib/go-") + version + "/bin/go";
    if (::access(path.c_str(), X_OK) == 0) go = path;
  }
  if (go.empty()) GTEST_SKIP() << "no Go toolchain in /usr/lib/go-*; install golang-go";
  char directory[] = "/tmp/stile-go-XXXXXX";
  ASSERT_NE(nullptr, ::mkdtemp(directory));
  const std::string source = std::string(directory) + "/main.go",
                    program = std::string(directory) + "/program";
  const std::string text =
      "package main\n\nimport (\n\t\"os\"\n\t\"syscall\"\n)\n\n"
      "//go:noinline\nfunc direct() error {\n\tvar b [4096]byte\n\t_, err := syscall.Getcwd(b[:])\n\treturn "
      "err\n}\n\n"
      "func main() {\n\tos.Unsetenv(\"PWD\")\n\tdone := make(chan error)\n"
      "\tgo func() { _, err := os.Getwd(); done <- err }()\n\tbad := <-done == nil\n"
      "\tfor i := 0; i < 10; i++ {\n\t\tbad = direct() == nil || bad\n\t}\n\tif bad "
      "{\n\t\tos.Exit(1)\n\t}\n}\n";
  const int fd = ::open(source.c_str(), O_CREAT | O_WRONLY, 0600);
  ASSERT_EQ(static_cast<ssize_t>(text.size()), ::write(fd, text.data(), text.size()));
  ::close(fd);
  for (const std::string flags : {"", "-buildmode=pie -ldflags=-s"}) {
    const std::string build = "cd " + std::string(directory) + " && GOCACHE=" + STILE_BINARY_DIR +
                              "/go-cache GO111MODULE=off GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS= " + go +
                              " build " + flags + " -o program main.go";
    ASSERT_EQ(0, std::system(build.c_str())) << build;
    RunOptions options;
    options.command = {program};
    options.report = true;
    std::vector<Refusal> told;
    options.on_refusal = [&](const Refusal& refusal) { told.push_back(refusal); };
    const auto result = run(answers({{SYS_getcwd, error_answer(EPERM)}}), options);
    ASSERT_TRUE(result) << to_line(result.error());
    EXPECT_EQ(0, result->status) << flags;
    EXPECT_EQ(11u, result->refused);
    ASSERT_EQ(2u, told.size()) << "one instruction, two callers: " << flags;
    for (const Refusal& refusal : told) {
      EXPECT_TRUE(refusal.call.starts_with("getcwd(0xc000")) << refusal.call;
      size_t getcwd = 0;
      while (getcwd < refusal.stack.size() && refusal.stack[getcwd].function != "syscall.Getcwd") ++getcwd;
      ASSERT_LT(getcwd + 2, refusal.stack.size()) << flags;
      const bool by_getwd = refusal.stack[getcwd + 1].function == "syscall.Getwd";
      EXPECT_EQ(by_getwd ? "os.Getwd" : "main.direct", refusal.stack[getcwd + (by_getwd ? 2 : 1)].function);
      EXPECT_EQ("runtime.goexit", refusal.stack.back().function);
      for (const Frame& frame : refusal.stack) EXPECT_TRUE(frame.via.empty());
      EXPECT_EQ(by_getwd ? refusal.stack[getcwd + 1].line : 11u, refusal.stack[getcwd + 1].line);
    }
  }
  for (const std::string& file : {source, program}) ::unlink(file.c_str());
  ::rmdir(directory);
}

TEST(Run, WorksUnprivileged) {
  EXPECT_EXIT_STATUS(0, in_child([] {
                       if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 1;
                       RunOptions options;
                       options.command = {"/bin/sh", "-c", "mkdir /tmp/x/y/z 2>/dev/null; exit 4"};
                       options.report = true;
                       const auto result = run(answers({{SYS_mkdir, error_answer(EROFS)}}), options);
                       if (!result || result->status != 4 || result->refused != 1) return 2;
                       const Refusal& refusal = result->refusals[0];
                       return refusal.call == "mkdir(\"/tmp/x/y/z\", 0777)" && !refusal.stack.empty() ? 0 : 3;
                     }));
}

TEST(Run, EnforcesPathRules) {
  const std::vector<PathRule> rules = {{"/usr", kPathRead | kPathExecute},
                                       {"/etc/ld.so.cache", kPathRead},
                                       {"/proc", kPathRead},
                                       {"/dev/null", kPathRead | kPathWrite}};
  RunOptions options;
  options.command = {"/bin/sh", "-c",
                     "exec 2>/dev/null; cat /etc/passwd >/dev/null && exit 1; cat /usr/bin/env >/dev/null || "
                     "exit 2; exit 0"};
  const auto result = run(answers({}), options, rules);
  ASSERT_TRUE(result) << to_line(result.error());
  EXPECT_EQ(0, result->status);
}

// --- the command's side ---

void ignore_signal(int) {}

void on_sigsys(int, siginfo_t* info, void*) {
  const bool right = info->si_code == 1 && info->si_syscall == kVictim && info->si_arch == kX86 &&
                     info->si_call_addr != nullptr;
  ::_exit(right ? info->si_errno : 99);
}

int threads(int count, int each, bool signals) {
  std::atomic<int> wrong{0}, running{count};
  std::vector<std::thread> all;
  if (signals) ::signal(SIGURG, ignore_signal);
  for (int t = 0; t < count; ++t) {
    all.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        if (call_victim() != -1 || errno != EPERM) ++wrong;
      }
      --running;
      while (signals && running > 0) ::usleep(1000);
    });
  }
  while (signals && running > 0) {
    for (std::thread& thread : all) ::pthread_kill(thread.native_handle(), SIGURG);
    ::usleep(50);
  }
  for (std::thread& thread : all) thread.join();
  return wrong == 0 ? 0 : 1;
}

int call(const std::string& what) {
  if (what == "open") ::open("/no/such\nfile", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
  if (what == "socket") ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (what == "connect") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, "/run/x");
    ::connect(-1, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  if (what == "mmap")
    ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (what == "prctl") ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return 0;
}

int play(const std::vector<std::string>& words) {
  const std::string& what = words[0];
  const auto number = [&](size_t i) { return std::atoi(words.at(i).c_str()); };
  if (what == "exit") return number(1);
  if (what == "signal") {
    ::signal(number(1), SIG_DFL);
    ::raise(number(1));
  }
  if (what == "victim-fails") return call_victim() == -1 ? number(1) : 1;
  if (what == "victim-once") return call_victim() < 0 ? 1 : 0;
  if (what == "victim") {
    for (int i = 0; i < number(1); ++i) {
      const bool failed = call_victim() < 0;
      if (failed != (words[2] == "EPERM") || (failed && errno != EPERM)) return 1;
    }
    return 0;
  }
  if (what == "threads") return threads(number(1), number(2), false);
  if (what == "threads-signals") return threads(number(1), number(2), true);
  if (what == "victim-sigsys-blocked") {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGSYS);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    return call_victim() < 0 ? 1 : 0;
  }
  if (what == "victim-sigsys-ignored" || what == "victim-sigsys-caught") {
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = on_sigsys;
    if (what == "victim-sigsys-ignored") action.sa_handler = SIG_IGN;
    ::sigaction(SIGSYS, &action, nullptr);
    return call_victim() < 0 ? 1 : 0;
  }
  if (what == "victim-in-thread") {
    std::atomic<int> survived{0};
    std::thread([&] {
      call_victim();
      survived = 1;
    }).detach();
    ::usleep(2'000'000);  // time enough for a supervisor on a busy machine
    return survived == 0 ? 7 : 8;
  }
  if (what == "background") {
    if (::fork() == 0) {
      ::usleep(300'000);
      return call_victim() == -1 && errno == EPERM ? 0 : 1;
    }
    return 3;
  }
  if (what == "vfork") {
    const pid_t pid = ::vfork();
    if (pid == 0) {
      const bool refused = call_victim() == -1 && errno == EPERM;
      ::execl("/bin/sh", "sh", "-c", refused ? "exit 0" : "exit 1", nullptr);
      ::_exit(2);
    }
    int status = 1;
    ::waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  }
  if (what == "exit-amid-refusals") {
    for (int t = 0; t < 4; ++t) {
      std::thread([] {
        for (;;) call_victim();
      }).detach();
    }
    ::usleep(5'000);
    ::_exit(9);
  }
  if (what == "exec-refused") {
    ::execl("/bin/sh", "sh", "-c", "exit 2", nullptr);
    return errno == EACCES ? 0 : 1;
  }
  if (what == "wait-for-term") {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    int got = 0;
    ::sigwait(&set, &got);
    return got == SIGTERM ? 55 : 56;
  }
  if (what == "stack") return stile_test_outer(kVictim) == 1 ? 0 : 1;
  if (what == "call") return call(words.at(1));
  return 100;
}

}  // namespace
}  // namespace stile

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "--act") {
    ::alarm(60);
    return stile::play(std::vector<std::string>(argv + 2, argv + argc));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
