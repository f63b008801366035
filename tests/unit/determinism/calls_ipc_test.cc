// System V objects and POSIX queues of the test's own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <string>

#include "determinism/calls.h"
#include "support/own_tracee.h"

namespace tc::determinism {
namespace {

using guest::Woken;
using sys::call::msgrcv;
using sys::call::msgsnd;
using sys::call::semctl;
using sys::call::semop;
using sys::call::semtimedop;
using test::address_of;

class IpcCallTest : public testing::Test {
 protected:
  IpcCallTest() { add_ipc_calls(handlers_, world_); }

  World world_{Settings{}};
  guest::Handlers handlers_;
  test::OwnTracee guest_{1};
};

class SemaphoreCallTest : public IpcCallTest {
 protected:
  SemaphoreCallTest() : set_(::semget(IPC_PRIVATE, 2, 0600)) {}
  ~SemaphoreCallTest() override { ::semctl(set_, 0, IPC_RMID); }
  void start(std::span<sembuf> operations, const timespec* limit = nullptr) {
    guest_.start(handlers_, semtimedop{.semid = {set_},
                                       .tsops = {{address_of(operations.data())}},
                                       .nsops = {static_cast<std::uint32_t>(operations.size())},
                                       .timeout = {{address_of(limit)}}});
  }
  std::int64_t control(int number, int command) {
    return guest_.run(handlers_, semctl{.semid = {set_},
                                        .semnum = {number},
                                        .cmd = {static_cast<std::uint32_t>(command)},
                                        .arg = {}});
  }
  void set_value(int number, int value) { ASSERT_EQ(::semctl(set_, number, SETVAL, value), 0); }

  int set_;
};

TEST_F(SemaphoreCallTest, WaitsUntilItCanGoOn) {
  sembuf take[] = {{.sem_num = 1, .sem_op = -2, .sem_flg = 0}};
  guest_.start(handlers_, semop{.semid = {set_}, .tsops = {{address_of(take)}}, .nsops = {1}});
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_TRUE(guest_.wait().retry);
  set_value(1, 1);
  guest_.wake(Woken::kReady);
  ASSERT_TRUE(guest_.is_waiting());
  set_value(1, 3);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 0);
  EXPECT_EQ(::semctl(set_, 1, GETVAL), 1);
}

TEST_F(SemaphoreCallTest, ALimitIsOfTheVirtualClock) {
  sembuf take[] = {{.sem_num = 0, .sem_op = -1, .sem_flg = 0}};
  const timespec limit{.tv_sec = 3, .tv_nsec = 0};
  start(take, &limit);
  EXPECT_EQ(guest_.wait().deadline_ns, world_.clock.monotonic_ns() + 3 * kSecondNs);
  guest_.wake(Woken::kDeadline);
  EXPECT_EQ(guest_.result(), -EAGAIN);
  start(take, &limit);
  guest_.wake(Woken::kSignal);
  EXPECT_EQ(guest_.result(), -EINTR);
}

TEST_F(SemaphoreCallTest, TheOperationThatBlocksDecidesWhetherToWait) {
  sembuf operations[] = {{.sem_num = 0, .sem_op = -1, .sem_flg = IPC_NOWAIT},
                         {.sem_num = 1, .sem_op = -1, .sem_flg = 0}};
  start(operations);
  EXPECT_EQ(guest_.result(), -EAGAIN);
  set_value(0, 1);
  start(operations);
  ASSERT_TRUE(guest_.is_waiting());
  set_value(1, 1);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 0);
}

TEST_F(SemaphoreCallTest, WaitersAreCounted) {
  set_value(0, 1);
  sembuf await_zero[] = {{.sem_num = 0, .sem_op = 0, .sem_flg = 0}};
  start(await_zero);
  ASSERT_TRUE(guest_.is_waiting());
  test::OwnTracee other(2);
  const auto count = [&](int command) {
    return other.run(handlers_, semctl{.semid = {set_},
                                       .semnum = {0},
                                       .cmd = {static_cast<std::uint32_t>(command)},
                                       .arg = {}});
  };
  EXPECT_EQ(count(GETZCNT), 1);
  EXPECT_EQ(count(GETNCNT), 0);
  guest_.give_up();
  EXPECT_EQ(count(GETZCNT), 0);
}

TEST_F(SemaphoreCallTest, RemovalEndsTheWait) {
  sembuf take[] = {{.sem_num = 0, .sem_op = -1, .sem_flg = 0}};
  start(take);
  ::semctl(set_, 0, IPC_RMID);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), -EIDRM);
}

TEST_F(SemaphoreCallTest, TimesAreVirtual) {
  semid_ds status{};
  EXPECT_EQ(
      guest_.run(
          handlers_,
          semctl{.semid = {set_}, .semnum = {0}, .cmd = {IPC_STAT}, .arg = {address_of(&status)}}),
      0);
  EXPECT_EQ(status.sem_ctime, world_.clock.wall_ns() / kSecondNs);
  EXPECT_EQ(status.sem_otime, 0) << "never";
  EXPECT_EQ(status.sem_nsems, 2U);
}

struct Message {
  long type = 1;
  std::array<char, 4000> text{};
};

class QueueCallTest : public IpcCallTest {
 protected:
  QueueCallTest() : queue_(::msgget(IPC_PRIVATE, 0600)) {}
  ~QueueCallTest() override { ::msgctl(queue_, IPC_RMID, nullptr); }
  void start_send() {
    guest_.start(handlers_, msgsnd{.msqid = {queue_},
                                   .msgp = {{address_of(&message_)}},
                                   .msgsz = {message_.text.size()},
                                   .msgflg = {}});
  }
  void start_receive(std::uint32_t flags = 0) {
    guest_.start(handlers_, msgrcv{.msqid = {queue_},
                                   .msgp = {{address_of(&message_)}},
                                   .msgsz = {message_.text.size()},
                                   .msgtyp = {0},
                                   .msgflg = {flags}});
  }

  int queue_;
  Message message_;
};

TEST_F(QueueCallTest, AReceiverWaitsForAMessage) {
  start_receive(IPC_NOWAIT);
  EXPECT_EQ(guest_.result(), -ENOMSG);
  start_receive();
  ASSERT_TRUE(guest_.is_waiting());
  const Message sent{.type = 7, .text = {'h', 'i'}};
  ASSERT_EQ(::msgsnd(queue_, &sent, 2, 0), 0);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 2);
  EXPECT_EQ(message_.type, 7);
}

TEST_F(QueueCallTest, ASenderWaitsForRoomAndForgetsARemovedQueue) {
  int sent = 0;
  do {
    start_send();
  } while (!guest_.is_waiting() && ++sent < 1000);
  ASSERT_TRUE(guest_.is_waiting());
  Message room;
  ASSERT_EQ(::msgrcv(queue_, &room, room.text.size(), 0, 0), 4000);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 0);
  start_send();
  ASSERT_TRUE(guest_.is_waiting());
  ::msgctl(queue_, IPC_RMID, nullptr);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), -EIDRM);
}

TEST_F(QueueCallTest, ASignalEndsTheWait) {
  start_receive();
  guest_.wake(Woken::kSignal);
  ASSERT_TRUE(guest_.is_interrupted());
  EXPECT_EQ(guest_.result(), guest::kRestartNoHand);
}

class PosixQueueCallTest : public IpcCallTest {
 protected:
  PosixQueueCallTest() {
    const std::string name = "/tc-test-" + std::to_string(::getpid());
    mq_attr attributes{};
    attributes.mq_maxmsg = 1;
    attributes.mq_msgsize = 8;
    queue_ = UniqueFd(::mq_open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600, &attributes));
    ::mq_unlink(name.c_str());
  }
  void start_send(std::size_t size) {
    guest_.start(handlers_, sys::call::mq_timedsend{.mqdes = {queue_.get()},
                                                    .u_msg_ptr = {{address_of("123456789")}},
                                                    .msg_len = {size},
                                                    .msg_prio = {0},
                                                    .u_abs_timeout = {{address_of(&limit_)}}});
  }

  UniqueFd queue_;
  timespec limit_{};
};

TEST_F(PosixQueueCallTest, ALimitIsAPointOfTheVirtualWallClock) {
  if (!queue_) GTEST_SKIP() << "this kernel has no message queues";
  limit_.tv_sec = world_.clock.wall_ns() / kSecondNs + 60;
  start_send(3);
  EXPECT_EQ(guest_.result(), 0);
  start_send(3);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_EQ(guest_.wait().files.at(0).events, POLLOUT);
  EXPECT_EQ(guest_.wait().deadline_ns, world_.clock.monotonic_ns() + 60 * kSecondNs);
  guest_.wake(Woken::kDeadline);
  EXPECT_EQ(guest_.result(), -ETIMEDOUT);
}

TEST_F(PosixQueueCallTest, WhatIsWrongIsToldAtOnce) {
  if (!queue_) GTEST_SKIP() << "this kernel has no message queues";
  limit_.tv_sec = world_.clock.wall_ns() / kSecondNs + 60;
  start_send(3);
  ASSERT_EQ(guest_.result(), 0);
  start_send(9);
  ASSERT_FALSE(guest_.is_waiting()) << "too long, room or not";
  EXPECT_EQ(guest_.result(), -EMSGSIZE);
}

}  // namespace
}  // namespace tc::determinism
