/* nolibc.h: a guest program without a C library: its entry, memory, threads, signals, processes.
 * The headers of the C library are used for the kernel's constants and structs alone. Whatever
 * these programs do, no loader and no library did something beside. */
#pragma once

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "case.h"

/* gcc makes calls of these by itself. */
void* memset(void* to, int value, size_t length) {
  char* bytes = to;
  for (size_t i = 0; i < length; ++i) {
    bytes[i] = (char)value;
    __asm__ volatile("" ::: "memory"); /* lest this loop becomes a call of memset */
  }
  return to;
}
void* memcpy(void* to, const void* from, size_t length) {
  char* bytes = to;
  for (size_t i = 0; i < length; ++i) {
    bytes[i] = ((const char*)from)[i];
    __asm__ volatile("" ::: "memory");
  }
  return to;
}
static inline int bytes_are(const void* a, const void* b, size_t length) {
  for (size_t i = 0; i < length; ++i)
    if (((const char*)a)[i] != ((const char*)b)[i]) return 0;
  return 1;
}

/* --- entry --------------------------------------------------------------------------------- */

static char** guest_argv;
static char** guest_environment;

__attribute__((used)) static void guest_main(long* stack) {
  const int argc = (int)stack[0];
  guest_argv = (char**)(stack + 1);
  guest_environment = guest_argv + argc + 1;
  sys(exit_group, run_cases(argc, guest_argv));
}
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp,%ebp\n"
    "  mov %rsp,%rdi\n"
    "  and $-16,%rsp\n"
    "  call guest_main\n"
    "  hlt\n");

/* --- processes ----------------------------------------------------------------------------- */

#define exit_now(status) sys(exit_group, status)

/* Waits for one child: its exit status, or 128 + the signal. */
static inline int wait_for(long pid) {
  int status = 0;
  long got;
  do got = sys(wait4, pid, &status, 0, 0);
  while (got == -EINTR);
  expect(got > 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
/* A child that runs a function and ends with what that returns. */
static inline long child_of(int (*run)(void*), void* argument) {
  const long pid = need(sys(fork));
  if (pid == 0) exit_now(run(argument));
  return pid;
}

/* --- time ---------------------------------------------------------------------------------- */

static inline void sleep_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  while (sys(nanosleep, &time, &time) == -EINTR) continue;
}
static inline long clock_ns(int clock) {
  struct timespec now;
  need(sys(clock_gettime, clock, &now));
  return now.tv_sec * 1000000000 + now.tv_nsec;
}
static inline long now_ms(void) { return clock_ns(CLOCK_MONOTONIC) / 1000000; }

/* --- threads ------------------------------------------------------------------------------- */

#define kThreadFlags                                                                  \
  (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
   CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/* clone(2) onto a stack, on which run(argument) is called; its result is the exit status. */
long clone_onto(unsigned long flags, void* stack_end, int* parent_tid, int* child_tid,
                int (*run)(void*), void* argument);
__asm__(
    "clone_onto:\n"
    "  mov %rcx,%r10\n"
    "  sub $16,%rsi\n"
    "  mov %r8,(%rsi)\n"
    "  mov %r9,8(%rsi)\n"
    "  mov $56,%eax\n"
    "  syscall\n"
    "  test %rax,%rax\n"
    "  jnz 1f\n"
    "  xor %ebp,%ebp\n"
    "  pop %rax\n"
    "  pop %rdi\n"
    "  call *%rax\n"
    "  mov %eax,%edi\n"
    "  mov $60,%eax\n"
    "  syscall\n"
    "1: ret\n");

static inline void* new_pages(size_t size) {
  return (void*)need(
      sys(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
/* Shared with children that are forked from now on. */
static inline void* shared_pages(size_t size) {
  return (void*)need(sys(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

enum { kStackSize = 65536 };
struct thread {
  int tid; /* 0 when it has ended: cleared by the kernel, which wakes one waiter */
};
static inline void thread_start(struct thread* thread, int (*run)(void*), void* argument) {
  char* stack = new_pages(kStackSize);
  thread->tid = -1;
  need(clone_onto(kThreadFlags, stack + kStackSize, &thread->tid, &thread->tid, run, argument));
}

static inline long futex(int* word, int operation, int value, const struct timespec* time) {
  return sys(futex, word, operation, value, time, 0, 0);
}
static inline int load(int* word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static inline void store(int* word, int value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
static inline int add(int* word, int value) {
  return __atomic_add_fetch(word, value, __ATOMIC_SEQ_CST);
}

static inline void thread_join(struct thread* thread) {
  for (int tid; (tid = load(&thread->tid)) != 0;) futex(&thread->tid, FUTEX_WAIT, tid, 0);
}

/* A mutex of one word: 0 free, 1 held, 2 held and waited for. */
static inline void lock(int* word) {
  int free = 0;
  if (__atomic_compare_exchange_n(word, &free, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
  while (__atomic_exchange_n(word, 2, __ATOMIC_SEQ_CST) != 0) futex(word, FUTEX_WAIT, 2, 0);
}
static inline void unlock(int* word) {
  if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 2) futex(word, FUTEX_WAKE, 1, 0);
}
/* Waits until a word is no longer `value`; the one who changes it wakes all. */
static inline void wait_while(int* word, int value) {
  while (load(word) == value) futex(word, FUTEX_WAIT, value, 0);
}
static inline void set_and_wake(int* word, int value) {
  store(word, value);
  futex(word, FUTEX_WAKE, 1 << 30, 0);
}

/* --- signals ------------------------------------------------------------------------------- */

struct action { /* as the kernel has it (asm/signal.h) */
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)(void);
  unsigned long mask;
};
void return_from_signal(void);
__asm__(
    "return_from_signal:\n"
    "  mov $15,%eax\n"
    "  syscall\n");

enum { kSaRestorer = 0x04000000 };
#define signal_bit(number) (1UL << ((number)-1))

static inline void on_signal(int number, void (*handler)(int, siginfo_t*, void*),
                             unsigned long flags, unsigned long mask) {
  struct action action = {handler, flags | SA_SIGINFO | kSaRestorer, return_from_signal, mask};
  need(sys(rt_sigaction, number, &action, 0, 8));
}
static inline void set_disposition(int number, void (*disposition)(int)) {
  struct action action = {(void (*)(int, siginfo_t*, void*))(void*)disposition, 0, 0, 0};
  need(sys(rt_sigaction, number, &action, 0, 8));
}
static inline unsigned long change_mask(int how, unsigned long mask) {
  unsigned long old = 0;
  need(sys(rt_sigprocmask, how, &mask, &old, 8));
  return old;
}

/* --- files --------------------------------------------------------------------------------- */

static inline void write_file(const char* path, const char* words) {
  const long fd = need(sys(open, path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  write_all((int)fd, words, text_length(words));
  need(sys(close, fd));
}
/* Into a directory of this case's own below the present one, which must not be there yet. */
static inline void enter_new_directory(const char* name) {
  need(sys(mkdir, name, 0755));
  need(sys(chdir, name));
}
