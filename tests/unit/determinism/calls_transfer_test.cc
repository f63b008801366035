// The calls are held against the kernel's own pipes, sockets and eventfds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <numeric>
#include <string>
#include <vector>

#include "determinism/calls.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using guest::Woken;
using sys::call::read;
using sys::call::sendfile;
using sys::call::splice;
using sys::call::write;
using sys::call::writev;
using test::address_of;

struct Pair {
  UniqueFd in;   // is read from
  UniqueFd out;  // is written to
};
Pair make_pipe(int flags = 0) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC | flags), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}
Pair make_sockets() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char> make_pattern(std::size_t size) {
  std::vector<char> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 4096);
  return bytes;
}

// All that is there.
void drain(int fd, std::vector<char>& to) {
  pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
  std::array<char, 10'000> some;
  while (::poll(&asked, 1, 0) == 1) {
    const ssize_t size = ::read(fd, some.data(), some.size());
    if (size <= 0) return;
    to.insert(to.end(), some.begin(), some.begin() + size);
  }
}

class TransferCallTest : public testing::Test {
 protected:
  TransferCallTest() : world(Settings{}), guest(1) { add_transfer_calls(handlers, world); }

  write write_of(int fd, const std::vector<char>& bytes) {
    return {.fd = {fd}, .buf = {{address_of(bytes.data())}}, .count = {bytes.size()}};
  }
  read read_of(int fd, std::vector<char>& room) {
    return {.fd = {fd}, .buf = {{address_of(room.data())}}, .count = {room.size()}};
  }
  // Lets a peer read until the call is over.
  std::vector<char> drain_until_done(int fd) {
    std::vector<char> came;
    while (guest.is_waiting()) {
      drain(fd, came);
      guest.wake(Woken::kReady);
    }
    drain(fd, came);
    return came;
  }

  World world;
  guest::Handlers handlers;
  test::OwnTracee guest;
};

TEST_F(TransferCallTest, AReadOfAnEmptyPipeWaitsForInput) {
  const Pair pipe = make_pipe();
  std::vector<char> room(10);
  guest.start(handlers, read_of(pipe.in.get(), room));
  ASSERT_TRUE(guest.is_waiting());
  ASSERT_EQ(guest.wait().files.size(), 1U);
  EXPECT_EQ(guest.wait().files[0].events, POLLIN);
  EXPECT_FALSE(guest.wait().deadline_ns.has_value());
  guest.wake(Woken::kReady);  // another was faster
  ASSERT_TRUE(guest.is_waiting());
  ASSERT_EQ(::write(pipe.out.get(), "abc", 3), 3);
  guest.wake(Woken::kReady);
  ASSERT_TRUE(guest.has_passed());
  EXPECT_EQ(guest.result(), 3);
  EXPECT_EQ(room[2], 'c');
}

TEST_F(TransferCallTest, ASignalEndsTheWaitOfARead) {
  const Pair pipe = make_pipe();
  std::vector<char> room(10);
  guest.start(handlers, read_of(pipe.in.get(), room));
  guest.wake(Woken::kSignal);
  ASSERT_TRUE(guest.is_interrupted());
  EXPECT_EQ(guest.result(), guest::kRestartSys);
}

TEST_F(TransferCallTest, WhatCannotBlockPasses) {
  const Pair pipe = make_pipe(O_NONBLOCK);
  std::vector<char> room(10);
  EXPECT_EQ(guest.run(handlers, read_of(pipe.in.get(), room)), -EAGAIN);
  EXPECT_EQ(guest.run(handlers, read_of(pipe.out.get(), room)), -EBADF);
  EXPECT_EQ(guest.run(handlers, read_of(-1, room)), -EBADF);
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(guest.run(handlers, read_of(null.get(), room)), 0);
  EXPECT_EQ(guest.run(handlers, write_of(null.get(), room)), 10);
  std::vector<char> nothing;
  const Pair blocking = make_pipe();
  EXPECT_EQ(guest.run(handlers, read_of(blocking.in.get(), nothing)), 0);
}

TEST_F(TransferCallTest, AnAtomicWriteThatFitsPassesInOneStop) {
  const Pair pipe = make_pipe();
  EXPECT_EQ(guest.run(handlers, write_of(pipe.out.get(), make_pattern(PIPE_BUF))), PIPE_BUF);
  EXPECT_TRUE(guest.has_passed());
  EXPECT_EQ(guest.injected(), 0);
}

TEST_F(TransferCallTest, ALongWriteToAPipeIsMadeInParts) {
  const Pair pipe = make_pipe();
  const std::vector<char> sent = make_pattern(300'000);
  guest.start(handlers, write_of(pipe.out.get(), sent));
  ASSERT_TRUE(guest.is_waiting());
  EXPECT_EQ(guest.wait().files.at(0).events, POLLOUT);
  EXPECT_EQ(::fcntl(pipe.out.get(), F_GETFL) & O_NONBLOCK, 0) << "others see it while it waits";
  EXPECT_EQ(drain_until_done(pipe.in.get()), sent);
  EXPECT_EQ(guest.result(), 300'000);
}

TEST_F(TransferCallTest, ALongVectorGoesOnWhereItWasLeft) {
  const Pair pipe = make_pipe();
  const std::vector<char> first = make_pattern(70'000);
  const std::vector<char> second = make_pattern(130'001);
  const iovec pieces[] = {{const_cast<char*>(first.data()), first.size()},
                          {nullptr, 0},
                          {const_cast<char*>(second.data()), second.size()}};
  guest.start(
      handlers,
      writev{.fd = {pipe.out.get()}, .vec = {{address_of(pieces)}}, .vlen = {std::size(pieces)}});
  std::vector<char> all = first;
  all.insert(all.end(), second.begin(), second.end());
  EXPECT_EQ(drain_until_done(pipe.in.get()), all);
  EXPECT_EQ(guest.result(), 200'001);
}

TEST_F(TransferCallTest, ASignalLeavesWhatWasWritten) {
  const Pair pipe = make_pipe();
  const std::vector<char> sent = make_pattern(100'000);
  guest.start(handlers, write_of(pipe.out.get(), sent));
  guest.wake(Woken::kSignal);
  EXPECT_EQ(guest.result(), 65'536);
  guest.start(handlers, write_of(pipe.out.get(), sent));  // into the full pipe
  guest.wake(Woken::kSignal);
  EXPECT_TRUE(guest.is_interrupted());
}

TEST_F(TransferCallTest, AWriteGivenUpLeavesTheFileAsItWas) {
  const Pair pipe = make_pipe();
  guest.start(handlers, write_of(pipe.out.get(), make_pattern(100'000)));
  guest.give_up();
  EXPECT_EQ(::fcntl(pipe.out.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(TransferCallTest, ALongWriteToASocketIsMadeInParts) {
  const Pair sockets = make_sockets();
  const std::vector<char> sent = make_pattern(1'000'000);
  guest.start(handlers, write_of(sockets.out.get(), sent));
  ASSERT_TRUE(guest.is_waiting());
  EXPECT_EQ(drain_until_done(sockets.in.get()), sent);
  EXPECT_EQ(guest.result(), 1'000'000);
}

TEST_F(TransferCallTest, ASocketsTimeoutIsOfTheVirtualClock) {
  const Pair sockets = make_sockets();
  const timeval limit{.tv_sec = 7, .tv_usec = 500'000};
  ::setsockopt(sockets.in.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  std::vector<char> room(10);
  guest.start(handlers, read_of(sockets.in.get(), room));
  ASSERT_TRUE(guest.is_waiting());
  EXPECT_EQ(guest.wait().deadline_ns, world.clock.monotonic_ns() + 7'500'000'000);
  guest.wake(Woken::kDeadline);
  EXPECT_EQ(guest.result(), -EAGAIN);
}

TEST_F(TransferCallTest, AnEventThatWouldOverflowWaits) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  std::uint64_t value = 0;  // as long as the call lasts
  const auto write_value = [&](std::uint64_t to_add) {
    value = to_add;
    guest.start(handlers, write{.fd = {event.get()}, .buf = {{address_of(&value)}}, .count = {8}});
  };
  write_value(1);
  EXPECT_EQ(guest.result(), 8);
  EXPECT_EQ(guest.injected(), 0) << "the most common one";
  write_value(~std::uint64_t{0} - 1);
  ASSERT_TRUE(guest.is_waiting());
  EXPECT_TRUE(guest.wait().retry) << "poll(2) tells that there is room, for less";
  std::uint64_t count = 0;
  ASSERT_EQ(::read(event.get(), &count, sizeof(count)), 8);
  guest.wake(Woken::kReady);
  EXPECT_EQ(guest.result(), 8);
}

TEST_F(TransferCallTest, RandomBytesAreOfTheProcess) {
  const UniqueFd device(::open("/dev/urandom", O_RDONLY | O_CLOEXEC));
  std::vector<char> first(100'000);
  EXPECT_EQ(guest.run(handlers, read_of(device.get(), first)), 100'000);
  test::OwnTracee other(1);
  std::vector<char> second(100'000);
  EXPECT_EQ(other.run(handlers, read_of(device.get(), second)), 100'000);
  EXPECT_EQ(first, second) << "of an equal process";
  EXPECT_EQ(guest.run(handlers, read{.fd = {device.get()}, .buf = {{8}}, .count = {4}}), -EFAULT);
}

TEST_F(TransferCallTest, InputFromOutsideIsReadInFull) {
  Pair pipe = make_pipe();
  struct stat status {};
  ASSERT_EQ(::fstat(pipe.in.get(), &status), 0);
  world.external.push_back({.device = status.st_dev, .inode = status.st_ino});
  // A packet is read alone, as from a producer that pauses behind each.
  const Pair packets = make_pipe(O_DIRECT);
  ASSERT_EQ(::fstat(packets.in.get(), &status), 0);
  world.external.push_back({.device = status.st_dev, .inode = status.st_ino});
  ASSERT_EQ(::write(packets.out.get(), "ab", 2), 2);
  ASSERT_EQ(::write(packets.out.get(), "cd", 2), 2);
  ASSERT_EQ(::fcntl(packets.in.get(), F_SETFL, O_NONBLOCK | O_DIRECT), 0);
  std::vector<char> room(4);
  EXPECT_EQ(guest.run(handlers, read_of(packets.in.get(), room)), 4);
  EXPECT_NE(::fcntl(packets.in.get(), F_GETFL) & O_NONBLOCK, 0) << "as it was";
  EXPECT_EQ(std::string(room.begin(), room.end()), "abcd");
  ASSERT_EQ(::write(pipe.out.get(), "end", 3), 3);
  pipe.out.reset();
  EXPECT_EQ(guest.run(handlers, read_of(pipe.in.get(), room)), 3) << "until its end";
}

TEST_F(TransferCallTest, SpliceWaitsForBothEnds) {
  const Pair from = make_pipe();
  const Pair to = make_pipe();
  guest.start(handlers, splice{.fd_in = {from.in.get()},
                               .off_in = {},
                               .fd_out = {to.out.get()},
                               .off_out = {},
                               .len = {100},
                               .flags = {}});
  ASSERT_TRUE(guest.is_waiting());
  ASSERT_EQ(::write(from.out.get(), "abc", 3), 3);
  guest.wake(Woken::kReady);
  ASSERT_FALSE(guest.has_passed()) << "who knocks at it ends it early";
  EXPECT_EQ(guest.result(), 3);
}

TEST_F(TransferCallTest, SendfileToASocketSendsAll) {
  const test::ScratchDirectory directory;
  const std::string path = directory / "data";
  const std::vector<char> sent = make_pattern(900'000);
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(file.get(), sent.data(), sent.size()), 900'000);
  const Pair sockets = make_sockets();
  std::int64_t offset = 0;
  guest.start(handlers, sendfile{.out_fd = {sockets.out.get()},
                                 .in_fd = {file.get()},
                                 .offset = {{address_of(&offset)}},
                                 .count = {sent.size()}});
  ASSERT_TRUE(guest.is_waiting());
  EXPECT_EQ(drain_until_done(sockets.in.get()), sent);
  EXPECT_EQ(guest.result(), 900'000);
  EXPECT_EQ(offset, 900'000);
}

}  // namespace
}  // namespace tc::determinism
