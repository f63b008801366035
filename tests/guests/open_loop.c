/* open_loop: opens and closes one file N times, by openat(2) and close(2).
 *
 * usage: open_loop N PATH [PROCESSES]
 *   PROCESSES children (default: none, the program itself) make N opens each, at the same time
 * prints one line: `ns_per_iteration 812.4 count 200000` (of all processes together: the mean over
 *   them, and the sum). PATH may be missing: a failed open counts too.
 * exit status: 0, 1 a system call failed, 2 bad usage */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double loop(long count, const char* path) {
  const double start = now_ns();
  for (long i = 0; i < count; ++i) {
    const int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) close(fd);
  }
  return (now_ns() - start) / (double)count;
}

int main(int argc, char** argv) {
  const long count = argc >= 3 ? atol(argv[1]) : 0;
  const int processes = argc == 4 ? atoi(argv[3]) : 0;
  if (count <= 0 || argc > 4 || (argc == 4 && (processes < 1 || processes > 64))) {
    fprintf(stderr, "usage: open_loop N PATH [PROCESSES]\n");
    return 2;
  }
  if (processes == 0) {
    printf("ns_per_iteration %.1f count %ld\n", loop(count, argv[2]), count);
    return 0;
  }
  double* each = mmap(NULL, (size_t)processes * sizeof *each, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (each == MAP_FAILED) {
    perror("open_loop: mmap");
    return 1;
  }
  for (int i = 0; i < processes; ++i) {
    const pid_t child = fork();
    if (child < 0) {
      perror("open_loop: fork");
      return 1;
    }
    if (child == 0) {
      each[i] = loop(count, argv[2]);
      _exit(0);
    }
  }
  double sum = 0;
  int failed = 0;
  for (int i = 0, status = 0; i < processes; ++i) failed |= wait(&status) < 0 || status != 0;
  for (int i = 0; i < processes; ++i) sum += each[i];
  printf("ns_per_iteration %.1f count %ld\n", sum / processes, count * processes);
  return failed;
}
