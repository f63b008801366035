// The futex calls on the memory of several threads, with the test as the scheduler.
#include "determinism/futexes.h"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <time.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "determinism/calls.h"
#include "determinism/futex_exits.h"
#include "support/fake_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using guest::Answer;
using guest::Woken;
using sys::call::futex;
using test::FakeTracee;

constexpr std::uint64_t kWord = 0x1000;
constexpr std::uint64_t kLock = 0x1004;
constexpr std::uint64_t kTime = 0x1100;
constexpr std::uint64_t kVector = 0x1200;

class FutexTest : public testing::Test {
 protected:
  FutexTest() {
    add_futex_calls(handlers_, world_);
    one_.map(0x1000, 0x1000);
  }

  static futex make(std::uint32_t operation, std::uint32_t value, std::uint64_t address = kWord) {
    futex call{};
    call.uaddr.value = address;
    call.op.value = operation | FUTEX_PRIVATE_FLAG;
    call.val.value = value;
    return call;
  }
  static futex make_locking(std::uint32_t operation) { return make(operation, 0, kLock); }
  void set_time(std::int64_t seconds, std::int64_t ns) {
    one_.poke(kTime, timespec{.tv_sec = seconds, .tv_nsec = ns});
  }
  std::uint32_t word(std::uint64_t address) { return one_.peek<std::uint32_t>(address); }
  void set_word(std::uint64_t address, std::uint32_t value) { one_.poke(address, value); }
  // Whoever was woken since the last time, and goes on.
  std::vector<TaskId> wake_all() {
    std::vector<TaskId> woken = std::exchange(world_.requests.wakeups, {});
    for (const TaskId task : woken)
      for (FakeTracee* const guest : {&one_, &two_, &three_, &stranger_})
        if (guest->id() == task) guest->wake(Woken::kReady);
    return woken;
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  FakeTracee one_{1};
  FakeTracee two_{2, one_};
  FakeTracee three_{3, one_};
  FakeTracee stranger_{4};
};

TEST_F(FutexTest, WaitsUntilItIsWoken) {
  set_word(kWord, 7);
  two_.start(handlers_, make(FUTEX_WAIT, 7));
  ASSERT_TRUE(two_.is_waiting());
  EXPECT_TRUE(two_.wait().wakeup);
  EXPECT_FALSE(two_.wait().deadline_ns.has_value());
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 1)), 1);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  EXPECT_EQ(two_.answer().value, 0);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 1)), 0);
}

TEST_F(FutexTest, DoesNotWaitForWhatHasChanged) {
  set_word(kWord, 8);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAIT, 7)), -EAGAIN);
  EXPECT_TRUE(world_.futexes.all().empty());
}

TEST_F(FutexTest, JudgesArgumentsAsTheKernelDoes) {
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAIT, 0, kWord + 1)), -EINVAL);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAIT, 0, 0x9000)), -EFAULT);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAIT, 0, ~0ULL - 7)), -EFAULT);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 1, 0x9000)), 0);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE_BITSET, 1)), -EINVAL);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_FD, 0)), -ENOSYS);
  EXPECT_EQ(one_.run(handlers_, make(99, 0)), -ENOSYS);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0)), -ENOSYS);
  futex call = make(FUTEX_WAIT, 0);
  call.utime.address = 0x9000;
  EXPECT_EQ(one_.run(handlers_, call), -EFAULT);
  call.utime.address = kTime;
  set_time(0, kSecondNs);
  EXPECT_EQ(one_.run(handlers_, call), -EINVAL);
  set_time(-1, 0);
  EXPECT_EQ(one_.run(handlers_, call), -EINVAL);
}

TEST_F(FutexTest, WakesInTheOrderOfArrivalAndAtLeastOne) {
  two_.start(handlers_, make(FUTEX_WAIT, 0));
  three_.start(handlers_, make(FUTEX_WAIT, 0));
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 0)), 1);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  two_.start(handlers_, make(FUTEX_WAIT, 0));
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 9)), 2);
  EXPECT_EQ(wake_all(), (std::vector<TaskId>{3, 2}));
}

TEST_F(FutexTest, WakesWhomTheMaskNames) {
  futex call = make(FUTEX_WAIT_BITSET, 0);
  call.val3.value = 1;
  two_.start(handlers_, call);
  call.val3.value = 2;
  three_.start(handlers_, call);
  call = make(FUTEX_WAKE_BITSET, 9);
  call.val3.value = 6;
  EXPECT_EQ(one_.run(handlers_, call), 1);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{3});
}

TEST_F(FutexTest, HasDeadlinesOfTheClockThatIsMeant) {
  const std::int64_t now = world_.clock.monotonic_ns();
  set_time(2, 5);
  futex call = make(FUTEX_WAIT, 0);
  call.utime.address = kTime;
  two_.start(handlers_, call);
  EXPECT_EQ(two_.wait().deadline_ns, now + 2 * kSecondNs + 5);
  two_.wake(Woken::kDeadline);
  EXPECT_EQ(two_.answer().value, -ETIMEDOUT);
  EXPECT_TRUE(world_.futexes.all().empty());

  call = make(FUTEX_WAIT_BITSET, 0);
  call.val3.value = FUTEX_BITSET_MATCH_ANY;
  call.utime.address = kTime;
  two_.start(handlers_, call);
  EXPECT_EQ(two_.wait().deadline_ns, 2 * kSecondNs + 5);
  call.op.value |= FUTEX_CLOCK_REALTIME;
  set_time(world_.clock.wall_ns() / kSecondNs + 3, 0);
  two_.start(handlers_, call);
  EXPECT_EQ(two_.wait().deadline_ns, now + 3 * kSecondNs - world_.clock.wall_ns() % kSecondNs);
}

TEST_F(FutexTest, KeepsItsDeadlineWhenItIsMadeAgain) {
  set_time(2, 0);
  futex call = make(FUTEX_WAIT, 0);
  call.utime.address = kTime;
  two_.start(handlers_, call);
  const auto deadline = two_.wait().deadline_ns;
  two_.wake(Woken::kSignal);
  EXPECT_EQ(two_.answer().kind, Answer::Kind::kInterrupted);
  EXPECT_EQ(two_.answer().value, guest::kRestartNoHand);
  world_.clock.advance(kSecondNs);
  two_.set_made_again(true);
  two_.start(handlers_, call);
  EXPECT_EQ(two_.wait().deadline_ns, deadline);
  two_.wake(Woken::kSignal);
  two_.set_made_again(false);  // the program itself tries once more
  two_.start(handlers_, call);
  EXPECT_EQ(two_.wait().deadline_ns, *deadline + kSecondNs);
}

TEST_F(FutexTest, IsRestartedWhenItHasNoDeadline) {
  two_.start(handlers_, make(FUTEX_WAIT, 0));
  two_.wake(Woken::kSignal);
  EXPECT_EQ(two_.answer().value, guest::kRestartSys);
  EXPECT_TRUE(world_.futexes.all().empty());
}

TEST_F(FutexTest, ADeadThreadWaitsNoMore) {
  two_.start(handlers_, make(FUTEX_WAIT, 0));
  two_.give_up();
  EXPECT_TRUE(world_.futexes.all().empty());
}

TEST_F(FutexTest, MovesWaitersToAnotherFutex) {
  set_word(kWord, 5);
  for (FakeTracee* const guest : {&two_, &three_}) guest->start(handlers_, make(FUTEX_WAIT, 5));
  futex call = make(FUTEX_CMP_REQUEUE, 1);
  call.uaddr2.value = kLock;
  call.utime.address = 1;
  call.val3.value = 4;
  EXPECT_EQ(one_.run(handlers_, call), -EAGAIN);
  call.val3.value = 5;
  EXPECT_EQ(one_.run(handlers_, call), 2);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 1)), 0);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 1, kLock)), 1);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{3});
  EXPECT_TRUE(world_.futexes.all().empty());
  call.val.value = static_cast<std::uint32_t>(-1);
  EXPECT_EQ(one_.run(handlers_, call), -EINVAL);
}

TEST_F(FutexTest, ChangesAWordAndWakesByWhatItWas) {
  two_.start(handlers_, make(FUTEX_WAIT, 0));
  set_word(kLock, 6);
  three_.start(handlers_, make(FUTEX_WAIT, 6, kLock));
  futex call = make(FUTEX_WAKE_OP, 1);
  call.uaddr2.value = kLock;
  call.utime.address = 1;
  call.val3.value = FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 6);
  EXPECT_EQ(one_.run(handlers_, call), 1);  // 6 > 6 does not hold
  EXPECT_EQ(word(kLock), 9U);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  call.val3.value = FUTEX_OP(FUTEX_OP_OPARG_SHIFT | FUTEX_OP_OR, 4, FUTEX_OP_CMP_GE, 9);
  EXPECT_EQ(one_.run(handlers_, call), 1);
  EXPECT_EQ(word(kLock), 25U);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{3});
  call.val3.value = FUTEX_OP(FUTEX_OP_SET, 0xfff, FUTEX_OP_CMP_LT, 0xfff);  // -1
  EXPECT_EQ(one_.run(handlers_, call), 0);
  EXPECT_EQ(word(kLock), 0xffff'ffffU);
  call.val3.value = FUTEX_OP(7, 0, 0, 0);
  EXPECT_EQ(one_.run(handlers_, call), -ENOSYS);
}

TEST_F(FutexTest, SharesWordsOfSharedMappingsOnly) {
  test::ScratchDirectory directory;
  for (FakeTracee* const guest : {&one_, &stranger_}) {
    const std::string proc = directory.path() + "/" + std::to_string(guest->id());
    ASSERT_EQ(mkdir(proc.c_str(), 0755), 0);
    const bool is_one = guest == &one_;
    const std::string maps = fmt::format(
        "00001000-00002000 rw-p 00000000 00:00 0\n"
        "{:08x}-{:08x} rw-s 00002000 08:01 42 /shared\n",
        is_one ? 0x4000 : 0x5000, is_one ? 0x5000 : 0x6000);
    const Result<UniqueFd> file = base::open_file(proc + "/maps", O_WRONLY | O_CREAT);
    ASSERT_TRUE(base::write_all(file->get(), maps, "maps").ok());
    guest->set_proc(proc);
  }
  one_.map(0x4000, 0x1000);
  stranger_.map(0x5000, 0x1000);
  stranger_.map(0x1000, 0x1000);
  const auto shared = [](futex call) {
    call.op.value &= ~static_cast<std::uint32_t>(FUTEX_PRIVATE_FLAG);
    return call;
  };
  one_.start(handlers_, shared(make(FUTEX_WAIT, 0, 0x4010)));
  EXPECT_EQ(stranger_.run(handlers_, shared(make(FUTEX_WAKE, 1, 0x5014))), 0);
  EXPECT_EQ(stranger_.run(handlers_, make(FUTEX_WAKE, 1, 0x5010)), 0);
  EXPECT_EQ(stranger_.run(handlers_, shared(make(FUTEX_WAKE, 1, 0x5010))), 1);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{1});
  one_.start(handlers_, shared(make(FUTEX_WAIT, 0)));
  EXPECT_EQ(stranger_.run(handlers_, shared(make(FUTEX_WAKE, 1))), 0);
  EXPECT_EQ(stranger_.run(handlers_, shared(make(FUTEX_WAKE, 1, 0x9000))), -EFAULT);
}

// --- locks with an owner -------------------------------------------------------------------------

TEST_F(FutexTest, HandsALockToWhoWaitsForIt) {
  EXPECT_EQ(one_.run(handlers_, make_locking(FUTEX_LOCK_PI)), 0);
  EXPECT_EQ(word(kLock), 1U);
  EXPECT_EQ(one_.run(handlers_, make_locking(FUTEX_LOCK_PI)), -EDEADLK);
  two_.expect(0);
  EXPECT_EQ(two_.run(handlers_, make_locking(FUTEX_TRYLOCK_PI)), -EAGAIN);
  two_.expect(0);
  two_.start(handlers_, make_locking(FUTEX_LOCK_PI));
  ASSERT_TRUE(two_.is_waiting());
  three_.start(handlers_, make_locking(FUTEX_LOCK_PI2));
  ASSERT_TRUE(three_.is_waiting());
  EXPECT_EQ(word(kLock), 1U | FUTEX_WAITERS);
  EXPECT_EQ(two_.peek<std::uint32_t>(kLock), 1U | FUTEX_WAITERS);
  EXPECT_EQ(stranger_.run(handlers_, make_locking(FUTEX_UNLOCK_PI)), -EFAULT);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 1, kLock)), -EINVAL);
  EXPECT_EQ(one_.run(handlers_, make_locking(FUTEX_UNLOCK_PI)), 0);
  EXPECT_EQ(word(kLock), 2U | FUTEX_WAITERS);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  EXPECT_EQ(two_.answer().value, 0);
  EXPECT_EQ(one_.run(handlers_, make_locking(FUTEX_UNLOCK_PI)), -EPERM);
  EXPECT_EQ(two_.run(handlers_, make_locking(FUTEX_UNLOCK_PI)), 0);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{3});
  EXPECT_EQ(three_.run(handlers_, make_locking(FUTEX_UNLOCK_PI)), 0);
  EXPECT_EQ(word(kLock), 0U);
}

TEST_F(FutexTest, ALockOfNobodyIsNotWaitedFor) {
  set_word(kLock, 77);
  two_.expect(-ESRCH);
  EXPECT_EQ(two_.run(handlers_, make_locking(FUTEX_LOCK_PI)), -ESRCH);
  EXPECT_EQ(two_.injected()[0].arguments[0], 77U);
}

TEST_F(FutexTest, TwoThatWaitForEachOtherAreToldSo) {
  set_word(kWord, 1);
  set_word(kLock, 2);
  one_.expect(0);
  one_.start(handlers_, make_locking(FUTEX_LOCK_PI));
  ASSERT_TRUE(one_.is_waiting());
  two_.expect(0);
  EXPECT_EQ(two_.run(handlers_, make(FUTEX_LOCK_PI, 0)), -EDEADLK);
}

TEST_F(FutexTest, AConditionLeadsToItsLock) {
  set_word(kLock, 1);
  futex call = make(FUTEX_WAIT_REQUEUE_PI, 0);
  call.uaddr2.value = kLock;
  two_.start(handlers_, call);
  three_.start(handlers_, call);
  ASSERT_TRUE(two_.is_waiting() && three_.is_waiting());
  call = make(FUTEX_CMP_REQUEUE_PI, 2);
  call.uaddr2.value = kLock;
  call.utime.address = 9;
  EXPECT_EQ(one_.run(handlers_, call), -EINVAL);
  call.val.value = 1;
  EXPECT_EQ(one_.run(handlers_, call), 2);  // nobody wakes: the lock is owned
  EXPECT_TRUE(wake_all().empty());
  EXPECT_EQ(one_.run(handlers_, make_locking(FUTEX_UNLOCK_PI)), 0);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  EXPECT_EQ(word(kLock), 2U | FUTEX_WAITERS);
  three_.wake(Woken::kSignal);
  EXPECT_EQ(three_.answer().kind, Answer::Kind::kValue);
  EXPECT_EQ(three_.answer().value, -EAGAIN);
}

TEST_F(FutexTest, AFreeLockGoesToTheFirstOfTheCondition) {
  futex call = make(FUTEX_WAIT_REQUEUE_PI, 0);
  call.uaddr2.value = kLock;
  two_.start(handlers_, call);
  three_.start(handlers_, call);
  call = make(FUTEX_CMP_REQUEUE_PI, 1);
  call.uaddr2.value = kLock;
  call.utime.address = 9;
  EXPECT_EQ(one_.run(handlers_, call), 2);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  EXPECT_EQ(word(kLock), 2U | FUTEX_WAITERS);
  EXPECT_EQ(two_.run(handlers_, make_locking(FUTEX_UNLOCK_PI)), 0);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{3});
}

// --- the end of a thread -------------------------------------------------------------------------

class FutexExitTest : public FutexTest {
 protected:
  FutexWords words() {
    return {.read = [this](const Futexes::Waiter& waiter) -> std::optional<std::uint32_t> {
              return word(waiter.address);
            },
            .write =
                [this](const Futexes::Waiter& waiter, std::uint32_t value) {
                  set_word(waiter.address, value);
                  return true;
                }};
  }
};

TEST_F(FutexExitTest, WakesWhoJoinsTheThread) {
  set_word(kWord, 3);
  two_.start(handlers_, make(FUTEX_WAIT, 3));
  check_waiters_after_exit(world_, 9, words());
  EXPECT_TRUE(wake_all().empty());
  set_word(kWord, 0);  // CLONE_CHILD_CLEARTID
  check_waiters_after_exit(world_, 3, words());
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  EXPECT_EQ(two_.answer().value, 0);
}

TEST_F(FutexExitTest, WakesTheHeirOfARobustLock) {
  set_word(kWord, 3U | FUTEX_WAITERS);
  two_.start(handlers_, make(FUTEX_WAIT, 3U | FUTEX_WAITERS));
  one_.start(handlers_, make(FUTEX_WAIT, 3U | FUTEX_WAITERS));
  set_word(kWord, FUTEX_WAITERS | FUTEX_OWNER_DIED);
  check_waiters_after_exit(world_, 3, words());
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
}

TEST_F(FutexExitTest, ALockOfTheDeadGoesToWhoWaits) {
  set_word(kLock, 3);
  two_.expect(0);
  two_.start(handlers_, make_locking(FUTEX_LOCK_PI));
  check_waiters_after_exit(world_, 1, words());
  EXPECT_TRUE(wake_all().empty());
  check_waiters_after_exit(world_, 3, words());
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  EXPECT_EQ(two_.answer().value, 0);
  EXPECT_EQ(word(kLock), 2U | FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

// --- the newer calls -----------------------------------------------------------------------------

class FutexVectorTest : public FutexTest {
 protected:
  void set_vector(std::uint32_t index, std::uint64_t address, std::uint64_t value) {
    sys::abi::futex_waitv entry{};
    entry.uaddr.value = address;
    entry.val.value = value;
    entry.flags.value = 0x82;  // FUTEX2_SIZE_U32 | FUTEX2_PRIVATE
    one_.poke(kVector + index * sizeof(entry), entry);
  }
  static sys::call::futex_waitv wait_for(std::uint32_t count) {
    sys::call::futex_waitv call{};
    call.waiters.address = kVector;
    call.nr_futexes.value = count;
    return call;
  }
};

TEST_F(FutexVectorTest, TellsWhichFutexWokeIt) {
  set_vector(0, kWord, 0);
  set_vector(1, kLock, 0);
  two_.start(handlers_, wait_for(2));
  ASSERT_TRUE(two_.is_waiting());
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 1, kLock)), 1);
  EXPECT_EQ(one_.run(handlers_, make(FUTEX_WAKE, 1, kWord)), 0);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
  EXPECT_EQ(two_.answer().value, 1);
  EXPECT_TRUE(world_.futexes.all().empty());
}

TEST_F(FutexVectorTest, RefusesWhatIsNoVector) {
  set_vector(0, kWord, 1);
  EXPECT_EQ(two_.run(handlers_, wait_for(1)), -EAGAIN);
  EXPECT_EQ(two_.run(handlers_, wait_for(0)), -EINVAL);
  EXPECT_EQ(two_.run(handlers_, wait_for(129)), -EINVAL);
  set_vector(0, kWord, 1ULL << 32U);
  EXPECT_EQ(two_.run(handlers_, wait_for(1)), -EINVAL);
  EXPECT_TRUE(world_.futexes.all().empty());
}

TEST_F(FutexVectorTest, WaitsAndWakesByTheNewerCalls) {
  sys::call::futex_wait wait{};
  wait.uaddr.value = kWord;
  wait.mask.value = 4;
  wait.flags.value = 0x82;
  two_.start(handlers_, wait);
  ASSERT_TRUE(two_.is_waiting());
  sys::call::futex_wake wake{};
  wake.uaddr.value = kWord;
  wake.mask.value = 3;
  wake.nr.value = 1;
  wake.flags.value = 0x82;
  EXPECT_EQ(one_.run(handlers_, wake), 0);
  wake.mask.value = 4;
  wake.nr.value = 0;
  EXPECT_EQ(one_.run(handlers_, wake), 0);
  wake.nr.value = 1;
  EXPECT_EQ(one_.run(handlers_, wake), 1);
  EXPECT_EQ(wake_all(), std::vector<TaskId>{2});
}

}  // namespace
}  // namespace tc::determinism
