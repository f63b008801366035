/* pointers: every system call with arguments that point nowhere, and none of them may harm more
 * than the caller. Prints a line a call: its number, then for each set of arguments `.` when it
 * succeeded, the errno, `!N` when signal N ended the caller, `~` when it waited.
 *
 * The sets: all arguments alike, each of the bad values; then each argument alone bad, the others
 * zero; then each alone bad, the others plausible (an open file, a buffer, a size).
 * Left out are calls that end, stop or multiply the caller, and those that would change the host if
 * they succeeded: run it in namespaces all the same (the test does). */
#include <sys/stat.h>
#include <sys/time.h>

#include "nolibc.h"

/* At fixed places, so that their numbers are the same ones with and without a sandbox. None of them
 * covers another when it is taken as address and as length. */
#define kLastByte 0x10000100fffL
#define kReadOnly 0x20000200000L
#define kUnmapped 0x40000300000L
#define kBuffer 0x10000400000L
#define kFile 999

static const long kBad[] = {0, -1, kUnmapped, kReadOnly, kLastByte};
static const long kPlausible[] = {kFile, kBuffer, 8, kBuffer + 1024, kBuffer + 2048, 8};
enum { kBadCount = 5, kArguments = 6, kVariants = kBadCount + 2 * kBadCount * kArguments };

static const int kLeftOut[] = {
    SYS_rt_sigreturn, SYS_pause, SYS_clone, SYS_fork, SYS_vfork, SYS_exit, SYS_exit_group,
    SYS_clone3, SYS_ptrace, SYS_seccomp, SYS_restart_syscall,
    /* would change the host, or take it long */
    SYS_fsync, SYS_fdatasync, SYS_syncfs, SYS_sync_file_range, SYS_msync,
    /* would limit the time that the caller may compute, which is over at a moment of the host's */
    SYS_setrlimit, SYS_prlimit64,
    /* would change the host */
    SYS_reboot, SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module,
    SYS_delete_module, SYS_swapon, SYS_swapoff, SYS_acct, SYS_settimeofday, SYS_clock_settime,
    SYS_adjtimex, SYS_clock_adjtime, SYS_syslog, SYS_vhangup, SYS_iopl, SYS_ioperm, SYS_sethostname,
    SYS_setdomainname, SYS_sync, SYS_fallocate, SYS_quotactl, SYS_quotactl_fd, SYS_perf_event_open,
    SYS_bpf};

static int is_left_out(int number) {
  for (unsigned i = 0; i < sizeof kLeftOut / sizeof kLeftOut[0]; ++i)
    if (kLeftOut[i] == number) return 1;
  return number >= 335 && number < 424; /* no such numbers */
}

static void choose(int variant, long* arguments) {
  if (variant < kBadCount) {
    for (int i = 0; i < kArguments; ++i) arguments[i] = kBad[variant];
    return;
  }
  variant -= kBadCount;
  const int is_plausible = variant >= kBadCount * kArguments;
  variant %= kBadCount * kArguments;
  for (int i = 0; i < kArguments; ++i) arguments[i] = is_plausible ? kPlausible[i] : 0;
  arguments[variant / kBadCount] = kBad[variant % kBadCount];
}

enum { kNotRun = -1, kWaited = 1000, kKilled = 2000 };
struct results {
  int next; /* the variant that runs */
  int of[kVariants];
};

static void map_at(long address, int protection) {
  need(sys(mmap, address & ~4095L, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
           0));
}
static void prepare(void) {
  map_at(kLastByte, PROT_READ | PROT_WRITE);
  *(char*)kLastByte = 'x'; /* a name that has no end */
  map_at(kReadOnly, PROT_READ);
  map_at(kBuffer, PROT_READ | PROT_WRITE);
  const long fd = need(sys(open, "file", O_RDWR | O_CREAT | O_TRUNC, 0644));
  need(sys(dup2, fd, kFile));
  need(sys(close, fd));
}

/* In a child: all that are left, until one ends it. */
static void run_variants(int number, struct results* results) {
  prepare();
  while (results->next < kVariants) {
    const struct itimerval soon = {{0, 0}, {0, 30000}};
    const struct itimerval none = {{0, 0}, {0, 0}};
    long arguments[kArguments];
    choose(results->next, arguments);
    need(sys(setitimer, ITIMER_REAL, &soon, 0));
    const long result = raw_call(number, arguments[0], arguments[1], arguments[2], arguments[3],
                                 arguments[4], arguments[5]);
    results->of[results->next] = result < 0 && result > -4096 ? (int)-result : 0;
    ++results->next;
    sys(setitimer, ITIMER_REAL, &none, 0);
  }
  exit_now(0);
}

static void run_number(int number, struct results* results) {
  results->next = 0;
  for (int i = 0; i < kVariants; ++i) results->of[i] = kNotRun;
  while (results->next < kVariants) {
    const long pid = need(sys(fork));
    if (pid == 0) run_variants(number, results);
    int status = 0;
    expect_is(sys(wait4, pid, &status, __WALL, 0), pid);
    if (WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      results->of[results->next++] = signal == SIGALRM ? kWaited : kKilled + signal;
    } else if (results->next < kVariants) {
      fail(__FILE__, __LINE__, "status of a child", status, 0);
    }
  }
}

static void say_results(int number, const struct results* results) {
  struct text text = {.length = 0};
  text_add_number(&text, (unsigned long)number, 10);
  text_add(&text, ":", 1);
  for (int i = 0; i < kVariants; ++i) {
    text_add(&text, " ", 1);
    const int result = results->of[i];
    if (result == 0) {
      text_add(&text, ".", 1);
    } else if (result == kWaited) {
      text_add(&text, "~", 1);
    } else {
      if (result > kKilled) text_add(&text, "!", 1);
      text_add_number(&text, (unsigned long)(result > kKilled ? result - kKilled : result), 10);
    }
  }
  text_add(&text, "\n", 1);
  write_all(1, text.bytes, text.length);
}

/* Zero is a descriptor, too: what standard input leads to is the host's, and calls like fchmod
 * would change it. */
static void give_up_standard_input(void) {
  int ends[2];
  need(sys(pipe2, ends, 0));
  need(sys(dup2, ends[0], 0));
  need(sys(close, ends[0]));
  need(sys(close, ends[1]));
}

static void run_range(int from, int to) {
  give_up_standard_input();
  struct results* results = shared_pages(4096);
  for (int number = from; number < to; ++number) {
    if (is_left_out(number)) continue;
    run_number(number, results);
    say_results(number, results);
  }
}
static void all_calls(void) { run_range(0, 463); }
/* pointers one_call NUMBER */
static void one_call(void) {
  int number = 0;
  for (const char* digit = guest_argv[2]; digit != 0 && *digit != 0; ++digit)
    number = number * 10 + *digit - '0';
  run_range(number, number + 1);
}

const struct guest_case guest_cases[] = {
    {"all_calls", all_calls, "apart"},
    {"one_call", one_call, "apart"},
    {0},
};
