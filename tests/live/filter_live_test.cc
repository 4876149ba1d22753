// SPDX-License-Identifier: Apache-2.0
//
// Loading filters, strict mode, path rules and the look at the kernel.
#include <cerrno>
#include <cstdlib>

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>

#include "live/live_test.h"

namespace stile {
namespace {

// --- load ---

TEST(Load, RefusesACallWithTheErrorAsked) {
  EXPECT_EXIT_STATUS(0, in_child([] {
                       if (!load(answers({{kVictim, error_answer(EXDEV)}}))) return 1;
                       return call_victim() == -1 && errno == EXDEV ? 0 : 2;
                     }));
}

TEST(Load, KillsTheProcess) {
  EXPECT_SIGNAL(SIGSYS, in_child([] {
                  if (!load(answers({{kVictim, SECCOMP_RET_KILL_PROCESS}}))) return 1;
                  call_victim();
                  return 2;
                }));
}

TEST(Load, ReachesAllThreadsOrOneAlone) {
  for (const bool all : {true, false}) {
    EXPECT_EXIT_STATUS(0, in_child([all] {
                         std::atomic<int> go{0}, refused{-1};
                         std::thread other([&] {
                           while (go == 0) std::this_thread::yield();
                           refused = call_victim() == -1 ? 1 : 0;
                         });
                         LoadOptions options;
                         options.all_threads = all;
                         if (!load(answers({{kVictim, error_answer(EPERM)}}), options)) return 1;
                         go = 1;
                         other.join();
                         return refused == (all ? 1 : 0) ? 0 : 2;
                       }))
        << "all threads: " << all;
  }
}

TEST(Load, NamesTheThreadThatHasAFilterOfItsOwn) {
  EXPECT_EXIT_STATUS(
      0, in_child([] {
        std::atomic<int> own{0}, done{0};
        std::thread other([&] {
          LoadOptions alone;
          alone.all_threads = false;
          own = load(answers({}), alone) ? static_cast<int>(::syscall(SYS_gettid)) : -1;
          while (done == 0) std::this_thread::yield();
        });
        while (own == 0) std::this_thread::yield();
        const auto loaded = load(answers({{kVictim, error_answer(EPERM)}}));
        const bool none = call_victim() >= 0;
        done = 1;
        other.join();
        if (loaded || !none) return 1;
        return loaded.error().message.find("thread " + std::to_string(own)) != std::string::npos ? 0 : 2;
      }));
}

TEST(Load, SaysWhatIsWrong) {
  const auto malformed =
      load(Program{{BPF_LD | BPF_W | BPF_ABS, 0, 0, 3}, {kReturn, 0, 0, SECCOMP_RET_ALLOW}});
  ASSERT_FALSE(malformed);
  EXPECT_EQ(Code::Malformed, malformed.error().code);
  LoadOptions killable;
  killable.wait_killable = true;
  const auto usage = load(answers({}), killable);
  ASSERT_FALSE(usage);
  EXPECT_EQ(Code::Usage, usage.error().code);
  EXPECT_EXIT_STATUS(0, in_child([] {
                       if (::setresuid(65534, 65534, 65534) != 0)
                         return 0;  // not root: the case below is the same
                       LoadOptions privileged;
                       privileged.no_new_privs = false;
                       const auto loaded = load(answers({}), privileged);
                       return !loaded && loaded.error().message.find("no_new_privs") != std::string::npos ? 0
                                                                                                          : 1;
                     }));
  EXPECT_EXIT_STATUS(0, in_child([] {
                       LoadOptions listener;
                       listener.listener = true;
                       listener.wait_killable = true;
                       const auto first = load(answers({}), listener);
                       const auto second = load(answers({}), listener);
                       return first && *first >= 0 && !second &&
                                      second.error().message.find("listener") != std::string::npos
                                  ? 0
                                  : 1;
                     }));
  EXPECT_EXIT_STATUS(0, in_child([] {
                       Program large = answers({});
                       large.insert(large.begin(), 4000, {kLoad, 0, 0, 0});
                       for (int i = 0; i < 12; ++i) {
                         const auto loaded = load(large);
                         if (!loaded)
                           return loaded.error().message.find("too long") != std::string::npos ? 0 : 1;
                       }
                       return 2;
                     }));
}

TEST(Load, TakesLogAndSpecAllow) {
  EXPECT_EXIT_STATUS(
      0, in_child([] {
        LoadOptions options;
        options.log = options.spec_allow = true;
        return load(answers({{kVictim, SECCOMP_RET_LOG}}), options) && call_victim() == 0 ? 0 : 1;
      }));
}

TEST(StrictMode, LeavesReadWriteAndExit) {
  EXPECT_EXIT_STATUS(7, in_child([] {
                       if (!enter_strict_mode()) return 1;
                       if (::write(2, "", 0) != 0) strict_exit(2);
                       strict_exit(7);
                     }));
  EXPECT_SIGNAL(SIGKILL, in_child([] { return enter_strict_mode() ? 0 : 1; }));  // _exit(2) is exit_group
  EXPECT_EXIT_STATUS(
      0, in_child([] {
        const bool loaded = load(answers({})).has_value();
        const auto strict = enter_strict_mode();
        return loaded && !strict && strict.error().message.find("filter") != std::string::npos ? 0 : 1;
      }));
}

// --- path rules ---

class Paths : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/stile-live-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(name));
    directory_ = name;
    write(directory_ + "/one");
    write(directory_ + "/two");
  }
  void TearDown() override {
    for (const char* name : {"/one", "/two", "/new"}) ::unlink((directory_ + name).c_str());
    ::rmdir(directory_.c_str());
  }
  static void write(const std::string& path) {
    const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    ASSERT_GE(fd, 0);
    ::close(fd);
  }
  static int opens(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags, 0600);
    const int error = fd < 0 ? errno : 0;
    if (fd >= 0) ::close(fd);
    return error;
  }
  std::string directory_;
};

TEST_F(Paths, OneFileCanBeReadAndNothingElse) {
  EXPECT_EXIT_STATUS(0, in_child([&] {
                       const std::vector<PathRule> rules = {{directory_ + "/one", kPathRead}};
                       if (!restrict_paths(rules)) return 1;
                       if (opens(directory_ + "/one", O_RDONLY) != 0) return 2;
                       if (opens(directory_ + "/one", O_WRONLY) != EACCES) return 3;
                       if (opens(directory_ + "/two", O_RDONLY) != EACCES) return 4;
                       if (opens(directory_ + "/new", O_CREAT | O_RDWR) != EACCES) return 5;
                       return opens("/etc/passwd", O_RDONLY) == EACCES ? 0 : 6;
                     }));
}

TEST_F(Paths, ADirectoryCanBeWrittenBeneath) {
  EXPECT_EXIT_STATUS(0, in_child([&] {
                       const std::vector<PathRule> rules = {{directory_, kPathRead | kPathWrite}};
                       if (!restrict_paths(rules)) return 1;
                       if (opens(directory_ + "/new", O_CREAT | O_RDWR) != 0) return 2;
                       if (opens(directory_ + "/new", O_TRUNC | O_WRONLY) != 0) return 3;
                       if (::unlink((directory_ + "/new").c_str()) != 0) return 4;
                       return opens("/tmp/stile-elsewhere", O_CREAT | O_RDWR) == EACCES ? 0 : 5;
                     }));
}

TEST_F(Paths, AFileTakesEveryGroupOfRights) {
  EXPECT_EXIT_STATUS(
      0, in_child([&] {
        const std::vector<PathRule> rules = {{directory_ + "/one", kPathRead | kPathWrite | kPathExecute}};
        if (!restrict_paths(rules)) return 1;
        return opens(directory_ + "/one", O_RDWR | O_TRUNC) == 0 ? 0 : 2;
      }));
}

TEST_F(Paths, SaysWhichPathIsWrong) {
  const std::vector<PathRule> missing = {{directory_ + "/missing", kPathRead}};
  const auto io = restrict_paths(missing);
  ASSERT_FALSE(io);
  EXPECT_EQ(Code::Io, io.error().code);
  EXPECT_EQ(directory_ + "/missing", io.error().where);
  const std::vector<PathRule> relative = {{"etc", kPathRead}};
  const auto usage = restrict_paths(relative);
  ASSERT_FALSE(usage);
  EXPECT_EQ(Code::Usage, usage.error().code);
  EXPECT_TRUE(restrict_paths({}));
}

// --- the machine ---

TEST(ProbeKernel, KnowsWhatTheseTestsUse) {
  const Kernel kernel = probe_kernel();
  EXPECT_FALSE(kernel.release.empty());
  EXPECT_EQ("x86_64", kernel.arch);
  EXPECT_GT(kernel.landlock_abi, 0);
  std::map<std::string, bool> available;
  for (const Capability& capability : kernel.capabilities) {
    EXPECT_FALSE(capability.detail.empty()) << capability.name;
    EXPECT_TRUE(available.emplace(capability.name, capability.available).second) << capability.name;
  }
  for (const char* name : {"seccomp", "seccomp-filter", "action-errno", "action-kill-process", "tsync",
                           "listener", "user-notification", "no-new-privs", "landlock"}) {
    EXPECT_TRUE(available.contains(name) && available[name]) << name;
  }
  EXPECT_EQ(0, ::prctl(PR_GET_SECCOMP)) << "probing must leave this process as it was";
  EXPECT_EQ(0, ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

}  // namespace
}  // namespace stile
