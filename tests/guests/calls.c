/* System calls of every kind that a tracer can get wrong, one scene a name:
 *
 *   calls SCENE [N]
 *
 * Each scene does the same on every run, so that its log may be compared byte for byte. What only
 * the program knows (how many calls it made) it prints. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static void must(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

/* One of each: paths, flags, structs, vectors, sockets, descriptors that move. */
static void scene_mix(long n) {
  char buffer[64];
  struct stat status;
  struct utsname host;
  struct timespec pause = {0, 1000};
  (void)n;
  must(chdir("/") == 0, "chdir");
  const int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  must(file >= 0, "open");
  must(read(file, buffer, 16) == 16, "read");
  must(fstat(file, &status) == 0, "fstat");
  const int copy = fcntl(file, F_DUPFD_CLOEXEC, 40);
  must(copy >= 40, "dup");
  must(dup2(copy, 50) == 50, "dup2");
  must(lseek(50, 3, SEEK_SET) == 3, "lseek");
  close(file);
  close(copy);
  must(open("/no/such/file", O_WRONLY | O_CREAT | O_EXCL, 0640) < 0, "open of nothing");
  int ends[2];
  must(pipe2(ends, O_NONBLOCK) == 0, "pipe2");
  struct iovec vectors[2] = {{"ab", 2}, {"cde", 3}};
  must(writev(ends[1], vectors, 2) == 5, "writev");
  must(read(ends[0], buffer, sizeof(buffer)) == 5, "read");
  must(read(ends[0], buffer, sizeof(buffer)) < 0 && errno == EAGAIN, "empty pipe");
  int pair[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
  struct msghdr message = {.msg_iov = vectors, .msg_iovlen = 2};
  must(sendmsg(pair[0], &message, 0) == 5, "sendmsg");
  must(recv(pair[1], buffer, sizeof(buffer), 0) == 5, "recv");
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  const int event = eventfd(1, 0);
  struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = 7};
  must(epoll_ctl(poller, EPOLL_CTL_ADD, event, &wanted) == 0, "epoll_ctl");
  must(epoll_wait(poller, &wanted, 1, 1000) == 1, "epoll_wait");
  must(uname(&host) == 0, "uname");
  must(nanosleep(&pause, NULL) == 0, "nanosleep");
  struct rlimit limit;
  must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  void* const memory = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(mprotect((char*)memory + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
  must(munmap(memory, 3 * PAGE) == 0, "munmap");
  struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/no/socket"};
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(connect(client, (struct sockaddr*)&nowhere, sizeof(nowhere)) < 0, "connect");
  must(syscall(SYS_gettid) > 0 && syscall(SYS_getpid) > 0, "gettid");
  must(syscall(999, 0, 0, 0, 0, 0, 0) < 0 && errno == ENOSYS, "a call that is none");
}

/* Pointers that are none, strings without end, lengths that lie. */
static void scene_bad(long n) {
  char* const pages =
      mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  (void)n;
  must(munmap(pages + PAGE, PAGE) == 0, "munmap");
  memset(pages, 'a', PAGE);
  syscall(SYS_openat, AT_FDCWD, (void*)8, O_RDONLY, 0);
  syscall(SYS_openat, AT_FDCWD, (void*)-1L, O_RDONLY, 0);
  syscall(SYS_openat, AT_FDCWD, pages + PAGE - 10, O_RDONLY, 0); /* no NUL before the hole */
  syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY, 0);
  syscall(SYS_write, 1, (void*)8, 100);
  syscall(SYS_write, 77, "x", (size_t)-1);
  syscall(SYS_read, 0, NULL, (size_t)-1);
  syscall(SYS_fstat, 0, (void*)8);
  syscall(SYS_execve, (void*)8, (void*)8, (void*)8);
  syscall(SYS_execve, "/no/such/program", (void*)-8L, NULL);
  syscall(SYS_writev, 1, (void*)8, 3);
  syscall(SYS_writev, 77, pages, 0x7fffffff);
  syscall(SYS_sendmsg, 77, (void*)8, 0);
  struct msghdr lying = {.msg_name = pages,
                         .msg_namelen = 0xffffffff,
                         .msg_iov = (void*)8,
                         .msg_iovlen = (size_t)-1,
                         .msg_control = pages,
                         .msg_controllen = (size_t)-1};
  syscall(SYS_sendmsg, 77, &lying, 0);
  syscall(SYS_connect, 77, (void*)8, 0xffffffffUL);
  syscall(SYS_poll, (void*)8, 0xffffffffUL, 0);
  syscall(SYS_select, 0x7fffffff, (void*)8, (void*)8, (void*)8, (void*)8);
  syscall(SYS_ioctl, -1, 0xffffffffUL, (void*)8);
  syscall(SYS_rt_sigaction, 99, (void*)8, (void*)8, 8);
  syscall(SYS_clone3, (void*)8, (size_t)-1);
  syscall(SYS_getdents64, 77, (void*)8, -1);
}

static void* one_thread(void* argument) {
  (void)argument;
  for (int i = 0; i < 10; i++) syscall(SYS_getppid);
  return NULL;
}
/* All threads live at once: each is made before the first may end. */
static void scene_threads(long n) {
  pthread_t* const threads = calloc((size_t)n, sizeof(pthread_t));
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 1 << 16);
  for (long i = 0; i < n; i++)
    must(pthread_create(&threads[i], &small, one_thread, NULL) == 0, "pthread_create");
  for (long i = 0; i < n; i++) pthread_join(threads[i], NULL);
}

/* Short processes, ten at a time. */
static void scene_forks(long n) {
  for (long made = 0; made < n;) {
    int batch = 0;
    for (; batch < 10 && made < n; batch++, made++) {
      const pid_t child = fork();
      must(child >= 0, "fork");
      if (child == 0) {
        syscall(SYS_getppid);
        _exit((int)(made & 0x7f));
      }
    }
    while (batch-- > 0) must(wait(NULL) > 0, "wait");
  }
}

static void scene_loop(long n) {
  struct timespec begin;
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long i = 0; i < n; i++) syscall(SYS_getpid);
  clock_gettime(CLOCK_MONOTONIC, &end);
  const long long ns = (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
  printf("%lld\n", ns / n);
}

/* Makes a child by each way there is; each ends in its own way. */
static void scene_children(long n) {
  int status;
  (void)n;
  pid_t child = fork();
  if (child == 0) _exit(3);
  waitpid(child, &status, 0);
  child = vfork();
  if (child == 0) {
    execl("/bin/true", "true", "from vfork", (char*)NULL);
    _exit(1);
  }
  waitpid(child, &status, 0);
  child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
  }
  waitpid(child, &status, 0);
  /* An orphan in a session of its own outlives its parent. */
  int ends[2];
  must(pipe(ends) == 0, "pipe");
  child = fork();
  if (child == 0) {
    if (fork() == 0) {
      close(ends[0]);
      setsid();
      must(write(ends[1], "x", 1) == 1, "write");
      _exit(0);
    }
    _exit(0);
  }
  waitpid(child, &status, 0);
  close(ends[1]);
  char byte;
  must(read(ends[0], &byte, 1) == 1 && read(ends[0], &byte, 1) == 0, "read of the orphan");
}

static void* exec_from_here(void* argument) {
  (void)argument;
  execl("/bin/true", "true", "from a thread", (char*)NULL);
  return NULL;
}
static void scene_exec_thread(long n) {
  pthread_t thread;
  (void)n;
  must(pthread_create(&thread, NULL, exec_from_here, NULL) == 0, "pthread_create");
  pthread_join(thread, NULL);
}

static volatile sig_atomic_t caught;
static void catch_signal(int signal) { caught = signal; }
static void scene_signals(long n) {
  (void)n;
  signal(SIGUSR1, catch_signal);
  signal(SIGUSR2, SIG_IGN);
  raise(SIGUSR1);
  raise(SIGUSR2);
  must(caught == SIGUSR1, "signal");
  struct itimerval soon = {{0, 0}, {0, 1000}};
  signal(SIGALRM, catch_signal);
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  sigprocmask(SIG_BLOCK, &all, NULL);
  setitimer(ITIMER_REAL, &soon, NULL);
  sigsuspend(&none);
}

/* Says that it is there and waits for ever, its child too. */
static void scene_wait(long n) {
  (void)n;
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  printf("%d\n", (int)child);
  fflush(stdout);
  for (;;) pause();
}

/* Is killed within a call. */
static void scene_killed(long n) {
  int ends[2];
  int status;
  char byte;
  (void)n;
  must(pipe(ends) == 0, "pipe");
  const pid_t child = fork();
  if (child == 0) {
    must(read(ends[0], &byte, 1) == 0, "read");
    _exit(0);
  }
  /* Wait until it sleeps in the read. */
  char path[64];
  char state[256] = "";
  snprintf(path, sizeof(path), "/proc/%d/syscall", (int)child);
  while (strncmp(state, "0 ", 2) != 0) {
    const int file = open(path, O_RDONLY);
    const ssize_t got = read(file, state, sizeof(state) - 1);
    state[got > 0 ? got : 0] = 0;
    close(file);
    sched_yield();
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
}

/* The same number means another call through the 32-bit gate. */
static void scene_i386(long n) {
  long result;
  (void)n;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(20L /* getpid */)
                   : "memory", "r8", "r9", "r10", "r11");
  must(result > 0, "int 0x80");
}

static void scene_arguments(long n) {
  /* Ends at once: what counts is what it was given. */
  (void)n;
}

static const struct {
  const char* name;
  void (*run)(long n);
} scenes[] = {
    {"mix", scene_mix},
    {"bad", scene_bad},
    {"threads", scene_threads},
    {"forks", scene_forks},
    {"loop", scene_loop},
    {"children", scene_children},
    {"exec_thread", scene_exec_thread},
    {"signals", scene_signals},
    {"wait", scene_wait},
    {"killed", scene_killed},
    {"i386", scene_i386},
    {"arguments", scene_arguments},
};

int main(int argc, char** argv) {
  for (size_t i = 0; argc > 1 && i < sizeof(scenes) / sizeof(scenes[0]); i++) {
    if (strcmp(argv[1], scenes[i].name) != 0) continue;
    scenes[i].run(argc > 2 ? strtol(argv[2], NULL, 10) : 0);
    return 0;
  }
  fprintf(stderr, "usage: calls SCENE [N]\n");
  return 2;
}
