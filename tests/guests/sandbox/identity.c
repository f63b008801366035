/* identity: what tells one host, processor, user or run from another. Natively all of it differs
 * from run to run or from host to host; in the sandbox none of it does. */
#include <cpuid.h>
#include <elf.h>
#include <linux/random.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <termios.h>

#include "nolibc.h"

static void say_bytes(const void* bytes, long count) {
  for (long i = 0; i < count; ++i) {
    const unsigned byte = ((const unsigned char*)bytes)[i];
    say("%x%x", byte >> 4, byte & 15);
  }
  say("\n");
}
static void say_file(const char* path) {
  const long fd = sys(open, path, O_RDONLY, 0);
  if (fd < 0) {
    say("%s: %ld\n", path, fd);
    return;
  }
  char* bytes = new_pages(65536);
  long count;
  say("%s:\n", path);
  while ((count = sys(read, fd, bytes, 65536)) > 0) write_all(1, bytes, (size_t)count);
  need(sys(close, fd));
}

static void names(void) {
  struct utsname name;
  need(sys(uname, &name));
  say("%s %s %s %s %s %s\n", name.sysname, name.nodename, name.release, name.version, name.machine,
      name.domainname);
  expect_is(sys(uname, 8), -EFAULT);
}
static void users(void) {
  unsigned ids[3];
  need(sys(getresuid, &ids[0], &ids[1], &ids[2]));
  say("%d %d %d %d\n", (int)ids[0], (int)ids[1], (int)ids[2], (int)sys(geteuid));
  need(sys(getresgid, &ids[0], &ids[1], &ids[2]));
  say("%d %d %d %d\n", (int)ids[0], (int)ids[1], (int)ids[2], (int)sys(getegid));
  unsigned groups[64];
  const long count = need(sys(getgroups, 64, groups));
  for (long i = 0; i < count; ++i) say("%d ", (int)groups[i]);
  say("groups %ld\n", count);
}
static void processes(void) {
  say("%d %d %d %d\n", (int)sys(getpid), (int)sys(gettid), (int)sys(getppid), (int)sys(getpgid, 0));
  say("session %d, umask %d, dumpable %d\n", (int)sys(getsid, 0), (int)sys(umask, 022),
      (int)sys(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0));
}
static void processors(void) {
  unsigned processor = 99;
  unsigned node = 99;
  need(sys(getcpu, &processor, &node, 0));
  unsigned long set[16] = {0};
  const long size = need(sys(sched_getaffinity, 0, sizeof set, set));
  say("processor %d of node %d, mask %ld %lx\n", (int)processor, (int)node, size, set[0]);
  say("scheduled %ld %ld %ld\n", sys(sched_getscheduler, 0), sys(getpriority, 0, 0),
      sys(sched_get_priority_max, SCHED_FIFO));
  struct timespec interval;
  need(sys(sched_rr_get_interval, 0, &interval));
  say("interval %ld\n", interval.tv_nsec);
}
static void processor_model(void) {
  static const unsigned kLeaves[][2] = {
      {0, 0},          {1, 0},          {2, 0},          {4, 0},          {4, 1},
      {7, 0},          {7, 1},          {0xb, 0},        {0xd, 0},        {0xd, 1},
      {0x15, 0},       {0x40000000, 0}, {0x80000000, 0}, {0x80000001, 0}, {0x80000002, 0},
      {0x80000007, 0}, {0xffffffff, 0}};
  for (unsigned i = 0; i < sizeof kLeaves / sizeof kLeaves[0]; ++i) {
    unsigned a, b, c, d;
    __cpuid_count(kLeaves[i][0], kLeaves[i][1], a, b, c, d);
    say("%x.%x: %x %x %x %x\n", kLeaves[i][0], kLeaves[i][1], a, b, c, d);
  }
}
/* Instructions that draw true randomness cannot be trapped: they must not be offered. */
static void no_true_randomness(void) {
  unsigned a, b, c, d;
  __cpuid_count(1, 0, a, b, c, d);
  expect((c & bit_RDRND) == 0);
  __cpuid_count(7, 0, a, b, c, d);
  expect((b & bit_RDSEED) == 0);
  expect((b & bit_RTM) == 0);
}
static void random_bytes(void) {
  unsigned char bytes[16];
  for (int i = 0; i < 3; ++i) {
    expect_is(sys(getrandom, bytes, sizeof bytes, 0), sizeof bytes);
    say_bytes(bytes, sizeof bytes);
  }
  expect_is(sys(getrandom, bytes, 8, GRND_NONBLOCK | GRND_RANDOM), 8);
  say_bytes(bytes, 8);
  expect_is(sys(getrandom, bytes, 8, 0x80), -EINVAL);
  expect_is(sys(getrandom, 8, 8, 0), -EFAULT);
  unsigned char other[16];
  expect_is(sys(getrandom, other, sizeof other, 0), sizeof other);
  expect(!bytes_are(bytes, other, 8));
}
static void random_devices(void) {
  static const char* const kDevices[] = {"/dev/random", "/dev/urandom"};
  unsigned char bytes[2][16];
  for (int i = 0; i < 2; ++i) {
    const long fd = need(sys(open, kDevices[i], O_RDONLY, 0));
    for (int k = 0; k < 2; ++k) {
      expect_is(sys(read, fd, bytes[k], 16), 16);
      say_bytes(bytes[k], 16);
    }
    expect(!bytes_are(bytes[0], bytes[1], 16));
    struct stat status;
    need(sys(fstat, fd, &status));
    say("mode %x device %lx\n", status.st_mode, status.st_rdev);
    need(sys(close, fd));
  }
}
static int say_random(void* name) {
  unsigned char bytes[8];
  expect_is(sys(getrandom, bytes, 8, 0), 8);
  say("%s ", (const char*)name);
  say_bytes(bytes, 8);
  return 0;
}
static void random_of_children(void) {
  say_random("parent");
  expect_is(wait_for(child_of(say_random, "child")), 0);
  expect_is(wait_for(child_of(say_random, "other child")), 0);
  struct thread thread;
  thread_start(&thread, say_random, "thread");
  thread_join(&thread);
  say_random("parent");
}
static void auxiliary_vector(void) {
  char** end = guest_environment;
  while (*end != 0) say("%s\n", *end++);
  for (Elf64_auxv_t* entry = (Elf64_auxv_t*)(end + 1); entry->a_type != AT_NULL; ++entry) {
    say("%ld: %lx\n", (long)entry->a_type, (unsigned long)entry->a_un.a_val);
    if (entry->a_type == AT_RANDOM) say_bytes((void*)entry->a_un.a_val, 16);
    if (entry->a_type == AT_PLATFORM) say("%s\n", (char*)entry->a_un.a_val);
  }
}
static void addresses(void) {
  int here;
  say("stack %lx code %lx heap %lx\n", (unsigned long)&here, (unsigned long)addresses,
      (unsigned long)sys(brk, 0));
  for (int i = 0; i < 6; ++i) say("%lx ", (unsigned long)new_pages(4096UL << (2 * i)));
  say("\n");
  char* memory = shared_pages(65536);
  say("%lx %lx\n", (unsigned long)memory,
      (unsigned long)sys(mremap, memory, 65536, 1 << 20, MREMAP_MAYMOVE, 0));
  say("%lx\n", (unsigned long)need(sys(brk, sys(brk, 0) + 100000)));
}
static void limits(void) {
  for (int i = 0; i < 16; ++i) {
    struct rlimit limit;
    need(sys(prlimit64, 0, i, 0, &limit));
    say("%d: %lx %lx\n", i, (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
  }
  struct rlimit limit = {10, 10};
  need(sys(setrlimit, RLIMIT_NOFILE, &limit));
  int opened = 0;
  long fd;
  while ((fd = sys(dup, 0)) >= 0) ++opened;
  expect_is(fd, -EMFILE);
  expect(opened <= 9);
}
static void system_state(void) {
  struct sysinfo info;
  need(sys(sysinfo, &info));
  say("up %ld, load %ld, memory %ld free %ld, swap %ld, processes %d\n", info.uptime,
      (long)info.loads[0], (long)info.totalram, (long)info.freeram, (long)info.totalswap,
      info.procs);
  struct statfs file_system;
  need(sys(statfs, "/", &file_system));
  say("blocks %ld free %ld files %ld of size %ld\n", (long)file_system.f_blocks,
      (long)file_system.f_bfree, (long)file_system.f_ffree, (long)file_system.f_bsize);
}
static void open_descriptors(void) {
  for (int fd = 0; fd < 64; ++fd)
    if (sys(fcntl, fd, F_GETFD) >= 0) say("%d is open\n", fd);
  const long first = need(sys(open, "/", O_RDONLY, 0));
  say("the next is %ld\n", first);
}
static void terminal(void) {
  struct winsize size;
  struct termios state;
  for (int fd = 0; fd < 3; ++fd)
    say("%d: %ld %ld\n", fd, sys(ioctl, fd, TCGETS, &state), sys(ioctl, fd, TIOCGWINSZ, &size));
  say("/dev/tty: %ld\n", sys(open, "/dev/tty", O_RDWR, 0));
}
static void proc_files(void) {
  static const char* const kFiles[] = {"/proc/self/maps",
                                       "/proc/self/stat",
                                       "/proc/self/statm",
                                       "/proc/self/status",
                                       "/proc/self/limits",
                                       "/proc/self/cmdline",
                                       "/proc/self/cgroup",
                                       "/proc/self/mountinfo",
                                       "/proc/self/io",
                                       "/proc/self/sched",
                                       "/proc/self/smaps",
                                       "/proc/self/schedstat",
                                       "/proc/self/wchan",
                                       "/proc/self/timerslack_ns",
                                       "/proc/self/oom_score",
                                       "/proc/cpuinfo",
                                       "/proc/meminfo",
                                       "/proc/stat",
                                       "/proc/uptime",
                                       "/proc/loadavg",
                                       "/proc/version",
                                       "/proc/vmstat",
                                       "/proc/interrupts",
                                       "/proc/softirqs",
                                       "/proc/diskstats",
                                       "/proc/mounts",
                                       "/proc/filesystems",
                                       "/proc/modules",
                                       "/proc/cmdline",
                                       "/proc/swaps",
                                       "/proc/zoneinfo",
                                       "/proc/buddyinfo",
                                       "/proc/slabinfo",
                                       "/proc/net/tcp",
                                       "/proc/net/unix",
                                       "/proc/net/dev",
                                       "/proc/sys/kernel/random/boot_id",
                                       "/proc/sys/kernel/random/uuid",
                                       "/proc/sys/kernel/random/entropy_avail",
                                       "/proc/sys/kernel/hostname",
                                       "/proc/sys/kernel/osrelease",
                                       "/proc/sys/kernel/pid_max",
                                       "/proc/sys/fs/file-nr",
                                       "/proc/sys/fs/inode-nr",
                                       "/proc/pressure/cpu",
                                       "/sys/devices/system/cpu/online",
                                       "/sys/devices/system/cpu/possible",
                                       "/sys/kernel/mm/transparent_hugepage/enabled",
                                       "/sys/class/net/lo/address",
                                       "/etc/machine-id",
                                       "/etc/hostname"};
  for (unsigned i = 0; i < sizeof kFiles / sizeof kFiles[0]; ++i) say_file(kFiles[i]);
}
static void links_in_proc(void) {
  int ends[2];
  need(sys(pipe, ends));
  char* names[] = {"/proc/self",        "/proc/thread-self", "/proc/self/exe",
                   "/proc/self/fd/0",   "/proc/self/fd/3",   "/proc/self/ns/pid",
                   "/proc/self/ns/mnt", "/proc/self/ns/net"};
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; ++i) {
    char target[256] = {0};
    const long length = sys(readlink, names[i], target, sizeof target - 1);
    /* Where the program and the test's pipes lie is not known to the sandbox. */
    say("%s -> %s\n", names[i], length < 0 ? "none" : target);
  }
}
static int own_uuid(void* unused) {
  say_file("/proc/sys/kernel/random/uuid");
  return unused == 0 ? 0 : 1;
}
static void fresh_uuids(void) {
  own_uuid(0);
  own_uuid(0);
  expect_is(wait_for(child_of(own_uuid, 0)), 0);
}
/* What undoes the sandbox must not. */
static void cannot_be_undone(void) {
  sys(prctl, PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
  sys(arch_prctl, 0x1012 /* ARCH_SET_CPUID */, 1);
  sys(personality, 0);
  no_true_randomness();
  unsigned low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  say("%x%x\n", high, low);
}

const struct guest_case guest_cases[] = {
    {"names", names, ""},
    {"users", users, ""},
    {"processes", processes, ""},
    {"processors", processors, ""},
    {"processor_model", processor_model, "cpuid"},
    {"no_true_randomness", no_true_randomness, "cpuid"},
    {"random_bytes", random_bytes, ""},
    {"random_devices", random_devices, ""},
    {"random_of_children", random_of_children, ""},
    {"auxiliary_vector", auxiliary_vector, ""},
    {"addresses", addresses, ""},
    {"limits", limits, ""},
    {"system_state", system_state, ""},
    {"open_descriptors", open_descriptors, ""},
    {"terminal", terminal, ""},
    {"proc_files", proc_files, ""},
    {"links_in_proc", links_in_proc, ""},
    {"fresh_uuids", fresh_uuids, ""},
    {"cannot_be_undone", cannot_be_undone, "cpuid"},
    {0},
};
