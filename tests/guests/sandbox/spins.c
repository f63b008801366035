/* spins: tasks that wait in user space, without a system call. On one processor without a timer
 * each of them is for ever, unless it is recognised as waiting for the other's write. */
#include "nolibc.h"

static int flag;
static int answer;

static void pause_a_little(void) { __asm__ volatile("pause"); }

static int set_flag(void* value) {
  store(&flag, (int)(long)value);
  return 0;
}

static void on_flag(void) {
  struct thread thread;
  thread_start(&thread, set_flag, (void*)1);
  while (load(&flag) == 0) continue;
  thread_join(&thread);
  say("flag seen\n");
}

static int wait_and_answer(void* unused) {
  while (load(&flag) == 0) continue;
  store(&answer, 1);
  return unused == 0 ? 0 : 1;
}

/* Both spin, in turns. */
static void each_for_the_other(void) {
  struct thread thread;
  thread_start(&thread, wait_and_answer, 0);
  store(&flag, 1);
  while (load(&answer) == 0) pause_a_little();
  thread_join(&thread);
  say("answered\n");
}

static int bounce(void* unused) {
  for (int i = 0; i < 20; ++i) {
    while (load(&flag) != 2 * i + 1) pause_a_little();
    store(&flag, 2 * i + 2);
  }
  return unused == 0 ? 0 : 1;
}
static void ping_pong(void) {
  struct thread thread;
  thread_start(&thread, bounce, 0);
  for (int i = 0; i < 20; ++i) {
    store(&flag, 2 * i + 1);
    while (load(&flag) != 2 * i + 2) pause_a_little();
  }
  thread_join(&thread);
  say("bounced\n");
}

/* A ticket lock with pause, four threads. */
static unsigned next_ticket;
static unsigned now_serving;
static int counter;
static int take_tickets(void* name) {
  for (int i = 0; i < 5; ++i) {
    const unsigned mine = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&now_serving, __ATOMIC_SEQ_CST) != mine) pause_a_little();
    ++counter;
    say("%s", (const char*)name); /* a call while the lock is held */
    __atomic_fetch_add(&now_serving, 1, __ATOMIC_SEQ_CST);
  }
  return 0;
}
static void ticket_lock(void) {
  static char* names[] = {"a", "b", "c", "d"};
  struct thread threads[4];
  for (int i = 0; i < 4; ++i) thread_start(&threads[i], take_tickets, names[i]);
  for (int i = 0; i < 4; ++i) thread_join(&threads[i]);
  expect_is(counter, 20);
  say("\n");
}

/* A lock by exchange, held across a sleep. */
static int spin_word;
static int exchange_lock_worker(void* unused) {
  for (int i = 0; i < 3; ++i) {
    while (__atomic_exchange_n(&spin_word, 1, __ATOMIC_SEQ_CST) != 0) continue;
    const int seen = counter;
    sleep_ms(2);
    counter = seen + 1;
    store(&spin_word, 0);
  }
  return unused == 0 ? 0 : 1;
}
static void exchange_lock(void) {
  struct thread threads[3];
  for (int i = 0; i < 3; ++i) thread_start(&threads[i], exchange_lock_worker, 0);
  for (int i = 0; i < 3; ++i) thread_join(&threads[i]);
  expect_is(counter, 9);
  say("counter %d\n", counter);
}

static int compare_lock_worker(void* unused) {
  for (int i = 0; i < 3; ++i) {
    int free;
    do {
      pause_a_little();
      free = 0;
    } while (
        !__atomic_compare_exchange_n(&spin_word, &free, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    const int seen = counter;
    sleep_ms(1);
    counter = seen + 1;
    store(&spin_word, 0);
  }
  return unused == 0 ? 0 : 1;
}
static void compare_lock(void) {
  struct thread threads[3];
  for (int i = 0; i < 3; ++i) thread_start(&threads[i], compare_lock_worker, 0);
  for (int i = 0; i < 3; ++i) thread_join(&threads[i]);
  expect_is(counter, 9);
  say("counter %d\n", counter);
}

/* Processes that share memory. */
static void between_processes(void) {
  int* shared = shared_pages(4096);
  const long pid = need(sys(fork));
  if (pid == 0) {
    while (load(shared) == 0) continue;
    store(shared + 1, 1);
    exit_now(0);
  }
  store(shared, 1);
  while (load(shared + 1) == 0) continue;
  expect_is(wait_for(pid), 0);
  say("seen across processes\n");
}

/* Waits with a call in the loop: no spin for the finder, but one for the schedule. */
static void by_yield(void) {
  struct thread thread;
  thread_start(&thread, set_flag, (void*)1);
  while (load(&flag) == 0) sys(sched_yield);
  thread_join(&thread);
  say("yielded\n");
}
static void by_short_sleep(void) {
  struct thread thread;
  thread_start(&thread, set_flag, (void*)1);
  struct timespec none = {0, 0};
  while (load(&flag) == 0) need(sys(nanosleep, &none, 0));
  thread_join(&thread);
  say("slept\n");
}
static void by_getppid(void) {
  struct thread thread;
  thread_start(&thread, set_flag, (void*)1);
  while (load(&flag) == 0) sys(getppid);
  thread_join(&thread);
  say("called\n");
}
/* A call that only passes tells no one that the loop goes on, and is no proof that it waits. */
static void by_passing_call(void) {
  struct thread thread;
  thread_start(&thread, set_flag, (void*)1);
  while (load(&flag) == 0) sys(lseek, -1, 0, 0);
  thread_join(&thread);
  say("passed\n");
}
static void for_a_file(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(5);
    write_file("file", "x");
    exit_now(0);
  }
  while (sys(access, "file", 4 /* R_OK */) != 0) continue;
  expect_is(wait_for(pid), 0);
  say("the file is there\n");
}
static void by_clock(void) {
  const long end = clock_ns(CLOCK_MONOTONIC) + 3000000;
  long reads = 0;
  while (clock_ns(CLOCK_MONOTONIC) < end) ++reads;
  expect(reads > 0);
  say("the clock went on\n");
}
static int set_after_sleep(void* unused) {
  sleep_ms(5);
  store(&flag, 1);
  return unused == 0 ? 0 : 1;
}
/* The clock moves for the sleeper although the other never rests. */
static void by_clock_beside_sleeper(void) {
  struct thread thread;
  thread_start(&thread, set_after_sleep, 0);
  while (load(&flag) == 0) clock_ns(CLOCK_MONOTONIC);
  thread_join(&thread);
  say("the sleeper came\n");
}
static void for_sleeper(void) {
  struct thread thread;
  thread_start(&thread, set_after_sleep, 0);
  while (load(&flag) == 0) pause_a_little();
  thread_join(&thread);
  say("the sleeper came\n");
}
static unsigned long read_tsc(void) {
  unsigned low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (unsigned long)high << 32 | low;
}
static void by_tsc(void) {
  const unsigned long end = read_tsc() + 200000;
  while (read_tsc() < end) continue;
  say("the counter went on\n");
}

/* A loop that ends by itself is no wait: what it counts must be right. */
static void finite(void) {
  int* memory = new_pages(4096);
  for (long i = 0; i < 300000000; ++i) {
    __atomic_store_n(memory, *memory + 1, __ATOMIC_RELAXED);
  }
  expect_is(*memory, 300000000);
  say("counted\n");
}
static void finite_in_register(void) {
  long i = 0;
  while (i < 1000000000) {
    ++i;
    __asm__ volatile("" : "+r"(i));
  }
  say("counted %ld\n", i);
}
/* Gives up after some rounds and goes to the kernel, as adaptive mutexes do. */
static void bounded_then_futex(void) {
  struct thread thread;
  thread_start(&thread, set_after_sleep, 0);
  for (int i = 0; i < 1000 && load(&flag) == 0; ++i) pause_a_little();
  while (load(&flag) == 0) sleep_ms(1);
  thread_join(&thread);
  say("met\n");
}

/* Not periodic: it counts while it waits. Nothing proves that it only waits. */
static void counting(void) {
  static volatile long rounds;
  struct thread thread;
  thread_start(&thread, set_flag, (void*)1);
  while (load(&flag) == 0) rounds = rounds + 1;
  thread_join(&thread);
  say("counted while waiting\n");
}

static int signal_seen;
static void on_usr1(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  store(&signal_seen, 1);
}
static int signal_parent(void* pid) {
  sleep_ms(5);
  sys(kill, (long)pid, SIGUSR1);
  return 0;
}
static void until_signal(void) {
  on_signal(SIGUSR1, on_usr1, 0, 0);
  const long pid = child_of(signal_parent, (void*)sys(getpid));
  while (load(&signal_seen) == 0) continue;
  expect_is(wait_for(pid), 0);
  say("the signal ended it\n");
}
static void until_alarm(void) {
  on_signal(SIGALRM, on_usr1, 0, 0);
  need(sys(alarm, 1));
  while (load(&signal_seen) == 0) continue;
  say("the alarm ended it\n");
}

const struct guest_case guest_cases[] = {
    {"on_flag", on_flag, ""},
    {"each_for_the_other", each_for_the_other, ""},
    {"ping_pong", ping_pong, ""},
    {"ticket_lock", ticket_lock, ""},
    {"exchange_lock", exchange_lock, ""},
    {"compare_lock", compare_lock, ""},
    {"between_processes", between_processes, ""},
    {"by_yield", by_yield, ""},
    {"by_short_sleep", by_short_sleep, ""},
    {"by_getppid", by_getppid, ""},
    {"by_passing_call", by_passing_call, "hangs"},
    {"for_a_file", for_a_file, ""},
    {"by_clock", by_clock, ""},
    {"by_clock_beside_sleeper", by_clock_beside_sleeper, ""},
    {"for_sleeper", for_sleeper, ""},
    {"by_tsc", by_tsc, ""},
    {"finite", finite, ""},
    {"finite_in_register", finite_in_register, ""},
    {"bounded_then_futex", bounded_then_futex, ""},
    {"counting", counting, "hangs"},
    {"until_signal", until_signal, ""},
    {"until_alarm", until_alarm, ""},
    {0},
};
