/* fork_tree: N short children in all, as a tree, each of which opens one file that names it.
 *
 * usage: fork_tree N DEPTH
 *   Children are numbered 1 to N. A child opens "/tc-fork-tree-NUMBER" (missing), forks its share
 *   of the rest when its depth (first level: 1) is below DEPTH, waits for them, and ends. Each
 *   node splits its numbers among at most 8 children, one after the other, and DEPTH 1 is a row
 *   of N children of the program itself.
 * prints one line: `children 5000` (how many ran to their end)
 * exit status: 0 all N ran, 1 some did not, 2 bad usage */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kWidth = 8 };

static _Atomic long* ended; /* shared by the tree */

static void grow(long first, long count, long depth);

/* Child `number` takes the `rest` numbers behind its own. */
static _Noreturn void child(long number, long rest, long depth) {
  char path[64];
  snprintf(path, sizeof path, "/tc-fork-tree-%ld", number);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  grow(number + 1, rest, depth - 1);
  atomic_fetch_add(ended, 1);
  _exit(0);
}

/* Runs children for the numbers first … first+count-1, at most `depth` levels deep. */
static void grow(long first, long count, long depth) {
  const long width = depth > 1 && count > kWidth ? kWidth : count;
  for (long i = 0; i < width; ++i) {
    const long begin = first + count * i / width;
    const long end = first + count * (i + 1) / width;
    const pid_t pid = fork();
    if (pid == 0) child(begin, end - begin - 1, depth);
    if (pid < 0) {
      perror("fork_tree: fork");
      return;
    }
    int status = 0;
    waitpid(pid, &status, 0);
  }
}

int main(int argc, char** argv) {
  const long count = argc == 3 ? atol(argv[1]) : 0;
  const long depth = argc == 3 ? atol(argv[2]) : 0;
  if (count <= 0 || depth <= 0) {
    fprintf(stderr, "usage: fork_tree N DEPTH\n");
    return 2;
  }
  ended = mmap(NULL, sizeof *ended, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (ended == MAP_FAILED) {
    perror("fork_tree: mmap");
    return 1;
  }
  grow(1, count, depth);
  printf("children %ld\n", atomic_load(ended));
  return atomic_load(ended) == count ? 0 : 1;
}
