/* deadlocks: tasks that wait for each other for ever. In the sandbox each ends with a report and
 * status 123; natively none of them ends. */
#include <sys/file.h>
#include <sys/stat.h>

#include "nolibc.h"

static int words[2];

/* Each of two processes waits for what the other would write later. */
static void pipe_cycle(void) {
  int there[2];
  int back[2];
  need(sys(pipe, there));
  need(sys(pipe, back));
  const long pid = need(sys(fork));
  char byte = 'x';
  sys(read, pid == 0 ? there[0] : back[0], &byte, 1);
  sys(write, pid == 0 ? back[1] : there[1], &byte, 1);
  say("not reached\n");
}
static int take_both(void* argument) {
  const long first = (long)argument;
  lock(&words[first]);
  sleep_ms(10);
  lock(&words[1 - first]);
  say("not reached\n");
  return 0;
}
static void mutex_cycle(void) {
  struct thread thread;
  thread_start(&thread, take_both, (void*)1);
  take_both((void*)0);
}
static void fifo_alone(void) {
  need(sys(mknod, "fifo", S_IFIFO | 0644, 0));
  sys(open, "fifo", O_RDONLY, 0);
  say("not reached\n");
}
static void own_pipe(void) {
  int ends[2];
  need(sys(pipe, ends));
  char byte;
  sys(read, ends[0], &byte, 1);
  say("not reached\n");
}
static void no_signal(void) {
  sys(pause);
  say("not reached\n");
}
static int wait_for_parent(void* ends) {
  char byte;
  sys(read, ((int*)ends)[0], &byte, 1);
  return 0;
}
static void child_and_parent(void) {
  int ends[2];
  need(sys(pipe, ends));
  wait_for(child_of(wait_for_parent, ends));
  say("not reached\n");
}
static void flock_cycle(void) {
  static const char* const kNames[] = {"a", "b"};
  const long pid = need(sys(fork));
  const int first = pid == 0;
  const long fd = need(sys(open, kNames[first], O_RDWR | O_CREAT, 0644));
  need(sys(flock, fd, LOCK_EX));
  sleep_ms(10);
  const long other = need(sys(open, kNames[1 - first], O_RDWR | O_CREAT, 0644));
  sys(flock, other, LOCK_EX);
  say("not reached\n");
}
/* Nobody ever writes the flag: a spin is waiting, too. */
static void spin_alone(void) {
  while (load(&words[0]) == 0) continue;
  say("not reached\n");
}
static int spin_on_word(void* word) {
  while (load(word) == 0) __asm__ volatile("pause");
  return 0;
}
static void spin_cycle(void) {
  struct thread thread;
  thread_start(&thread, spin_on_word, &words[0]);
  spin_on_word(&words[1]);
  store(&words[0], 1);
  say("not reached\n");
}

const struct guest_case guest_cases[] = {
    {"pipe_cycle", pipe_cycle, "sandbox"},   {"mutex_cycle", mutex_cycle, "sandbox"},
    {"fifo_alone", fifo_alone, "sandbox"},   {"own_pipe", own_pipe, "sandbox"},
    {"no_signal", no_signal, "sandbox"},     {"child_and_parent", child_and_parent, "sandbox"},
    {"flock_cycle", flock_cycle, "sandbox"}, {"spin_alone", spin_alone, "sandbox"},
    {"spin_cycle", spin_cycle, "sandbox"},   {0},
};
