/* futexes: every operation of futex(2), raw: who is woken, in which order, and what the word says.
 */
#include "nolibc.h"

static int word;
static int second_word;
static int awake;
static int order_lock;

struct waiter {
  int* on;
  int name;
  unsigned bits;
  long result;
};

static int wait_on_word(void* argument) {
  struct waiter* waiter = argument;
  waiter->result = sys(futex, waiter->on, FUTEX_WAIT_BITSET, 0, 0, 0, waiter->bits);
  lock(&order_lock);
  say("%d ", waiter->name);
  unlock(&order_lock);
  add(&awake, 1);
  return 0;
}
static void start_waiters(struct thread* threads, struct waiter* waiters, int count) {
  for (int i = 0; i < count; ++i) {
    waiters[i] = (struct waiter){&word, i, ~0U, 0};
    thread_start(&threads[i], wait_on_word, &waiters[i]);
    sleep_ms(10); /* so that they wait in this order */
  }
}
static void wake_order(void) {
  struct thread threads[5];
  struct waiter waiters[5];
  start_waiters(threads, waiters, 5);
  expect_is(futex(&word, FUTEX_WAKE, 2, 0), 2);
  sleep_ms(10);
  expect_is(awake, 2);
  expect_is(futex(&word, FUTEX_WAKE, 1 << 30, 0), 3);
  expect_is(futex(&word, FUTEX_WAKE, 1, 0), 0);
  for (int i = 0; i < 5; ++i) {
    thread_join(&threads[i]);
    expect_is(waiters[i].result, 0);
  }
  say("\n");
}
static void value_and_timeout(void) {
  const struct timespec tenth = {0, 100000000};
  const struct timespec bad = {0, -1};
  expect_is(futex(&word, FUTEX_WAIT, 1, 0), -EAGAIN);
  const long before = now_ms();
  expect_is(futex(&word, FUTEX_WAIT, 0, &tenth), -ETIMEDOUT);
  expect(now_ms() - before >= 99);
  expect_is(futex(&word, FUTEX_WAIT, 0, &bad), -EINVAL);
  expect_is(futex((int*)8, FUTEX_WAIT, 0, &tenth), -EFAULT);
  expect_is(futex((int*)((char*)&word + 1), FUTEX_WAIT, 0, &tenth), -EINVAL);
  expect_is(futex((int*)((char*)&word + 1), FUTEX_WAKE, 1, 0), -EINVAL);
  long until = clock_ns(CLOCK_MONOTONIC) + 50000000;
  struct timespec absolute = {until / 1000000000, until % 1000000000};
  expect_is(sys(futex, &word, FUTEX_WAIT_BITSET, 0, &absolute, 0, ~0U), -ETIMEDOUT);
  expect(clock_ns(CLOCK_MONOTONIC) >= until);
  until = clock_ns(CLOCK_REALTIME) + 50000000;
  absolute = (struct timespec){until / 1000000000, until % 1000000000};
  expect_is(sys(futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &absolute, 0, ~0U),
            -ETIMEDOUT);
  expect_is(sys(futex, &word, FUTEX_WAIT_BITSET, 0, &absolute, 0, 0), -EINVAL);
  expect_is(sys(futex, &word, 77, 0, 0, 0, 0), -ENOSYS);
}
static void bitset(void) {
  struct thread threads[3];
  struct waiter waiters[3];
  for (int i = 0; i < 3; ++i) {
    waiters[i] = (struct waiter){&word, i, 1U << i, 0};
    thread_start(&threads[i], wait_on_word, &waiters[i]);
    sleep_ms(10);
  }
  expect_is(sys(futex, &word, FUTEX_WAKE_BITSET, 10, 0, 0, 4), 1);
  sleep_ms(10);
  expect_is(sys(futex, &word, FUTEX_WAKE_BITSET, 10, 0, 0, 3), 2);
  for (int i = 0; i < 3; ++i) thread_join(&threads[i]);
  say("\n");
}
static void requeue(void) {
  struct thread threads[4];
  struct waiter waiters[4];
  start_waiters(threads, waiters, 4);
  expect_is(sys(futex, &word, FUTEX_CMP_REQUEUE, 1, 2L, &second_word, 1), -EAGAIN);
  expect_is(sys(futex, &word, FUTEX_CMP_REQUEUE, 1, 2L, &second_word, 0), 3);
  sleep_ms(10);
  expect_is(awake, 1);
  expect_is(futex(&word, FUTEX_WAKE, 10, 0), 1);
  sleep_ms(10);
  expect_is(futex(&second_word, FUTEX_WAKE, 1, 0), 1);
  sleep_ms(10);
  expect_is(sys(futex, &second_word, FUTEX_REQUEUE, 0, 5L, &word, 0), 1);
  expect_is(futex(&word, FUTEX_WAKE, 10, 0), 1);
  for (int i = 0; i < 4; ++i) thread_join(&threads[i]);
  say("\n");
}
static void wake_op(void) {
  struct thread threads[2];
  struct waiter waiters[2] = {{&word, 0, ~0U, 0}, {&second_word, 1, ~0U, 0}};
  for (int i = 0; i < 2; ++i) {
    thread_start(&threads[i], wait_on_word, &waiters[i]);
    sleep_ms(10);
  }
  /* second_word += 5; when it was 0 its waiters are woken, too. */
  const int operation = FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0);
  expect_is(sys(futex, &word, FUTEX_WAKE_OP, 1, 1L, &second_word, operation), 2);
  expect_is(second_word, 5);
  for (int i = 0; i < 2; ++i) thread_join(&threads[i]);
  expect_is(sys(futex, &word, FUTEX_WAKE_OP, 1, 1L, &second_word, operation), 0);
  expect_is(second_word, 10);
  say("\n");
}
static int wake_shared(void* shared) {
  sleep_ms(20);
  store(shared, 1);
  return futex(shared, FUTEX_WAKE, 1, 0) == 1 ? 0 : 1;
}
static void between_processes(void) {
  int* shared = shared_pages(4096);
  const long pid = child_of(wake_shared, shared);
  expect_is(futex(shared, FUTEX_WAIT, 0, 0), 0);
  expect_is(wait_for(pid), 0);
}
/* The same page of a file, mapped at two places, is the same futex. */
static void through_two_mappings(void) {
  const long fd = need(sys(memfd_create, "page", 0));
  need(sys(ftruncate, fd, 4096));
  int* here = (int*)need(sys(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  int* there = (int*)need(sys(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  expect(here != there);
  const long pid = child_of(wake_shared, there);
  expect_is(futex(here, FUTEX_WAIT, 0, 0), 0);
  expect_is(wait_for(pid), 0);
}
/* A private futex of a page copied by fork is another one. */
static void copied_page(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(10);
    expect_is(futex(&word, FUTEX_WAKE, 10, 0), 0);
    exit_now(0);
  }
  const struct timespec time = {0, 50000000};
  expect_is(futex(&word, FUTEX_WAIT, 0, &time), -ETIMEDOUT);
  expect_is(wait_for(pid), 0);
}
static int wake_second(void* unused) {
  sleep_ms(20);
  store(&second_word, 1);
  futex(&second_word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0);
  return unused == 0 ? 0 : 1;
}
static void wait_on_several(void) {
  struct {
    unsigned long value;
    unsigned long address;
    unsigned flags;
    unsigned reserved;
  } waits[2] = {{0, (unsigned long)&word, 2 | FUTEX_PRIVATE_FLAG, 0},
                {0, (unsigned long)&second_word, 2 | FUTEX_PRIVATE_FLAG, 0}};
  struct thread thread;
  thread_start(&thread, wake_second, 0);
  expect_is(sys(futex_waitv, waits, 2, 0, 0, 0), 1);
  thread_join(&thread);
  expect_is(sys(futex_waitv, waits, 2, 0, 0, 0), -EAGAIN);
  const long until = clock_ns(CLOCK_MONOTONIC) + 50000000;
  const struct timespec absolute = {until / 1000000000, until % 1000000000};
  waits[1].value = 1;
  expect_is(sys(futex_waitv, waits, 2, 0, &absolute, CLOCK_MONOTONIC), -ETIMEDOUT);
  expect_is(sys(futex_waitv, waits, 0, 0, 0, 0), -EINVAL);
}
static int pi_holder(void* name) {
  expect_is(futex(&word, FUTEX_LOCK_PI, 0, 0), 0);
  expect_is(word & FUTEX_TID_MASK, sys(gettid));
  say("%s", (const char*)name);
  sleep_ms(20);
  expect_is(futex(&word, FUTEX_UNLOCK_PI, 0, 0), 0);
  return 0;
}
static void priority_inheritance(void) {
  struct thread threads[3];
  static char* names[] = {"a", "b", "c"};
  expect_is(futex(&word, FUTEX_UNLOCK_PI, 0, 0), -EPERM);
  for (int i = 0; i < 3; ++i) {
    thread_start(&threads[i], pi_holder, names[i]);
    sleep_ms(5);
  }
  expect_is(futex(&word, FUTEX_TRYLOCK_PI, 0, 0), -EAGAIN);
  const long until = clock_ns(CLOCK_REALTIME) + 5000000;
  const struct timespec absolute = {until / 1000000000, until % 1000000000};
  expect_is(futex(&word, FUTEX_LOCK_PI, 0, &absolute), -ETIMEDOUT);
  for (int i = 0; i < 3; ++i) thread_join(&threads[i]);
  expect_is(word, 0);
  expect_is(futex(&word, FUTEX_LOCK_PI, 0, 0), 0);
  expect_is(futex(&word, FUTEX_LOCK_PI, 0, 0), -EDEADLK);
  expect_is(futex(&word, FUTEX_UNLOCK_PI, 0, 0), 0);
  say("\n");
}
/* The kernel marks a robust futex whose holder dies, and wakes one waiter. */
static struct robust_list_head robust_head;
static struct {
  struct robust_list list;
  int word;
} robust;
static int die_with_lock(void* unused) {
  robust_head.list.next = &robust.list;
  robust_head.futex_offset = (long)((char*)&robust.word - (char*)&robust.list);
  robust.list.next = &robust_head.list;
  need(sys(set_robust_list, &robust_head, sizeof robust_head));
  store(&robust.word, (int)sys(gettid) | (int)FUTEX_WAITERS);
  set_and_wake(&second_word, 1);
  sleep_ms(20);
  return unused == 0 ? 0 : 1;
}
static void robust_death(void) {
  struct thread thread;
  thread_start(&thread, die_with_lock, 0);
  wait_while(&second_word, 0);
  const int held = load(&robust.word);
  const long result = futex(&robust.word, FUTEX_WAIT, held, 0);
  expect(result == 0 || result == -EAGAIN);
  expect((load(&robust.word) & FUTEX_OWNER_DIED) != 0);
  thread_join(&thread);
  say("the owner died\n");
}
/* Exit of a thread clears its tid and wakes one who waits on it: with a shared futex. */
static int short_life(void* unused) {
  sleep_ms(20);
  return unused == 0 ? 0 : 1;
}
static void thread_end(void) {
  struct thread thread;
  thread_start(&thread, short_life, 0);
  const int tid = load(&thread.tid);
  expect_is(futex(&thread.tid, FUTEX_WAIT, tid, 0), 0);
  expect_is(load(&thread.tid), 0);
}
static int lock_and_say(void* name) {
  for (int i = 0; i < 5; ++i) {
    lock(&word);
    say("%s", (const char*)name);
    sys(sched_yield);
    unlock(&word);
  }
  return 0;
}
static void mutex_order(void) {
  struct thread threads[4];
  static char* names[] = {"a", "b", "c", "d"};
  for (int i = 0; i < 4; ++i) thread_start(&threads[i], lock_and_say, names[i]);
  for (int i = 0; i < 4; ++i) thread_join(&threads[i]);
  say("\n");
}

const struct guest_case guest_cases[] = {
    {"wake_order", wake_order, ""},
    {"value_and_timeout", value_and_timeout, ""},
    {"bitset", bitset, ""},
    {"requeue", requeue, ""},
    {"wake_op", wake_op, ""},
    {"between_processes", between_processes, ""},
    {"through_two_mappings", through_two_mappings, ""},
    {"copied_page", copied_page, ""},
    {"wait_on_several", wait_on_several, ""},
    {"priority_inheritance", priority_inheritance, ""},
    {"robust_death", robust_death, ""},
    {"thread_end", thread_end, ""},
    {"mutex_order", mutex_order, ""},
    {0},
};
