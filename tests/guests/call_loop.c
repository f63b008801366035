/* call_loop: calls the functions of libprobe_target.so.
 *
 * usage: call_loop N       calls fn_0000 N times; prints `ns_per_call 1.9 count N`
 *        call_loop all     calls each of the 1,000 functions once, in order; prints `calls 1000`
 *        call_loop serve   prints `ready PID`, then does the same for each line on stdin and prints
 *                          `calls 1000` after each: a running server that a test can attach to
 * The library is found beside the program (LIBRARY overrides), by dlopen(3).
 * exit status: 0, 1 the library or a function is missing or wrong, 2 bad usage */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kFunctions = 1000 };
typedef int function(int);
static function* functions[kFunctions];

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void* load(void) {
  char path[4096] = "";
  const char* named = getenv("LIBRARY");
  if (named == NULL) {
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64);
    char* slash = length > 0 ? strrchr(path, '/') : NULL;
    if (slash == NULL) return NULL;
    strcpy(slash + 1, "libprobe_target.so");
    named = path;
  }
  return dlopen(named, RTLD_NOW);
}

static int call_all(void) {
  int calls = 0;
  for (int i = 0; i < kFunctions; ++i) calls += functions[i](1) == i + 1;
  printf("calls %d\n", calls);
  fflush(stdout);
  return calls == kFunctions ? 0 : 1;
}

static int serve(void) {
  char line[256];
  printf("ready %d\n", getpid());
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (call_all() != 0) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  const char* what = argc == 2 ? argv[1] : "";
  const long count = atol(what);
  if (count <= 0 && strcmp(what, "all") != 0 && strcmp(what, "serve") != 0) {
    fprintf(stderr, "usage: call_loop N | all | serve\n");
    return 2;
  }
  void* library = load();
  for (int i = 0; i < kFunctions; ++i) {
    char name[16];
    snprintf(name, sizeof name, "fn_%04d", i);
    void* symbol = library == NULL ? NULL : dlsym(library, name);
    if (symbol == NULL) {
      fprintf(stderr, "call_loop: %s\n", dlerror());
      return 1;
    }
    memcpy(&functions[i], &symbol, sizeof symbol); /* ISO C has no cast from object to function */
  }
  if (strcmp(what, "all") == 0) return call_all();
  if (strcmp(what, "serve") == 0) return serve();
  long sum = 0;
  const double start = now_ns();
  for (long i = 0; i < count; ++i) sum += functions[0]((int)(i & 1));
  printf("ns_per_call %.1f count %ld\n", (now_ns() - start) / (double)count, count);
  return sum == count / 2 ? 0 : 1;
}
