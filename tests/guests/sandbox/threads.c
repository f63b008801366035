/* threads: POSIX threads of the C library: what programs synchronise by. Needs a C library. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int value;

static void sleep_ms(long ms) {
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}
static pthread_t start(void* (*run)(void*), void* argument) {
  pthread_t thread;
  expect_is(pthread_create(&thread, NULL, run, argument), 0);
  return thread;
}
static void join(pthread_t thread) { expect_is(pthread_join(thread, NULL), 0); }
static int child_status(pid_t pid) {
  int status;
  expect_is(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void* say_name(void* name) {
  say("%s ", (const char*)name);
  return name;
}
static char* const kNames[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
static void ten_joined(void) {
  pthread_t threads[10];
  for (int i = 0; i < 10; ++i) threads[i] = start(say_name, kNames[i]);
  for (int i = 0; i < 10; ++i) {
    void* result;
    expect_is(pthread_join(threads[i], &result), 0);
    expect(result == kNames[i]);
  }
  say("\n");
}
/* Ends while they may still run. */
static void ten_not_joined(void) {
  for (int i = 0; i < 10; ++i) pthread_detach(start(say_name, kNames[i]));
  say("end\n");
}
static void ended_by_main_thread(void) {
  for (int i = 0; i < 3; ++i) start(say_name, kNames[i]);
  pthread_exit(NULL);
}

static void* fork_in_thread(void* unused) {
  const pid_t pid = fork();
  if (pid == 0) {
    join(start(say_name, "thread of the child of a thread"));
    _exit(5);
  }
  expect_is(child_status(pid), 5);
  return unused;
}
static void process_thread_process(void) {
  join(start(fork_in_thread, NULL));
  say("\n");
}

/* Not synchronised at all: what is lost depends on where threads switch. */
static void* count_unlocked(void* unused) {
  for (int i = 0; i < 200; ++i) {
    const int seen = value;
    if (i % 20 == 0) sched_yield();
    value = seen + 1;
  }
  return unused;
}
static void lost_updates(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) threads[i] = start(count_unlocked, NULL);
  for (int i = 0; i < 4; ++i) join(threads[i]);
  say("value %d\n", value);
}
static void* count_locked(void* unused) {
  for (int i = 0; i < 1000; ++i) {
    pthread_mutex_lock(&mutex);
    ++value;
    pthread_mutex_unlock(&mutex);
  }
  return unused;
}
static void mutex_counter(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) threads[i] = start(count_locked, NULL);
  for (int i = 0; i < 4; ++i) join(threads[i]);
  expect_is(value, 4000);
}
static void* say_while_locked(void* name) {
  for (int i = 0; i < 5; ++i) {
    pthread_mutex_lock(&mutex);
    say("%s", (const char*)name);
    sleep_ms(1);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}
static void mutex_contended(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) threads[i] = start(say_while_locked, kNames[i]);
  for (int i = 0; i < 4; ++i) join(threads[i]);
  say("\n");
}
static void mutex_kinds(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_t recursive;
  pthread_mutex_init(&recursive, &attributes);
  for (int i = 0; i < 3; ++i) expect_is(pthread_mutex_lock(&recursive), 0);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_t checked;
  pthread_mutex_init(&checked, &attributes);
  expect_is(pthread_mutex_lock(&checked), 0);
  expect_is(pthread_mutex_lock(&checked), EDEADLK);
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec = 0;
  until.tv_sec += 1;
  pthread_mutex_lock(&mutex);
  expect_is(pthread_mutex_timedlock(&mutex, &until), ETIMEDOUT);
  expect_is(pthread_mutex_trylock(&mutex), EBUSY);
}

static void* wait_for_value(void* name) {
  pthread_mutex_lock(&mutex);
  while (value == 0) pthread_cond_wait(&condition, &mutex);
  say("%s ", (const char*)name);
  pthread_mutex_unlock(&mutex);
  return NULL;
}
static void* set_value(void* wanted) {
  sleep_ms(10);
  pthread_mutex_lock(&mutex);
  value = (int)(long)wanted;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
  return NULL;
}
static void condition_broadcast(void) {
  pthread_t threads[5];
  for (int i = 0; i < 5; ++i) threads[i] = start(wait_for_value, kNames[i]);
  const pthread_t setter = start(set_value, (void*)1);
  for (int i = 0; i < 5; ++i) join(threads[i]);
  join(setter);
  say("\n");
}
static void condition_main_waits(void) {
  const pthread_t setter = start(set_value, (void*)1);
  wait_for_value("main");
  join(setter);
  say("\n");
}
static void condition_times_out(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1;
  pthread_mutex_lock(&mutex);
  expect_is(pthread_cond_timedwait(&condition, &mutex, &until), ETIMEDOUT);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_t other;
  pthread_cond_init(&other, &attributes);
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += 1;
  expect_is(pthread_cond_timedwait(&other, &mutex, &until), ETIMEDOUT);
}

/* A buffer of four places, two who fill it and two who empty it. */
static int places[4];
static int filled, next_in, next_out;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static void* produce(void* first) {
  for (int i = 0; i < 10; ++i) {
    pthread_mutex_lock(&mutex);
    while (filled == 4) pthread_cond_wait(&not_full, &mutex);
    places[next_in] = (int)(long)first + i;
    next_in = (next_in + 1) % 4;
    ++filled;
    pthread_cond_signal(&not_empty);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}
static void* consume(void* name) {
  for (int i = 0; i < 10; ++i) {
    pthread_mutex_lock(&mutex);
    while (filled == 0) pthread_cond_wait(&not_empty, &mutex);
    say("%s%d ", (const char*)name, places[next_out]);
    next_out = (next_out + 1) % 4;
    --filled;
    pthread_cond_signal(&not_full);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}
static void bounded_buffer(void) {
  const pthread_t threads[] = {start(consume, "a"), start(produce, (void*)100), start(consume, "b"),
                               start(produce, (void*)200)};
  for (int i = 0; i < 4; ++i) join(threads[i]);
  say("\n");
}

static pthread_barrier_t barrier;
static void* rounds(void* name) {
  for (int i = 0; i < 4; ++i) {
    say("%s", (const char*)name);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) say(" ");
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}
static void barriers(void) {
  pthread_barrier_init(&barrier, NULL, 4);
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) threads[i] = start(rounds, kNames[i]);
  for (int i = 0; i < 4; ++i) join(threads[i]);
  say("\n");
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static void* reader(void* name) {
  for (int i = 0; i < 5; ++i) {
    pthread_rwlock_rdlock(&rwlock);
    say("%s%d ", (const char*)name, value);
    sleep_ms(1);
    pthread_rwlock_unlock(&rwlock);
  }
  return NULL;
}
static void* writer(void* unused) {
  for (int i = 0; i < 5; ++i) {
    pthread_rwlock_wrlock(&rwlock);
    ++value;
    sleep_ms(2);
    pthread_rwlock_unlock(&rwlock);
  }
  return unused;
}
static void readers_and_writer(void) {
  const pthread_t threads[] = {start(reader, "a"), start(writer, NULL), start(reader, "b"),
                               start(reader, "c")};
  for (int i = 0; i < 4; ++i) join(threads[i]);
  expect_is(value, 5);
  say("\n");
}

static sem_t semaphore;
static void* take_turns(void* name) {
  for (int i = 0; i < 5; ++i) {
    sem_wait(&semaphore);
    say("%s", (const char*)name);
    sem_post(&semaphore);
    sched_yield();
  }
  return NULL;
}
static void semaphores(void) {
  sem_init(&semaphore, 0, 0);
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) threads[i] = start(take_turns, kNames[i]);
  sleep_ms(5);
  sem_post(&semaphore);
  for (int i = 0; i < 4; ++i) join(threads[i]);
  sem_wait(&semaphore);
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1;
  expect_is(sem_timedwait(&semaphore, &until), -1);
  expect_is(errno, ETIMEDOUT);
  say("\n");
}
static void semaphore_of_processes(void) {
  sem_t* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  sem_init(shared, 1, 0);
  sem_init(shared + 1, 1, 0);
  const pid_t pid = fork();
  for (int i = 0; i < 5; ++i) {
    if (pid == 0) {
      sem_wait(shared);
      say("c");
      sem_post(shared + 1);
    } else {
      say("p");
      sem_post(shared);
      sem_wait(shared + 1);
    }
  }
  if (pid == 0) _exit(0);
  expect_is(child_status(pid), 0);
  say("\n");
}

static void mutex_of_kind(int protocol, int robust, void (*use)(pthread_mutex_t*)) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  pthread_mutexattr_setrobust(&attributes, robust);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_t* shared =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  expect_is(pthread_mutex_init(shared, &attributes), 0);
  use(shared);
}
static pthread_mutex_t* used;
static void* hold_used(void* name) {
  for (int i = 0; i < 3; ++i) {
    expect_is(pthread_mutex_lock(used), 0);
    say("%s", (const char*)name);
    sleep_ms(2);
    expect_is(pthread_mutex_unlock(used), 0);
  }
  return NULL;
}
static void contend(pthread_mutex_t* shared) {
  used = shared;
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i) threads[i] = start(hold_used, kNames[i]);
  for (int i = 0; i < 3; ++i) join(threads[i]);
  say("\n");
}
static void priority_inheritance(void) {
  mutex_of_kind(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, contend);
}
static void die_holding(pthread_mutex_t* shared) {
  const pid_t pid = fork();
  if (pid == 0) {
    pthread_mutex_lock(shared);
    sleep_ms(30);
    _exit(0);
  }
  sleep_ms(10);
  expect_is(pthread_mutex_lock(shared), EOWNERDEAD);
  expect_is(pthread_mutex_consistent(shared), 0);
  expect_is(pthread_mutex_unlock(shared), 0);
  expect_is(pthread_mutex_lock(shared), 0);
  expect_is(child_status(pid), 0);
}
static void robust(void) { mutex_of_kind(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, die_holding); }
static void robust_priority(void) {
  mutex_of_kind(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, die_holding);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void initialise(void) { say("once\n"); }
static void* call_once(void* unused) {
  pthread_once(&once, initialise);
  return unused;
}
static pthread_key_t key;
static void destroy(void* name) { say("destroyed %s\n", (const char*)name); }
static void* set_key(void* name) {
  pthread_setspecific(key, name);
  return NULL;
}
static void once_and_keys(void) {
  pthread_key_create(&key, destroy);
  for (int i = 0; i < 3; ++i) {
    const pthread_t a = start(call_once, NULL);
    const pthread_t b = start(set_key, kNames[i]);
    join(a);
    join(b);
  }
}
static void say_cancelled(void* unused) { say("cleaned up\n"), (void)unused; }
static void* wait_for_ever(void* unused) {
  pthread_cleanup_push(say_cancelled, NULL);
  for (;;) sleep_ms(1000);
  pthread_cleanup_pop(0);
  return unused;
}
static void cancelled(void) {
  const pthread_t thread = start(wait_for_ever, NULL);
  sleep_ms(10);
  expect_is(pthread_cancel(thread), 0);
  void* result;
  expect_is(pthread_join(thread, &result), 0);
  expect(result == PTHREAD_CANCELED);
}

/* Four threads that only yield: nobody is left out. */
static int turns[4];
static void* yield_often(void* argument) {
  const long mine = (long)argument;
  while (turns[mine] < 50) {
    ++turns[mine];
    say("%ld", mine);
    sched_yield();
  }
  return NULL;
}
static void fairness(void) {
  pthread_t threads[4];
  for (long i = 0; i < 4; ++i) threads[i] = start(yield_often, (void*)i);
  for (int i = 0; i < 4; ++i) join(threads[i]);
  say("\n");
}
static void* read_clock(void* argument) {
  long* last = argument;
  for (int i = 0; i < 100; ++i) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&mutex);
    const long ns = now.tv_sec * 1000000000 + now.tv_nsec;
    if (ns > *last) *last = ns;
    ++value;
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}
static void clock_in_threads(void) {
  static long last;
  pthread_t threads[8];
  for (int i = 0; i < 8; ++i) threads[i] = start(read_clock, &last);
  for (int i = 0; i < 8; ++i) join(threads[i]);
  expect_is(value, 800);
  say("last %ld\n", last);
}
static void* allocate(void* argument) {
  unsigned long sum = 0;
  for (int i = 1; i < 200; ++i) {
    char* block = malloc((size_t)i * 100);
    sum = sum * 31 + (unsigned long)block;
    if (i % 3 != 0) free(block);
    if (i % 50 == 0) sched_yield();
  }
  *(unsigned long*)argument = sum;
  return NULL;
}
/* Addresses of blocks, of stacks, of code: all of them repeat. */
static void addresses(void) {
  unsigned long sums[4];
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) threads[i] = start(allocate, &sums[i]);
  for (int i = 0; i < 4; ++i) join(threads[i]);
  for (int i = 0; i < 4; ++i) say("%lx ", sums[i]);
  say("%lx %lx\n", (unsigned long)&sums, (unsigned long)addresses);
}
static void* fail_to_end(void* unused) {
  for (;;) sleep_ms(10000);
  return unused;
}
static void exit_with_threads(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < 4; ++i) start(fail_to_end, NULL);
    sleep_ms(5);
    exit(4);
  }
  expect_is(child_status(pid), 4);
}
static void hundred_threads(void) {
  pthread_t threads[100];
  for (int i = 0; i < 100; ++i) threads[i] = start(count_locked, NULL);
  for (int i = 0; i < 100; ++i) join(threads[i]);
  expect_is(value, 100000);
}

int main(int argc, char** argv) { return run_cases(argc, argv); }

const struct guest_case guest_cases[] = {
    {"ten_joined", ten_joined, ""},
    {"ten_not_joined", ten_not_joined, ""},
    {"ended_by_main_thread", ended_by_main_thread, ""},
    {"process_thread_process", process_thread_process, ""},
    {"lost_updates", lost_updates, ""},
    {"mutex_counter", mutex_counter, ""},
    {"mutex_contended", mutex_contended, ""},
    {"mutex_kinds", mutex_kinds, ""},
    {"condition_broadcast", condition_broadcast, ""},
    {"condition_main_waits", condition_main_waits, ""},
    {"condition_times_out", condition_times_out, ""},
    {"bounded_buffer", bounded_buffer, ""},
    {"barriers", barriers, ""},
    {"readers_and_writer", readers_and_writer, ""},
    {"semaphores", semaphores, ""},
    {"semaphore_of_processes", semaphore_of_processes, ""},
    {"priority_inheritance", priority_inheritance, ""},
    {"robust", robust, ""},
    {"robust_priority", robust_priority, ""},
    {"once_and_keys", once_and_keys, ""},
    {"cancelled", cancelled, ""},
    {"fairness", fairness, ""},
    {"clock_in_threads", clock_in_threads, ""},
    {"addresses", addresses, ""},
    {"exit_with_threads", exit_with_threads, ""},
    {"hundred_threads", hundred_threads, ""},
    {0},
};
