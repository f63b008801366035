#include "sandbox/environment.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>

#include "sandbox/filesystem.h"

namespace tc::sandbox {
namespace {

bool has(const std::vector<std::string>& environment, const std::string& entry) {
  return std::find(environment.begin(), environment.end(), entry) != environment.end();
}

TEST(GuestEnvironment, IsTheSameWhateverTheHosts) {
  Options options;
  setenv("TC_TEST_OF_HOST", "1", 1);
  setenv("LANG", "de_DE.UTF-8", 1);
  const std::vector<std::string> environment = guest_environment(options);
  EXPECT_FALSE(has(environment, "TC_TEST_OF_HOST=1"));
  EXPECT_TRUE(has(environment, "LANG=C.UTF-8"));
  EXPECT_TRUE(has(environment, "TZ=UTC"));
  EXPECT_TRUE(has(environment, "HOME=/root"));
  EXPECT_TRUE(std::is_sorted(environment.begin(), environment.end()));
}

TEST(GuestEnvironment, CanBeTheHostsOrNone) {
  Options options;
  setenv("TC_TEST_OF_HOST", "1", 1);
  options.base_environment = BaseEnvironment::kHost;
  options.environment = {{"TC_TEST_OF_HOST", "2"}};
  EXPECT_TRUE(has(guest_environment(options), "TC_TEST_OF_HOST=2"));
  options.base_environment = BaseEnvironment::kEmpty;
  EXPECT_EQ(guest_environment(options), std::vector<std::string>{"TC_TEST_OF_HOST=2"});
}

TEST(GuestEnvironment, OfNoRootHasNoHome) {
  Options options;
  options.user_map = "1000:1000";
  EXPECT_TRUE(has(guest_environment(options), "HOME=/"));
  EXPECT_FALSE(has(guest_environment(options), "USER=root"));
}

TEST(GuestProgram, IsSearchedAlongTheGuestsPathFirst) {
  Options options;
  options.command = {"sh"};
  setenv("PATH", "/nowhere", 1);
  const std::string shell = guest_program(options);
  EXPECT_TRUE(shell.ends_with("/sh")) << shell;
  options.environment = {{"PATH", "/nowhere"}};
  EXPECT_EQ(guest_program(options), "sh");
  setenv("PATH", "/bin", 1);
  EXPECT_EQ(guest_program(options), "/bin/sh");
  options.command = {"./sh"};
  EXPECT_EQ(guest_program(options), "./sh");
  options.command = {"etc"};  // a directory is no program
  options.environment = {{"PATH", "/"}};
  EXPECT_EQ(guest_program(options), "etc");
}

// The exit status of a child in which `check` said no.
int in_child(const std::function<bool()>& check) {
  const pid_t pid = fork();
  if (pid == 0) _exit(check() ? 0 : 1);
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

TEST(GuestProcess, BeginsWithNothingOfItsParents) {
  EXPECT_EQ(in_child([] {
              umask(0);
              signal(SIGTERM, SIG_IGN);
              sigset_t all;
              sigfillset(&all);
              sigprocmask(SIG_SETMASK, &all, nullptr);
              prepare_guest_process(Options{});
              sigset_t blocked;
              sigprocmask(SIG_SETMASK, nullptr, &blocked);
              return umask(0) == 022 && signal(SIGTERM, SIG_DFL) == SIG_DFL &&
                     sigisemptyset(&blocked) != 0 && sysconf(_SC_OPEN_MAX) == 1024;
            }),
            0);
}

TEST(FreshTmp, IsNotForWhatLiesThere) {
  Options options;
  options.command = {"/bin/cat", "/etc/passwd"};
  EXPECT_TRUE(wants_fresh_tmp(options, "/home"));
  EXPECT_FALSE(wants_fresh_tmp(options, "/tmp/work"));
  options.temporary_files = TemporaryFiles::kFresh;
  EXPECT_TRUE(wants_fresh_tmp(options, "/tmp/work"));
  options.temporary_files = TemporaryFiles::kHost;
  EXPECT_FALSE(wants_fresh_tmp(options, "/home"));
  options.temporary_files = TemporaryFiles::kAuto;
  options.command = {"/tmp/program"};
  EXPECT_FALSE(wants_fresh_tmp(options, "/home"));
  options.command = {"./program"};
  EXPECT_TRUE(wants_fresh_tmp(options, "/home"));
}

TEST(FreshTmp, IsNotForAnArgumentThatIsThere) {
  char name[] = "/tmp/tc-environment-test-XXXXXX";
  const int file = mkstemp(name);
  ASSERT_GE(file, 0);
  Options options;
  options.command = {"/bin/cat", name};
  EXPECT_FALSE(wants_fresh_tmp(options, "/home"));
  options.command = {"/bin/cat", std::string("--file=") + name};
  EXPECT_FALSE(wants_fresh_tmp(options, "/home"));
  unlink(name);
  close(file);
  EXPECT_TRUE(wants_fresh_tmp(options, "/home"));
}

}  // namespace
}  // namespace tc::sandbox
