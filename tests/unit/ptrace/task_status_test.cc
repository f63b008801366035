#include "ptrace/task_status.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace tc::ptrace {
namespace {

constexpr const char* kText =
    "Name:\ta b\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t70\nNgid:\t0\nPid:\t72\nPPid:\t7\n"
    "NStgid:\t70\t9\t2\nNSpid:\t72\t11\t4\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000010200\n";

TEST(TaskStatus, HasTheNumbersOfTheInnermostNamespace) {
  const TaskStatus status = parse_task_status(kText);
  EXPECT_EQ(status.pid, 70U);
  EXPECT_EQ(status.parent, 7U);
  EXPECT_EQ(status.ns_tid, 4U);
  EXPECT_EQ(status.ns_pid, 2U);
}

TEST(TaskStatus, KnowsWhichSignalsAct) {
  const TaskStatus status = parse_task_status(kText);
  EXPECT_TRUE(status.acts_on(SIGUSR1));   // caught
  EXPECT_FALSE(status.acts_on(SIGPIPE));  // ignored
  EXPECT_TRUE(status.acts_on(SIGTERM));   // its default ends the process
  EXPECT_TRUE(status.acts_on(SIGCHLD));   // caught
  EXPECT_FALSE(status.acts_on(SIGWINCH));
  EXPECT_FALSE(status.acts_on(SIGURG));
  EXPECT_FALSE(status.acts_on(SIGCONT));
  EXPECT_FALSE(status.acts_on(SIGKILL));
  EXPECT_TRUE(status.acts_on(SIGRTMAX));
}

TEST(TaskStatus, StandsATextThatIsCut) {
  const TaskStatus status = parse_task_status("Name:\tx\nTgid:\t7");
  EXPECT_EQ(status.pid, 7U);
  EXPECT_EQ(status.ns_tid, 0U);
}

TEST(TaskStatus, ReadsThisThread) {
  const auto status = read_task_status(static_cast<std::uint32_t>(gettid()));
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->pid, static_cast<std::uint32_t>(getpid()));
  EXPECT_EQ(status->parent, static_cast<std::uint32_t>(getppid()));
  EXPECT_FALSE(read_task_status(0x7fffffff).ok());
}

}  // namespace
}  // namespace tc::ptrace
