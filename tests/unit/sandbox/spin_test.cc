// Loops of real threads, stepped for real: which of them wait for memory, and which compute.
#include "sandbox/spin.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "ptrace/stopped.h"
#include "ptrace/wait_status.h"

namespace tc::sandbox {
namespace {

// Memory that the loops and the test share.
struct Shared {
  volatile std::uint32_t has_begun = 0;
  volatile std::uint32_t flag = 0;
  volatile std::uint64_t count = 0;
};

class SpinTest : public testing::Test {
 protected:
  SpinTest()
      : shared_(static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                          MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~SpinTest() override {
    if (tid_ > 0) {
      kill(tid_, SIGKILL);
      waitpid(tid_, nullptr, __WALL);
    }
    munmap(shared_, sizeof(Shared));
  }

  // Runs `loop` in a process of its own and stops it somewhere in the middle.
  void stop_in(void (*loop)(Shared&)) {
    tid_ = fork();
    if (tid_ == 0) {
      shared_->has_begun = 1;
      loop(*shared_);
      _exit(0);
    }
    ASSERT_TRUE(ptrace::seize(tid_, ptrace::kFollowAndKill));
    while (shared_->has_begun == 0) sched_yield();
    // Out of the function that says so and into the loop.
    for (int i = 0; i < 200; ++i) sched_yield();
    ptrace::interrupt(tid_);
    int status = 0;
    ASSERT_EQ(waitpid(tid_, &status, __WALL), tid_);
    ASSERT_EQ(ptrace::WaitStatus(status).kind(), ptrace::WaitStatus::Kind::kInterrupted);
  }

  Shared* const shared_;
  pid_t tid_ = -1;
};

TEST_F(SpinTest, FindsALoopThatOnlyReads) {
  stop_in([](Shared& shared) {
    while (shared.flag == 0) {
    }
  });
  const SpinCheck check = look_for_spin(tid_, 128);
  ASSERT_TRUE(check.spin);
  EXPECT_TRUE(try_spin_again(tid_, *check.spin).spin) << "nothing has changed";
  shared_->flag = 1;
  EXPECT_FALSE(try_spin_again(tid_, *check.spin).spin) << "it goes on now";
}

TEST_F(SpinTest, FindsALockThatWritesWhatIsThereAlready) {
  shared_->flag = 1;
  stop_in([](Shared& shared) {
    while (__atomic_exchange_n(&shared.flag, 1U, __ATOMIC_ACQUIRE) != 0) __builtin_ia32_pause();
  });
  EXPECT_TRUE(look_for_spin(tid_, 128).spin);
}

TEST_F(SpinTest, IsNotTakenInByACounterInMemory) {
  stop_in([](Shared& shared) {
    while (shared.flag == 0) shared.count = shared.count + 1;
  });
  EXPECT_FALSE(look_for_spin(tid_, 128).spin);
}

TEST_F(SpinTest, IsNotTakenInByACounterInARegister) {
  stop_in([](Shared& shared) {
    std::uint64_t count = 0;
    while (shared.flag == 0) asm volatile("inc %0" : "+r"(count));
  });
  EXPECT_FALSE(look_for_spin(tid_, 128).spin);
}

TEST_F(SpinTest, WaitsAtOnePlaceOfTheLoopWhereverItIsFound) {
  stop_in([](Shared& shared) {
    while (shared.flag == 0) {
    }
  });
  const SpinCheck first = look_for_spin(tid_, 128);
  ASSERT_TRUE(first.spin);
  ptrace::Stopped(tid_).step();
  ASSERT_EQ(waitpid(tid_, nullptr, __WALL), tid_);
  const SpinCheck second = look_for_spin(tid_, 128);
  ASSERT_TRUE(second.spin);
  EXPECT_EQ(first.spin->at.rip, second.spin->at.rip);
  EXPECT_EQ(first.spin->period, second.spin->period);
}

}  // namespace
}  // namespace tc::sandbox
