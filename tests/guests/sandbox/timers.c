/* timers: clocks, sleeps, alarms and timers of every kind. Natively a second takes a second; in the
 * sandbox it is over at once, and both see the same. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>

#include "nolibc.h"

static int expirations;
static void on_timer(int number, siginfo_t* info, void* context) {
  (void)context;
  ++expirations;
  say("signal %d code %d\n", number, info->si_code);
}

static const struct timespec kTenth = {0, 100000000};

static void sleeps(void) {
  const long before = clock_ns(CLOCK_MONOTONIC);
  need(sys(nanosleep, &kTenth, 0));
  const long between = clock_ns(CLOCK_MONOTONIC);
  expect(between - before >= 100000000);
  expect(between - before < 200000000);
  struct timespec until = {(between + 100000000) / 1000000000, (between + 100000000) % 1000000000};
  need(sys(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0));
  expect(clock_ns(CLOCK_MONOTONIC) >= between + 100000000);
  need(sys(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &kTenth, 0)); /* long ago */
  struct timespec bad = {0, 1000000000};
  expect_is(sys(nanosleep, &bad, 0), -EINVAL);
  expect_is(sys(nanosleep, 0, 0), -EFAULT);
  struct timespec negative = {-1, 0};
  expect_is(sys(nanosleep, &negative, 0), -EINVAL);
  expect_is(sys(clock_nanosleep, 99, 0, &kTenth, 0), -EINVAL);
}

static void sleep_for_hours(void) {
  const long before = clock_ns(CLOCK_MONOTONIC);
  struct timespec year = {365 * 86400, 0};
  need(sys(nanosleep, &year, 0));
  expect((clock_ns(CLOCK_MONOTONIC) - before) / 1000000000 == 365 * 86400);
  say("a year has passed\n");
}

static void sleep_beside_sleep(void) {
  const long pid = need(sys(fork));
  for (int i = 0; i < 3; ++i) {
    sleep_ms(pid == 0 ? 100 : 150);
    say("%s", pid == 0 ? "c" : "p");
  }
  if (pid == 0) exit_now(0);
  expect_is(wait_for(pid), 0);
  say("\n");
}

static void on_interrupt(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
}
static void sleep_interrupted(void) {
  on_signal(SIGALRM, on_interrupt, 0, 0);
  need(sys(alarm, 1));
  struct timespec time = {5, 0};
  struct timespec left = {0, 0};
  expect_is(sys(nanosleep, &time, &left), -EINTR);
  /* The alarm was set a moment before the sleep began. */
  expect(left.tv_sec == 3 || (left.tv_sec == 4 && left.tv_nsec < 10000000));
}

static void clocks(void) {
  static const int kClocks[] = {
      CLOCK_REALTIME,          CLOCK_MONOTONIC,     CLOCK_PROCESS_CPUTIME_ID,
      CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
      CLOCK_MONOTONIC_COARSE,  CLOCK_BOOTTIME,      CLOCK_TAI};
  for (int i = 0; i < 9; ++i) {
    struct timespec resolution;
    need(sys(clock_getres, kClocks[i], &resolution));
    const long first = clock_ns(kClocks[i]);
    const long second = clock_ns(kClocks[i]);
    expect(second >= first);
    say("%d: %ld then %ld, resolution %ld\n", kClocks[i], first, second, resolution.tv_nsec);
  }
  expect_is(sys(clock_gettime, 55, 0), -EINVAL);
  expect_is(sys(clock_gettime, CLOCK_REALTIME, 8), -EFAULT);
  expect_is(sys(clock_getres, CLOCK_REALTIME, 0), 0);
  const struct timespec now = {0, 0};
  expect(sys(clock_settime, CLOCK_MONOTONIC, &now) < 0);
}

static void wall_clocks(void) {
  struct timeval now;
  struct timezone zone = {0, 0};
  need(sys(gettimeofday, &now, &zone));
  long seconds = 0;
  const long returned = need(sys(time, &seconds));
  expect_is(returned, seconds);
  expect(seconds - now.tv_sec <= 1);
  expect((clock_ns(CLOCK_REALTIME) / 1000000000) - seconds <= 1);
  say("%ld %d %d\n", seconds, zone.tz_minuteswest, zone.tz_dsttime);
}

/* No task sees the clock go back behind what another has seen before. */
static void one_clock_for_all(void) {
  long* last = shared_pages(4096);
  int* turn = (int*)(last + 1);
  const long pid = need(sys(fork));
  const int mine = pid == 0;
  for (int i = 0; i < 50; ++i) {
    while (load(turn) != mine) sys(sched_yield);
    const long now = clock_ns(CLOCK_MONOTONIC);
    expect(now >= *last);
    *last = now;
    store(turn, !mine);
  }
  if (pid == 0) exit_now(0);
  expect_is(wait_for(pid), 0);
}

static void alarm_left(void) {
  set_disposition(SIGALRM, SIG_IGN);
  expect_is(sys(alarm, 100), 0);
  expect_is(sys(alarm, 50), 100);
  sleep_ms(1500);
  const long left = sys(alarm, 0);
  expect(left == 48 || left == 49);
  expect_is(sys(alarm, 0), 0);
}

static void burn(int milliseconds) {
  struct timespec now;
  need(sys(clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &now));
  const long end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + milliseconds;
  do {
    for (volatile int i = 0; i < 1000; ++i) continue;
    need(sys(clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &now));
  } while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < end);
}
static void interval(int which, int signal) {
  on_signal(signal, on_timer, 0, 0);
  struct itimerval value = {{0, 20000}, {0, 10000}};
  struct itimerval now;
  need(sys(setitimer, which, &value, 0));
  need(sys(getitimer, which, &now));
  expect_is(now.it_interval.tv_usec, 20000);
  expect(now.it_value.tv_usec <= 10000 || which != ITIMER_REAL);
  while (expirations < 3) {
    if (which == ITIMER_REAL)
      sys(pause);
    else
      burn(2);
  }
  struct itimerval none = {{0, 0}, {0, 0}};
  need(sys(setitimer, which, &none, &now));
  expect_is(now.it_interval.tv_usec, 20000);
  need(sys(getitimer, which, &now));
  expect_is(now.it_value.tv_usec, 0);
}
static void interval_real(void) { interval(ITIMER_REAL, SIGALRM); }
static void interval_virtual(void) { interval(ITIMER_VIRTUAL, SIGVTALRM); }
static void interval_profile(void) { interval(ITIMER_PROF, SIGPROF); }
static void interval_errors(void) {
  struct itimerval value = {{0, 0}, {0, 1000000}};
  expect_is(sys(setitimer, ITIMER_REAL, &value, 0), -EINVAL);
  expect_is(sys(setitimer, 3, &value, 0), -EINVAL);
  expect_is(sys(getitimer, 3, &value), -EINVAL);
  expect_is(sys(getitimer, 0, 8), -EFAULT);
}

static struct sigevent event_of(int notify, int signal, int value) {
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = notify;
  event.sigev_signo = signal;
  event.sigev_value.sival_int = value;
  return event;
}
static const struct itimerspec kOnce = {{0, 0}, {0, 50000000}};
static void posix_default(void) {
  int timer;
  on_signal(SIGALRM, on_timer, 0, 0);
  need(sys(timer_create, CLOCK_MONOTONIC, 0, &timer));
  need(sys(timer_settime, timer, 0, &kOnce, 0));
  struct itimerspec now;
  need(sys(timer_gettime, timer, &now));
  expect(now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 50000000);
  expect_is(sys(pause), -EINTR);
  need(sys(timer_gettime, timer, &now));
  expect_is(now.it_value.tv_nsec, 0);
  need(sys(timer_delete, timer));
  expect_is(sys(timer_delete, timer), -EINVAL);
  expect_is(sys(timer_settime, timer, 0, &kOnce, 0), -EINVAL);
}
static void on_valued(int number, siginfo_t* info, void* context) {
  (void)context;
  ++expirations;
  say("signal %d code %d value %d\n", number, info->si_code, info->si_value.sival_int);
}
static void posix_signal(void) {
  int timer;
  on_signal(SIGVTALRM, on_valued, 0, 0);
  struct sigevent event = event_of(SIGEV_SIGNAL, SIGVTALRM, 42);
  need(sys(timer_create, CLOCK_REALTIME, &event, &timer));
  const struct itimerspec repeated = {{0, 10000000}, {0, 10000000}};
  need(sys(timer_settime, timer, 0, &repeated, 0));
  while (expirations < 4) sys(pause);
}
static void posix_overrun(void) {
  int timer;
  change_mask(SIG_BLOCK, signal_bit(SIGUSR1));
  struct sigevent event = event_of(SIGEV_SIGNAL, SIGUSR1, 1);
  need(sys(timer_create, CLOCK_MONOTONIC, &event, &timer));
  const struct itimerspec repeated = {{0, 10000000}, {0, 10000000}};
  need(sys(timer_settime, timer, 0, &repeated, 0));
  sleep_ms(105);
  unsigned long set = signal_bit(SIGUSR1);
  siginfo_t info;
  expect_is(sys(rt_sigtimedwait, &set, &info, 0, 8), SIGUSR1);
  expect_is(info.si_code, SI_TIMER);
  expect(info.si_overrun >= 8 && info.si_overrun <= 12);
  expect_is(sys(timer_getoverrun, timer), info.si_overrun);
}
static void posix_silent(void) {
  int timer;
  struct sigevent event = event_of(SIGEV_NONE, 0, 0);
  need(sys(timer_create, CLOCK_MONOTONIC, &event, &timer));
  need(sys(timer_settime, timer, 0, &kOnce, 0));
  sleep_ms(60);
  struct itimerspec now;
  need(sys(timer_gettime, timer, &now));
  expect_is(now.it_value.tv_nsec, 0);
}
static void posix_to_thread(void) {
  int timer;
  on_signal(SIGUSR1, on_valued, 0, 0);
  struct sigevent event = event_of(SIGEV_THREAD_ID, SIGUSR1, 7);
  event._sigev_un._tid = (int)sys(gettid);
  need(sys(timer_create, CLOCK_MONOTONIC, &event, &timer));
  need(sys(timer_settime, timer, 0, &kOnce, 0));
  expect_is(sys(pause), -EINTR);
}
static void posix_absolute(void) {
  int timer;
  on_signal(SIGALRM, on_timer, 0, 0);
  need(sys(timer_create, CLOCK_REALTIME, 0, &timer));
  const long at = clock_ns(CLOCK_REALTIME) + 50000000;
  const struct itimerspec absolute = {{0, 0}, {at / 1000000000, at % 1000000000}};
  need(sys(timer_settime, timer, TIMER_ABSTIME, &absolute, 0));
  expect_is(sys(pause), -EINTR);
  expect(clock_ns(CLOCK_REALTIME) >= at);
}

static void descriptor(void) {
  const long fd = need(sys(timerfd_create, CLOCK_MONOTONIC, 0));
  const struct itimerspec repeated = {{0, 20000000}, {0, 10000000}};
  need(sys(timerfd_settime, fd, 0, &repeated, 0));
  unsigned long count;
  expect_is(sys(read, fd, &count, 4), -EINVAL);
  expect_is(sys(read, fd, &count, 8), 8);
  expect_is(count, 1);
  sleep_ms(90);
  struct pollfd polled = {(int)fd, POLLIN, 0};
  expect_is(sys(poll, &polled, 1, 0), 1);
  expect_is(sys(read, fd, &count, 8), 8);
  expect(count >= 4 && count <= 5);
  expect_is(sys(poll, &polled, 1, 0), 0);
  struct itimerspec now;
  need(sys(timerfd_gettime, fd, &now));
  expect_is(now.it_interval.tv_nsec, 20000000);
  expect(now.it_value.tv_nsec > 0);
  need(sys(fcntl, fd, F_SETFL, O_NONBLOCK));
  expect_is(sys(read, fd, &count, 8), -EAGAIN);
  const struct itimerspec none = {{0, 0}, {0, 0}};
  need(sys(timerfd_settime, fd, 0, &none, &now));
  sleep_ms(30);
  expect_is(sys(read, fd, &count, 8), -EAGAIN);
}
static void descriptor_absolute(void) {
  const long fd = need(sys(timerfd_create, CLOCK_REALTIME, TFD_CLOEXEC));
  const long at = clock_ns(CLOCK_REALTIME) + 100000000;
  const struct itimerspec absolute = {{0, 0}, {at / 1000000000, at % 1000000000}};
  need(sys(timerfd_settime, fd, TFD_TIMER_ABSTIME, &absolute, 0));
  struct pollfd polled = {(int)fd, POLLIN, 0};
  expect_is(sys(poll, &polled, 1, 5000), 1);
  expect(clock_ns(CLOCK_REALTIME) >= at);
  expect_is(sys(timerfd_create, 99, 0), -EINVAL);
  expect_is(sys(timerfd_settime, 1, 0, &absolute, 0), -EINVAL);
}

static void interval_over_exec(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(alarm, 1));
    int timer;
    need(sys(timer_create, CLOCK_MONOTONIC, 0, &timer));
    char* words[] = {"/proc/self/exe", "alarm_after_exec", 0};
    sys(execve, words[0], words, guest_environment);
    exit_now(9);
  }
  expect_is(wait_for(pid), 128 + SIGALRM);
}
static void alarm_after_exec(void) {
  struct itimerspec now;
  expect_is(sys(timer_gettime, 0, &now), -EINVAL); /* POSIX timers do not outlive exec */
  struct itimerval left;
  need(sys(getitimer, ITIMER_REAL, &left));
  if (left.it_value.tv_usec == 0 && left.it_value.tv_sec == 0) return; /* run by itself */
  sys(pause);
}
static void not_inherited_by_fork(void) {
  need(sys(alarm, 100));
  const long pid = need(sys(fork));
  if (pid == 0) exit_now(sys(alarm, 0) == 0 ? 0 : 1);
  expect_is(wait_for(pid), 0);
  expect(sys(alarm, 0) > 0);
}

static unsigned long read_tsc(int with_processor) {
  unsigned low, high;
  unsigned processor = 0;
  if (with_processor)
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(processor));
  else
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (unsigned long)high << 32 | low;
}
static void time_stamps(void) {
  unsigned long last = 0;
  for (int i = 0; i < 20; ++i) {
    const unsigned long now = read_tsc(i % 2);
    expect(now > last);
    say("%ld\n", i == 0 ? (long)now : (long)(now - last));
    last = now;
  }
}
static void used_time(void) {
  struct tms times;
  const long ticks = need(sys(times, &times));
  struct rusage usage;
  need(sys(getrusage, RUSAGE_SELF, &usage));
  need(sys(getrusage, RUSAGE_CHILDREN, &usage));
  need(sys(getrusage, RUSAGE_THREAD, &usage));
  expect_is(sys(getrusage, 7, &usage), -EINVAL);
  say("%ld %ld %ld %ld\n", ticks, times.tms_utime, usage.ru_utime.tv_usec, usage.ru_maxrss);
}
static void file_times(void) {
  write_file("file", "x");
  struct timespec times[2] = {{1000, 5}, {2000, 7}};
  need(sys(utimensat, AT_FDCWD, "file", times, 0));
  struct stat status;
  need(sys(stat, "file", &status));
  expect_is(status.st_atim.tv_sec, 1000);
  expect_is(status.st_mtim.tv_sec, 2000);
  expect_is(status.st_mtim.tv_nsec, 7);
  const long before = clock_ns(CLOCK_REALTIME);
  need(sys(utimensat, AT_FDCWD, "file", 0, 0));
  need(sys(stat, "file", &status));
  const long changed = status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
  expect(changed >= before - 20000000); /* the kernel's clock of files is a coarse one */
  struct {
    long actime;
    long modtime;
  } old = {3000, 4000};
  need(sys(utime, "file", &old));
  need(sys(stat, "file", &status));
  expect_is(status.st_mtim.tv_sec, 4000);
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_nsec = UTIME_NOW;
  need(sys(utimensat, AT_FDCWD, "file", times, 0));
  need(sys(stat, "file", &status));
  expect_is(status.st_atim.tv_sec, 3000);
  say("%ld.%ld\n", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}
/* Many timers at once expire in order of their times. */
static void many_deadlines(void) {
  for (long i = 0; i < 10; ++i) {
    if (need(sys(fork)) == 0) {
      sleep_ms((i * 7 % 10 + 1) * 20);
      say("%ld ", i * 7 % 10);
      exit_now(0);
    }
  }
  for (int i = 0; i < 10; ++i) expect_is(wait_for(-1), 0);
  say("\n");
}

const struct guest_case guest_cases[] = {
    {"sleeps", sleeps, ""},
    {"sleep_for_hours", sleep_for_hours, "sandbox"},
    {"sleep_beside_sleep", sleep_beside_sleep, ""},
    {"sleep_interrupted", sleep_interrupted, ""},
    {"clocks", clocks, ""},
    {"wall_clocks", wall_clocks, ""},
    {"one_clock_for_all", one_clock_for_all, ""},
    {"alarm_left", alarm_left, ""},
    {"interval_real", interval_real, ""},
    {"interval_virtual", interval_virtual, ""},
    {"interval_profile", interval_profile, ""},
    {"interval_errors", interval_errors, ""},
    {"posix_default", posix_default, ""},
    {"posix_signal", posix_signal, ""},
    {"posix_overrun", posix_overrun, ""},
    {"posix_silent", posix_silent, ""},
    {"posix_to_thread", posix_to_thread, ""},
    {"posix_absolute", posix_absolute, ""},
    {"descriptor", descriptor, ""},
    {"descriptor_absolute", descriptor_absolute, ""},
    {"interval_over_exec", interval_over_exec, ""},
    {"alarm_after_exec", alarm_after_exec, ""},
    {"not_inherited_by_fork", not_inherited_by_fork, ""},
    {"time_stamps", time_stamps, ""},
    {"used_time", used_time, ""},
    {"file_times", file_times, ""},
    {"many_deadlines", many_deadlines, ""},
    {0},
};
