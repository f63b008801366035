// Locks of a file of the test's own, against another open file description or another process.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "determinism/calls.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using guest::Woken;
using test::address_of;

class LockCallTest : public testing::Test {
 protected:
  LockCallTest() : mine_(open_again()), other_(open_again()) {
    add_lock_calls(handlers_, world_);
    guest_.process().pid = ::getpid();
  }
  UniqueFd open_again() const {
    return UniqueFd(::open((directory_ / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  }
  void start_flock(int operation) {
    guest_.start(handlers_, sys::call::flock{.fd = {mine_.get()},
                                             .cmd = {static_cast<std::uint32_t>(operation)}});
  }
  void start_fcntl(int command, struct flock& lock) {
    guest_.start(
        handlers_,
        sys::call::fcntl{.fd = {mine_.get()}, .cmd = {command}, .arg = {{address_of(&lock)}}});
  }
  static struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  test::OwnTracee guest_{1};
  test::ScratchDirectory directory_;
  UniqueFd mine_;
  UniqueFd other_;
};

// A process that holds the record lock of a file until it is let go.
class Holder {
 public:
  explicit Holder(const std::string& path) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const int fd = ::open(path.c_str(), O_RDWR);
      ::lockf(fd, F_LOCK, 0);
      (void)!::write(ends[1], "x", 1);
      ::pause();
      ::_exit(0);
    }
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Holder() { let_go(); }
  pid_t pid() const { return child_; }
  void let_go() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

 private:
  pid_t child_ = 0;
};

TEST_F(LockCallTest, FlockNeedsNoKernelOfTheGuest) {
  start_flock(LOCK_EX);
  EXPECT_EQ(guest_.result(), 0);
  EXPECT_EQ(guest_.injected(), 0);
  EXPECT_FALSE(guest_.has_passed());
  EXPECT_EQ(::flock(other_.get(), LOCK_EX | LOCK_NB), -1) << "it is held";
}

TEST_F(LockCallTest, FlockWaitsForTheHolder) {
  ASSERT_EQ(::flock(other_.get(), LOCK_SH), 0);
  start_flock(LOCK_EX | LOCK_NB);
  EXPECT_EQ(guest_.result(), -EWOULDBLOCK);
  start_flock(LOCK_EX);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_TRUE(guest_.wait().retry);
  guest_.wake(Woken::kReady);
  ASSERT_TRUE(guest_.is_waiting());
  ASSERT_EQ(::flock(other_.get(), LOCK_UN), 0);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 0);
}

TEST_F(LockCallTest, ADescriptionsLockIsWaitedFor) {
  struct flock lock = whole_file();
  ASSERT_EQ(::fcntl(other_.get(), F_OFD_SETLK, &lock), 0);
  start_fcntl(F_OFD_SETLKW, lock);
  ASSERT_TRUE(guest_.is_waiting());
  lock.l_type = F_UNLCK;
  ASSERT_EQ(::fcntl(other_.get(), F_OFD_SETLK, &lock), 0);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 0);
}

TEST_F(LockCallTest, AProcesssLockIsWaitedFor) {
  Holder holder(directory_ / "file");
  struct flock lock = whole_file();
  start_fcntl(F_SETLKW, lock);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_EQ(world_.record_lock_waits.at(::getpid()), holder.pid());
  EXPECT_EQ(lock.l_type, F_WRLCK) << "the question to the kernel is asked elsewhere";
  holder.let_go();
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 0);
  EXPECT_TRUE(world_.record_lock_waits.empty());
}

TEST_F(LockCallTest, ACircleOfProcessesIsRefused) {
  const Holder holder(directory_ / "file");
  world_.record_lock_waits[holder.pid()] = 7;
  world_.record_lock_waits[7] = ::getpid();
  struct flock lock = whole_file();
  start_fcntl(F_SETLKW, lock);
  EXPECT_EQ(guest_.result(), -EDEADLK);
}

TEST_F(LockCallTest, AWaitGivenUpIsForgotten) {
  const Holder holder(directory_ / "file");
  struct flock lock = whole_file();
  start_fcntl(F_SETLKW, lock);
  ASSERT_TRUE(guest_.is_waiting());
  guest_.give_up();
  EXPECT_TRUE(world_.record_lock_waits.empty());
}

TEST_F(LockCallTest, ALeaseIsNotToBeHad) {
  EXPECT_EQ(
      guest_.run(handlers_,
                 sys::call::fcntl{.fd = {mine_.get()}, .cmd = {F_SETLEASE}, .arg = {{F_RDLCK}}}),
      -EAGAIN);
}

TEST_F(LockCallTest, SignalsByDescriptorsAreLookedOutFor) {
  EXPECT_FALSE(world_.asynchronous_signals);
  EXPECT_EQ(
      guest_.run(handlers_, sys::call::fcntl{.fd = {mine_.get()}, .cmd = {F_GETFL}, .arg = {}}),
      ::fcntl(mine_.get(), F_GETFL));
  EXPECT_FALSE(world_.asynchronous_signals);
  guest_.run(handlers_,
             sys::call::fcntl{.fd = {mine_.get()}, .cmd = {F_SETFL}, .arg = {{O_RDWR | O_ASYNC}}});
  EXPECT_TRUE(world_.asynchronous_signals);
}

}  // namespace
}  // namespace tc::determinism
