/* ipc: System V shared memory, semaphores and queues; POSIX queues; memory shared through files. */
#include <mqueue.h>
#include <poll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "nolibc.h"

static void shared_memory(void) {
  const long id = need(sys(shmget, IPC_PRIVATE, 4096, IPC_CREAT | 0600));
  int* memory = (int*)need(sys(shmat, id, 0, 0));
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(10);
    set_and_wake(memory, 5);
    exit_now(0);
  }
  wait_while(memory, 0);
  expect_is(*memory, 5);
  expect_is(wait_for(pid), 0);
  struct shmid_ds state;
  need(sys(shmctl, id, IPC_STAT, &state));
  expect_is(state.shm_segsz, 4096);
  expect_is(state.shm_nattch, 1);
  say("id %ld, attached at %ld, by %d\n", id, state.shm_atime, state.shm_cpid);
  need(sys(shmdt, memory));
  need(sys(shmctl, id, IPC_RMID, 0));
  expect_is(sys(shmctl, id, IPC_STAT, &state), -EINVAL);
  expect_is(sys(shmat, id, 0, 0), -EINVAL);
}

static long change(long id, int operation, int flags) {
  struct sembuf buffer = {0, (short)operation, (short)flags};
  return sys(semop, id, &buffer, 1);
}
static int take_and_say(void* argument) {
  const long id = (long)argument;
  for (int i = 0; i < 3; ++i) {
    need(change(id, -1, 0));
    say("%d ", (int)sys(getpid));
    need(change(id, 1, 0));
  }
  return 0;
}
static void semaphores(void) {
  const long id = need(sys(semget, IPC_PRIVATE, 1, IPC_CREAT | 0600));
  expect_is(change(id, -1, IPC_NOWAIT), -EAGAIN);
  for (int i = 0; i < 3; ++i) child_of(take_and_say, (void*)id);
  sleep_ms(10);
  expect_is(sys(semctl, id, 0, GETNCNT, 0), 3);
  need(change(id, 1, 0));
  for (int i = 0; i < 3; ++i) expect_is(wait_for(-1), 0);
  expect_is(sys(semctl, id, 0, GETVAL, 0), 1);
  struct sembuf buffer = {0, 0, 0};
  struct timespec time = {0, 50000000};
  const long before = now_ms();
  expect_is(sys(semtimedop, id, &buffer, 1, &time), -EAGAIN);
  expect(now_ms() - before >= 49);
  need(sys(semctl, id, 0, IPC_RMID, 0));
  expect_is(change(id, 1, 0), -EINVAL);
  say("\n");
}
static int undo_at_end(void* argument) {
  need(change((long)argument, -1, SEM_UNDO));
  sleep_ms(20);
  return 0;
}
static void semaphore_undo(void) {
  const long id = need(sys(semget, IPC_PRIVATE, 1, IPC_CREAT | 0600));
  need(change(id, 1, 0));
  const long pid = child_of(undo_at_end, (void*)id);
  sleep_ms(10);
  need(change(id, -1, 0)); /* when the child has ended */
  expect_is(wait_for(pid), 0);
  need(sys(semctl, id, 0, IPC_RMID, 0));
}
static int wait_for_removal(void* argument) {
  return change((long)argument, -1, 0) == -EIDRM ? 0 : 1;
}
static void semaphore_removed(void) {
  const long id = need(sys(semget, IPC_PRIVATE, 1, IPC_CREAT | 0600));
  const long pid = child_of(wait_for_removal, (void*)id);
  sleep_ms(10);
  need(sys(semctl, id, 0, IPC_RMID, 0));
  expect_is(wait_for(pid), 0);
}

struct message {
  long type;
  char text[32];
};
static int send_three(void* argument) {
  for (long i = 3; i >= 1; --i) {
    sleep_ms(10);
    struct message message = {i, "message"};
    need(sys(msgsnd, (long)argument, &message, 8, 0));
  }
  return 0;
}
static void queue(void) {
  const long id = need(sys(msgget, IPC_PRIVATE, IPC_CREAT | 0600));
  struct message message;
  expect_is(sys(msgrcv, id, &message, 32, 0, IPC_NOWAIT), -ENOMSG);
  const long pid = child_of(send_three, (void*)id);
  expect_is(sys(msgrcv, id, &message, 32, 2, 0), 8);
  expect_is(message.type, 2);
  expect_is(sys(msgrcv, id, &message, 32, -3, 0), 8);
  say("type %ld\n", message.type);
  expect_is(sys(msgrcv, id, &message, 4, 0, 0), -E2BIG);
  expect_is(sys(msgrcv, id, &message, 4, 0, MSG_NOERROR), 4);
  expect_is(wait_for(pid), 0);
  struct msqid_ds state;
  need(sys(msgctl, id, IPC_STAT, &state));
  say("id %ld: %ld messages, sent at %ld by %d\n", id, state.msg_qnum, state.msg_stime,
      state.msg_lspid == (int)pid);
  need(sys(msgctl, id, IPC_RMID, 0));
}
static int drain_queue(void* argument) {
  struct message message;
  sleep_ms(20);
  for (int i = 0; i < 100; ++i) need(sys(msgrcv, (long)argument, &message, 32, 0, 0));
  return 0;
}
static void queue_full(void) {
  const long id = need(sys(msgget, IPC_PRIVATE, IPC_CREAT | 0600));
  struct msqid_ds state;
  need(sys(msgctl, id, IPC_STAT, &state));
  state.msg_qbytes = 320;
  need(sys(msgctl, id, IPC_SET, &state));
  const long pid = child_of(drain_queue, (void*)id);
  struct message message = {1, "full"};
  for (int i = 0; i < 10; ++i) need(sys(msgsnd, id, &message, 32, IPC_NOWAIT));
  expect_is(sys(msgsnd, id, &message, 32, IPC_NOWAIT), -EAGAIN);
  for (int i = 0; i < 90; ++i) need(sys(msgsnd, id, &message, 32, 0));
  expect_is(wait_for(pid), 0);
  need(sys(msgctl, id, IPC_RMID, 0));
}
static void keys(void) {
  const long id = need(sys(shmget, 0x7465, 4096, IPC_CREAT | IPC_EXCL | 0600));
  expect_is(sys(shmget, 0x7465, 4096, IPC_CREAT | IPC_EXCL | 0600), -EEXIST);
  expect_is(sys(shmget, 0x7465, 4096, 0), id);
  expect_is(sys(shmget, 0x7465, 8192, 0), -EINVAL);
  need(sys(shmctl, id, IPC_RMID, 0));
  expect_is(sys(shmget, 0x7465, 4096, 0), -ENOENT);
  expect_is(sys(semget, 0x7465, 1, 0), -ENOENT);
  expect_is(sys(msgget, 0x7465, 0), -ENOENT);
}

static int send_posix(void* unused) {
  const long fd = need(sys(mq_open, "queue", O_WRONLY, 0, 0));
  for (unsigned i = 0; i < 4; ++i) {
    sleep_ms(10);
    need(sys(mq_timedsend, fd, "word", 4, i % 2, 0));
  }
  return unused == 0 ? 0 : 1;
}
static void posix_queue(void) {
  struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 64};
  sys(mq_unlink, "queue");
  const long fd = need(sys(mq_open, "queue", O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
  const long pid = child_of(send_posix, 0);
  char bytes[64];
  unsigned priority;
  expect_is(sys(mq_timedreceive, fd, bytes, 64, &priority, 0), 4);
  sleep_ms(50); /* the queue is full by now, with one of each priority */
  for (int i = 0; i < 3; ++i) {
    expect_is(sys(mq_timedreceive, fd, bytes, 64, &priority, 0), 4);
    say("priority %d\n", (int)priority);
  }
  expect_is(wait_for(pid), 0);
  const long until = clock_ns(CLOCK_REALTIME) + 50000000;
  const struct timespec absolute = {until / 1000000000, until % 1000000000};
  expect_is(sys(mq_timedreceive, fd, bytes, 64, 0, &absolute), -ETIMEDOUT);
  expect(clock_ns(CLOCK_REALTIME) >= until);
  expect_is(sys(mq_timedreceive, fd, bytes, 8, 0, 0), -EMSGSIZE);
  struct pollfd polled = {(int)fd, POLLIN | POLLOUT, 0};
  expect_is(sys(poll, &polled, 1, 0), 1);
  expect_is(polled.revents, POLLOUT);
  struct mq_attr now;
  need(sys(mq_getsetattr, fd, 0, &now));
  expect_is(now.mq_maxmsg, 2);
  expect_is(now.mq_curmsgs, 0);
  need(sys(mq_unlink, "queue"));
  expect_is(sys(mq_unlink, "queue"), -ENOENT);
}
static void on_message(int number, siginfo_t* info, void* context) {
  (void)context;
  say("signal %d code %d\n", number, info->si_code);
}
static void posix_queue_notifies(void) {
  sys(mq_unlink, "queue");
  const long fd = need(sys(mq_open, "queue", O_RDWR | O_CREAT | O_EXCL, 0600, 0));
  on_signal(SIGUSR1, on_message, 0, 0);
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR1;
  need(sys(mq_notify, fd, &event));
  expect_is(sys(mq_notify, fd, &event), -EBUSY);
  const long pid = child_of(send_posix, 0);
  expect_is(sys(pause), -EINTR);
  expect_is(wait_for(pid), 0);
  need(sys(mq_unlink, "queue"));
}

static int write_shared(void* shared) {
  int* memory = shared;
  for (int i = 1; i <= 10; ++i) {
    while (load(memory) != 2 * i - 1) futex(memory, FUTEX_WAIT, load(memory), 0);
    set_and_wake(memory, 2 * i);
  }
  return 0;
}
static void shared_file(void) {
  write_file("file", "0000");
  const long fd = need(sys(open, "file", O_RDWR, 0));
  need(sys(ftruncate, fd, 4096));
  int* memory = (int*)need(sys(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  store(memory, 0);
  const long pid = child_of(write_shared, memory);
  for (int i = 1; i <= 10; ++i) {
    set_and_wake(memory, 2 * i - 1);
    while (load(memory) != 2 * i) futex(memory, FUTEX_WAIT, load(memory), 0);
  }
  expect_is(wait_for(pid), 0);
  need(sys(msync, memory, 4096, MS_SYNC));
  int value;
  expect_is(sys(pread64, fd, &value, 4, 0), 4);
  expect_is(value, 20);
}

const struct guest_case guest_cases[] = {
    {"shared_memory", shared_memory, ""},
    {"semaphores", semaphores, ""},
    {"semaphore_undo", semaphore_undo, ""},
    {"semaphore_removed", semaphore_removed, ""},
    {"queue", queue, ""},
    {"queue_full", queue_full, ""},
    {"keys", keys, ""},
    {"posix_queue", posix_queue, ""},
    {"posix_queue_notifies", posix_queue_notifies, ""},
    {"shared_file", shared_file, ""},
    {0},
};
