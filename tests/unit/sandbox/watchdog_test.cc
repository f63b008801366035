// Waits for children that end only when they are told to.
#include "sandbox/watchdog.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <vector>

namespace tc::sandbox {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kForEver{600'000};

pid_t fork_sleeper() {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  while (true) pause();
}

TEST(Watchdog, EndsAWaitThatLastsTooLong) {
  Watchdog watchdog;
  const pid_t sleeper = fork_sleeper();
  EXPECT_EQ(watchdog.wait(sleeper, milliseconds(30)).pid, 0);
  kill(sleeper, SIGKILL);
  const Watchdog::Waited waited = watchdog.wait(sleeper, kForEver);
  EXPECT_EQ(waited.pid, sleeper);
  EXPECT_EQ(waited.status.kind(), ptrace::WaitStatus::Kind::kEnded);
  EXPECT_EQ(watchdog.wait(-1, kForEver).pid, -1);
}

TEST(Watchdog, EndsAWaitAtTheTickThatIsLongEnough) {
  Watchdog watchdog;
  const pid_t sleeper = fork_sleeper();
  int ticks = 0;
  watchdog.on_wake([&](bool is_tick) { return !is_tick || ++ticks < 3; });
  EXPECT_EQ(watchdog.wait(sleeper, kForEver).pid, 0);
  EXPECT_EQ(ticks, 3);
  kill(sleeper, SIGKILL);
  // What has come is told, whatever the answer.
  std::vector<bool> wakes;
  watchdog.on_wake([&](bool is_tick) {
    wakes.push_back(is_tick);
    return is_tick;
  });
  EXPECT_EQ(watchdog.wait(sleeper, kForEver).pid, sleeper);
  EXPECT_FALSE(wakes.back());
}

}  // namespace
}  // namespace tc::sandbox
