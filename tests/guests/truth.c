/* truth: makes every kind of open, exec, connect, accept and TLS call that tc observes, and prints
 * each one as the evidence it must give: one JSON object a line, keys as in include/tc/events.def.
 *
 * usage: truth [--ssl-data] [file] [exec] [network] [tls]      (no group named: all four)
 *   --ssl-data   the TLS lines also carry "data", the whole plaintext
 * exit status: 0 every call did what was foreseen, 1 one did not (stderr says which), 2 bad usage
 *
 * A test takes only the events between the opens of "/tc-truth-begin" and "/tc-truth-end": two
 * files that do not exist, in the first thread. What the loader and the libraries open lies before
 * and behind. All other opens in between, in every thread and child, stand in the list.
 *
 * Lines are gathered in shared memory and written with write(2) at the end, in the order in which
 * the calls returned. A line has the keys that are certain; evidence may have more. What a line
 * means where it is not obvious:
 *   path      as the caller passed it; left out when the caller passed no readable address;
 *             of a successful execveat(2) the kernel's name for it, /dev/fd/FD/PATH;
 *             of an accepted unix connection the listener's name
 *   resolved  the file that was opened or executed, by /proc/self/fd; only when the call succeeded
 *   pid tid   as getpid(2) and gettid(2) see them; after an exec the thread is the leader
 *   fd        as the caller passed it: of an accept the listener
 *   source    uprobe: through libc's function; syscall: through syscall(2)
 *
 * What it is not: a check. It knows nothing of tc. x86-64 Linux only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the list ----------------------------------------------------------------------------------*/

enum { kListSize = 16 << 20, kChildStatus = 42, kPage = 4096, kLongestPath = 4095 };

/* Shared by all threads and children; a line is claimed by adding to `used`. */
static struct list {
  _Atomic size_t used;
  _Atomic int surprises;
  char text[kListSize];
} * list;

static _Noreturn void fail(const char* what) {
  fprintf(stderr, "truth: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void surprise(const char* what, long expected, long got) {
  fprintf(stderr, "truth: %s: expected %ld, got %ld\n", what, expected, got);
  atomic_fetch_add(&list->surprises, 1);
}

static void expect(const char* what, long expected, long got) {
  if (expected != got) surprise(what, expected, got);
}

struct line {
  char* text;
  size_t used;
  size_t room;
};

static void put_bytes(struct line* line, const char* bytes, size_t size) {
  if (line->used + size > line->room) {
    line->room = (line->used + size) * 2 + 256;
    line->text = realloc(line->text, line->room);
    if (line->text == NULL) fail("realloc");
  }
  memcpy(line->text + line->used, bytes, size);
  line->used += size;
}

static void put(struct line* line, const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  put_bytes(line, text, (size_t)size);
}

/* The length of the UTF-8 sequence at `bytes`, 0 when there is none; its code point in `*point`. */
static size_t sequence(const unsigned char* bytes, size_t size, uint32_t* point) {
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const size_t length = bytes[0] < 0x80           ? 1
                        : (bytes[0] >> 5) == 0x06 ? 2
                        : (bytes[0] >> 4) == 0x0e ? 3
                        : (bytes[0] >> 3) == 0x1e ? 4
                                                  : 0;
  if (length == 0 || length > size) return 0;
  *point = length == 1 ? bytes[0] : bytes[0] & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((bytes[i] & 0xc0U) != 0x80) return 0;
    *point = (*point << 6) | (bytes[i] & 0x3fU);
  }
  if (*point < smallest[length] || *point > 0x10ffff) return 0;
  return *point >= 0xd800 && *point <= 0xdfff ? 0 : length;
}

/* Whether the bytes are UTF-8 in NFC. Enough for the names in this file, not for all of Unicode:
 * every combining accent and the Angstrom sign (U+212B, which NFC replaces) counts as "not". */
static int is_canonical(const char* bytes, size_t size) {
  for (size_t i = 0; i < size;) {
    uint32_t point = 0;
    const size_t length = sequence((const unsigned char*)bytes + i, size - i, &point);
    if (length == 0 || (point >= 0x300 && point <= 0x36f) || point == 0x212b) return 0;
    i += length;
  }
  return 1;
}

static void put_escaped(struct line* line, unsigned char byte) {
  static const char from[] = "\"\\\b\t\n\f\r";
  static const char to[] = "\"\\btnfr";
  const char* found = byte == 0 ? NULL : strchr(from, byte);
  if (found != NULL) {
    put(line, "\\%c", to[found - from]);
  } else if (byte < 0x20) {
    put(line, "\\u%04x", byte);
  } else {
    put_bytes(line, (const char*)&byte, 1);
  }
}

/* A byte string as DESIGN section 4 has it: a plain string, or {"hex":"…"}. */
static void put_string(struct line* line, const char* bytes, size_t size) {
  if (is_canonical(bytes, size)) {
    put(line, "\"");
    for (size_t i = 0; i < size; ++i) put_escaped(line, (unsigned char)bytes[i]);
    put(line, "\"");
  } else {
    put(line, "{\"hex\":\"");
    for (size_t i = 0; i < size; ++i) put(line, "%02x", (unsigned char)bytes[i]);
    put(line, "\"}");
  }
}

static void finish(struct line* line) {
  put(line, "}\n");
  const size_t at = atomic_fetch_add(&list->used, line->used);
  if (at + line->used > sizeof list->text) {
    fprintf(stderr, "truth: the list is full: raise kListSize\n");
    exit(1);
  }
  memcpy(list->text + at, line->text, line->used);
  free(line->text);
}

/* What a call gave: its result, or the errno negated. */
static long result(long returned) { return returned < 0 ? -errno : returned; }

/* --- file_access -------------------------------------------------------------------------------*/

static char directory[64]; /* absolute, without links: everything happens in here */
static int directory_fd;

static const char* in_directory(const char* name) {
  static _Thread_local char path[kLongestPath + 1];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static size_t target_of(int fd, char* target, size_t size) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, target, size);
  return length < 0 ? 0 : (size_t)length;
}

/* The flags of open(2) by name, the access mode first, then in the order of their values. */
static void put_flags(struct line* line, unsigned long long flags) {
  static const char* const access_modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
  static const struct {
    unsigned long long value;
    const char* name;
  } names[] = {{O_CREAT, "O_CREAT"},         {O_EXCL, "O_EXCL"},
               {O_TRUNC, "O_TRUNC"},         {O_APPEND, "O_APPEND"},
               {O_NONBLOCK, "O_NONBLOCK"},   {O_TMPFILE, "O_TMPFILE"},
               {O_DIRECTORY, "O_DIRECTORY"}, {O_NOFOLLOW, "O_NOFOLLOW"},
               {O_CLOEXEC, "O_CLOEXEC"},     {O_PATH, "O_PATH"}};
  put(line, "\"%s", access_modes[flags & O_ACCMODE]);
  flags &= ~(unsigned long long)O_ACCMODE;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    if ((flags & names[i].value) != names[i].value) continue;
    put(line, "|%s", names[i].name);
    flags &= ~names[i].value;
  }
  put(line, "\"");
  expect("flags without a name", 0, (long)flags);
}

static int has_mode(unsigned long long flags) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

/* Logs one open. `path` NULL: the caller passed no readable address. `mode` matters only with flags
 * that make a file. */
static void log_open(const char* op, const char* path, unsigned long long flags, unsigned mode,
                     long ret) {
  struct line line = {0};
  put(&line, "{\"event\":\"file_access\",\"flags\":");
  put_flags(&line, flags);
  if (has_mode(flags)) put(&line, ",\"mode\":\"%04o\"", mode);
  put(&line, ",\"op\":\"%s\"", op);
  if (path != NULL) {
    put(&line, ",\"path\":");
    put_string(&line, path, strlen(path));
  }
  put(&line, ",\"pid\":%d", getpid());
  char target[2 * kPage];
  const size_t length = ret < 0 ? 0 : target_of((int)ret, target, sizeof target);
  if (length > 0 && (flags & O_TMPFILE) != O_TMPFILE) { /* an O_TMPFILE has no name */
    put(&line, ",\"resolved\":");
    put_string(&line, target, length);
  }
  put(&line, ",\"ret\":%ld,\"tid\":%d", ret, gettid());
  finish(&line);
}

/* The same, and closes what was opened. */
static void opened(const char* op, const char* path, unsigned long long flags, unsigned mode,
                   long ret) {
  log_open(op, path, flags, mode, ret);
  if (ret >= 0) close((int)ret);
}

/* open(3) of glibc is the system call openat. */
static void libc_open(const char* path, int flags, long expected) {
  const long ret = result(open(path, flags, 0640));
  if (expected < 0 || ret < 0) expect(path, expected, ret);
  opened("openat", path, (unsigned)flags, 0640, ret);
}

static void libc_openat(int at, const char* path, int flags, long expected) {
  const long ret = result(openat(at, path, flags, 0600));
  if (expected < 0 || ret < 0) expect(path, expected, ret);
  opened("openat", path, (unsigned)flags, 0600, ret);
}

static void raw_open(const char* path, int flags) {
  const long ret = result(syscall(SYS_open, path, flags, 0600));
  opened("open", path, (unsigned)flags, 0600, ret);
}

static void raw_creat(const char* path) {
  const long ret = result(syscall(SYS_creat, path, 0604));
  opened("creat", path, O_CREAT | O_WRONLY | O_TRUNC, 0604, ret);
}

static void raw_openat2(int at, const char* path, unsigned long long flags,
                        unsigned long long resolve) {
  struct open_how how = {.flags = flags, .mode = has_mode(flags) ? 0620 : 0, .resolve = resolve};
  const long ret = result(syscall(SYS_openat2, at, path, &how, sizeof how));
  opened("openat2", path, flags, 0620, ret);
}

static void opens_by_kind(void) {
  libc_open(in_directory("plain"), O_RDONLY, 0);
  libc_open(in_directory("missing"), O_RDONLY | O_CLOEXEC, -ENOENT);
  libc_open("/dev/null", O_WRONLY, 0);
  libc_open(directory, O_PATH | O_DIRECTORY, 0);
  libc_open(directory, O_WRONLY, -EISDIR);
  libc_open(in_directory("plain/below"), O_RDONLY, -ENOTDIR);
  libc_open(in_directory("link"), O_RDONLY, 0);
  libc_open(in_directory("link"), O_RDONLY | O_NOFOLLOW, -ELOOP);
  libc_open(in_directory("link-to-missing"), O_RDONLY, -ENOENT);
  libc_open(in_directory("link-dir/plain"), O_RDWR, 0);
  libc_open(in_directory("sub/../././sub//inner"), O_RDONLY, 0);
  libc_open(in_directory("created"), O_CREAT | O_EXCL | O_RDWR, 0);
  libc_open(in_directory("created"), O_CREAT | O_EXCL | O_RDWR, -EEXIST);
  libc_open(in_directory("created"), O_WRONLY | O_APPEND | O_TRUNC, 0);
  libc_open(in_directory("fifo"), O_WRONLY | O_NONBLOCK, -ENXIO);
  libc_open("", O_RDONLY, -ENOENT);
  const int kinds = O_TMPFILE | O_RDWR;
  const long tmpfile_ret = result(open(directory, kinds, 0600)); /* some filesystems refuse it */
  opened("openat", directory, (unsigned)kinds, 0600, tmpfile_ret);
  const char* nowhere = (const char*)8;
  opened("openat", NULL, O_RDONLY, 0, result(syscall(SYS_openat, AT_FDCWD, nowhere, O_RDONLY)));

  libc_openat(directory_fd, "plain", O_RDONLY, 0);
  libc_openat(directory_fd, "missing", O_RDONLY, -ENOENT);
  libc_openat(directory_fd, "sub/inner", O_RDONLY, 0);
  libc_openat(directory_fd, "made", O_CREAT | O_WRONLY, 0);
  libc_openat(-7, "plain", O_RDONLY, -EBADF);
  libc_openat(-7, in_directory("plain"), O_RDONLY, 0);

  raw_open(in_directory("plain"), O_RDONLY);
  raw_open(in_directory("missing"), O_RDONLY);
  raw_open("/", O_RDONLY | O_DIRECTORY);
  raw_creat(in_directory("by-creat"));
  raw_creat(in_directory("no-such-directory/by-creat"));
  raw_openat2(AT_FDCWD, in_directory("plain"), O_RDONLY, 0);
  raw_openat2(AT_FDCWD, in_directory("missing"), O_RDONLY | O_CLOEXEC, 0);
  raw_openat2(directory_fd, "sub/inner", O_RDONLY, RESOLVE_BENEATH);
  raw_openat2(directory_fd, "../escape", O_RDONLY, RESOLVE_BENEATH);
  raw_openat2(directory_fd, "link", O_RDONLY, RESOLVE_NO_SYMLINKS);
  raw_openat2(directory_fd, "by-openat2", O_CREAT | O_RDWR, 0);
  raw_openat2(directory_fd, "/plain", O_RDONLY, RESOLVE_IN_ROOT);
}

/* fopen(3) and opendir(3). */
static void opens_by_library(void) {
  FILE* stream = fopen(in_directory("plain"), "re");
  DIR* entries = opendir(in_directory("sub"));
  if (stream == NULL || entries == NULL) fail("fopen and opendir");
  log_open("openat", in_directory("plain"), O_RDONLY | O_CLOEXEC, 0, fileno(stream));
  log_open("openat", in_directory("sub"), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_DIRECTORY, 0,
           dirfd(entries));
  closedir(entries);
  fclose(stream);
}

/* The same spellings that a canonical string must tell apart. */
static void opens_by_name(void) {
  static const char* const names[] = {
      "caf\xc3\xa9",                            /* NFC */
      "cafe\xcc\x81",                           /* NFD of the same word */
      "\xed\x95\x9c\xea\xb8\x80",               /* Hangul, NFC */
      "\xe2\x84\xab",                           /* Angstrom sign: NFC replaces it */
      "\xf0\x9f\x94\xac tube",                  /* four bytes, a blank */
      "latin1-\xe9",                            /* not UTF-8 */
      "\xed\xa0\x80",                           /* a surrogate: not UTF-8 */
      "\xc0\xaf",                               /* overlong: not UTF-8 */
      "quote\" back\\ tab\t line\n bell\a \x7f" /* what JSON escapes, and what it does not */
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    libc_openat(directory_fd, names[i], O_CREAT | O_RDWR, 0);
    libc_open(in_directory(names[i]), O_RDONLY, 0);
  }

  char path[kLongestPath + 1];
  memset(path, '/', sizeof path);
  memcpy(path, directory, strlen(directory));
  memcpy(path + kLongestPath - strlen("plain"), "plain", sizeof "plain");
  libc_open(path, O_RDONLY, 0);
  memcpy(path + kLongestPath - strlen("wrong"), "wrong", sizeof "wrong");
  libc_open(path, O_RDONLY, -ENOENT);
  char component[257];
  memset(component, 'x', 256);
  component[256] = '\0';
  libc_openat(directory_fd, component, O_RDONLY, -ENAMETOOLONG);
}

/* Relative to the working directory, which is put back. */
static void opens_after_chdir(void) {
  if (chdir(in_directory("sub")) != 0) fail("chdir");
  libc_open("inner", O_RDONLY, 0);
  libc_open("./inner", O_RDONLY, 0);
  libc_open("../plain", O_RDONLY, 0);
  libc_open(".", O_RDONLY | O_DIRECTORY, 0);
  libc_open("missing", O_RDONLY, -ENOENT);
  libc_openat(directory_fd, "plain", O_RDONLY, 0);
  raw_open("inner", O_RDONLY);
  raw_creat("here");
  if (chdir("/") != 0) fail("chdir");
}

/* Names on pages that the kernel is the first to touch. `cold` has the name at its start;
 * `torn` has it across a page that is there and one that is not. */
static char *cold, *torn;
static const size_t kTornAt = kPage - 11;

static char* map_name(const char* file, const char* name, size_t at) {
  char page[2 * kPage] = {0};
  memcpy(page + at, name, strlen(name));
  const int fd = open(in_directory(file), O_CREAT | O_RDWR | O_TRUNC, 0600);
  if (fd < 0 || write(fd, page, sizeof page) != (ssize_t)sizeof page) fail("write a page");
  if (fsync(fd) != 0) fail("fsync");
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  char* map = mmap(NULL, sizeof page, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) fail("mmap");
  close(fd);
  return map;
}

static void opens_on_cold_pages(const char* cold_name, const char* torn_name) {
  madvise(cold, 2 * kPage, MADV_DONTNEED);
  const long ret = result(open(cold, O_RDONLY));
  expect("open a name on a cold page", -ENOENT, ret);
  opened("openat", cold_name, O_RDONLY, 0, ret);

  madvise(torn, 2 * kPage, MADV_DONTNEED);
  (void)*(volatile char*)torn; /* the first page, and perhaps the second with it */
  madvise(torn + kPage, kPage, MADV_DONTNEED);
  const long torn_ret = result(open(torn + kTornAt, O_RDONLY));
  expect("open a name across a cold page", -ENOENT, torn_ret);
  opened("openat", torn_name, O_RDONLY, 0, torn_ret);
}

/* Files are made by the first run; a later one must find none of those it makes with O_EXCL. */
static void file_calls(void) {
  unlinkat(directory_fd, "created", 0);
  opens_by_kind();
  opens_by_library();
  opens_by_name();
  opens_after_chdir();
  opens_on_cold_pages("/tc-truth-name-on-a-cold-page", "/tc-truth-name-torn-by-a-page-border");
}

static void* in_thread(void* unused) {
  (void)unused;
  file_calls();
  return NULL;
}

static void run_thread(void* (*body)(void*)) {
  pthread_t thread;
  errno = pthread_create(&thread, NULL, body, NULL);
  if (errno != 0) fail("pthread_create");
  pthread_join(thread, NULL);
}

static int status_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void file_group(void) {
  file_calls();
  run_thread(in_thread);
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    file_calls();
    run_thread(in_thread);
    _exit(0);
  }
  expect("the child that opens files", 0, status_of(child));
}

/* --- process_exec ------------------------------------------------------------------------------*/

/* A program without a loader and without libc, so that its exec opens no other file:
 * exit_group(kChildStatus). */
static void write_program(const char* name) {
  /* clang-format off */
  static const unsigned char program[] = {
      0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,     /* 64 bit, little-endian */
      2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0, 0x40, 0, 0, 0, 0, 0,       /* x86-64, entry 0x400078 */
      64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,             /* program headers at 64 */
      0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0,            /* one, of 56 bytes */
      1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,              /* PT_LOAD, r-x, offset 0 */
      0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,        /* at 0x400000 */
      0x84, 0, 0, 0, 0, 0, 0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0,        /* the whole file */
      0, 0x10, 0, 0, 0, 0, 0, 0,                                   /* page-aligned */
      0xb8, 231, 0, 0, 0, 0xbf, kChildStatus, 0, 0, 0, 0x0f, 0x05, /* exit_group(kChildStatus) */
  };
  /* clang-format on */
  const int fd = openat(directory_fd, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755);
  if (fd < 0 || write(fd, program, sizeof program) != (ssize_t)sizeof program) fail(name);
  close(fd);
}

static void executed(pid_t pid, pid_t tid, const char* path, char* const argv[],
                     const char* resolved, long ret) {
  struct line line = {0};
  put(&line, "{\"argv\":[");
  for (size_t i = 0; argv[i] != NULL; ++i) {
    if (i > 0) put(&line, ",");
    put_string(&line, argv[i], strlen(argv[i]));
  }
  put(&line, "],\"event\":\"process_exec\",\"path\":");
  put_string(&line, path, strlen(path));
  put(&line, ",\"pid\":%d", pid);
  if (ret == 0) {
    put(&line, ",\"resolved\":");
    put_string(&line, resolved, strlen(resolved));
  }
  put(&line, ",\"ret\":%ld,\"tid\":%d", ret, tid);
  finish(&line);
}

struct exec_call {
  const char* path;
  char* const* argv;
  int at;    /* execveat relative to it; AT_FDCWD: execve */
  int flags; /* of execveat */
  const char* resolved;
};

static char* const no_environment[] = {NULL};

static void run_exec(const struct exec_call* call) {
  if (call->at == AT_FDCWD) {
    execve(call->path, call->argv, no_environment);
  } else {
    syscall(SYS_execveat, call->at, call->path, call->argv, no_environment, call->flags);
  }
  executed(getpid(), gettid(), call->path, call->argv, NULL, -errno);
  _exit(1);
}

static void* exec_in_thread(void* call) {
  run_exec(call);
  return NULL;
}

/* Calls from a child: its leader or a second thread. That an exec succeeded only the parent knows.
 */
static void child_exec(const struct exec_call* call, int threaded) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    pthread_t thread;
    if (threaded == 0) run_exec(call);
    pthread_create(&thread, NULL, exec_in_thread, (void*)call);
    pthread_join(thread, NULL);
    _exit(1);
  }
  const int status = status_of(child);
  expect(call->path, call->resolved == NULL ? 1 : kChildStatus, status);
  if (status != kChildStatus) return;
  char path[128];
  const char* slash = call->path[0] == '\0' ? "" : "/";
  snprintf(path, sizeof path, "/dev/fd/%d%s%s", call->at, slash, call->path);
  executed(child, child, call->at == AT_FDCWD ? call->path : path, call->argv, call->resolved, 0);
}

static void exec_many_arguments(const char* program) {
  enum { kCount = 1000, kLength = 100 };
  static char texts[kCount][kLength + 1];
  static char* argv[kCount + 1];
  for (int i = 0; i < kCount; ++i) {
    snprintf(texts[i], sizeof texts[i], "argument-%04d-", i);
    memset(texts[i] + 14, 'a' + i % 26, kLength - 14);
    argv[i] = texts[i];
  }
  child_exec(&(struct exec_call){program, argv, AT_FDCWD, 0, program}, 0);

  static char one[100000 + 1];
  memset(one, 'z', sizeof one - 1);
  child_exec(&(struct exec_call){program, (char*[]){"exit42", one, "", NULL}, AT_FDCWD, 0, program},
             0);
}

static void exec_spawned(const char* program) {
  char* argv[] = {"spawned", "-x", NULL};
  pid_t child = 0;
  errno = posix_spawn(&child, program, NULL, NULL, argv, no_environment);
  if (errno != 0) fail("posix_spawn");
  expect("posix_spawn", kChildStatus, status_of(child));
  executed(child, child, program, argv, program, 0);
}

static void exec_group(void) {
  char program[128];
  snprintf(program, sizeof program, "%s/exit42", directory);
  char* several[] = {"exit42", "one",    "two words", "caf\xc3\xa9", "latin1-\xe9",
                     "",       "line\n", "",          NULL};
  child_exec(&(struct exec_call){program, several, AT_FDCWD, 0, program}, 0);
  child_exec(&(struct exec_call){program, (char*[]){"", NULL}, AT_FDCWD, 0, program}, 0);
  exec_many_arguments(program);
  exec_spawned(program);
  child_exec(&(struct exec_call){program, several, AT_FDCWD, 0, program}, 1);

  char link[128];
  snprintf(link, sizeof link, "%s/link-exit42", directory);
  char* two[] = {"other name", "-v", NULL};
  child_exec(&(struct exec_call){link, two, AT_FDCWD, 0, program}, 0);
  if (chdir(directory) != 0) fail("chdir");
  child_exec(&(struct exec_call){"./exit42", two, AT_FDCWD, 0, program}, 0);
  if (chdir("/") != 0) fail("chdir");

  child_exec(&(struct exec_call){in_directory("missing"), several, AT_FDCWD, 0, NULL}, 0);
  child_exec(&(struct exec_call){in_directory("plain"), two, AT_FDCWD, 0, NULL}, 0);
  child_exec(&(struct exec_call){in_directory("not-a-program"), two, AT_FDCWD, 0, NULL}, 0);
  child_exec(&(struct exec_call){in_directory("missing"), two, AT_FDCWD, 0, NULL}, 1);
  char empty[] = "";
  child_exec(&(struct exec_call){empty, two, AT_FDCWD, 0, NULL}, 0);

  child_exec(&(struct exec_call){"exit42", two, directory_fd, 0, program}, 0);
  child_exec(&(struct exec_call){"missing", two, directory_fd, 0, NULL}, 0);
  const int fd = openat(directory_fd, "exit42", O_PATH);
  if (fd < 0) fail("open exit42");
  log_open("openat", "exit42", O_PATH, 0, fd);
  child_exec(&(struct exec_call){empty, two, fd, AT_EMPTY_PATH, program}, 0);
  close(fd);
}

/* --- network_op --------------------------------------------------------------------------------*/

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_un local;
};

static void put_address(struct line* line, const char* side, const union address* address) {
  char text[INET6_ADDRSTRLEN] = "";
  int port = 0;
  if (address->any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof text);
    port = ntohs(address->v4.sin_port);
  } else if (address->any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof text);
    port = ntohs(address->v6.sin6_port);
  } else {
    return;
  }
  put(line, ",\"%s_address\":\"%s\",\"%s_port\":%d", side, text, side, port);
}

struct network_call {
  const char* op;
  int raw;
  int fd; /* what the call was given */
  int family;
  const union address* remote; /* connect: as passed. accept: NULL */
  socklen_t remote_size;
};

/* The length of a unix name: a path ends at its NUL or at the size, an abstract name at the size.
 */
static size_t unix_length(const union address* address, socklen_t size) {
  const size_t room = size - offsetof(struct sockaddr_un, sun_path);
  return address->local.sun_path[0] == '\0' ? room : strnlen(address->local.sun_path, room);
}

/* Logs a connect or an accept; addresses where the call succeeded or passed them. */
static void networked(const struct network_call* call, long ret) {
  const int connecting = call->remote != NULL;
  const int socket_fd = connecting ? call->fd : (int)ret;
  union address local = {0};
  union address remote = {0};
  socklen_t local_size = sizeof local;
  socklen_t size = sizeof remote;
  if (ret >= 0 || ret == -EINPROGRESS) getsockname(socket_fd, &local.any, &local_size);
  if (connecting) {
    remote = *call->remote;
  } else if (ret >= 0) {
    getpeername(socket_fd, &remote.any, &size);
  }
  const char* family = call->family == AF_INET   ? "inet"
                       : call->family == AF_UNIX ? "unix"
                                                 : "inet6";

  struct line line = {0};
  put(&line, "{\"event\":\"network_op\",\"family\":\"%s\",\"fd\":%d", family, call->fd);
  put_address(&line, "local", &local);
  put(&line, ",\"op\":\"%s\"", call->op);
  if (call->family == AF_UNIX && (connecting || ret >= 0)) {
    const union address* named = connecting ? &remote : &local;
    put(&line, ",\"path\":");
    put_string(&line, named->local.sun_path,
               unix_length(named, connecting ? call->remote_size : local_size));
  }
  put(&line, ",\"pid\":%d", getpid());
  put_address(&line, "remote", &remote);
  put(&line, ",\"ret\":%ld,\"source\":\"%s\"", ret, call->raw ? "syscall" : "uprobe");
  put(&line, ",\"tid\":%d", gettid());
  finish(&line);
}

static long do_connect(int raw, int fd, const union address* to, socklen_t size) {
  const long ret =
      result(raw ? syscall(SYS_connect, fd, &to->any, size) : connect(fd, &to->any, size));
  networked(&(struct network_call){"connect", raw, fd, to->any.sa_family, to, size}, ret);
  return ret;
}

enum accept_kind { kAccept, kAccept4, kRawAccept, kRawAccept4 };

static long do_accept(enum accept_kind kind, int fd, int family) {
  union address peer = {0};
  socklen_t size = sizeof peer;
  long ret = 0;
  switch (kind) {
    case kAccept:
      ret = accept(fd, &peer.any, &size);
      break;
    case kAccept4:
      ret = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
      break;
    case kRawAccept:
      ret = syscall(SYS_accept, fd, &peer.any, &size);
      break;
    case kRawAccept4:
      ret = syscall(SYS_accept4, fd, NULL, NULL, SOCK_NONBLOCK);
      break;
  }
  ret = result(ret);
  const int raw = kind == kRawAccept || kind == kRawAccept4;
  networked(&(struct network_call){"accept", raw, fd, family, NULL, 0}, ret);
  return ret;
}

static int new_socket(int family, int type) {
  const int fd = socket(family, type | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  return fd;
}

/* A listener on `at`, which is completed with the port it got; -1 when the host has no such
 * address. */
static int listen_on(union address* at, socklen_t* size) {
  const int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, &at->any, *size) != 0 || listen(fd, 16) != 0) {
    close(fd);
    return -1;
  }
  if (at->any.sa_family != AF_UNIX) getsockname(fd, &at->any, size);
  return fd;
}

/* Four connections to a listener on `at`: every way to connect and to accept, then an empty queue.
 */
static void connections(union address at, socklen_t size) {
  const int family = at.any.sa_family;
  const int listener = listen_on(&at, &size);
  if (listener < 0) {
    fprintf(stderr, "truth: left out: no listener of family %d: %s\n", family, strerror(errno));
    return;
  }
  for (int kind = kAccept; kind <= kRawAccept4; ++kind) {
    const int client = new_socket(family, SOCK_STREAM);
    expect("connect", 0, do_connect(kind % 2, client, &at, size));
    const long server = do_accept((enum accept_kind)kind, listener, family);
    if (server < 0) surprise("accept", 0, server);
    if (server >= 0) close((int)server);
    close(client);
  }
  const int waiting = new_socket(family, SOCK_STREAM | SOCK_NONBLOCK);
  do_connect(0, waiting, &at, size); /* EINPROGRESS over IP, 0 over unix */
  const long server = do_accept(kAccept, listener, family);
  if (server >= 0) close((int)server);
  close(waiting);

  if (fcntl(listener, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
  expect("accept from an empty queue", -EAGAIN, do_accept(kAccept, listener, family));
  expect("accept from an empty queue", -EAGAIN, do_accept(kRawAccept4, listener, family));
  close(listener);

  if (family == AF_UNIX) return;
  for (int raw = 0; raw <= 1; ++raw) { /* nobody listens there any more */
    const int client = new_socket(family, SOCK_STREAM);
    expect("refused connect", -ECONNREFUSED, do_connect(raw, client, &at, size));
    close(client);
  }
}

static socklen_t unix_address(union address* at, const char* name, size_t length) {
  at->local.sun_family = AF_UNIX;
  memcpy(at->local.sun_path, name, length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static void network_calls(void) {
  union address v4 = {.v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
  connections(v4, sizeof v4.v4);
  union address v6 = {.v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
  connections(v6, sizeof v6.v6);

  union address path = {0};
  const char* name = in_directory("socket");
  unlink(name);
  unix_address(&path, name, strlen(name));
  connections(path, sizeof path.local); /* NULs behind the name, as most programs have them */
  union address abstract = {0};
  char hidden[64] = "";
  const int length = snprintf(hidden + 1, sizeof hidden - 1, "tc-truth-%d-%d", getpid(), gettid());
  const socklen_t size = unix_address(&abstract, hidden, (size_t)length + 1);
  connections(abstract, size);

  union address nobody = {0};
  name = in_directory("no-such-socket");
  const socklen_t nobody_size = unix_address(&nobody, name, strlen(name));
  const int client = new_socket(AF_UNIX, SOCK_STREAM);
  expect("connect to no path", -ENOENT, do_connect(0, client, &nobody, nobody_size));
  expect("connect to no path", -ENOENT, do_connect(1, client, &nobody, nobody_size));
  close(client);
  const int datagram = new_socket(AF_INET, SOCK_DGRAM);
  v4.v4.sin_port = htons(9);
  expect("connect a datagram socket", 0, do_connect(0, datagram, &v4, sizeof v4.v4));
  close(datagram);
  expect("connect a closed descriptor", -EBADF, do_connect(0, 1000, &v4, sizeof v4.v4));
}

static void* network_in_thread(void* unused) {
  (void)unused;
  network_calls();
  return NULL;
}

static void network_group(void) {
  network_calls();
  run_thread(network_in_thread);
}

/* --- ssl_op ------------------------------------------------------------------------------------*/

static int with_data;
static SSL_CTX *server_context, *client_context;
static int ends[2];
static pthread_barrier_t barrier;

static _Noreturn void fail_tls(const char* what) {
  fprintf(stderr, "truth: %s failed:\n", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static void tls_called(const char* op, const char* function, const char* data, size_t bytes,
                       long ret) {
  struct line line = {0};
  put(&line, "{\"bytes\":%zu", bytes);
  if (with_data && bytes > 0) {
    put(&line, ",\"data\":");
    put_string(&line, data, bytes);
  }
  put(&line, ",\"event\":\"ssl_op\",\"function\":\"%s\",\"library\":\"openssl\"", function);
  put(&line, ",\"op\":\"%s\",\"pid\":%d,\"ret\":%ld,\"tid\":%d", op, getpid(), ret, gettid());
  finish(&line);
}

static void tls_write(SSL* tls, int extended, char fill, size_t size) {
  static _Thread_local char data[65536];
  memset(data, fill, size);
  if (extended) {
    size_t bytes = 0;
    const int ret = SSL_write_ex(tls, data, size, &bytes);
    tls_called("write", "SSL_write_ex", data, ret == 1 ? bytes : 0, ret);
    expect("SSL_write_ex", (long)size, (long)bytes);
  } else {
    const int ret = SSL_write(tls, data, (int)size);
    tls_called("write", "SSL_write", data, ret > 0 ? (size_t)ret : 0, ret);
    expect("SSL_write", (long)size, ret);
  }
}

/* Takes with room for more than `expected` bytes, which is what comes: at most one TLS record. */
static void tls_take(SSL* tls, const char* function, int (*take)(SSL*, void*, int), long expected) {
  static _Thread_local char data[65536];
  const int ret = take(tls, data, sizeof data);
  tls_called(take == SSL_peek ? "peek" : "read", function, data, ret > 0 ? (size_t)ret : 0, ret);
  expect(function, expected, ret);
}

static void tls_take_ex(SSL* tls, const char* function, int (*take)(SSL*, void*, size_t, size_t*),
                        long expected) {
  static _Thread_local char data[65536];
  size_t bytes = 0;
  const int ret = take(tls, data, sizeof data, &bytes);
  tls_called(take == SSL_peek_ex ? "peek" : "read", function, data, ret == 1 ? bytes : 0, ret);
  expect(function, expected, ret == 1 ? (long)bytes : ret);
}

static void tls_read(SSL* tls, int extended, long expected) {
  if (extended) {
    tls_take_ex(tls, "SSL_read_ex", SSL_read_ex, expected);
  } else {
    tls_take(tls, "SSL_read", SSL_read, expected);
  }
}

static SSL* tls_over(SSL_CTX* context, int fd) {
  SSL* tls = SSL_new(context);
  if (tls == NULL || SSL_set_fd(tls, fd) != 1) fail_tls("SSL_new");
  return tls;
}

static void* tls_client(void* unused) {
  (void)unused;
  SSL* tls = tls_over(client_context, ends[1]);
  if (SSL_connect(tls) != 1) fail_tls("SSL_connect");
  tls_write(tls, 0, 'a', 100);
  tls_write(tls, 1, 'b', 5000);
  tls_write(tls, 0, 'c', 40000); /* three TLS records, one call */
  tls_write(tls, 1, '\xff', 1);
  tls_read(tls, 0, 300);
  tls_read(tls, 1, 16384);
  pthread_barrier_wait(&barrier); /* all is read and sent */
  pthread_barrier_wait(&barrier); /* the server has found nothing more */
  SSL_shutdown(tls);
  SSL_free(tls);
  return NULL;
}

static void tls_server(void) {
  SSL* tls = tls_over(server_context, ends[0]);
  if (SSL_accept(tls) != 1) fail_tls("SSL_accept");
  tls_take(tls, "SSL_peek", SSL_peek, 100); /* peeking takes nothing away, but shows plaintext */
  tls_read(tls, 0, 100);
  tls_take_ex(tls, "SSL_peek_ex", SSL_peek_ex, 5000);
  tls_read(tls, 1, 5000);
  tls_read(tls, 0, 16384);
  tls_read(tls, 1, 16384);
  tls_read(tls, 0, 40000 - 2 * 16384);
  tls_read(tls, 1, 1);
  tls_write(tls, 1, 'd', 300);
  tls_write(tls, 0, 'e', 16384);
  pthread_barrier_wait(&barrier);
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
  tls_read(tls, 0, -1); /* nothing there */
  tls_read(tls, 1, 0);
  if (fcntl(ends[0], F_SETFL, 0) != 0) fail("fcntl");
  pthread_barrier_wait(&barrier);
  tls_read(tls, 0, 0); /* the other end has shut down */
  SSL_free(tls);
}

/* Everything that OpenSSL may open files for: done before the first marker. */
static void tls_prepare(void) {
  OPENSSL_init_ssl(0, NULL);
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  if (key == NULL || certificate == NULL) fail_tls("EVP_EC_gen");
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char*)"truth", -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  if (X509_sign(certificate, key, EVP_sha256()) == 0) fail_tls("X509_sign");
  server_context = SSL_CTX_new(TLS_server_method());
  client_context = SSL_CTX_new(TLS_client_method());
  if (server_context == NULL || client_context == NULL) fail_tls("SSL_CTX_new");
  if (SSL_CTX_use_certificate(server_context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey(server_context, key) != 1) {
    fail_tls("SSL_CTX_use_certificate");
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
}

static void tls_group(void) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  pthread_barrier_init(&barrier, NULL, 2);
  pthread_t client;
  errno = pthread_create(&client, NULL, tls_client, NULL);
  if (errno != 0) fail("pthread_create");
  tls_server();
  pthread_join(client, NULL);
  close(ends[0]);
  close(ends[1]);
}

/* --- all of it ---------------------------------------------------------------------------------*/

static void prepare(void) {
  list = mmap(NULL, sizeof *list, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (list == MAP_FAILED) fail("mmap");
  mallopt(M_ARENA_MAX, 1); /* malloc in a second thread would read a file under /sys */
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  char pattern[] = "/tmp/tc-truth-XXXXXX";
  if (mkdtemp(pattern) == NULL || realpath(pattern, NULL) == NULL) fail("mkdtemp");
  char* real = realpath(pattern, NULL);
  snprintf(directory, sizeof directory, "%s", real);
  free(real);
  directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0 || chdir("/") != 0) fail(directory);
  write_program("exit42");
  const int plain = openat(directory_fd, "plain", O_CREAT | O_WRONLY, 0600);
  const int text = openat(directory_fd, "not-a-program", O_CREAT | O_WRONLY, 0700);
  if (plain < 0 || text < 0 || write(text, "\1\2\3\4\n", 5) != 5) fail("write");
  close(plain);
  close(text);
  if (mkdirat(directory_fd, "sub", 0700) != 0) fail("mkdir");
  close(openat(directory_fd, "sub/inner", O_CREAT | O_WRONLY, 0600));
  if (symlinkat("plain", directory_fd, "link") != 0 ||
      symlinkat("nothing", directory_fd, "link-to-missing") != 0 ||
      symlinkat(".", directory_fd, "link-dir") != 0 ||
      symlinkat("exit42", directory_fd, "link-exit42") != 0 ||
      mkfifoat(directory_fd, "fifo", 0600) != 0) {
    fail("symlink");
  }
  cold = map_name("cold", "/tc-truth-name-on-a-cold-page", 0);
  torn = map_name("torn", "/tc-truth-name-torn-by-a-page-border", kTornAt);
  tls_prepare();
}

/* Removes the directory; behind the last marker. */
static void clean_up(void) {
  for (int below = 1; below >= 0; --below) {
    DIR* entries = opendir(below ? in_directory("sub") : directory);
    if (entries == NULL) continue;
    for (struct dirent* entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
      unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
    rmdir(below ? in_directory("sub") : directory);
  }
}

static void write_list(void) {
  const size_t size = atomic_load(&list->used);
  for (size_t at = 0; at < size;) {
    const ssize_t count = write(STDOUT_FILENO, list->text + at, size - at);
    if (count < 0 && errno != EINTR) fail("write the list");
    if (count > 0) at += (size_t)count;
  }
}

static int wanted(int argc, char** argv, const char* group) {
  int named = 0;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], group) == 0) return 1;
    named += argv[i][0] != '-';
  }
  return named == 0;
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*run)(void);
  } groups[] = {
      {"file", file_group}, {"exec", exec_group}, {"network", network_group}, {"tls", tls_group}};
  for (int i = 1; i < argc; ++i) {
    int known = strcmp(argv[i], "--ssl-data") == 0;
    with_data |= known;
    for (size_t g = 0; g < 4; ++g) known |= strcmp(argv[i], groups[g].name) == 0;
    if (known) continue;
    fprintf(stderr, "usage: truth [--ssl-data] [file] [exec] [network] [tls]\n");
    return 2;
  }
  prepare();
  open("/tc-truth-begin", O_RDONLY);
  for (size_t g = 0; g < 4; ++g) {
    if (wanted(argc, argv, groups[g].name)) groups[g].run();
  }
  open("/tc-truth-end", O_RDONLY);
  clean_up();
  write_list();
  return atomic_load(&list->surprises) == 0 ? 0 : 1;
}
