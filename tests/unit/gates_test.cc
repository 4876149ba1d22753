// SPDX-License-Identifier: Apache-2.0
//
// What is known of glibc beyond its code (runtime/glibc.h), on the C library of this machine: parts that do nothing until the
// program has called one of certain functions are left out without them, and counted with them.
#include <gtest/gtest.h>

#include <stdlib.h>  // mkdtemp

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <stile/analyze.h>

#include "base/file.h"
#include "elf/image.h"
#include "runtime/glibc.h"

namespace stile {
namespace {

class Gates : public testing::Test {
 protected:
  void SetUp() override {
    auto bytes = FileBytes::open("/lib/x86_64-linux-gnu/libc.so.6");
    if (!bytes) GTEST_SKIP() << "no glibc on this machine: install libc6";
    const auto image = elf::Image::parse(std::move(*bytes), "libc.so.6");
    if (!image || !glibc::is_library(*image)) GTEST_SKIP() << "this machine's glibc is older than 2.34, for which nothing of this is assumed";
    if (std::system("gcc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no C compiler: install gcc";
    char name[] = "/tmp/stile-gates-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  // The calls of a C program with this main function.
  std::set<std::string> calls_of(const std::string& body) {
    const std::string path = directory_ + "/program";
    std::ofstream(path + ".c") << "#define _GNU_SOURCE\n#include <netdb.h>\n#include <pthread.h>\n#include <pwd.h>\n#include <sched.h>\n#include <unistd.h>\n"
                                  "static void *thread(void *p) { return p; }\npthread_mutex_t mutex; pthread_t id; pthread_attr_t attributes;\n"
                                  "pthread_mutexattr_t kind; cpu_set_t cpus; volatile void *keep[] = {thread};\n"
                                  "int main(int count, char **words) {\n" << body << "\nreturn count; }\n";
    EXPECT_EQ(std::system(("gcc -O2 -w -o " + path + " " + path + ".c").c_str()), 0);
    std::set<std::string> names;
    const auto analysis = analyze(path, {});
    EXPECT_TRUE(analysis) << analysis.error().message;
    if (!analysis) return names;
    for (const SyscallUse& use : analysis->syscalls) names.insert(use.name);
    return names;
  }

  std::string directory_;
};

TEST_F(Gates, ADynamicProgramNeitherExecutesNorProfiles) {
  const auto calls = calls_of("");
  EXPECT_TRUE(calls.contains("mmap"));
  EXPECT_FALSE(calls.contains("execve"));
  EXPECT_FALSE(calls.contains("setitimer"));
}
TEST_F(Gates, AProgramThatExecutes) { EXPECT_TRUE(calls_of("execv(words[1], words);").contains("execve")); }

TEST_F(Gates, PlainMutexesHaveNoPriorityCeiling) {
  const auto calls = calls_of("pthread_mutex_init(&mutex, 0); pthread_mutex_lock(&mutex); pthread_mutex_unlock(&mutex);");
  EXPECT_TRUE(calls.contains("futex"));
  for (const char* name : {"sched_getparam", "sched_setscheduler", "sched_get_priority_max"}) EXPECT_FALSE(calls.contains(name)) << name;
}
TEST_F(Gates, MutexesWithAProtocol) {
  const auto calls = calls_of("pthread_mutexattr_setprotocol(&kind, count); pthread_mutex_init(&mutex, &kind); pthread_mutex_lock(&mutex);");
  for (const char* name : {"sched_getparam", "sched_setscheduler", "sched_get_priority_max"}) EXPECT_TRUE(calls.contains(name)) << name;
}
TEST_F(Gates, SchedulingByTheProgramItself) {
  const auto calls = calls_of("struct sched_param p; sched_setscheduler(0, count, &p); pthread_mutex_lock(&mutex);");
  EXPECT_TRUE(calls.contains("sched_setscheduler"));
  EXPECT_FALSE(calls.contains("sched_getparam"));
}

TEST_F(Gates, PlainThreads) {
  const auto calls = calls_of("pthread_create(&id, 0, thread, 0);");
  EXPECT_TRUE(calls.contains("clone3"));
  EXPECT_FALSE(calls.contains("sched_setscheduler"));
  EXPECT_FALSE(calls.contains("sched_setaffinity"));
}
TEST_F(Gates, ThreadsWithAPolicy) {
  const auto calls = calls_of("pthread_attr_setinheritsched(&attributes, count); pthread_create(&id, &attributes, thread, 0);");
  EXPECT_TRUE(calls.contains("sched_setscheduler"));
  EXPECT_FALSE(calls.contains("sched_setaffinity"));
}
TEST_F(Gates, ThreadsWithProcessors) {
  const auto calls = calls_of("pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus); pthread_create(&id, &attributes, thread, 0);");
  EXPECT_TRUE(calls.contains("sched_setaffinity"));
}

TEST_F(Gates, UsersAreNotAskedOfDns) {
  const auto calls = calls_of("getpwnam(words[0]);");
  EXPECT_TRUE(calls.contains("connect"));  // to nscd
  EXPECT_FALSE(calls.contains("sendmmsg"));
}
TEST_F(Gates, HostsAre) { EXPECT_TRUE(calls_of("gethostbyname(words[0]);").contains("sendmmsg")); }

}  // namespace
}  // namespace stile
