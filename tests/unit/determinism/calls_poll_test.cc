// poll, select and epoll, on pipes of the test's own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "determinism/calls.h"
#include "support/own_tracee.h"

namespace tc::determinism {
namespace {

using guest::Woken;
using sys::call::epoll_pwait;
using sys::call::epoll_wait;
using sys::call::signalfd4;
using test::address_of;
using test::OwnTracee;

constexpr std::int64_t kMsNs = 1'000'000;

class PollCallTest : public testing::Test {
 protected:
  PollCallTest() {
    add_poll_calls(handlers_, world_);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    in_ = UniqueFd(ends[0]);
    out_ = UniqueFd(ends[1]);
  }
  void feed() { ASSERT_EQ(::write(out_.get(), "x", 1), 1); }
  void start_poll(std::span<pollfd> entries, int timeout_ms) {
    guest_.start(handlers_, sys::call::poll{.ufds = {{address_of(entries.data())}},
                                            .nfds = {static_cast<std::uint32_t>(entries.size())},
                                            .timeout_msecs = {timeout_ms}});
  }
  void start_select(int count, fd_set* in, fd_set* out, fd_set* exceptional, timeval* limit) {
    guest_.start(handlers_, sys::call::select{.n = {count},
                                              .inp = {{address_of(in)}},
                                              .outp = {{address_of(out)}},
                                              .exp = {{address_of(exceptional)}},
                                              .tvp = {{address_of(limit)}}});
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee guest_{1};
  UniqueFd in_;
  UniqueFd out_;
};

TEST_F(PollCallTest, PassesWhatIsReady) {
  feed();
  pollfd entries[] = {{.fd = in_.get(), .events = POLLIN, .revents = 0}};
  start_poll(entries, -1);
  ASSERT_FALSE(guest_.is_waiting());
  EXPECT_EQ(guest_.injected(), 0);
  EXPECT_EQ(guest_.result(), 1);
  EXPECT_EQ(entries[0].revents, POLLIN);
}

TEST_F(PollCallTest, ABadDescriptorIsReady) {
  pollfd entries[] = {{.fd = in_.get(), .events = POLLIN, .revents = 0},
                      {.fd = 12345, .events = POLLIN, .revents = 0}};
  start_poll(entries, -1);
  EXPECT_EQ(guest_.result(), 1);
  EXPECT_EQ(entries[1].revents, POLLNVAL);
}

TEST_F(PollCallTest, WaitsForAnyUntilTheDeadline) {
  pollfd entries[] = {{.fd = in_.get(), .events = POLLIN, .revents = 77},
                      {.fd = -1, .events = POLLIN, .revents = 77}};
  start_poll(entries, 1500);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_EQ(guest_.wait().files.size(), 1U);
  EXPECT_EQ(guest_.wait().deadline_ns, world_.clock.monotonic_ns() + 1500 * kMsNs);
  guest_.wake(Woken::kDeadline);
  EXPECT_EQ(guest_.result(), 0);
  EXPECT_EQ(entries[0].revents, 0);
  EXPECT_EQ(entries[1].revents, 0);
}

TEST_F(PollCallTest, ASignalEndsItAndTheDeadlineIsKept) {
  pollfd entries[] = {{.fd = in_.get(), .events = POLLIN, .revents = 0}};
  start_poll(entries, 1000);
  const auto deadline = guest_.wait().deadline_ns;
  guest_.wake(Woken::kSignal);
  ASSERT_TRUE(guest_.is_interrupted());
  EXPECT_EQ(guest_.result(), guest::kRestartNoHand);
  world_.clock.advance(300 * kMsNs);
  start_poll(entries, 1000);  // a new one: OwnTracee is never made again
  EXPECT_EQ(guest_.wait().deadline_ns, *deadline + 300 * kMsNs);
}

TEST_F(PollCallTest, APlaceThatCannotBeReadIsTheKernelsAffair) {
  guest_.start(handlers_, sys::call::poll{.ufds = {{8}}, .nfds = {1}, .timeout_msecs = {-1}});
  EXPECT_EQ(guest_.result(), -EFAULT);
}

TEST_F(PollCallTest, PpollWaitsWithItsOwnMask) {
  pollfd entries[] = {{.fd = in_.get(), .events = POLLIN, .revents = 0}};
  const std::uint64_t mask = 0x204;
  timespec limit{.tv_sec = 2, .tv_nsec = 5};
  guest_.start(handlers_, sys::call::ppoll{.ufds = {{address_of(entries)}},
                                           .nfds = {1},
                                           .tsp = {{address_of(&limit)}},
                                           .sigmask = {{address_of(&mask)}},
                                           .sigsetsize = {sizeof(mask)}});
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_EQ(guest_.wait().signal_mask, mask);
  EXPECT_EQ(guest_.wait().deadline_ns, world_.clock.monotonic_ns() + 2 * kSecondNs + 5);
  world_.clock.advance(kSecondNs);
  guest_.wake(Woken::kSignal);
  EXPECT_TRUE(guest_.has_passed()) << "so that the handler sees the mask";
  EXPECT_EQ(limit.tv_sec, 1);
  EXPECT_EQ(limit.tv_nsec, 5);
}

TEST_F(PollCallTest, SelectTellsTheVirtualTimeThatIsLeft) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(in_.get(), &set);
  timeval limit{.tv_sec = 5, .tv_usec = 0};
  start_select(in_.get() + 1, &set, nullptr, nullptr, &limit);
  ASSERT_TRUE(guest_.is_waiting());
  world_.clock.advance(1500 * kMsNs);
  feed();
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 1);
  EXPECT_TRUE(FD_ISSET(in_.get(), &set));
  EXPECT_EQ(limit.tv_sec, 3);
  EXPECT_EQ(limit.tv_usec, 500'000);
}

TEST_F(PollCallTest, SelectWithoutEventsClearsItsSets) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(in_.get(), &set);
  timeval limit{.tv_sec = 0, .tv_usec = 2'500'000};  // Linux takes that
  start_select(in_.get() + 1, &set, nullptr, nullptr, &limit);
  EXPECT_EQ(guest_.wait().deadline_ns, world_.clock.monotonic_ns() + 2500 * kMsNs);
  world_.clock.advance(2500 * kMsNs);
  guest_.wake(Woken::kDeadline);
  EXPECT_EQ(guest_.result(), 0);
  EXPECT_FALSE(FD_ISSET(in_.get(), &set));
  EXPECT_EQ(limit.tv_sec, 0);
  EXPECT_EQ(limit.tv_usec, 0);
}

TEST_F(PollCallTest, AHangUpIsNoExceptionOfSelect) {
  out_.reset();
  fd_set set;
  FD_ZERO(&set);
  FD_SET(in_.get(), &set);
  timeval limit{.tv_sec = 1, .tv_usec = 0};
  start_select(in_.get() + 1, nullptr, nullptr, &set, &limit);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_TRUE(guest_.wait().files.empty()) << "poll(2) would end the wait at once, for ever";
  EXPECT_TRUE(guest_.wait().retry);
}

TEST_F(PollCallTest, SelectOfABadDescriptorFails) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(out_.get(), &set);
  const int number = out_.get();
  out_.reset();
  start_select(number + 1, &set, nullptr, nullptr, nullptr);
  EXPECT_EQ(guest_.result(), -EBADF);
}

class EpollCallTest : public PollCallTest {
 protected:
  EpollCallTest() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) { watch(in_.get()); }
  void watch(int fd) {
    epoll_event wanted{.events = EPOLLIN, .data = {.fd = fd}};
    ASSERT_EQ(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted), 0);
  }
  void start_wait(int timeout_ms) {
    guest_.start(handlers_, epoll_wait{.epfd = {epoll_.get()},
                                       .events = {{address_of(&event_)}},
                                       .maxevents = {1},
                                       .timeout = {timeout_ms}});
  }

  UniqueFd epoll_;
  epoll_event event_{};
};

TEST_F(EpollCallTest, WaitsForTheEpollItself) {
  start_wait(700);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_EQ(guest_.injected(), 0);
  EXPECT_EQ(guest_.wait().files.size(), 1U);
  EXPECT_EQ(guest_.wait().deadline_ns, world_.clock.monotonic_ns() + 700 * kMsNs);
  feed();
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 1);
  EXPECT_EQ(event_.data.fd, in_.get());
}

TEST_F(EpollCallTest, TimesOutAndIsInterrupted) {
  start_wait(700);
  guest_.wake(Woken::kDeadline);
  EXPECT_EQ(guest_.result(), 0);
  start_wait(-1);
  EXPECT_FALSE(guest_.wait().deadline_ns.has_value());
  guest_.wake(Woken::kSignal);
  EXPECT_EQ(guest_.result(), -EINTR);
}

TEST_F(EpollCallTest, WhatIsWrongIsToldAtOnce) {
  const auto wait_of = [&](int fd, int count) {
    return guest_.run(handlers_, epoll_wait{.epfd = {fd},
                                            .events = {{address_of(&event_)}},
                                            .maxevents = {count},
                                            .timeout = {-1}});
  };
  EXPECT_EQ(wait_of(epoll_.get(), 0), -EINVAL);
  EXPECT_EQ(wait_of(in_.get(), 1), -EINVAL);
  EXPECT_EQ(wait_of(-1, 1), -EBADF);
  const std::uint64_t mask = 0;
  EXPECT_EQ(guest_.run(handlers_, epoll_pwait{.epfd = {epoll_.get()},
                                              .events = {{address_of(&event_)}},
                                              .maxevents = {1},
                                              .timeout = {-1},
                                              .sigmask = {{address_of(&mask)}},
                                              .sigsetsize = {4}}),
            -EINVAL);
}

TEST_F(EpollCallTest, AMemberFromOutsideIsSeenInTheWait) {
  struct stat status {};
  ASSERT_EQ(::fstat(in_.get(), &status), 0);
  world_.external.push_back({.device = status.st_dev, .inode = status.st_ino});
  start_wait(-1);
  ASSERT_TRUE(guest_.is_waiting());
  ASSERT_EQ(guest_.wait().files.size(), 2U);
  struct stat seen {};
  ASSERT_EQ(::fstat(guest_.wait().files[1].file->get(), &seen), 0);
  EXPECT_EQ(seen.st_ino, status.st_ino);
  EXPECT_EQ(guest_.wait().files[1].events, POLLIN);
}

TEST_F(EpollCallTest, OneWithASignalDescriptorIsAskedByTheGuest) {
  const std::uint64_t mask = std::uint64_t{1} << (SIGUSR2 - 1);
  const std::int64_t fd = guest_.run(handlers_, signalfd4{.ufd = {-1},
                                                          .user_mask = {{address_of(&mask)}},
                                                          .sizemask = {sizeof(mask)},
                                                          .flags = {SFD_CLOEXEC}});
  ASSERT_GE(fd, 0);
  const UniqueFd signals(static_cast<int>(fd));
  watch(signals.get());
  start_wait(-1);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_TRUE(guest_.wait().files.empty());
  EXPECT_TRUE(guest_.wait().retry);
  EXPECT_EQ(guest_.wait().accepted_signals, mask);
  guest_.wake(Woken::kReady);
  ASSERT_TRUE(guest_.is_waiting());
  feed();
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 1);
}

}  // namespace
}  // namespace tc::determinism
