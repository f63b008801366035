// Opening FIFOs: two or three tasks of the test's, which is the scheduler.
#include "determinism/fifos.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "determinism/calls.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using guest::Woken;
using test::address_of;
using test::OwnTracee;
using testing::ElementsAre;

class FifoTest : public testing::Test {
 protected:
  FifoTest() {
    add_open_calls(handlers_, world_);
    EXPECT_EQ(mkfifo(fifo_.c_str(), 0600), 0);
  }

  void open(OwnTracee& guest, int flags) { open_path(guest, fifo_, flags); }
  void open_path(OwnTracee& guest, const std::string& path, int flags) {
    sys::call::openat call{};
    call.dfd.value = AT_FDCWD;
    call.filename.address = address_of(path.c_str());
    call.flags.value = static_cast<std::uint32_t>(flags);
    guest.start(handlers_, call);
  }
  std::vector<TaskId> woken() { return std::exchange(world_.requests.wakeups, {}); }
  UniqueFd result(OwnTracee& guest) {
    EXPECT_FALSE(guest.is_waiting());
    const std::int64_t fd = guest.result();
    EXPECT_GE(fd, 0);
    EXPECT_EQ(fcntl(static_cast<int>(fd), F_GETFL) & O_NONBLOCK, 0);
    return UniqueFd(static_cast<int>(fd));
  }
  static bool has_event(const guest::Wait& wait) {
    pollfd poll{.fd = wait.files.at(0).file->get(), .events = wait.files[0].events, .revents = 0};
    return ::poll(&poll, 1, 0) > 0;
  }
  static int open_files() {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee one_{1};
  OwnTracee two_{2};
  OwnTracee three_{3};
  test::ScratchDirectory scratch_;
  std::string fifo_ = scratch_ / "fifo";
};

TEST_F(FifoTest, AReaderWaitsForAWriter) {
  open(one_, O_RDONLY);
  ASSERT_TRUE(one_.is_waiting());
  EXPECT_EQ(one_.wait().what, "a writer of the FIFO " + fifo_);
  EXPECT_FALSE(has_event(one_.wait()));
  open(two_, O_WRONLY);
  const UniqueFd writer = result(two_);
  EXPECT_THAT(woken(), ElementsAre(1));
  one_.wake(Woken::kReady);
  const UniqueFd reader = result(one_);
  ASSERT_EQ(write(writer.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(reader.get(), &byte, 1), 1);
}

TEST_F(FifoTest, AWriterWaitsForAReader) {
  open(one_, O_WRONLY);
  ASSERT_TRUE(one_.is_waiting());
  EXPECT_EQ(one_.wait().what, "a reader of the FIFO " + fifo_);
  open(two_, O_RDONLY);
  ASSERT_TRUE(two_.is_waiting());  // until the writer has really opened its end
  EXPECT_THAT(woken(), ElementsAre(1));
  one_.wake(Woken::kReady);
  const UniqueFd writer = result(one_);
  EXPECT_THAT(woken(), ElementsAre(2));
  two_.wake(Woken::kReady);
  const UniqueFd reader = result(two_);
}

TEST_F(FifoTest, NobodyWaitsForWhoIsThere) {
  open(one_, O_RDWR);
  const UniqueFd both = result(one_);
  open(two_, O_RDONLY);
  const UniqueFd reader = result(two_);
  open(three_, O_WRONLY);
  const UniqueFd writer = result(three_);
}

TEST_F(FifoTest, AllReadersMeetAWriterThatIsGoneAgain) {
  open(one_, O_RDONLY);
  open(two_, O_RDONLY);
  open(three_, O_WRONLY);
  result(three_).reset();
  EXPECT_THAT(woken(), ElementsAre(1, 2));
  one_.wake(Woken::kReady);
  two_.wake(Woken::kReady);
  const UniqueFd first = result(one_);
  const UniqueFd second = result(two_);
  char byte = 0;
  EXPECT_EQ(read(first.get(), &byte, 1), 0);
}

TEST_F(FifoTest, AWriterMeetsAReaderThatIsGoneAgain) {
  open(one_, O_WRONLY);
  open(two_, O_RDONLY | O_NONBLOCK);
  ASSERT_FALSE(two_.is_waiting());
  UniqueFd(static_cast<int>(two_.result())).reset();
  EXPECT_THAT(woken(), ElementsAre(1));
  one_.wake(Woken::kReady);
  const UniqueFd writer = result(one_);
}

TEST_F(FifoTest, WhoDoesNotWaitIsRefused) {
  open(one_, O_WRONLY | O_NONBLOCK);
  ASSERT_FALSE(one_.is_waiting());
  EXPECT_EQ(one_.result(), -ENXIO);
}

TEST_F(FifoTest, ASignalEndsTheWaitOfAReaderAndLeavesNothingOpen) {
  const int before = open_files();
  open(one_, O_RDONLY);
  one_.wake(Woken::kSignal);
  EXPECT_TRUE(one_.is_interrupted());
  EXPECT_EQ(one_.result(), guest::kRestartSys);
  one_.give_up();
  EXPECT_EQ(open_files(), before);
  open(two_, O_WRONLY | O_NONBLOCK);
  EXPECT_EQ(two_.result(), -ENXIO);
}

TEST_F(FifoTest, ASignalEndsTheWaitOfAWriter) {
  open(one_, O_WRONLY);
  one_.wake(Woken::kSignal);
  EXPECT_TRUE(one_.is_interrupted());
  open(two_, O_RDONLY);
  EXPECT_THAT(woken(), ElementsAre());
}

TEST_F(FifoTest, WhoDiesWaitsNoLonger) {
  open(one_, O_WRONLY);
  one_.give_up();
  open(two_, O_RDWR);
  const UniqueFd both = result(two_);
  EXPECT_THAT(woken(), ElementsAre());
}

TEST_F(FifoTest, AWriterFromOutsideEndsTheWait) {
  open(one_, O_RDONLY);
  const UniqueFd outside(::open(fifo_.c_str(), O_WRONLY | O_NONBLOCK));
  ASSERT_TRUE(outside);
  ASSERT_EQ(write(outside.get(), "x", 1), 1);
  EXPECT_TRUE(has_event(one_.wait()));
}

TEST_F(FifoTest, IsTheSameThroughADescriptor) {
  const UniqueFd path(::open(fifo_.c_str(), O_PATH));
  open_path(one_, "/proc/self/fd/" + std::to_string(path.get()), O_WRONLY);
  ASSERT_TRUE(one_.is_waiting());
  open_path(two_, "/dev/fd/" + std::to_string(path.get()), O_RDONLY);
  ASSERT_TRUE(two_.is_waiting());
  EXPECT_THAT(woken(), ElementsAre(1));
  one_.wake(Woken::kReady);
  const UniqueFd writer = result(one_);
  two_.wake(Woken::kReady);
  const UniqueFd reader = result(two_);
}

TEST_F(FifoTest, IsTheSameForAGuestWithItsOwnRoot) {
  one_.process().has_own_root = true;
  two_.process().has_own_root = true;
  open(one_, O_WRONLY);
  ASSERT_TRUE(one_.is_waiting());
  open(two_, O_RDONLY);
  ASSERT_TRUE(two_.is_waiting());
  EXPECT_THAT(woken(), ElementsAre(1));
  one_.wake(Woken::kReady);
  const UniqueFd writer = result(one_);
}

TEST_F(FifoTest, PipesAreNoFifos) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  open_path(one_, "/proc/self/fd/" + std::to_string(reader.get()), O_RDONLY);
  const UniqueFd again = result(one_);
}

TEST_F(FifoTest, KnowsWhetherThereIsAWriter) {
  const UniqueFd reader(::open(fifo_.c_str(), O_RDONLY | O_NONBLOCK));
  EXPECT_FALSE(has_writer(reader));
  UniqueFd writer(::open(fifo_.c_str(), O_WRONLY | O_NONBLOCK));
  EXPECT_TRUE(has_writer(reader));
  ASSERT_EQ(write(writer.get(), "x", 1), 1);
  EXPECT_TRUE(has_writer(reader));
  char bytes[2];
  EXPECT_EQ(read(reader.get(), bytes, 2), 1);  // nothing was taken away
  writer.reset();
  EXPECT_FALSE(has_writer(reader));
}

}  // namespace
}  // namespace tc::determinism
