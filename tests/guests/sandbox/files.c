/* files: names, numbers, times, orders and sizes of files and directories. */
#include <dirent.h>
#include <linux/stat.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "nolibc.h"

/* The kernel's struct stat, which <sys/stat.h> cannot give beside <linux/stat.h>. */
struct status {
  unsigned long device, inode, links;
  unsigned mode, user, group, pad;
  unsigned long special;
  long size, block_size, blocks;
  struct timespec accessed, modified, changed;
  long reserved[3];
};
static struct status status_of(const char* path) {
  struct status status;
  need(sys(newfstatat, AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW));
  return status;
}
static long nanoseconds(struct timespec time) { return time.tv_sec * 1000000000 + time.tv_nsec; }
static void say_status(const char* path) {
  const struct status s = status_of(path);
  say("%s: dev %lx ino %ld links %ld mode %x uid %d size %ld blocks %ld/%ld a %ld m %ld c %ld\n",
      path, s.device, (long)s.inode, (long)s.links, s.mode, (int)s.user, s.size, s.blocks,
      s.block_size, nanoseconds(s.accessed), nanoseconds(s.modified), nanoseconds(s.changed));
}

static void opens(void) {
  expect_is(sys(open, "file", O_RDONLY, 0), -ENOENT);
  const long fd = need(sys(open, "file", O_WRONLY | O_CREAT | O_EXCL, 0640));
  expect_is(sys(open, "file", O_WRONLY | O_CREAT | O_EXCL, 0640), -EEXIST);
  expect_is(sys(openat, AT_FDCWD, "file", O_WRONLY | O_CREAT | O_EXCL, 0640), -EEXIST);
  expect_is(sys(open, "file/below", O_RDONLY, 0), -ENOTDIR);
  expect_is(sys(open, ".", O_WRONLY, 0), -EISDIR);
  expect_is(sys(open, "file", O_RDONLY | O_DIRECTORY, 0), -ENOTDIR);
  expect_is(sys(open, 8, O_RDONLY, 0), -EFAULT);
  expect_is(sys(open, "", O_RDONLY, 0), -ENOENT);
  expect_is(sys(openat, 99, "file", O_RDONLY, 0), -EBADF);
  need(sys(creat, "created", 0600));
  struct {
    unsigned long flags, mode, resolve;
  } how = {O_RDONLY, 0, 0};
  need(sys(openat2, AT_FDCWD, "file", &how, sizeof how));
  need(sys(write, fd, "x", 1));
  const long appended = need(sys(open, "file", O_WRONLY | O_APPEND, 0));
  need(sys(write, appended, "yz", 2));
  need(sys(truncate, "created", 100));
  say_status("file");
  say_status("created");
}
static void unnamed(void) {
  const long fd = sys(open, ".", O_RDWR | O_TMPFILE, 0600);
  if (fd == -EOPNOTSUPP) return;
  need(fd);
  need(sys(write, fd, "hidden", 6));
  char name[64] = "/proc/self/fd/";
  name[14] = (char)('0' + fd);
  need(sys(linkat, AT_FDCWD, name, AT_FDCWD, "visible", AT_SYMLINK_FOLLOW));
  say_status("visible");
}
static void directories(void) {
  need(sys(mkdir, "a", 0755));
  const long a = need(sys(open, "a", O_RDONLY | O_DIRECTORY, 0));
  need(sys(mkdirat, a, "b", 0755));
  const long b = need(sys(openat, a, "b", O_RDONLY | O_DIRECTORY, 0));
  need(sys(mkdirat, b, "c", 0700));
  need(sys(mkdirat, AT_FDCWD, "d", 0700));
  expect_is(sys(mkdir, "d", 0700), -EEXIST);
  expect_is(sys(rmdir, "a"), -ENOTEMPTY);
  need(sys(fchownat, a, "b", -1, -1, 0));
  need(sys(symlink, "a/b", "link"));
  need(sys(symlinkat, "c", b, "inner"));
  char target[16] = {0};
  expect_is(sys(readlink, "link", target, 15), 3);
  need(sys(mknod, "node", 0100644, 0));
  need(sys(mknodat, b, "pipe", 010644, 0));
  need(sys(link, "node", "second name"));
  expect_is(status_of("node").links, 2);
  expect_is(status_of("node").inode, status_of("second name").inode);
  need(sys(fchdir, b));
  say_status("c");
  say_status("inner");
  say_status("../../link");
}

static long list(int fd, int with_numbers) {
  char bytes[512];
  long count;
  long entries = 0;
  while ((count = need(sys(getdents64, fd, bytes, sizeof bytes))) > 0) {
    for (long at = 0; at < count; ++entries) {
      const struct dirent64* entry = (const struct dirent64*)(bytes + at);
      if (with_numbers)
        say("%s=%ld/%d ", entry->d_name, (long)entry->d_ino, entry->d_type);
      else
        say("%s ", entry->d_name);
      at += entry->d_reclen;
    }
  }
  say("\n");
  return entries;
}
static const char* const kScattered[] = {"zebra", "ant",  "Mouse", "cow", "10",  "9",
                                         "dog",   "bee",  ".hid",  "owl", "yak", "eel",
                                         "fox",   "goat", "hen",   "ibis"};
static void make_scattered(void) {
  enter_new_directory("list");
  for (int i = 0; i < 16; ++i) write_file(kScattered[i], "x");
}
static void listing(void) {
  make_scattered();
  const long fd = need(sys(open, ".", O_RDONLY | O_DIRECTORY, 0));
  expect_is(list((int)fd, 1), 18);
  expect_is(list((int)fd, 0), 0);
  need(sys(lseek, fd, 0, SEEK_SET));
  expect_is(list((int)fd, 0), 18);
  const long copy = need(sys(dup, fd));
  need(sys(lseek, copy, 0, SEEK_SET)); /* the position is shared */
  expect_is(list((int)fd, 0), 18);
  expect_is(sys(getdents64, fd, 8, 100), 0); /* nothing is left to write */
  need(sys(lseek, fd, 0, SEEK_SET));
  char few[8];
  expect_is(sys(getdents64, fd, few, 8), -EINVAL);
  expect_is(sys(getdents64, 99, few, 8), -EBADF);
  write_file("plain", "x");
  const long plain = need(sys(open, "plain", O_RDONLY, 0));
  expect_is(sys(getdents64, plain, few, 8), -ENOTDIR);
}
/* Reading goes on where seekdir says, also over a fork. */
static void listing_goes_on(void) {
  make_scattered();
  const long fd = need(sys(open, ".", O_RDONLY | O_DIRECTORY, 0));
  char* bytes = new_pages(4096);
  need(sys(getdents64, fd, bytes, 128));
  const struct dirent64* first = (const struct dirent64*)bytes;
  const struct dirent64* second = (const struct dirent64*)(bytes + first->d_reclen);
  const long behind_second = second->d_off;
  const long pid = need(sys(fork));
  if (pid == 0) {
    list((int)fd, 0);
    exit_now(0);
  }
  expect_is(wait_for(pid), 0);
  expect_is(list((int)fd, 0), 0);
  need(sys(lseek, fd, behind_second, SEEK_SET));
  expect_is(list((int)fd, 0), 16);
}
static void listing_changes(void) {
  make_scattered();
  const long fd = need(sys(open, ".", O_RDONLY | O_DIRECTORY, 0));
  expect_is(list((int)fd, 0), 18);
  need(sys(unlink, "cow"));
  write_file("kid", "x");
  need(sys(rename, "zebra", "aardvark"));
  need(sys(lseek, fd, 0, SEEK_SET));
  expect_is(list((int)fd, 0), 18);
  need(sys(mkdir, "sub", 0755));
  need(sys(chdir, "sub"));
  need(sys(rmdir, "../sub"));
  const long removed = need(sys(open, ".", O_RDONLY | O_DIRECTORY, 0));
  char bytes[512];
  expect_is(sys(getdents64, removed, bytes, sizeof bytes), -ENOENT);
}
static void old_listing(void) {
  make_scattered();
  const long fd = need(sys(open, ".", O_RDONLY | O_DIRECTORY, 0));
  struct old_entry {
    unsigned long inode;
    long offset;
    unsigned short length;
    char name[];
  };
  char bytes[512];
  long count;
  while ((count = need(sys(getdents, fd, bytes, sizeof bytes))) > 0) {
    for (long at = 0; at < count;) {
      const struct old_entry* entry = (const struct old_entry*)(bytes + at);
      say("%s/%d ", entry->name, bytes[at + entry->length - 1]);
      at += entry->length;
    }
  }
  say("\n");
}

/* Numbers: one a file, kept over renames, given again to nobody else. */
static void numbers(void) {
  write_file("one", "x");
  write_file("two", "x");
  const unsigned long one = status_of("one").inode;
  const unsigned long two = status_of("two").inode;
  expect(one != two);
  need(sys(rename, "one", "three"));
  expect_is(status_of("three").inode, one);
  need(sys(unlink, "three"));
  write_file("four", "x"); /* the kernel may use the number again at once */
  write_file("five", "x");
  say("%ld %ld %ld %ld\n", (long)one, (long)two, (long)status_of("four").inode,
      (long)status_of("five").inode);
  const long fd = need(sys(open, "four", O_RDONLY, 0));
  struct status status;
  need(sys(fstat, fd, &status));
  expect_is(status.inode, status_of("four").inode);
  struct statx extended;
  need(sys(statx, AT_FDCWD, "four", 0, STATX_BASIC_STATS | STATX_BTIME, &extended));
  expect_is(extended.stx_ino, status.inode);
  say("%x %ld\n", extended.stx_mask, (long)extended.stx_btime.tv_sec);
}
/* Times: those of this run in its order. */
static void times(void) {
  write_file("source", "x");
  sleep_ms(20);
  write_file("object", "x");
  expect(nanoseconds(status_of("object").modified) > nanoseconds(status_of("source").modified));
  sleep_ms(20);
  write_file("source", "y");
  expect(nanoseconds(status_of("source").modified) > nanoseconds(status_of("object").modified));
  say_status("source");
  say_status("object");
  say_status(".");
  const long changed = nanoseconds(status_of("object").changed);
  sleep_ms(20);
  need(sys(chmod, "object", 0600));
  expect(nanoseconds(status_of("object").changed) > changed);
  const long directory = nanoseconds(status_of(".").modified);
  sleep_ms(20);
  need(sys(unlink, "object"));
  expect(nanoseconds(status_of(".").modified) > directory);
  const long fd = need(sys(open, "mapped", O_RDWR | O_CREAT, 0600));
  need(sys(ftruncate, fd, 4096));
  char* memory = (char*)need(sys(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  memory[0] = 'x';
  need(sys(msync, memory, 4096, MS_SYNC));
  need(sys(munmap, memory, 4096));
  say_status("mapped");
}
static void times_of_others(void) {
  say_status("/etc/passwd");
  say_status("/bin");
  say_status("/dev/null");
  struct statfs system;
  need(sys(statfs, ".", &system));
  need(sys(fstatfs, need(sys(open, "/etc/passwd", O_RDONLY, 0)), &system));
  say("%lx %ld %ld %ld %ld\n", (unsigned long)system.f_type, (long)system.f_blocks,
      (long)system.f_bfree, (long)system.f_files, (long)system.f_namelen);
}
static void descriptors(void) {
  const long first = need(sys(open, "/", O_RDONLY, 0));
  const long second = need(sys(open, "/", O_RDONLY, 0));
  expect_is(second, first + 1);
  need(sys(close, first));
  expect_is(sys(open, "/", O_RDONLY, 0), first);
  expect_is(sys(fcntl, second, F_DUPFD, 20), 20);
  expect_is(sys(dup3, second, 30, O_CLOEXEC), 30);
  expect_is(sys(fcntl, 30, F_GETFD), FD_CLOEXEC);
  expect_is(sys(dup2, 99, 1), -EBADF);
  need(sys(close_range, 20, ~0U, 0));
  expect_is(sys(fcntl, 30, F_GETFD), -EBADF);
  need(sys(fcntl, first, F_SETFD, FD_CLOEXEC));
  const long pid = need(sys(fork));
  if (pid == 0) {
    char* words[] = {"/proc/self/exe", "closed_on_exec", 0};
    sys(execve, words[0], words, guest_environment);
    exit_now(9);
  }
  expect_is(wait_for(pid), 0);
}
static void closed_on_exec(void) {
  for (int fd = 3; fd < 32; ++fd)
    if (sys(fcntl, fd, F_GETFD) >= 0) say("%d is open\n", fd);
}
static void renames(void) {
  write_file("a", "a");
  write_file("b", "bb");
  expect_is(sys(renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 1 /* RENAME_NOREPLACE */), -EEXIST);
  need(sys(renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 2 /* RENAME_EXCHANGE */));
  expect_is(status_of("a").size, 2);
  need(sys(renameat, AT_FDCWD, "a", AT_FDCWD, "b"));
  expect_is(sys(access, "a", F_OK), -ENOENT);
  expect_is(sys(faccessat, AT_FDCWD, "b", R_OK | W_OK), 0);
  expect_is(sys(faccessat2, AT_FDCWD, "b", X_OK, 0), -EACCES);
  need(sys(mkdir, "d", 0755));
  expect_is(sys(rename, "b", "d"), -EISDIR);
  expect_is(sys(unlink, "d"), -EISDIR);
}
static void holes(void) {
  const long fd = need(sys(open, "sparse", O_RDWR | O_CREAT, 0600));
  need(sys(pwrite64, fd, "end", 3, 1000000));
  say_status("sparse");
  const long data = sys(lseek, fd, 0, SEEK_DATA);
  const long hole = sys(lseek, fd, 0, SEEK_HOLE);
  say("data at %ld, hole at %ld\n", data, hole);
  const long allocated = sys(fallocate, fd, 0, 0, 4096);
  expect(allocated == 0 || allocated == -EOPNOTSUPP);
  const long to = need(sys(open, "copy", O_RDWR | O_CREAT, 0600));
  need(sys(lseek, fd, 999990, SEEK_SET));
  expect_is(sys(copy_file_range, fd, 0, to, 0, 100, 0), 13);
  expect_is(sys(copy_file_range, fd, 0, to, 0, 100, 0), 0);
  need(sys(fsync, fd));
  need(sys(fdatasync, to));
  say_status("copy");
}
static void attributes(void) {
  write_file("file", "x");
  const long set = sys(setxattr, "file", "user.word", "value", 5, 0);
  if (set == -EOPNOTSUPP) return;
  need(set);
  char value[16];
  expect_is(sys(getxattr, "file", "user.word", value, 16), 5);
  expect_is(sys(getxattr, "file", "user.none", value, 16), -ENODATA);
  expect_is(sys(listxattr, "file", value, 16), 10);
}
static int append_lines(void* name) {
  const long fd = need(sys(open, "log", O_WRONLY | O_APPEND | O_CREAT, 0644));
  for (int i = 0; i < 10; ++i) {
    need(sys(write, fd, name, 1));
    if (i % 3 == 0) sys(sched_yield);
  }
  return 0;
}
/* Two processes that write into one file: the order is that of the schedule. */
static void appended_by_two(void) {
  const long a = child_of(append_lines, "a");
  const long b = child_of(append_lines, "b");
  expect_is(wait_for(a), 0);
  expect_is(wait_for(b), 0);
  char bytes[32] = {0};
  const long fd = need(sys(open, "log", O_RDONLY, 0));
  expect_is(sys(read, fd, bytes, 32), 20);
  say("%s\n", bytes);
}
static int create_exclusively(void* name) {
  for (int i = 0; i < 10; ++i) {
    const char path[] = {'r', (char)('0' + i), 0};
    const long fd = sys(open, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd >= 0) need(sys(write, fd, name, 1));
  }
  return 0;
}
static void who_creates(void) {
  const long a = child_of(create_exclusively, "a");
  const long b = child_of(create_exclusively, "b");
  expect_is(wait_for(a), 0);
  expect_is(wait_for(b), 0);
  for (int i = 0; i < 10; ++i) {
    const char path[] = {'r', (char)('0' + i), 0};
    char byte = 0;
    expect_is(sys(read, need(sys(open, path, O_RDONLY, 0)), &byte, 1), 1);
    say("%c", byte);
  }
  say("\n");
}
static void reads(void) {
  write_file("file", "0123456789");
  const long fd = need(sys(open, "file", O_RDWR, 0));
  char bytes[16] = {0};
  expect_is(sys(pread64, fd, bytes, 4, 6), 4);
  expect_is(sys(pread64, fd, bytes, 4, 10), 0);
  expect_is(sys(pread64, fd, bytes, 4, -1), -EINVAL);
  expect_is(sys(read, fd, 8, 4), -EFAULT);
  expect_is(sys(read, fd, bytes, 16), 10);
  expect_is(sys(read, fd, bytes, 16), 0);
  struct iovec vectors[2] = {{bytes, 2}, {bytes + 4, 2}};
  expect_is(sys(preadv, fd, vectors, 2, 1, 0), 4);
  expect_is(sys(preadv2, fd, vectors, 2, 1, 0, 0), 4);
  expect_is(sys(pwritev, fd, vectors, 2, 8, 0), 4);
  expect_is(sys(pwritev2, fd, vectors, 2, 8, 0, 0), 4);
  int waiting = 0;
  need(sys(lseek, fd, 0, SEEK_SET));
  need(sys(ioctl, fd, FIONREAD, &waiting));
  expect_is(waiting, 12);
  /* A vector whose second part is bad reads the first. */
  struct iovec bad[2] = {{bytes, 2}, {(void*)8, 2}};
  expect_is(sys(preadv, fd, bad, 2, 0, 0), 2);
}
static void memory_file(void) {
  const long fd = need(sys(memfd_create, "name", 1 | 2 /* CLOEXEC | ALLOW_SEALING */));
  need(sys(write, fd, "x", 1));
  need(sys(fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE));
  expect_is(sys(write, fd, "x", 1), -EPERM);
  struct status status;
  need(sys(fstat, fd, &status));
  say("%ld %ld\n", status.size, status.blocks);
}

const struct guest_case guest_cases[] = {
    {"opens", opens, ""},
    {"unnamed", unnamed, ""},
    {"directories", directories, ""},
    {"listing", listing, ""},
    {"listing_goes_on", listing_goes_on, ""},
    {"listing_changes", listing_changes, ""},
    {"old_listing", old_listing, ""},
    {"numbers", numbers, ""},
    {"times", times, ""},
    {"times_of_others", times_of_others, ""},
    {"descriptors", descriptors, ""},
    {"closed_on_exec", closed_on_exec, ""},
    {"renames", renames, ""},
    {"holes", holes, ""},
    {"attributes", attributes, ""},
    {"appended_by_two", appended_by_two, ""},
    {"who_creates", who_creates, ""},
    {"reads", reads, ""},
    {"memory_file", memory_file, ""},
    {0},
};
