/* locks: of files: flock(2), of processes and of open descriptions (fcntl(2)). */
#include <sys/file.h>

#include "nolibc.h"

static long open_file(void) { return need(sys(open, "file", O_RDWR | O_CREAT, 0644)); }

static int flock_worker(void* name) {
  const long fd = open_file();
  for (int i = 0; i < 3; ++i) {
    need(sys(flock, fd, LOCK_EX));
    say("%s", (const char*)name);
    sleep_ms(5);
    say("%s ", (const char*)name);
    need(sys(flock, fd, LOCK_UN));
  }
  return 0;
}
static void flock_contended(void) {
  static char* names[] = {"a", "b", "c"};
  for (int i = 0; i < 3; ++i) child_of(flock_worker, names[i]);
  for (int i = 0; i < 3; ++i) expect_is(wait_for(-1), 0);
  say("\n");
}
static void flock_kinds(void) {
  const long fd = open_file();
  const long other = open_file();
  need(sys(flock, fd, LOCK_SH));
  need(sys(flock, other, LOCK_SH | LOCK_NB));
  expect_is(sys(flock, other, LOCK_EX | LOCK_NB), -EAGAIN);
  need(sys(flock, fd, LOCK_UN));
  need(sys(flock, other, LOCK_EX));
  const long copy = need(sys(dup, other));
  need(sys(flock, copy, LOCK_EX)); /* the same open description */
  need(sys(close, other));
  expect_is(sys(flock, fd, LOCK_SH | LOCK_NB), -EAGAIN);
  need(sys(close, copy));
  need(sys(flock, fd, LOCK_SH | LOCK_NB));
  expect_is(sys(flock, fd, 77), -EINVAL);
  expect_is(sys(flock, 99, LOCK_SH), -EBADF);
}
static struct flock range(int type, long start, long length) {
  return (struct flock){
      .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}
static int hold_range(void* ends) {
  struct flock held = range(F_WRLCK, 0, 10);
  need(sys(fcntl, open_file(), F_SETLK, &held));
  need(sys(write, ((int*)ends)[1], "x", 1));
  sleep_ms(30);
  say("the holder ends\n");
  return 0;
}
/* Released by the holder's end. */
static void range_waits(void) {
  int ends[2];
  need(sys(pipe, ends));
  const long pid = child_of(hold_range, ends);
  char byte;
  need(sys(read, ends[0], &byte, 1));
  const long fd = open_file();
  struct flock wanted = range(F_WRLCK, 5, 1);
  expect_is(sys(fcntl, fd, F_SETLK, &wanted), -EAGAIN);
  struct flock asked = wanted;
  need(sys(fcntl, fd, F_GETLK, &asked));
  expect_is(asked.l_type, F_WRLCK);
  expect_is(asked.l_pid, pid);
  struct flock elsewhere = range(F_WRLCK, 10, 1);
  need(sys(fcntl, fd, F_SETLKW, &elsewhere));
  need(sys(fcntl, fd, F_SETLKW, &wanted));
  say("the waiter has it\n");
  expect_is(wait_for(pid), 0);
}
static int lock_both(void* argument) {
  const long first = (long)argument;
  const long fd = open_file();
  struct flock a = range(F_WRLCK, first, 1);
  struct flock b = range(F_WRLCK, 1 - first, 1);
  need(sys(fcntl, fd, F_SETLKW, &a));
  sleep_ms(20);
  const long result = sys(fcntl, fd, F_SETLKW, &b);
  if (result == -EDEADLK) return 2;
  return result == 0 ? 1 : 0;
}
/* The kernel finds a cycle of two processes that wait for each other. */
static void range_deadlock(void) {
  child_of(lock_both, (void*)0);
  child_of(lock_both, (void*)1);
  expect_is(wait_for(-1) + wait_for(-1), 3);
}
static void on_alarm(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
}
static void wait_interrupted(void) {
  int ends[2];
  need(sys(pipe, ends));
  const long holder = need(sys(fork));
  if (holder == 0) {
    struct flock held = range(F_WRLCK, 0, 10);
    const long fd = open_file();
    need(sys(fcntl, fd, F_SETLK, &held));
    need(sys(flock, fd, LOCK_EX));
    need(sys(write, ends[1], "x", 1));
    for (;;) sleep_ms(1000);
  }
  char byte;
  need(sys(read, ends[0], &byte, 1));
  on_signal(SIGALRM, on_alarm, 0, 0);
  const long fd = open_file();
  struct flock wanted = range(F_WRLCK, 5, 1);
  need(sys(alarm, 1));
  expect_is(sys(fcntl, fd, F_SETLKW, &wanted), -EINTR);
  need(sys(alarm, 1));
  expect_is(sys(flock, fd, LOCK_SH), -EINTR);
  need(sys(kill, holder, SIGKILL));
  expect_is(wait_for(holder), 128 + SIGKILL);
}
static void description_locks(void) {
  const long fd = open_file();
  const long other = open_file();
  struct flock wanted = range(F_WRLCK, 0, 0);
  need(sys(fcntl, fd, F_OFD_SETLK, &wanted));
  expect_is(sys(fcntl, other, F_OFD_SETLK, &wanted), -EAGAIN);
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(20);
    struct flock none = range(F_UNLCK, 0, 0);
    need(sys(fcntl, fd, F_OFD_SETLK, &none)); /* the description is shared */
    exit_now(0);
  }
  need(sys(fcntl, other, F_OFD_SETLKW, &wanted));
  expect_is(wait_for(pid), 0);
}
static int range_worker(void* name) {
  const long fd = open_file();
  struct flock held = range(F_WRLCK, 0, 1);
  struct flock none = range(F_UNLCK, 0, 1);
  for (int i = 0; i < 3; ++i) {
    need(sys(fcntl, fd, F_SETLKW, &held));
    say("%s", (const char*)name);
    sleep_ms(3);
    say("%s ", (const char*)name);
    need(sys(fcntl, fd, F_SETLK, &none));
  }
  return 0;
}
static void range_contended(void) {
  static char* names[] = {"a", "b", "c"};
  for (int i = 0; i < 3; ++i) child_of(range_worker, names[i]);
  for (int i = 0; i < 3; ++i) expect_is(wait_for(-1), 0);
  say("\n");
}

const struct guest_case guest_cases[] = {
    {"flock_contended", flock_contended, ""},   {"flock_kinds", flock_kinds, ""},
    {"range_waits", range_waits, ""},           {"range_deadlock", range_deadlock, ""},
    {"wait_interrupted", wait_interrupted, ""}, {"description_locks", description_locks, ""},
    {"range_contended", range_contended, ""},   {0},
};
