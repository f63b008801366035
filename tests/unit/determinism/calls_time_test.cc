#include <gtest/gtest.h>
#include <time.h>

#include <cerrno>
#include <functional>
#include <utility>

#include "determinism/calls.h"
#include "support/fake_tracee.h"

namespace tc::determinism {
namespace {

using sys::call::clock_getres;
using sys::call::clock_gettime;
using sys::call::clock_nanosleep;
using sys::call::nanosleep;
using test::FakeTracee;

constexpr pid_t kPid = 2;
constexpr std::uint64_t kMemory = 0x10000;
constexpr std::uint64_t kRemaining = kMemory + 64;

class CallsTime : public testing::Test {
 protected:
  CallsTime() { guest.map(kMemory, 4096); }

  // What the scheduler does with the one wait of the next call; without one it is a mistake.
  using Scheduler = std::function<guest::Woken(const guest::Wait&)>;
  void on_wait(Scheduler scheduler) { scheduler_ = std::move(scheduler); }

  template <sys::TypedCall T>
  guest::Answer answer(const T& call) {
    world.clock.tick();  // as the engine does with each call
    guest.start(handlers, call);
    if (guest.is_waiting()) {
      EXPECT_TRUE(scheduler_) << "waits";
      guest.wake(scheduler_ ? scheduler_(guest.wait()) : guest::Woken::kSignal);
      scheduler_ = nullptr;
    }
    return guest.answer();
  }
  guest::Answer read_clock(std::int32_t id, std::uint64_t address = kMemory) {
    return answer(clock_gettime{.which_clock = {id}, .tp = {address}});
  }
  std::int64_t clock_ns(std::int32_t id) {
    EXPECT_EQ(read_clock(id).value, 0);
    const auto reading = guest.peek<sys::abi::clock_reading>(kMemory);
    return reading.tv_sec.value * kSecondNs + reading.tv_nsec.value;
  }
  std::uint64_t put_time(std::int64_t seconds, std::int64_t ns) {
    sys::abi::timespec value{};
    value.tv_sec.value = seconds;
    value.tv_nsec.value = ns;
    guest.poke(kMemory, value);
    return kMemory;
  }
  guest::Woken sleep_to_the_end(const guest::Wait& wait) {
    world.clock.jump_to_monotonic(*wait.deadline_ns);
    return guest::Woken::kDeadline;
  }

  const Settings settings{.epoch_ns = 1'000 * kSecondNs};
  World world{settings};
  guest::Handlers handlers = make_handlers(world);
  FakeTracee guest{kPid};

 private:
  Scheduler scheduler_;
};

TEST_F(CallsTime, ShowsTheVirtualClock) {
  for (const std::int32_t id : {CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI}) {
    const std::int64_t told = clock_ns(id);
    EXPECT_EQ(told, world.clock.wall_ns()) << id;
  }
  for (const std::int32_t id : {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME}) {
    const std::int64_t told = clock_ns(id);
    EXPECT_EQ(told, world.clock.monotonic_ns()) << id;
  }
  EXPECT_EQ(world.clock.wall_ns() / kSecondNs, 1'000);
}

TEST_F(CallsTime, RefusesClocksThatThereAreNotAndBadPointers) {
  EXPECT_EQ(read_clock(10).value, -EINVAL);
  EXPECT_EQ(read_clock(17).value, -EINVAL);
  EXPECT_EQ(read_clock(CLOCK_REALTIME, 0x99).value, -EFAULT);
  constexpr std::int32_t kOfDescriptor3 = ~3 << 3 | 3;
  EXPECT_EQ(read_clock(kOfDescriptor3).value, -EINVAL);
}

TEST_F(CallsTime, AsksTheKernelWhetherAnotherProcessExistsWhoseClockIsRead) {
  constexpr std::int32_t kOfProcess77 = ~77 << 3 | 2;
  guest.expect(-ESRCH);
  EXPECT_EQ(read_clock(kOfProcess77).value, -EINVAL);
  guest.expect(-EPERM);
  EXPECT_EQ(read_clock(kOfProcess77).value, 0);
  ASSERT_EQ(guest.injected().size(), 2U);
  EXPECT_EQ(guest.injected()[0].number, sys::Call<sys::call::kill>::kNumber);
  EXPECT_EQ(guest.injected()[0].arguments[0], 77U);
  constexpr std::int32_t kOwn = ~kPid << 3 | 2;
  EXPECT_EQ(read_clock(kOwn).value, 0);
  EXPECT_EQ(guest.injected().size(), 2U);
}

TEST_F(CallsTime, DoesNotCountWaitingAsComputing) {
  guest.process().started_ns = world.clock.monotonic_ns();
  const std::int64_t before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  world.clock.jump_to_monotonic(world.clock.monotonic_ns() + 60 * kSecondNs);
  EXPECT_LT(clock_ns(CLOCK_PROCESS_CPUTIME_ID), before + kSecondNs);
  EXPECT_GT(clock_ns(CLOCK_PROCESS_CPUTIME_ID), before);
}

TEST_F(CallsTime, LetsALoopThatOnlyReadsTheClockReachASecondSoon) {
  const std::int64_t end = clock_ns(CLOCK_MONOTONIC) + kSecondNs;
  int reads = 0;
  int yields = 0;
  while (clock_ns(CLOCK_MONOTONIC) < end) {
    ++reads;
    yields += std::exchange(world.requests.yields, false) ? 1 : 0;
    ASSERT_LT(reads, 2'000);
  }
  EXPECT_GT(yields, 10);
}

TEST_F(CallsTime, TakesOneStepForAReadBetweenOtherCalls) {
  for (int i = 0; i < 1'000; ++i) {
    const std::int64_t before = world.clock.monotonic_ns();
    world.clock.tick();
    read_clock(CLOCK_MONOTONIC);
    ASSERT_EQ(world.clock.monotonic_ns(), before + 2 * settings.clock_step_ns);
  }
  EXPECT_FALSE(world.requests.yields);
}

TEST_F(CallsTime, TellsResolutions) {
  EXPECT_EQ(answer(clock_getres{.which_clock = {CLOCK_REALTIME}, .tp = {kMemory}}).value, 0);
  EXPECT_EQ(guest.peek<sys::abi::timespec>(kMemory).tv_nsec.value, 1);
  EXPECT_EQ(answer(clock_getres{.which_clock = {CLOCK_MONOTONIC_COARSE}, .tp = {kMemory}}).value,
            0);
  EXPECT_EQ(guest.peek<sys::abi::timespec>(kMemory).tv_nsec.value, 4'000'000);
  EXPECT_EQ(answer(clock_getres{.which_clock = {CLOCK_REALTIME}, .tp = {}}).value, 0);
  EXPECT_EQ(answer(clock_getres{.which_clock = {12}, .tp = {}}).value, -EINVAL);
}

TEST_F(CallsTime, SleepsOnTheVirtualClock) {
  on_wait([this](const guest::Wait& wait) { return sleep_to_the_end(wait); });
  const std::int64_t before = world.clock.monotonic_ns();
  EXPECT_EQ(answer(nanosleep{.rqtp = {put_time(3600, 5)}, .rmtp = {}}).value, 0);
  EXPECT_EQ(world.clock.monotonic_ns(), before + settings.clock_step_ns + 3600 * kSecondNs + 5);
}

TEST_F(CallsTime, RefusesSleepsThatAreNone) {
  EXPECT_EQ(answer(nanosleep{.rqtp = {0x99}, .rmtp = {}}).value, -EFAULT);
  EXPECT_EQ(answer(nanosleep{.rqtp = {put_time(-1, 0)}, .rmtp = {}}).value, -EINVAL);
  EXPECT_EQ(answer(nanosleep{.rqtp = {put_time(0, kSecondNs)}, .rmtp = {}}).value, -EINVAL);
  const auto on_clock = [this](std::int32_t id) {
    return answer(clock_nanosleep{
                      .which_clock = {id}, .flags = {}, .rqtp = {put_time(1, 0)}, .rmtp = {}})
        .value;
  };
  EXPECT_EQ(on_clock(CLOCK_MONOTONIC_RAW), -EOPNOTSUPP);
  EXPECT_EQ(on_clock(CLOCK_BOOTTIME_ALARM), -EPERM);
  EXPECT_EQ(on_clock(99), -EINVAL);
}

TEST_F(CallsTime, TellsWhatIsLeftOfAnInterruptedSleep) {
  on_wait([this](const guest::Wait& wait) {
    world.clock.jump_to_monotonic(*wait.deadline_ns - 2 * kSecondNs - 7);
    return guest::Woken::kSignal;
  });
  const guest::Answer interrupted =
      answer(nanosleep{.rqtp = {put_time(10, 0)}, .rmtp = {kRemaining}});
  EXPECT_EQ(interrupted.kind, guest::Answer::Kind::kInterrupted);
  EXPECT_EQ(interrupted.value, guest::kRestartNoHand);
  const auto remaining = guest.peek<sys::abi::clock_reading>(kRemaining);
  EXPECT_EQ(remaining.tv_sec.value, 2);
  EXPECT_EQ(remaining.tv_nsec.value, 7);
}

TEST_F(CallsTime, GoesOnSleepingWhenNoHandlerRan) {
  const std::int64_t end = world.clock.monotonic_ns() + settings.clock_step_ns + 10 * kSecondNs;
  on_wait([](const guest::Wait&) { return guest::Woken::kSignal; });
  answer(nanosleep{.rqtp = {put_time(10, 0)}, .rmtp = {}});
  world.clock.jump_to_monotonic(world.clock.monotonic_ns() + 4 * kSecondNs);

  guest.set_made_again(true);
  on_wait([&](const guest::Wait& wait) {
    EXPECT_EQ(*wait.deadline_ns, end);
    return guest::Woken::kSignal;
  });
  answer(nanosleep{.rqtp = {put_time(10, 0)}, .rmtp = {}});

  guest.set_made_again(false);  // a handler ran, and the program sleeps anew
  on_wait([&](const guest::Wait& wait) {
    EXPECT_GT(*wait.deadline_ns, end);
    return guest::Woken::kDeadline;
  });
  EXPECT_EQ(answer(nanosleep{.rqtp = {put_time(10, 0)}, .rmtp = {}}).value, 0);
}

TEST_F(CallsTime, SleepsUntilATimeOfTheWallClock) {
  on_wait([this](const guest::Wait& wait) { return sleep_to_the_end(wait); });
  EXPECT_EQ(answer(clock_nanosleep{.which_clock = {CLOCK_REALTIME},
                                   .flags = {TIMER_ABSTIME},
                                   .rqtp = {put_time(1'500, 0)},
                                   .rmtp = {}})
                .value,
            0);
  EXPECT_EQ(world.clock.wall_ns(), 1'500 * kSecondNs);
  // A time that is over is no wait.
  EXPECT_EQ(answer(clock_nanosleep{.which_clock = {CLOCK_REALTIME},
                                   .flags = {TIMER_ABSTIME},
                                   .rqtp = {put_time(1, 0)},
                                   .rmtp = {}})
                .value,
            0);
}

TEST_F(CallsTime, SleepsForEverAtMost) {
  on_wait([](const guest::Wait& wait) {
    EXPECT_EQ(*wait.deadline_ns, kNever);
    return guest::Woken::kSignal;
  });
  answer(nanosleep{.rqtp = {put_time(INT64_MAX, 0)}, .rmtp = {}});
}

}  // namespace
}  // namespace tc::determinism
