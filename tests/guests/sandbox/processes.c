/* processes: trees of processes: fork, vfork, exec, wait, exit, orphans. */
#include <sys/prctl.h>
#include <sys/resource.h>

#include "nolibc.h"

static int say_pid(void* name) {
  say("%s %d child of %d\n", (const char*)name, (int)sys(getpid), (int)sys(getppid));
  return 0;
}

static void simple_fork(void) {
  const long pid = need(sys(fork));
  if (pid == 0) exit_now(say_pid("child"));
  say("parent of %ld\n", pid);
  expect_is(wait_for(pid), 0);
}

static void inverse_fork(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(20);
    exit_now(say_pid("child after the parent's word"));
  }
  say("parent first\n");
  expect_is(wait_for(pid), 0);
}

static void nested_fork(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    const long grandchild = child_of(say_pid, "grandchild");
    expect_is(wait_for(grandchild), 0);
    exit_now(say_pid("child"));
  }
  expect_is(wait_for(pid), 0);
  say_pid("parent");
}

/* Five deep, two wide, all writing to one pipe. */
static int fork_tree(int fd, int depth) {
  const char letter = (char)('a' + depth);
  write_all(fd, &letter, 1);
  if (depth == 4) return 0;
  long pids[2];
  for (int i = 0; i < 2; ++i) {
    pids[i] = need(sys(fork));
    if (pids[i] == 0) exit_now(fork_tree(fd, depth + 1));
  }
  for (int i = 0; i < 2; ++i) expect_is(wait_for(pids[i]), 0);
  return 0;
}

static void many_forks(void) {
  int ends[2];
  need(sys(pipe, ends));
  const long pid = need(sys(fork));
  if (pid == 0) exit_now(fork_tree(ends[1], 0));
  expect_is(wait_for(pid), 0);
  need(sys(close, ends[1]));
  char letters[64];
  const long count = need(sys(read, ends[0], letters, sizeof letters));
  expect_is(count, 31);
  letters[count] = 0;
  say("%s\n", letters);
}

static void vfork_waits(void) {
  static volatile int touched;
  const long pid = sys(vfork);
  if (pid == 0) {
    touched = 1; /* the child has the parent's memory */
    sys(exit, 7);
  }
  expect(pid > 0);
  expect_is(touched, 1);
  expect_is(wait_for(pid), 7);
}

static void vfork_exec(void) {
  static char* words[] = {"/proc/self/exe", "say_hello", 0};
  const long pid = sys(vfork);
  if (pid == 0) {
    sys(execve, words[0], words, guest_environment);
    sys(exit, 99);
  }
  say("the child is a program by now\n");
  expect_is(wait_for(pid), 0);
}

static void say_hello(void) { say("hello from %d\n", (int)sys(getpid)); }

static int run_hello(void* unused) {
  char* words[] = {"/proc/self/exe", "say_hello", 0};
  sys(execve, words[0], words, guest_environment);
  return unused == 0 ? 98 : 97;
}

/* What posix_spawn does. */
static void spawn(void) {
  char* stack = new_pages(kStackSize);
  const long pid =
      need(clone_onto(CLONE_VM | CLONE_VFORK | SIGCHLD, stack + kStackSize, 0, 0, run_hello, 0));
  expect_is(wait_for(pid), 0);
}

static int count_down(void* steps) {
  for (volatile long i = (long)steps; i > 0; --i) continue;
  return 0;
}

/* What is waited for first is what ended first: an order that the schedule makes. */
static void wait_order(void) {
  for (long i = 0; i < 8; ++i) child_of(count_down, (void*)((8 - i) * 10000));
  for (int i = 0; i < 8; ++i) {
    int status;
    say("ended %ld\n", need(sys(wait4, -1, &status, 0, 0)));
  }
  expect_is(sys(wait4, -1, 0, 0, 0), -ECHILD);
}

static int sleep_and_return(void* argument) {
  const long value = (long)argument;
  sleep_ms(value * 10);
  return (int)value;
}

static void wait_by_sleep(void) {
  const int order[] = {4, 1, 3, 2};
  for (int i = 0; i < 4; ++i) child_of(sleep_and_return, (void*)(long)order[i]);
  for (int i = 1; i <= 4; ++i) expect_is(wait_for(-1), i);
}

static void wait_nohang(void) {
  const long pid = child_of(sleep_and_return, (void*)3);
  int status = 0;
  int polls = 0;
  long got;
  while ((got = sys(wait4, pid, &status, WNOHANG, 0)) == 0) {
    sleep_ms(5);
    ++polls;
  }
  expect_is(got, pid);
  expect_is(WEXITSTATUS(status), 3);
  expect(polls >= 1);
}

static void waitid_kinds(void) {
  siginfo_t info = {0};
  const long pid = child_of(sleep_and_return, (void*)1);
  expect_is(sys(waitid, P_PID, pid, &info, WEXITED | WNOHANG, 0), 0);
  expect_is(info.si_pid, 0);
  expect_is(sys(waitid, P_PID, pid, &info, WEXITED | WNOWAIT, 0), 0);
  expect_is(info.si_pid, pid);
  expect_is(info.si_code, CLD_EXITED);
  expect_is(info.si_status, 1);
  struct rusage usage;
  expect_is(sys(waitid, P_ALL, 0, &info, WEXITED, &usage), 0);
  expect_is(sys(waitid, P_ALL, 0, &info, WEXITED, 0), -ECHILD);
  say("usage %ld %ld\n", usage.ru_utime.tv_usec * 0, usage.ru_maxrss * 0);
}

static int stop_then_read(void* ends) {
  char byte;
  sys(kill, sys(getpid), SIGSTOP);
  return sys(read, ((int*)ends)[0], &byte, 1) == 1 ? 0 : 1;
}

static void stopped_and_continued(void) {
  int ends[2];
  need(sys(pipe, ends));
  const long pid = child_of(stop_then_read, ends);
  int status = 0;
  expect_is(sys(wait4, pid, &status, WUNTRACED, 0), pid);
  expect(WIFSTOPPED(status));
  expect_is(WSTOPSIG(status), SIGSTOP);
  expect_is(sys(wait4, pid, &status, WUNTRACED | WNOHANG, 0), 0);
  need(sys(kill, pid, SIGCONT));
  expect_is(sys(wait4, pid, &status, WCONTINUED, 0), pid);
  expect(WIFCONTINUED(status));
  need(sys(write, ends[1], "x", 1));
  expect_is(wait_for(pid), 0);
}

static int block_on_pipe(void* ends) {
  char byte;
  sys(read, ((int*)ends)[0], &byte, 1);
  say("never\n");
  return 0;
}

static void exit_group_with_blocked_thread(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    int ends[2];
    need(sys(pipe, ends));
    struct thread threads[3];
    for (int i = 0; i < 3; ++i) thread_start(&threads[i], block_on_pipe, ends);
    sleep_ms(10);
    exit_now(5);
  }
  expect_is(wait_for(pid), 5);
}

static int end_process(void* status) {
  sys(exit_group, (long)status);
  return 0;
}

static void exit_group_from_thread(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    int ends[2];
    need(sys(pipe, ends));
    struct thread thread;
    thread_start(&thread, end_process, (void*)6);
    block_on_pipe(ends);
  }
  expect_is(wait_for(pid), 6);
}

static int say_last(void* unused) {
  sleep_ms(10);
  say("the thread outlives its leader\n");
  return unused == 0 ? 0 : 1;
}

static void main_thread_ends_first(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    struct thread thread;
    thread_start(&thread, say_last, 0);
    sys(exit, 9);
  }
  /* The status is that of the last one to end (synchronize_group_exit() in kernel/exit.c). */
  expect_is(wait_for(pid), 0);
}

static void exec_from_main_thread(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    int ends[2];
    need(sys(pipe, ends));
    struct thread thread;
    thread_start(&thread, block_on_pipe, ends);
    exit_now(run_hello(0));
  }
  expect_is(wait_for(pid), 0);
}

static void exec_from_other_thread(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    int ends[2];
    need(sys(pipe, ends));
    struct thread threads[2];
    thread_start(&threads[0], block_on_pipe, ends);
    thread_start(&threads[1], run_hello, 0);
    block_on_pipe(ends);
  }
  expect_is(wait_for(pid), 0);
}

static void failed_exec(void) {
  char* words[] = {"nothing", 0};
  expect_is(sys(execve, "/does/not/exist", words, guest_environment), -ENOENT);
  expect_is(sys(execve, "/", words, guest_environment), -EACCES);
  expect_is(sys(execve, 0, words, guest_environment), -EFAULT);
  write_file("plain", "no program\n");
  expect_is(sys(execve, "plain", words, guest_environment), -EACCES);
  need(sys(chmod, "plain", 0755));
  expect_is(sys(execve, "plain", words, guest_environment), -ENOEXEC);
}

static void orphan(void) {
  int ends[2];
  need(sys(pipe, ends));
  const long pid = need(sys(fork));
  if (pid == 0) {
    const long parent = sys(getpid);
    if (need(sys(fork)) == 0) {
      while (sys(getppid) == parent) sleep_ms(1);
      say("the orphan's parent is process 1: %d\n", sys(getppid) == 1);
      exit_now(0);
    }
    exit_now(0);
  }
  expect_is(wait_for(pid), 0);
  need(sys(close, ends[1]));
  char byte;
  expect_is(sys(read, ends[0], &byte, 1), 0); /* until the orphan has closed its end */
}

static void subreaper(void) {
  need(sys(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
  const long pid = need(sys(fork));
  if (pid == 0) {
    if (need(sys(fork)) == 0) {
      sleep_ms(20);
      exit_now(11);
    }
    exit_now(10);
  }
  expect_is(wait_for(-1), 10);
  expect_is(wait_for(-1), 11);
}

/* Double fork, as daemons do. */
static void daemon_start(void) {
  int ends[2];
  need(sys(pipe, ends));
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(setsid));
    if (need(sys(fork)) == 0) {
      sleep_ms(5);
      write_all(ends[1], "up", 2);
      exit_now(0);
    }
    exit_now(0);
  }
  need(sys(close, ends[1]));
  char word[4];
  expect_is(sys(read, ends[0], word, sizeof word), 2);
  expect_is(wait_for(pid), 0);
  say("daemon is up\n");
}

static void groups_and_sessions(void) {
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(setpgid, 0, 0));
    expect_is(sys(getpgid, 0), sys(getpid));
    expect_is(sys(setsid), -EPERM); /* a leader of a group */
    exit_now(0);
  }
  expect_is(wait_for(pid), 0);
  const long other = need(sys(fork));
  if (other == 0) {
    expect_is(need(sys(setsid)), sys(getpid));
    expect_is(sys(getsid, 0), sys(getpid));
    exit_now(0);
  }
  expect_is(wait_for(other), 0);
}

static void wait_for_group(void) {
  int ends[2];
  need(sys(pipe, ends));
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(setpgid, 0, 0));
    write_all(ends[1], "x", 1);
    exit_now(4);
  }
  const long other = child_of(sleep_and_return, (void*)1);
  char byte;
  expect_is(sys(read, ends[0], &byte, 1), 1);
  expect_is(wait_for(-pid), 4);
  expect_is(wait_for(0), 1);
  (void)other;
}

static void pidfd(void) {
  const long pid = child_of(sleep_and_return, (void*)2);
  const long fd = need(sys(pidfd_open, pid, 0));
  siginfo_t info = {0};
  expect_is(sys(waitid, P_PIDFD, fd, &info, WEXITED, 0), 0);
  expect_is(info.si_status, 2);
  expect_is(sys(pidfd_send_signal, fd, 0, 0, 0), -ESRCH);
}

static void clone3_child(void) {
  struct clone_args arguments = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
  int fd = -1;
  arguments.pidfd = (unsigned long)&fd;
  const long pid = need(sys(clone3, &arguments, sizeof arguments));
  if (pid == 0) exit_now(3);
  expect(fd >= 0);
  expect_is(wait_for(pid), 3);
}

/* A tracer that follows by events does not follow such a child, unless it strips the flag. */
static void clone_untraced(void) {
  char* stack = new_pages(kStackSize);
  const long pid =
      need(clone_onto(CLONE_UNTRACED | SIGCHLD, stack + kStackSize, 0, 0, say_pid, "untraced"));
  expect_is(wait_for(pid), 0);
}

static void no_exit_signal(void) {
  char* stack = new_pages(kStackSize);
  const long pid = need(clone_onto(0, stack + kStackSize, 0, 0, sleep_and_return, (void*)1));
  int status;
  expect_is(sys(wait4, pid, &status, 0, 0), -ECHILD);
  expect_is(sys(wait4, pid, &status, __WCLONE, 0), pid);
  expect_is(WEXITSTATUS(status), 1);
}

static void ignored_children(void) {
  set_disposition(SIGCHLD, SIG_IGN);
  child_of(sleep_and_return, (void*)1);
  child_of(sleep_and_return, (void*)2);
  expect_is(sys(wait4, -1, 0, 0, 0), -ECHILD); /* once all of them have ended */
}

static void parent_death_signal(void) {
  int ends[2];
  need(sys(pipe, ends));
  const long pid = need(sys(fork));
  if (pid == 0) {
    if (need(sys(fork)) == 0) {
      need(sys(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
      write_all(ends[1], "r", 1);
      for (;;) sleep_ms(1000);
    }
    char byte;
    need(sys(read, ends[0], &byte, 1));
    exit_now(0);
  }
  expect_is(wait_for(pid), 0);
  need(sys(close, ends[1]));
  char byte;
  expect_is(sys(read, ends[0], &byte, 1), 0); /* the grandchild is gone */
}

static int cheap_exit(void* unused) { return unused == 0 ? 0 : 1; }

static void hundred_children(void) {
  for (int i = 0; i < 100; ++i) expect_is(wait_for(child_of(cheap_exit, 0)), 0);
  say("next pid %ld\n", child_of(cheap_exit, 0));
}

static void pid_reuse_after_failed_clone(void) {
  const long before = child_of(cheap_exit, 0);
  expect_is(wait_for(before), 0);
  expect_is(sys(clone, CLONE_THREAD, 0, 0, 0, 0), -EINVAL);
  expect_is(sys(clone, CLONE_SIGHAND, 0, 0, 0, 0), -EINVAL);
  const long after = child_of(cheap_exit, 0);
  expect_is(wait_for(after), 0);
  say("pids %ld %ld\n", before, after);
}

static void race_for_output(void) {
  long pids[4];
  for (int i = 0; i < 4; ++i) {
    pids[i] = need(sys(fork));
    if (pids[i] == 0) {
      for (int k = 0; k < 25; ++k) say("%c", 'a' + i);
      exit_now(0);
    }
  }
  for (int i = 0; i < 4; ++i) expect_is(wait_for(pids[i]), 0);
  say("\n");
}

const struct guest_case guest_cases[] = {
    {"simple_fork", simple_fork, ""},
    {"inverse_fork", inverse_fork, ""},
    {"nested_fork", nested_fork, ""},
    {"many_forks", many_forks, ""},
    {"vfork_waits", vfork_waits, ""},
    {"vfork_exec", vfork_exec, ""},
    {"say_hello", say_hello, ""},
    {"spawn", spawn, ""},
    {"wait_order", wait_order, ""},
    {"wait_by_sleep", wait_by_sleep, ""},
    {"wait_nohang", wait_nohang, ""},
    {"waitid_kinds", waitid_kinds, ""},
    {"stopped_and_continued", stopped_and_continued, ""},
    {"exit_group_with_blocked_thread", exit_group_with_blocked_thread, ""},
    {"exit_group_from_thread", exit_group_from_thread, ""},
    {"main_thread_ends_first", main_thread_ends_first, ""},
    {"exec_from_main_thread", exec_from_main_thread, ""},
    {"exec_from_other_thread", exec_from_other_thread, ""},
    {"failed_exec", failed_exec, ""},
    {"orphan", orphan, ""},
    {"subreaper", subreaper, ""},
    {"daemon_start", daemon_start, ""},
    {"groups_and_sessions", groups_and_sessions, ""},
    {"wait_for_group", wait_for_group, ""},
    {"pidfd", pidfd, ""},
    {"clone3_child", clone3_child, ""},
    {"clone_untraced", clone_untraced, ""},
    {"no_exit_signal", no_exit_signal, ""},
    {"ignored_children", ignored_children, ""},
    {"parent_death_signal", parent_death_signal, ""},
    {"hundred_children", hundred_children, ""},
    {"pid_reuse_after_failed_clone", pid_reuse_after_failed_clone, ""},
    {"race_for_output", race_for_output, ""},
    {0},
};
