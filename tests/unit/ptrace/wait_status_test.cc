#include "ptrace/wait_status.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>

namespace tc::ptrace {
namespace {

using Kind = WaitStatus::Kind;

WaitStatus stop(int signal, int event = 0) { return WaitStatus(event << 16 | signal << 8 | 0x7f); }

TEST(WaitStatus, KnowsTheEndOfAThread) {
  EXPECT_EQ(WaitStatus(3 << 8).kind(), Kind::kEnded);
  EXPECT_EQ(WaitStatus(SIGKILL).kind(), Kind::kEnded);
}

TEST(WaitStatus, TellsACallFromASignal) {
  EXPECT_EQ(stop(SIGTRAP | 0x80).kind(), Kind::kSyscall);
  EXPECT_EQ(stop(SIGTRAP).kind(), Kind::kSignal);
  EXPECT_EQ(stop(SIGUSR1).kind(), Kind::kSignal);
  EXPECT_EQ(stop(SIGUSR1).signal(), SIGUSR1);
}

TEST(WaitStatus, KnowsTheEvents) {
  EXPECT_EQ(stop(SIGTRAP, PTRACE_EVENT_SECCOMP).kind(), Kind::kSeccomp);
  EXPECT_EQ(stop(SIGTRAP, PTRACE_EVENT_FORK).kind(), Kind::kCreate);
  EXPECT_EQ(stop(SIGTRAP, PTRACE_EVENT_VFORK).kind(), Kind::kCreate);
  EXPECT_EQ(stop(SIGTRAP, PTRACE_EVENT_CLONE).kind(), Kind::kCreate);
  EXPECT_EQ(stop(SIGTRAP, PTRACE_EVENT_EXEC).kind(), Kind::kExec);
  EXPECT_EQ(stop(SIGTRAP, PTRACE_EVENT_EXIT).kind(), Kind::kExit);
  EXPECT_EQ(stop(SIGTRAP, PTRACE_EVENT_VFORK_DONE).kind(), Kind::kOther);
}

TEST(WaitStatus, TellsAGroupStopFromAnInterrupt) {
  EXPECT_EQ(stop(SIGTSTP, PTRACE_EVENT_STOP).kind(), Kind::kGroupStop);
  EXPECT_EQ(stop(SIGTSTP, PTRACE_EVENT_STOP).signal(), SIGTSTP);
  EXPECT_EQ(stop(SIGTRAP, PTRACE_EVENT_STOP).kind(), Kind::kInterrupted);
}

}  // namespace
}  // namespace tc::ptrace
