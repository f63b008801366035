// Timers on the virtual clock: the book, and the calls that keep it.
#include "determinism/timers.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "determinism/calls.h"
#include "support/fake_tracee.h"

namespace tc::determinism {
namespace {

using test::FakeTracee;

constexpr std::uint64_t kNew = 0x1000;
constexpr std::uint64_t kOld = 0x1100;
constexpr std::uint64_t kEvent = 0x1200;
constexpr std::uint64_t kId = 0x1300;
constexpr std::uint64_t kNowhere = 0x9000;

class TimerTest : public testing::Test {
 protected:
  TimerTest() {
    add_timer_calls(handlers_, world_);
    guest_.map(0x1000, 0x1000);
  }
  std::int64_t now() const { return world_.clock.monotonic_ns(); }
  std::int64_t alarm(std::uint32_t seconds) {
    return guest_.run(handlers_, sys::call::alarm{.seconds = {seconds}});
  }
  std::vector<TimerSignal> pass(std::int64_t ns) {
    world_.clock.advance(ns);
    return world_.timers.expire(now(), is_pending_);
  }

  // --- POSIX timers ---
  void set_event(int notify, int signal, std::int32_t thread = 0) {
    sys::abi::sigevent event{};
    event.notify.value = static_cast<std::uint32_t>(notify);
    event.signo.value = signal;
    event.thread.value = thread;
    event.value.value = 77;
    guest_.poke(kEvent, event);
  }
  std::int64_t create(std::int32_t clock, std::uint64_t event = kEvent, std::uint64_t id = kId) {
    sys::call::timer_create call{};
    call.which_clock.value = clock;
    call.timer_event_spec.address = event;
    call.created_timer_id.address = id;
    return guest_.run(handlers_, call);
  }
  std::int64_t settime(std::int32_t id, itimerspec value, std::uint32_t flags = 0) {
    guest_.poke(kNew, value);
    sys::call::timer_settime call{};
    call.timer_id.value = id;
    call.flags.value = flags;
    call.new_setting.address = kNew;
    call.old_setting.address = kOld;
    return guest_.run(handlers_, call);
  }
  itimerspec gettime(std::int32_t id) {
    sys::call::timer_gettime call{};
    call.timer_id.value = id;
    call.setting.address = kOld;
    EXPECT_EQ(guest_.run(handlers_, call), 0);
    return guest_.peek<itimerspec>(kOld);
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  FakeTracee guest_{5};
  Timers::Pending is_pending_ = [](const TimerSignal&) { return false; };
};

TEST_F(TimerTest, AnAlarmRingsOnceAndTellsWhatWasLeft) {
  EXPECT_EQ(alarm(10), 0);
  EXPECT_EQ(world_.timers.next(), now() + 10 * kSecondNs);
  EXPECT_TRUE(pass(6 * kSecondNs + 1).empty());
  EXPECT_EQ(alarm(2), 4);  // 3.999… s are 4
  EXPECT_TRUE(pass(2 * kSecondNs - 1).empty());
  const auto signals = pass(1);
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_EQ(signals[0].signal, SIGALRM);
  EXPECT_EQ(signals[0].process, 5U);
  EXPECT_FALSE(signals[0].is_posix);
  EXPECT_FALSE(world_.timers.next().has_value());
  EXPECT_EQ(alarm(0), 0);
}

TEST_F(TimerTest, WhatIsLeftOfAnAlarmIsNeverNothing) {
  EXPECT_EQ(alarm(1), 0);
  EXPECT_TRUE(pass(kSecondNs - 1).empty());
  EXPECT_EQ(alarm(0), 1);
}

TEST_F(TimerTest, AnIntervalTimerGoesOn) {
  guest_.poke(kNew, itimerval{.it_interval = {.tv_sec = 1, .tv_usec = 0},
                              .it_value = {.tv_sec = 0, .tv_usec = 500'000}});
  sys::call::setitimer call{};
  call.value.address = kNew;
  EXPECT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(pass(kSecondNs / 2).size(), 1U);
  sys::call::getitimer get{};
  get.value.address = kOld;
  EXPECT_EQ(guest_.run(handlers_, get), 0);
  const auto left = guest_.peek<itimerval>(kOld);
  EXPECT_EQ(left.it_interval.tv_sec, 1);
  EXPECT_EQ(left.it_value.tv_sec, 1);
  EXPECT_EQ(pass(3 * kSecondNs + 1).size(), 1U);  // as one signal, like the kernel's
  EXPECT_EQ(world_.timers.next(), now() - 1 + kSecondNs);
  get.which.value = 3;
  EXPECT_EQ(guest_.run(handlers_, get), -EINVAL);
  call.value.address = kNowhere;
  EXPECT_EQ(guest_.run(handlers_, call), -EFAULT);
  guest_.poke(kNew, itimerval{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1'000'000}});
  call.value.address = kNew;
  EXPECT_EQ(guest_.run(handlers_, call), -EINVAL);
}

TEST_F(TimerTest, APosixTimerCarriesItsValue) {
  set_event(SIGEV_SIGNAL, SIGUSR1);
  EXPECT_EQ(create(CLOCK_MONOTONIC), 0);
  EXPECT_EQ(guest_.peek<std::int32_t>(kId), 0);
  EXPECT_EQ(settime(0, {.it_interval = {}, .it_value = {.tv_sec = 2, .tv_nsec = 3}}), 0);
  EXPECT_EQ(gettime(0).it_value.tv_sec, 2);
  const auto signals = pass(3 * kSecondNs);
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_EQ(signals[0].signal, SIGUSR1);
  EXPECT_EQ(signals[0].value, 77U);
  EXPECT_TRUE(signals[0].is_posix);
  EXPECT_EQ(gettime(0).it_value.tv_sec, 0);
  EXPECT_EQ(guest_.run(handlers_, sys::call::timer_delete{.timer_id = {0}}), 0);
  EXPECT_EQ(guest_.run(handlers_, sys::call::timer_delete{.timer_id = {0}}), -EINVAL);
  EXPECT_EQ(create(CLOCK_MONOTONIC), 0);
  EXPECT_EQ(guest_.peek<std::int32_t>(kId), 1);  // never the same number again
}

TEST_F(TimerTest, APosixTimerIsSetToATimeOfItsClock) {
  set_event(SIGEV_NONE, 0);
  ASSERT_EQ(create(CLOCK_REALTIME), 0);
  const std::int64_t wall_s = world_.clock.wall_ns() / kSecondNs;
  EXPECT_EQ(settime(0, {.it_interval = {}, .it_value = {.tv_sec = wall_s + 7, .tv_nsec = 0}},
                    TIMER_ABSTIME),
            0);
  EXPECT_EQ(world_.timers.next(), now() + 7 * kSecondNs - world_.clock.wall_ns() % kSecondNs);
  EXPECT_TRUE(pass(8 * kSecondNs).empty());  // SIGEV_NONE
  EXPECT_FALSE(world_.timers.next().has_value());
}

TEST_F(TimerTest, CountsWhatExpiresWhileTheSignalWaits) {
  set_event(SIGEV_SIGNAL, SIGRTMIN);
  ASSERT_EQ(create(CLOCK_MONOTONIC), 0);
  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  ASSERT_EQ(settime(0, {.it_interval = second, .it_value = second}), 0);
  EXPECT_EQ(pass(kSecondNs).size(), 1U);
  is_pending_ = [](const TimerSignal& signal) { return signal.signal == SIGRTMIN; };
  EXPECT_TRUE(pass(kSecondNs).empty());
  EXPECT_TRUE(pass(2 * kSecondNs).empty());
  EXPECT_EQ(world_.timers.delivered({.process = 5, .number = 0}), 3);
  EXPECT_EQ(guest_.run(handlers_, sys::call::timer_getoverrun{.timer_id = {0}}), 3);
  EXPECT_EQ(pass(kSecondNs).size(), 1U);
  EXPECT_EQ(world_.timers.delivered({.process = 5, .number = 0}), 0);
  EXPECT_EQ(guest_.run(handlers_, sys::call::timer_getoverrun{.timer_id = {1}}), -EINVAL);
}

TEST_F(TimerTest, JudgesPosixTimersAsTheKernelDoes) {
  set_event(SIGEV_SIGNAL, SIGUSR1);
  EXPECT_EQ(create(10), -EINVAL);
  EXPECT_EQ(create(CLOCK_MONOTONIC_COARSE), -EOPNOTSUPP);
  EXPECT_EQ(create(CLOCK_REALTIME_ALARM), -EPERM);
  EXPECT_EQ(create(CLOCK_MONOTONIC, kNowhere), -EFAULT);
  EXPECT_EQ(create(CLOCK_MONOTONIC, kEvent, kNowhere), -EFAULT);
  set_event(SIGEV_SIGNAL, 65);
  EXPECT_EQ(create(CLOCK_MONOTONIC), -EINVAL);
  set_event(SIGEV_SIGNAL | SIGEV_THREAD_ID, SIGUSR1, 99);
  guest_.expect(-ESRCH);
  EXPECT_EQ(create(CLOCK_MONOTONIC), -EINVAL);
  EXPECT_EQ(settime(0, {}), -EINVAL);
  EXPECT_FALSE(world_.timers.next().has_value());
}

TEST_F(TimerTest, AProgramTakesIntervalTimersAlongAndNoOthers) {
  set_event(SIGEV_SIGNAL, SIGUSR1);
  ASSERT_EQ(create(CLOCK_MONOTONIC), 0);
  alarm(1);
  world_.timers.program_started(5);
  EXPECT_EQ(guest_.run(handlers_, sys::call::timer_delete{.timer_id = {0}}), -EINVAL);
  EXPECT_TRUE(world_.timers.next().has_value());
  world_.timers.process_ended(4);
  EXPECT_TRUE(world_.timers.next().has_value());
  world_.timers.process_ended(5);
  EXPECT_FALSE(world_.timers.next().has_value());
}

// --- timer descriptors ---------------------------------------------------------------------------

class TimerDescriptorTest : public TimerTest {
 protected:
  // The kernel gives the guest this eventfd, under its own number.
  int create_descriptor() {
    guest_.expect([this](const guest::RawCall& call) {
      EXPECT_EQ(call.number, sys::Call<sys::call::eventfd2>::kNumber);
      const int fd = eventfd(0, static_cast<int>(call.arguments[1]));
      guest_.open(fd, fd);
      return fd;
    });
    sys::call::timerfd_create call{};
    call.clockid.value = CLOCK_MONOTONIC;
    call.flags.value = TFD_NONBLOCK;
    return static_cast<int>(guest_.run(handlers_, call));
  }
  std::int64_t set_descriptor(int fd, itimerspec value, std::uint32_t flags = 0) {
    guest_.poke(kNew, value);
    sys::call::timerfd_settime call{};
    call.ufd.value = fd;
    call.flags.value = flags;
    call.utmr.address = kNew;
    call.otmr.address = kOld;
    return guest_.run(handlers_, call);
  }
  static std::int64_t expirations(int fd) {
    std::uint64_t count = 0;
    return ::read(fd, &count, sizeof(count)) < 0 ? -errno : static_cast<std::int64_t>(count);
  }
};

TEST_F(TimerDescriptorTest, CountsItsExpirations) {
  const int fd = create_descriptor();
  ASSERT_GE(fd, 0);
  EXPECT_EQ(expirations(fd), -EAGAIN);
  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  EXPECT_EQ(set_descriptor(fd, {.it_interval = second, .it_value = second}), 0);
  EXPECT_TRUE(pass(3 * kSecondNs).empty());
  EXPECT_EQ(expirations(fd), 3);
  pass(kSecondNs);
  EXPECT_EQ(set_descriptor(fd, {}), 0);  // forgets what was not read
  EXPECT_EQ(expirations(fd), -EAGAIN);
  EXPECT_EQ(guest_.peek<itimerspec>(kOld).it_interval.tv_sec, 1);
  EXPECT_FALSE(world_.timers.next().has_value());
  ::close(fd);
}

TEST_F(TimerDescriptorTest, ATimeThatHasPassedCanBeReadAtOnce) {
  const int fd = create_descriptor();
  EXPECT_EQ(set_descriptor(fd, {.it_interval = {}, .it_value = {.tv_sec = 1, .tv_nsec = 0}},
                           TFD_TIMER_ABSTIME),
            0);
  EXPECT_EQ(expirations(fd), 1);
  ::close(fd);
}

TEST_F(TimerDescriptorTest, OtherFilesAreNoTimers) {
  EXPECT_EQ(set_descriptor(99, {}), -EBADF);
  const int fd = eventfd(0, 0);
  guest_.open(fd, fd);
  EXPECT_EQ(set_descriptor(fd, {}), -EINVAL);
  ::close(fd);
}

TEST_F(TimerDescriptorTest, IsForgottenWhenNobodyHasItOpen) {
  const int fd = create_descriptor();
  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  ASSERT_EQ(set_descriptor(fd, {.it_interval = second, .it_value = second}), 0);
  // The book's own descriptor is the only one that is left; but here book and guest are one
  // process, so the census is held where there is none.
  for (int i = 0; i < 4; ++i) pass(kSecondNs);
  EXPECT_TRUE(world_.timers.wants_census());
  const std::vector<std::string> everybody = {"/proc/self"};
  world_.timers.forget_closed(everybody);
  EXPECT_TRUE(world_.timers.next().has_value());
  EXPECT_FALSE(world_.timers.wants_census());
  world_.timers.forget_closed({});
  EXPECT_FALSE(world_.timers.next().has_value());
  EXPECT_EQ(set_descriptor(fd, {}), -EINVAL);
  ::close(fd);
}

}  // namespace
}  // namespace tc::determinism
