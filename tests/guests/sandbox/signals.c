/* signals: what each one does, when and in which order it comes, and what it interrupts. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <ucontext.h>

#include "nolibc.h"

static int seen[65];
static void count(int number, siginfo_t* info, void* context) {
  (void)info, (void)context;
  ++seen[number];
}
static void tell(int number, siginfo_t* info, void* context) {
  (void)context;
  say("signal %d code %d value %d\n", number, info->si_code,
      info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
}

static int sleep_long(void* unused) {
  for (int i = 0; i < 20; ++i) sleep_ms(100);
  return unused == 0 ? 55 : 1;
}
/* Ended by every signal, from without. */
static void kill_each(void) {
  for (long number = 1; number <= 64; ++number) {
    const long pid = need(sys(fork));
    if (pid == 0) {
      need(sys(kill, sys(getpid), number));
      exit_now(77);
    }
    int status;
    expect_is(sys(wait4, pid, &status, WUNTRACED, 0), pid);
    say("%ld: %x\n", number, (unsigned)status & ~0x80u);
    if (WIFSTOPPED(status)) {
      need(sys(kill, pid, SIGKILL));
      expect_is(wait_for(pid), 128 + SIGKILL);
    }
  }
}
static void tgkill_each(void) {
  for (long number = 1; number <= 64; ++number) {
    if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) continue;
    const long pid = child_of(sleep_long, 0);
    need(sys(tgkill, pid, pid, number));
    if (number == SIGCHLD || number == SIGCONT || number == SIGURG || number == SIGWINCH)
      need(sys(kill, pid, SIGKILL));
    say("%ld: %d\n", number, wait_for(pid));
  }
}

static int fault(void* kind) {
  switch ((long)kind) {
    case SIGSEGV:
      __asm__ volatile("movl $1,8" ::: "memory");
      break;
    case SIGILL:
      __asm__ volatile("ud2");
      break;
    case SIGFPE:
      __asm__ volatile("xor %%ecx,%%ecx; div %%ecx" ::: "eax", "ecx", "edx");
      break;
    case SIGTRAP:
      __asm__ volatile("int3");
      break;
    case SIGBUS: {
      const long fd = need(sys(memfd_create, "empty", 0));
      *(volatile int*)need(sys(mmap, 0, 4096, PROT_WRITE, MAP_SHARED, fd, 0)) = 1;
      break;
    }
    default:
      sys(kill, sys(getpid), (long)kind);
  }
  return 0;
}
static const int kFaults[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS, SIGABRT};
static void faults(void) {
  for (int i = 0; i < 6; ++i)
    expect_is(wait_for(child_of(fault, (void*)(long)kFaults[i])) & ~0x80, kFaults[i]);
}
static int fault_caught;
static void on_fault(int number, siginfo_t* info, void* context) {
  (void)context;
  say("fault %d code %d\n", number, info->si_code);
  exit_now(fault_caught);
}
static void faults_handled(void) {
  for (int i = 0; i < 5; ++i) {
    const long pid = need(sys(fork));
    if (pid == 0) {
      fault_caught = 40 + i;
      on_signal(kFaults[i], on_fault, 0, 0);
      exit_now(fault((void*)(long)kFaults[i]));
    }
    expect_is(wait_for(pid), 40 + i);
  }
}
/* A fault is deadly also when its signal is blocked or ignored. */
static void faults_blocked(void) {
  for (int i = 0; i < 4; ++i) {
    const long pid = need(sys(fork));
    if (pid == 0) {
      if (i % 2 == 0)
        change_mask(SIG_BLOCK, ~0UL);
      else
        set_disposition(SIGSEGV, SIG_IGN);
      exit_now(fault((void*)SIGSEGV));
    }
    expect_is(wait_for(pid), 128 + SIGSEGV);
  }
}

static void alarm_handled(void) {
  on_signal(SIGALRM, tell, 0, 0);
  const long before = now_ms();
  expect_is(sys(alarm, 2), 0);
  expect_is(sys(pause), -EINTR);
  const long took = now_ms() - before;
  expect(took >= 1990 && took < 3000);
}
static void alarm_deadly(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(alarm, 1));
    exit_now(sleep_long(0));
  }
  expect_is(wait_for(pid), 128 + SIGALRM);
}
static void alarm_ignored(void) {
  set_disposition(SIGALRM, SIG_IGN);
  need(sys(alarm, 1));
  sleep_ms(1500);
  expect_is(sys(alarm, 0), 0);
}
static void alarm_once(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    on_signal(SIGALRM, tell, SA_RESETHAND, 0);
    need(sys(alarm, 1));
    expect_is(sys(pause), -EINTR);
    need(sys(alarm, 1));
    sys(pause);
    exit_now(0);
  }
  expect_is(wait_for(pid), 128 + SIGALRM);
}

static void suspend(void) {
  change_mask(SIG_BLOCK, signal_bit(SIGUSR1) | signal_bit(SIGUSR2));
  on_signal(SIGUSR1, tell, 0, 0);
  on_signal(SIGUSR2, tell, 0, 0);
  need(sys(kill, sys(getpid), SIGUSR1));
  need(sys(kill, sys(getpid), SIGUSR2));
  unsigned long mask = signal_bit(SIGUSR2);
  expect_is(sys(rt_sigsuspend, &mask, 8), -EINTR); /* USR1 alone */
  unsigned long pending;
  need(sys(rt_sigpending, &pending, 8));
  expect_is(pending, signal_bit(SIGUSR2));
  mask = 0;
  expect_is(sys(rt_sigsuspend, &mask, 8), -EINTR);
}
static int usr1_after_sleep(void* pid) {
  sleep_ms(20);
  need(sys(kill, (long)pid, SIGUSR1));
  return 0;
}
static void suspend_until_child(void) {
  change_mask(SIG_BLOCK, signal_bit(SIGUSR1));
  on_signal(SIGUSR1, tell, 0, 0);
  const long pid = child_of(usr1_after_sleep, (void*)sys(getpid));
  unsigned long mask = 0;
  expect_is(sys(rt_sigsuspend, &mask, 8), -EINTR);
  expect_is(seen[SIGUSR1], 0);
  expect_is(wait_for(pid), 0);
}

static void timed_wait(void) {
  unsigned long set = signal_bit(SIGUSR1) | signal_bit(34);
  change_mask(SIG_BLOCK, set);
  struct timespec none = {0, 0};
  struct timespec second = {1, 0};
  siginfo_t info;
  expect_is(sys(rt_sigtimedwait, &set, &info, &none, 8), -EAGAIN);
  const long before = now_ms();
  expect_is(sys(rt_sigtimedwait, &set, &info, &second, 8), -EAGAIN);
  expect(now_ms() - before >= 990);
  need(sys(kill, sys(getpid), SIGUSR1));
  expect_is(sys(rt_sigtimedwait, &set, &info, &none, 8), SIGUSR1);
  expect_is(info.si_code, SI_USER);
  expect_is(info.si_pid, sys(getpid));
  const long pid = child_of(usr1_after_sleep, (void*)sys(getpid));
  expect_is(sys(rt_sigtimedwait, &set, &info, 0, 8), SIGUSR1);
  expect_is(info.si_pid, pid);
  expect_is(wait_for(pid), 0);
  on_signal(SIGUSR2, count, 0, 0);
  if (need(sys(fork)) == 0) {
    sleep_ms(20);
    exit_now(sys(kill, sys(getppid), SIGUSR2));
  }
  expect_is(sys(rt_sigtimedwait, &set, &info, 0, 8), -EINTR);
  expect_is(seen[SIGUSR2], 1);
}

static void queue(int number, int value) {
  siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};
  info.si_pid = (int)sys(getpid);
  info.si_value.sival_int = value;
  need(sys(rt_sigqueueinfo, sys(getpid), number, &info));
}
/* Real-time signals queue, lowest first, in order of sending; others come once. */
static void queued_order(void) {
  change_mask(SIG_BLOCK, ~0UL);
  const int numbers[] = {SIGUSR1, 34, 36, 40};
  for (int i = 0; i < 4; ++i) on_signal(numbers[i], tell, 0, ~0UL);
  queue(40, 1);
  queue(36, 2);
  queue(36, 3);
  queue(34, 4);
  queue(SIGUSR1, 5);
  queue(SIGUSR1, 6);
  change_mask(SIG_SETMASK, 0);
}

static void nested_again(int number, siginfo_t* info, void* context) {
  (void)info, (void)context;
  ++seen[number];
  say("%d begins\n", number);
  if (number == SIGUSR1) need(sys(kill, sys(getpid), SIGUSR2));
  if (seen[number] == 1) need(sys(kill, sys(getpid), number));
  say("%d ends\n", number);
}
static void reentrance(void) {
  on_signal(SIGUSR1, nested_again, 0, 0);
  on_signal(SIGUSR2, nested_again, SA_NODEFER, 0);
  need(sys(kill, sys(getpid), SIGUSR1));
  expect_is(seen[SIGUSR1], 2);
}

static char* alternate;
static void on_alternate(int number, siginfo_t* info, void* context) {
  (void)info, (void)context;
  char here;
  say("signal %d on the other stack: %d\n", number,
      &here >= alternate && &here < alternate + kStackSize);
}
static void alternate_stack(void) {
  alternate = new_pages(kStackSize);
  stack_t stack = {.ss_sp = alternate, .ss_size = kStackSize};
  need(sys(sigaltstack, &stack, 0));
  on_signal(SIGUSR1, on_alternate, SA_ONSTACK, 0);
  need(sys(kill, sys(getpid), SIGUSR1));
  stack_t now;
  need(sys(sigaltstack, 0, &now));
  expect_is(now.ss_flags, 0);
}

static void masks_are_kept(void) {
  change_mask(SIG_SETMASK, signal_bit(SIGUSR1) | signal_bit(SIGHUP));
  const long pid = need(sys(fork));
  if (pid == 0) {
    expect_is(change_mask(SIG_BLOCK, 0), signal_bit(SIGUSR1) | signal_bit(SIGHUP));
    need(sys(kill, sys(getpid), SIGUSR1));
    char* words[] = {"/proc/self/exe", "mask_after_exec", 0};
    sys(execve, words[0], words, guest_environment);
    exit_now(9);
  }
  expect_is(wait_for(pid), 0);
}
static void mask_after_exec(void) {
  unsigned long pending;
  need(sys(rt_sigpending, &pending, 8));
  say("mask %lx pending %lx\n", change_mask(SIG_BLOCK, 0), pending);
}

static void sigchld_counted(void) {
  on_signal(SIGCHLD, count, SA_RESTART, 0);
  change_mask(SIG_BLOCK, signal_bit(SIGCHLD));
  for (int i = 0; i < 5; ++i) {
    if (need(sys(fork)) == 0) exit_now(i);
    unsigned long none = 0;
    expect_is(sys(rt_sigsuspend, &none, 8), -EINTR);
    expect_is(wait_for(-1), i);
  }
  say("SIGCHLD came %d times\n", seen[SIGCHLD]);
}
static void on_child(int number, siginfo_t* info, void* context) {
  (void)context;
  say("signal %d code %d status %d\n", number, info->si_code, info->si_status);
}
static int stop_and_end(void* unused) {
  need(sys(kill, sys(getpid), SIGSTOP));
  return unused == 0 ? 3 : 1;
}
static void sigchld_codes(void) {
  on_signal(SIGCHLD, on_child, SA_RESTART, 0);
  int status;
  const long pid = child_of(stop_and_end, 0);
  expect_is(sys(wait4, pid, &status, WUNTRACED, 0), pid);
  expect(WIFSTOPPED(status));
  need(sys(kill, pid, SIGCONT));
  expect_is(wait_for(pid), 3);
  const long other = child_of(sleep_long, 0);
  need(sys(kill, other, SIGTERM));
  expect_is(wait_for(other), 128 + SIGTERM);
}

/* --- what a handler interrupts, with and without SA_RESTART (signal(7)) --------------------- */

static int pipe_ends[2];
static long blocking_call(int which) {
  char byte;
  struct timespec second = {1, 0};
  struct pollfd polled = {pipe_ends[0], POLLIN, 0};
  int status;
  int word = 0;
  unsigned long bits = 1UL << pipe_ends[0];
  struct timeval time = {1, 0};
  struct epoll_event event;
  unsigned long set = signal_bit(SIGHUP);
  switch (which) {
    case 0:
      return sys(read, pipe_ends[0], &byte, 1);
    case 1:
      return sys(wait4, -1, &status, 0, 0) > 0 ? 1 : -99;
    case 2:
      return sys(futex, &word, FUTEX_WAIT, 0, &second);
    case 3:
      return sys(poll, &polled, 1, 1000);
    case 4:
      return sys(select, pipe_ends[0] + 1, &bits, 0, 0, &time);
    case 5: {
      const long epoll = need(sys(epoll_create1, 0));
      const long got = sys(epoll_wait, epoll, &event, 1, 1000);
      need(sys(close, epoll));
      return got;
    }
    case 6:
      return sys(nanosleep, &second, &second);
    case 7:
      return sys(pause);
    case 8:
      return sys(rt_sigtimedwait, &set, 0, &second, 8);
    case 9:
      return sys(clock_nanosleep, CLOCK_MONOTONIC, 0, &second, &second);
    case 10:
      return sys(ppoll, &polled, 1, &second, 0, 8);
    default:
      return -1;
  }
}
static void restart_matrix(unsigned long flags) {
  static const char* const kNames[] = {"read",         "wait4",           "futex",     "poll",
                                       "select",       "epoll_wait",      "nanosleep", "pause",
                                       "sigtimedwait", "clock_nanosleep", "ppoll"};
  on_signal(SIGUSR1, count, flags, 0);
  for (int which = 0; which < 11; ++which) {
    need(sys(pipe, pipe_ends));
    const long parent = sys(getpid);
    const long pid = need(sys(fork));
    if (pid == 0) {
      sleep_ms(20);
      need(sys(kill, parent, SIGUSR1));
      sleep_ms(20);
      need(sys(write, pipe_ends[1], "x", 1));
      exit_now(0);
    }
    const long result = blocking_call(which);
    say("%s: %ld\n", kNames[which], result);
    if (which != 1 || result != 1) expect_is(wait_for(pid), 0);
    need(sys(close, pipe_ends[0]));
    need(sys(close, pipe_ends[1]));
  }
  expect_is(seen[SIGUSR1], 11);
}
static void interrupted_calls(void) { restart_matrix(0); }
static void restarted_calls(void) { restart_matrix(SA_RESTART); }

/* Stopping and continuing without a handler goes on waiting, with the same deadline. */
static int stop_and_continue(void* pid) {
  sleep_ms(100);
  need(sys(kill, (long)pid, SIGSTOP));
  sleep_ms(100);
  need(sys(kill, (long)pid, SIGCONT));
  return 0;
}
static void stopped_while_waiting(void) {
  for (int which = 3; which <= 10; ++which) {
    if (which == 7) continue;
    need(sys(pipe, pipe_ends));
    const long pid = need(sys(fork));
    if (pid == 0) {
      const long before = now_ms();
      const long result = blocking_call(which);
      const long took = now_ms() - before;
      say("%d: %ld after its second: %d\n", which, result, took >= 990 && took < 1190);
      exit_now(0);
    }
    const long stopper = child_of(stop_and_continue, (void*)pid);
    expect_is(wait_for(stopper), 0);
    expect_is(wait_for(pid), 0);
    need(sys(close, pipe_ends[0]));
    need(sys(close, pipe_ends[1]));
  }
}

static void write_interrupted(void) {
  on_signal(SIGALRM, count, 0, 0);
  int ends[2];
  need(sys(pipe, ends));
  char* bytes = new_pages(200000);
  need(sys(alarm, 1));
  say("wrote %ld\n", sys(write, ends[1], bytes, 200000)); /* what went in before */
  need(sys(alarm, 1));
  expect_is(sys(write, ends[1], bytes, 10), -EINTR);
}

static void poll_with_mask(void) {
  change_mask(SIG_BLOCK, signal_bit(SIGUSR1));
  on_signal(SIGUSR1, tell, 0, 0);
  need(sys(kill, sys(getpid), SIGUSR1));
  struct timespec second = {1, 0};
  unsigned long none = 0;
  expect_is(sys(ppoll, 0, 0, &second, &none, 8), -EINTR);
  need(sys(kill, sys(getpid), SIGUSR1));
  struct {
    unsigned long* set;
    size_t size;
  } mask = {&none, 8};
  expect_is(sys(pselect6, 0, 0, 0, 0, &second, &mask), -EINTR);
  need(sys(kill, sys(getpid), SIGUSR1));
  const long epoll = need(sys(epoll_create1, 0));
  struct epoll_event event;
  expect_is(sys(epoll_pwait, epoll, &event, 1, 1000, &none, 8), -EINTR);
  expect_is(change_mask(SIG_BLOCK, 0), signal_bit(SIGUSR1));
}

static int thread_pauses(void* tid_word) {
  store(tid_word, (int)sys(gettid));
  futex(tid_word, FUTEX_WAKE, 1, 0);
  expect_is(sys(pause), -EINTR);
  say("the thread goes on\n");
  return 0;
}
static void to_one_thread(void) {
  static int tid;
  on_signal(SIGUSR1, tell, 0, 0);
  change_mask(SIG_BLOCK, signal_bit(SIGUSR1));
  change_mask(SIG_UNBLOCK, signal_bit(SIGUSR1));
  struct thread thread;
  thread_start(&thread, thread_pauses, &tid);
  wait_while(&tid, 0);
  sleep_ms(10);
  need(sys(tgkill, sys(getpid), tid, SIGUSR1));
  thread_join(&thread);
}
/* Sent to the process: taken by the thread that does not block it. */
static void to_the_process(void) {
  static int tid;
  on_signal(SIGUSR1, tell, 0, 0);
  struct thread thread;
  thread_start(&thread, thread_pauses, &tid);
  wait_while(&tid, 0);
  sleep_ms(10);
  change_mask(SIG_BLOCK, signal_bit(SIGUSR1));
  need(sys(kill, sys(getpid), SIGUSR1));
  thread_join(&thread);
}
static void to_the_group(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(setpgid, 0, 0));
    on_signal(SIGTERM, count, 0, 0);
    for (int i = 0; i < 3; ++i) child_of(sleep_long, 0);
    sleep_ms(10);
    need(sys(kill, 0, SIGTERM));
    for (int i = 0; i < 3; ++i) {
      int status = 0;
      while (sys(wait4, -1, &status, 0, 0) == -EINTR) continue;
      /* Each child inherited the handler: it was counted, and slept on. */
      expect_is(WEXITSTATUS(status), 55);
    }
    exit_now(seen[SIGTERM]);
  }
  expect_is(wait_for(pid), 1);
}

static void broken_pipe(void) {
  on_signal(SIGPIPE, tell, 0, 0);
  int ends[2];
  need(sys(pipe, ends));
  need(sys(close, ends[0]));
  expect_is(sys(write, ends[1], "x", 1), -EPIPE);
  int pair[2];
  need(sys(socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
  need(sys(close, pair[0]));
  expect_is(sys(sendto, pair[1], "x", 1, MSG_NOSIGNAL, 0, 0), -EPIPE);
  expect_is(sys(sendto, pair[1], "x", 1, 0, 0, 0), -EPIPE);
}

static int newborn(void* unused) {
  for (;;) sleep_ms(1000);
  return unused != 0;
}
static void kill_newborn(void) {
  for (int i = 0; i < 20; ++i) {
    const long pid = child_of(newborn, 0);
    need(sys(kill, pid, i % 2 == 0 ? SIGKILL : SIGTERM));
    expect_is(wait_for(pid), 128 + (i % 2 == 0 ? SIGKILL : SIGTERM));
  }
}
static void kill_busy_and_blocked(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    int ends[2];
    need(sys(pipe, ends));
    struct thread threads[2];
    for (int i = 0; i < 2; ++i) thread_start(&threads[i], newborn, 0);
    char byte;
    sys(read, ends[0], &byte, 1);
  }
  sleep_ms(10);
  need(sys(kill, pid, SIGKILL));
  expect_is(wait_for(pid), 128 + SIGKILL);
}
static void errors(void) {
  expect_is(sys(kill, sys(getpid), 65), -EINVAL);
  expect_is(sys(kill, 999999, 0), -ESRCH);
  expect_is(sys(kill, sys(getpid), 0), 0);
  expect_is(sys(tgkill, 0, 0, 0), -EINVAL);
  expect_is(sys(rt_sigaction, SIGKILL, &(struct action){0}, 0, 8), -EINVAL);
  expect_is(sys(rt_sigprocmask, SIG_BLOCK, 0, 0, 4), -EINVAL);
  expect_is(sys(rt_sigsuspend, 8, 8), -EFAULT);
  expect_is(sys(rt_sigtimedwait, 8, 0, 0, 8), -EFAULT);
}
/* What the handler changes in the saved registers takes effect. */
static void skip_fault(int number, siginfo_t* info, void* context) {
  (void)number, (void)info;
  ((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] += 2; /* the length of ud2 */
}
static void changed_registers(void) {
  on_signal(SIGILL, skip_fault, 0, 0);
  __asm__ volatile("ud2");
  say("behind the fault\n");
}

const struct guest_case guest_cases[] = {
    {"kill_each", kill_each, ""},
    {"tgkill_each", tgkill_each, ""},
    {"faults", faults, ""},
    {"faults_handled", faults_handled, ""},
    {"faults_blocked", faults_blocked, ""},
    {"alarm_handled", alarm_handled, ""},
    {"alarm_deadly", alarm_deadly, ""},
    {"alarm_ignored", alarm_ignored, ""},
    {"alarm_once", alarm_once, ""},
    {"suspend", suspend, ""},
    {"suspend_until_child", suspend_until_child, ""},
    {"timed_wait", timed_wait, ""},
    {"queued_order", queued_order, ""},
    {"reentrance", reentrance, ""},
    {"alternate_stack", alternate_stack, ""},
    {"masks_are_kept", masks_are_kept, ""},
    {"mask_after_exec", mask_after_exec, ""},
    {"sigchld_counted", sigchld_counted, ""},
    {"sigchld_codes", sigchld_codes, ""},
    {"interrupted_calls", interrupted_calls, ""},
    {"restarted_calls", restarted_calls, ""},
    {"stopped_while_waiting", stopped_while_waiting, ""},
    {"write_interrupted", write_interrupted, ""},
    {"poll_with_mask", poll_with_mask, ""},
    {"to_one_thread", to_one_thread, ""},
    {"to_the_process", to_the_process, ""},
    {"to_the_group", to_the_group, ""},
    {"broken_pipe", broken_pipe, ""},
    {"kill_newborn", kill_newborn, ""},
    {"kill_busy_and_blocked", kill_busy_and_blocked, ""},
    {"errors", errors, ""},
    {"changed_registers", changed_registers, ""},
    {0},
};
