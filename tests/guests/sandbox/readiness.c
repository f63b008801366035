/* readiness: select, poll and epoll over pipes, sockets, eventfds, timers, signals and watches. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "nolibc.h"

static int write_later(void* fd) {
  sleep_ms(30);
  need(sys(write, (long)fd, "x", 1));
  return 0;
}
static void new_pipe(int* ends) { need(sys(pipe, ends)); }

static void select_without_timeout(void) {
  int ends[2];
  new_pipe(ends);
  const long pid = child_of(write_later, (void*)(long)ends[1]);
  unsigned long read = 1UL << ends[0];
  expect_is(sys(select, ends[0] + 1, &read, 0, 0, 0), 1);
  expect_is(read, 1UL << ends[0]);
  unsigned long write = 1UL << ends[1];
  expect_is(sys(select, ends[1] + 1, &read, &write, 0, 0), 2);
  expect_is(wait_for(pid), 0);
}
static void select_with_timeout(void) {
  int ends[2];
  new_pipe(ends);
  unsigned long read = 1UL << ends[0];
  struct timeval time = {0, 50000};
  const long before = now_ms();
  expect_is(sys(select, ends[0] + 1, &read, 0, 0, &time), 0);
  expect(now_ms() - before >= 49);
  expect_is(read, 0);
  expect_is(time.tv_usec, 0); /* what is left */
  const long pid = child_of(write_later, (void*)(long)ends[1]);
  read = 1UL << ends[0];
  time = (struct timeval){10, 0};
  expect_is(sys(select, ends[0] + 1, &read, 0, 0, &time), 1);
  expect_is(time.tv_sec, 9);
  expect_is(wait_for(pid), 0);
  time = (struct timeval){0, 0};
  read = 1UL << ends[0];
  expect_is(sys(select, ends[0] + 1, &read, 0, 0, &time), 1);
  need(sys(select, 0, 0, 0, 0, &time));
  read = 1UL << 40;
  expect_is(sys(select, 41, &read, 0, 0, &time), -EBADF);
  expect_is(sys(select, -1, 0, 0, 0, &time), -EINVAL);
  time.tv_sec = -1;
  expect_is(sys(select, 0, 0, 0, 0, &time), -EINVAL);
}
static void pselect_times_out(void) {
  struct timespec time = {0, 30000000};
  const long before = now_ms();
  expect_is(sys(pselect6, 0, 0, 0, 0, &time, 0), 0);
  expect(now_ms() - before >= 29);
}
static void poll_without_timeout(void) {
  int ends[2];
  new_pipe(ends);
  const long pid = child_of(write_later, (void*)(long)ends[1]);
  struct pollfd polled[2] = {{ends[0], POLLIN, 0}, {-1, POLLIN, 7}};
  expect_is(sys(poll, polled, 2, -1), 1);
  expect_is(polled[0].revents, POLLIN);
  expect_is(polled[1].revents, 0);
  expect_is(wait_for(pid), 0);
}
static void poll_with_timeout(void) {
  int ends[2];
  new_pipe(ends);
  struct pollfd polled = {ends[0], POLLIN, 0x7f};
  expect_is(sys(poll, &polled, 1, 0), 0);
  expect_is(polled.revents, 0);
  const long before = now_ms();
  expect_is(sys(poll, &polled, 1, 50), 0);
  expect(now_ms() - before >= 49);
  struct timespec time = {0, 20000000};
  expect_is(sys(ppoll, &polled, 1, &time, 0, 8), 0);
  need(sys(close, ends[1]));
  expect_is(sys(poll, &polled, 1, -1), 1);
  expect_is(polled.revents, POLLHUP);
  polled.fd = 99;
  expect_is(sys(poll, &polled, 1, -1), 1);
  expect_is(polled.revents, POLLNVAL);
  expect_is(sys(poll, 8, 1, 0), -EFAULT);
}
static void poll_nothing(void) {
  const long before = now_ms();
  expect_is(sys(poll, 0, 0, 100), 0);
  expect(now_ms() - before >= 99);
}
static void poll_full_pipe(void) {
  int ends[2];
  new_pipe(ends);
  need(sys(fcntl, ends[1], F_SETFL, O_NONBLOCK));
  char* bytes = new_pages(65536);
  while (sys(write, ends[1], bytes, 65536) > 0) continue;
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(20);
    expect_is(sys(read, ends[0], bytes, 65536), 65536);
    exit_now(0);
  }
  struct pollfd polled = {ends[1], POLLOUT, 0};
  expect_is(sys(poll, &polled, 1, 0), 0);
  expect_is(sys(poll, &polled, 1, -1), 1);
  expect_is(wait_for(pid), 0);
}

static void add_to(long epoll, int fd, unsigned events, unsigned long data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  need(sys(epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event));
}
static void say_events(long epoll, int maximum, int timeout) {
  struct epoll_event events[16];
  const long count = sys(epoll_wait, epoll, events, maximum, timeout);
  say("%ld:", count);
  for (long i = 0; i < count; ++i) say(" %ld/%x", (long)events[i].data.u64, events[i].events);
  say("\n");
}
static void epoll_order(void) {
  const long epoll = need(sys(epoll_create1, EPOLL_CLOEXEC));
  int pipes[5][2];
  for (int i = 0; i < 5; ++i) {
    new_pipe(pipes[i]);
    add_to(epoll, pipes[i][0], EPOLLIN, (unsigned long)i);
  }
  say_events(epoll, 16, 0);
  static const int kOrder[] = {3, 1, 4, 0, 2};
  for (int i = 0; i < 5; ++i) need(sys(write, pipes[kOrder[i]][1], "x", 1));
  say_events(epoll, 16, 0);
  for (int i = 0; i < 4; ++i) say_events(epoll, 2, 0); /* round robin over the ready ones */
}
static void epoll_edge(void) {
  const long epoll = need(sys(epoll_create1, 0));
  int ends[2];
  new_pipe(ends);
  add_to(epoll, ends[0], EPOLLIN | EPOLLET, 1);
  need(sys(write, ends[1], "ab", 2));
  say_events(epoll, 4, 0);
  say_events(epoll, 4, 0);
  need(sys(write, ends[1], "c", 1));
  say_events(epoll, 4, 0);
  need(sys(close, ends[1]));
  say_events(epoll, 4, 0);
}
static void epoll_once(void) {
  const long epoll = need(sys(epoll_create1, 0));
  int ends[2];
  new_pipe(ends);
  add_to(epoll, ends[0], EPOLLIN | EPOLLONESHOT, 1);
  need(sys(write, ends[1], "a", 1));
  say_events(epoll, 4, 0);
  say_events(epoll, 4, 10);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 2};
  need(sys(epoll_ctl, epoll, EPOLL_CTL_MOD, ends[0], &event));
  say_events(epoll, 4, -1);
  need(sys(epoll_ctl, epoll, EPOLL_CTL_DEL, ends[0], 0));
  say_events(epoll, 4, 0);
}
static void epoll_nested(void) {
  const long inner = need(sys(epoll_create1, 0));
  const long outer = need(sys(epoll_create1, 0));
  int ends[2];
  new_pipe(ends);
  add_to(inner, ends[0], EPOLLIN, 1);
  add_to(outer, (int)inner, EPOLLIN, 2);
  say_events(outer, 4, 0);
  const long pid = child_of(write_later, (void*)(long)ends[1]);
  say_events(outer, 4, -1);
  say_events(inner, 4, 0);
  expect_is(wait_for(pid), 0);
}
/* An open file description outlives the number under which it was added. */
static void epoll_duplicate(void) {
  const long epoll = need(sys(epoll_create1, 0));
  int ends[2];
  new_pipe(ends);
  const long copy = need(sys(dup, ends[0]));
  add_to(epoll, ends[0], EPOLLIN, 1);
  add_to(epoll, (int)copy, EPOLLIN, 2);
  need(sys(close, ends[0]));
  need(sys(write, ends[1], "x", 1));
  say_events(epoll, 4, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 3};
  expect_is(sys(epoll_ctl, epoll, EPOLL_CTL_ADD, copy, &event), -EEXIST);
}
static void epoll_times_out(void) {
  const long epoll = need(sys(epoll_create1, 0));
  long before = now_ms();
  say_events(epoll, 4, 50);
  expect(now_ms() - before >= 49);
  struct epoll_event event;
  struct timespec time = {0, 50000000};
  before = now_ms();
  expect_is(sys(epoll_pwait2, epoll, &event, 1, &time, 0, 8), 0);
  expect(now_ms() - before >= 49);
  expect_is(sys(epoll_wait, epoll, &event, 0, 0), -EINVAL);
  expect_is(sys(epoll_wait, 99, &event, 1, 0), -EBADF);
}
static int wait_on_epoll(void* epoll) {
  struct epoll_event event;
  expect_is(sys(epoll_wait, (long)epoll, &event, 1, -1), 1);
  say("one thread got %ld\n", (long)event.data.u64);
  return 0;
}
static void epoll_many_waiters(void) {
  const long epoll = need(sys(epoll_create1, 0));
  int pipes[3][2];
  struct thread threads[3];
  for (int i = 0; i < 3; ++i) {
    new_pipe(pipes[i]);
    add_to(epoll, pipes[i][0], EPOLLIN | EPOLLONESHOT, (unsigned long)i);
    thread_start(&threads[i], wait_on_epoll, (void*)epoll);
  }
  for (int i = 0; i < 3; ++i) {
    sleep_ms(10);
    need(sys(write, pipes[2 - i][1], "x", 1));
  }
  for (int i = 0; i < 3; ++i) thread_join(&threads[i]);
}
/* A descriptor that is added while another thread already waits. */
static void epoll_added_while_waiting(void) {
  const long epoll = need(sys(epoll_create1, 0));
  int ends[2];
  new_pipe(ends);
  need(sys(write, ends[1], "x", 1));
  struct thread thread;
  thread_start(&thread, wait_on_epoll, (void*)epoll);
  sleep_ms(10);
  add_to(epoll, ends[0], EPOLLIN, 5);
  thread_join(&thread);
}
static void epoll_timer_signal_event(void) {
  const long epoll = need(sys(epoll_create1, 0));
  const long timer = need(sys(timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK));
  const struct itimerspec times = {{0, 40000000}, {0, 40000000}};
  need(sys(timerfd_settime, timer, 0, &times, 0));
  unsigned long mask = signal_bit(SIGUSR1);
  change_mask(SIG_BLOCK, mask);
  const long signals = need(sys(signalfd4, -1, &mask, 8, SFD_NONBLOCK));
  const long events = need(sys(eventfd2, 0, EFD_NONBLOCK));
  add_to(epoll, (int)timer, EPOLLIN, 1);
  add_to(epoll, (int)signals, EPOLLIN, 2);
  add_to(epoll, (int)events, EPOLLIN, 3);
  const long parent = sys(getpid);
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(20);
    need(sys(kill, parent, SIGUSR1));
    sleep_ms(40);
    const unsigned long one = 1;
    need(sys(write, events, &one, 8));
    exit_now(0);
  }
  for (int i = 0; i < 5; ++i) {
    struct epoll_event event;
    expect_is(sys(epoll_wait, epoll, &event, 1, -1), 1);
    say("%ld ", (long)event.data.u64);
    char bytes[128];
    const long fd = event.data.u64 == 1 ? timer : event.data.u64 == 2 ? signals : events;
    expect(sys(read, fd, bytes, sizeof bytes) >= 8);
  }
  say("\n");
  expect_is(wait_for(pid), 0);
}

static void eventfd_counts(void) {
  const long fd = need(sys(eventfd2, 3, 0));
  unsigned long value;
  expect_is(sys(read, fd, &value, 8), 8);
  expect_is(value, 3);
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(20);
    value = 5;
    need(sys(write, fd, &value, 8));
    exit_now(0);
  }
  expect_is(sys(read, fd, &value, 8), 8);
  expect_is(value, 5);
  expect_is(wait_for(pid), 0);
  const long semaphore = need(sys(eventfd2, 2, EFD_SEMAPHORE | EFD_NONBLOCK));
  for (int i = 0; i < 2; ++i) {
    expect_is(sys(read, semaphore, &value, 8), 8);
    expect_is(value, 1);
  }
  expect_is(sys(read, semaphore, &value, 8), -EAGAIN);
  value = ~0UL;
  expect_is(sys(write, semaphore, &value, 8), -EINVAL);
  value = ~0UL - 1;
  expect_is(sys(write, semaphore, &value, 8), 8);
  value = 1;
  expect_is(sys(write, semaphore, &value, 8), -EAGAIN);
  expect_is(sys(read, semaphore, &value, 4), -EINVAL);
}
static void signalfd_reads(void) {
  unsigned long mask = signal_bit(SIGUSR1) | signal_bit(SIGCHLD);
  change_mask(SIG_BLOCK, mask);
  const long fd = need(sys(signalfd4, -1, &mask, 8, 0));
  need(sys(kill, sys(getpid), SIGUSR1));
  struct signalfd_siginfo info;
  expect_is(sys(read, fd, &info, sizeof info), sizeof info);
  expect_is(info.ssi_signo, SIGUSR1);
  if (need(sys(fork)) == 0) {
    sleep_ms(20);
    exit_now(4);
  }
  expect_is(sys(read, fd, &info, sizeof info), sizeof info);
  expect_is(info.ssi_signo, SIGCHLD);
  expect_is(info.ssi_status, 4);
  expect_is(wait_for(-1), 4);
  expect_is(sys(read, fd, &info, 8), -EINVAL);
}
static void inotify_watches(void) {
  enter_new_directory("watched");
  const long fd = need(sys(inotify_init1, 0));
  need(sys(inotify_add_watch, fd, ".", IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE));
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(20);
    write_file("one", "x");
    need(sys(rename, "one", "two"));
    need(sys(unlink, "two"));
    exit_now(0);
  }
  for (int left = 5; left > 0;) {
    char bytes[4096];
    const long count = need(sys(read, fd, bytes, sizeof bytes));
    for (long at = 0; at < count; --left) {
      const struct inotify_event* event = (const struct inotify_event*)(bytes + at);
      say("%d %x %x %s\n", event->wd, event->mask, event->cookie,
          event->len > 0 ? event->name : "");
      at += (long)(sizeof *event + event->len);
    }
  }
  expect_is(wait_for(pid), 0);
  need(sys(fcntl, fd, F_SETFL, O_NONBLOCK));
  char byte[64];
  expect_is(sys(read, fd, byte, sizeof byte), -EAGAIN);
}
static int end_later(void* status) {
  sleep_ms(30);
  return (int)(long)status;
}
static void pidfd_polls(void) {
  const long pid = child_of(end_later, (void*)6);
  const long fd = need(sys(pidfd_open, pid, 0));
  struct pollfd polled = {(int)fd, POLLIN, 0};
  expect_is(sys(poll, &polled, 1, 0), 0);
  expect_is(sys(poll, &polled, 1, -1), 1);
  const long epoll = need(sys(epoll_create1, 0));
  add_to(epoll, (int)fd, EPOLLIN, 1);
  say_events(epoll, 4, -1);
  expect_is(wait_for(pid), 6);
}
static void sockets_and_pipes(void) {
  int pair[2];
  int ends[2];
  need(sys(socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
  new_pipe(ends);
  const long pid = need(sys(fork));
  if (pid == 0) {
    for (int i = 0; i < 4; ++i) {
      sleep_ms(10);
      need(sys(write, i % 2 == 0 ? pair[1] : ends[1], "x", 1));
    }
    exit_now(0);
  }
  need(sys(close, pair[1]));
  need(sys(close, ends[1]));
  struct pollfd polled[2] = {{pair[0], POLLIN, 0}, {ends[0], POLLIN, 0}};
  for (int open = 2; open > 0;) {
    need(sys(poll, polled, 2, -1));
    for (int i = 0; i < 2; ++i) {
      if (polled[i].revents == 0) continue;
      char byte;
      const long count = need(sys(read, polled[i].fd, &byte, 1));
      say("%d:%ld:%x ", i, count, polled[i].revents);
      if (count == 0) polled[i].fd = -1, --open;
    }
  }
  say("\n");
  expect_is(wait_for(pid), 0);
}
static void regular_files(void) {
  write_file("file", "x");
  const long fd = need(sys(open, "file", O_RDWR, 0));
  struct pollfd polled = {(int)fd, POLLIN | POLLOUT, 0};
  expect_is(sys(poll, &polled, 1, -1), 1);
  expect_is(polled.revents, POLLIN | POLLOUT);
  const long epoll = need(sys(epoll_create1, 0));
  struct epoll_event event = {.events = EPOLLIN};
  expect_is(sys(epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event), -EPERM);
  expect_is(sys(epoll_ctl, epoll, EPOLL_CTL_ADD, epoll, &event), -EINVAL);
}

const struct guest_case guest_cases[] = {
    {"select_without_timeout", select_without_timeout, ""},
    {"select_with_timeout", select_with_timeout, ""},
    {"pselect_times_out", pselect_times_out, ""},
    {"poll_without_timeout", poll_without_timeout, ""},
    {"poll_with_timeout", poll_with_timeout, ""},
    {"poll_nothing", poll_nothing, ""},
    {"poll_full_pipe", poll_full_pipe, ""},
    {"epoll_order", epoll_order, ""},
    {"epoll_edge", epoll_edge, ""},
    {"epoll_once", epoll_once, ""},
    {"epoll_nested", epoll_nested, ""},
    {"epoll_duplicate", epoll_duplicate, ""},
    {"epoll_times_out", epoll_times_out, ""},
    {"epoll_many_waiters", epoll_many_waiters, ""},
    {"epoll_added_while_waiting", epoll_added_while_waiting, ""},
    {"epoll_timer_signal_event", epoll_timer_signal_event, ""},
    {"eventfd_counts", eventfd_counts, ""},
    {"signalfd_reads", signalfd_reads, ""},
    {"inotify_watches", inotify_watches, ""},
    {"pidfd_polls", pidfd_polls, ""},
    {"sockets_and_pipes", sockets_and_pipes, ""},
    {"regular_files", regular_files, ""},
    {0},
};
