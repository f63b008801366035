/* getppid_loop: calls getppid(2) N times as a raw system call: the cheapest call there is, so what
 * a tracer adds to every call of the host shows.
 *
 * usage: getppid_loop N
 * prints one line: `ns_per_call 105.3 count 1000000`
 * exit status: 0, 2 bad usage */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char** argv) {
  const long count = argc == 2 ? atol(argv[1]) : 0;
  if (count <= 0) {
    fprintf(stderr, "usage: getppid_loop N\n");
    return 2;
  }
  const double start = now_ns();
  for (long i = 0; i < count; ++i) syscall(SYS_getppid);
  printf("ns_per_call %.1f count %ld\n", (now_ns() - start) / (double)count, count);
  return 0;
}
