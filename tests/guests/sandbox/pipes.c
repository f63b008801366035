/* pipes: who reads and writes what, in which portions; FIFOs; splice and its kin. */
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "nolibc.h"

struct ends {
  int read;
  int write;
};
static struct ends new_pipe(int flags) {
  int fds[2];
  need(sys(pipe2, fds, flags));
  return (struct ends){fds[0], fds[1]};
}

static void write_slowly(int fd, const char* name) {
  for (int i = 0; i < 5; ++i) {
    struct text text = {.length = 0};
    text_add(&text, name, text_length(name));
    text_add_number(&text, (unsigned long)i, 10);
    text_add(&text, " ", 1);
    write_all(fd, text.bytes, text.length);
  }
}
static void read_to_end(int fd, const char* name) {
  char bytes[16];
  long count;
  while ((count = need(sys(read, fd, bytes, sizeof bytes - 1))) > 0) {
    bytes[count] = 0;
    say("%s got %ld: %s\n", name, count, bytes);
  }
}

/* Parent and child, each reading or writing or both. */
static void parent_and_child(int parent_writes, int parent_reads, int child_writes,
                             int child_reads) {
  const struct ends ends = new_pipe(0);
  const long pid = need(sys(fork));
  const int writes = pid == 0 ? child_writes : parent_writes;
  const int reads = pid == 0 ? child_reads : parent_reads;
  const char* name = pid == 0 ? "c" : "p";
  if (writes) write_slowly(ends.write, name);
  need(sys(close, ends.write));
  if (reads) read_to_end(ends.read, name);
  need(sys(close, ends.read));
  if (pid == 0) exit_now(0);
  expect_is(wait_for(pid), 0);
}
static void parent_writes_child_reads(void) { parent_and_child(1, 0, 0, 1); }
static void child_writes_parent_reads(void) { parent_and_child(0, 1, 1, 0); }
static void both_write_child_reads(void) { parent_and_child(1, 0, 1, 1); }
static void both_write_parent_reads(void) { parent_and_child(1, 1, 1, 0); }
static void child_writes_both_read(void) { parent_and_child(0, 1, 1, 1); }
static void both_write_both_read(void) { parent_and_child(1, 1, 1, 1); }

static void two_writers_one_reader(void) {
  const struct ends ends = new_pipe(0);
  for (int i = 0; i < 2; ++i) {
    if (need(sys(fork)) == 0) {
      write_slowly(ends.write, i == 0 ? "a" : "b");
      exit_now(0);
    }
  }
  need(sys(close, ends.write));
  read_to_end(ends.read, "reader");
  for (int i = 0; i < 2; ++i) expect_is(wait_for(-1), 0);
}

static void two_pipes_one_reader(void) {
  const struct ends pipes[2] = {new_pipe(0), new_pipe(0)};
  for (int i = 0; i < 2; ++i) {
    if (need(sys(fork)) == 0) {
      write_slowly(pipes[i].write, i == 0 ? "a" : "b");
      exit_now(0);
    }
    need(sys(close, pipes[i].write));
  }
  read_to_end(pipes[1].read, "second");
  read_to_end(pipes[0].read, "first");
  for (int i = 0; i < 2; ++i) expect_is(wait_for(-1), 0);
}

/* More than a pipe holds: the writer blocks in the middle of its write. */
static void big_write(void) {
  enum { kSize = 1000000 };
  const struct ends ends = new_pipe(0);
  char* bytes = new_pages(kSize);
  for (int i = 0; i < kSize; ++i) bytes[i] = (char)(i % 251);
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(close, ends.read));
    expect_is(sys(write, ends.write, bytes, kSize), kSize);
    exit_now(0);
  }
  need(sys(close, ends.write));
  char* read = new_pages(kSize);
  long total = 0;
  unsigned long portions = 0;
  long count;
  while ((count = need(sys(read, ends.read, read + total, 70000))) > 0) {
    portions = portions * 31 + (unsigned long)count;
    total += count;
  }
  expect_is(total, kSize);
  expect(bytes_are(bytes, read, kSize));
  expect_is(wait_for(pid), 0);
  say("portions %lx\n", portions);
}

/* Writes up to PIPE_BUF bytes are never torn (pipe(7)). */
static void atomic_writes(void) {
  enum { kSize = 4096, kWriters = 4 };
  const struct ends ends = new_pipe(0);
  for (int i = 0; i < kWriters; ++i) {
    if (need(sys(fork)) == 0) {
      char* bytes = new_pages(kSize);
      memset(bytes, 'a' + i, kSize);
      for (int k = 0; k < 20; ++k) expect_is(sys(write, ends.write, bytes, kSize), kSize);
      exit_now(0);
    }
  }
  need(sys(close, ends.write));
  char* bytes = new_pages(kSize);
  for (;;) {
    long total = 0;
    while (total < kSize) {
      const long count = need(sys(read, ends.read, bytes + total, kSize - total));
      if (count == 0) break;
      total += count;
    }
    if (total == 0) break;
    expect_is(total, kSize);
    for (int i = 1; i < kSize; ++i) expect_is(bytes[i], bytes[0]);
    say("%c", bytes[0]);
  }
  say("\n");
  for (int i = 0; i < kWriters; ++i) expect_is(wait_for(-1), 0);
}

static void nonblocking(void) {
  const struct ends ends = new_pipe(O_NONBLOCK);
  char bytes[4096] = {0};
  expect_is(sys(read, ends.read, bytes, 1), -EAGAIN);
  need(sys(fcntl, ends.write, F_SETPIPE_SZ, 65536));
  long total = 0;
  long count;
  while ((count = sys(write, ends.write, bytes, sizeof bytes)) > 0) total += count;
  expect_is(count, -EAGAIN);
  expect_is(total, 65536);
  int waiting = 0;
  need(sys(ioctl, ends.read, FIONREAD, &waiting));
  expect_is(waiting, 65536);
}

static void ends_and_errors(void) {
  struct ends ends = new_pipe(0);
  char byte = 'x';
  expect_is(sys(write, ends.read, &byte, 1), -EBADF);
  expect_is(sys(read, ends.write, &byte, 1), -EBADF);
  expect_is(sys(lseek, ends.read, 0, SEEK_SET), -ESPIPE);
  expect_is(sys(pread64, ends.read, &byte, 1, 0), -ESPIPE);
  expect_is(sys(read, ends.read, &byte, 0), 0);
  need(sys(close, ends.write));
  expect_is(sys(read, ends.read, &byte, 1), 0);
  ends = new_pipe(0);
  need(sys(close, ends.read));
  set_disposition(SIGPIPE, SIG_IGN);
  expect_is(sys(write, ends.write, &byte, 1), -EPIPE);
  const long pid = need(sys(fork));
  if (pid == 0) {
    set_disposition(SIGPIPE, SIG_DFL);
    sys(write, ends.write, &byte, 1);
    exit_now(0);
  }
  expect_is(wait_for(pid), 128 + SIGPIPE);
}

/* A blocked writer learns that the last reader has gone. */
static void reader_leaves(void) {
  const struct ends ends = new_pipe(0);
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(close, ends.read));
    char* bytes = new_pages(200000);
    set_disposition(SIGPIPE, SIG_IGN);
    const long count = sys(write, ends.write, bytes, 200000);
    say("wrote %ld of 200000\n", count);
    expect_is(sys(write, ends.write, bytes, 1), -EPIPE);
    exit_now(0);
  }
  need(sys(close, ends.write));
  char bytes[100];
  sleep_ms(10);
  expect_is(sys(read, ends.read, bytes, sizeof bytes), 100);
  need(sys(close, ends.read));
  expect_is(wait_for(pid), 0);
}

static void vectors(void) {
  const struct ends ends = new_pipe(0);
  char words[3][4] = {"one", "two", "six"};
  struct iovec out[3] = {{words[0], 3}, {words[1], 3}, {words[2], 3}};
  expect_is(sys(writev, ends.write, out, 3), 9);
  char a[5] = {0};
  char b[9] = {0};
  struct iovec in[2] = {{a, 4}, {b, 8}};
  expect_is(sys(readv, ends.read, in, 2), 9);
  say("%s %s\n", a, b);
  expect_is(sys(readv, ends.read, in, -1), -EINVAL);
  expect_is(sys(writev, ends.write, out, 0), 0);
}

static void packets(void) {
  const struct ends ends = new_pipe(O_DIRECT);
  need(sys(write, ends.write, "hello", 5));
  need(sys(write, ends.write, "you", 3));
  char bytes[16];
  expect_is(sys(read, ends.read, bytes, sizeof bytes), 5);
  expect_is(sys(read, ends.read, bytes, 2), 2);
  need(sys(write, ends.write, "z", 1));
  expect_is(sys(read, ends.read, bytes, sizeof bytes), 1);
}

static void fifo_rendezvous(void) {
  need(sys(mknod, "fifo", S_IFIFO | 0644, 0));
  const long pid = need(sys(fork));
  if (pid == 0) {
    const long fd = need(sys(open, "fifo", O_WRONLY, 0));
    write_all((int)fd, "through the fifo", 16);
    exit_now(0);
  }
  const long fd = need(sys(open, "fifo", O_RDONLY, 0));
  read_to_end((int)fd, "reader");
  expect_is(wait_for(pid), 0);
}

static void fifo_many_writers(void) {
  need(sys(mknod, "fifo", S_IFIFO | 0644, 0));
  for (int i = 0; i < 3; ++i) {
    if (need(sys(fork)) == 0) {
      const long fd = need(sys(open, "fifo", O_WRONLY, 0));
      write_slowly((int)fd, i == 0 ? "a" : i == 1 ? "b" : "c");
      exit_now(0);
    }
  }
  sleep_ms(10);
  const long fd = need(sys(open, "fifo", O_RDONLY, 0));
  /* A writer may still come when the first have gone: end of file may come more than once. */
  for (long total = 0; total < 3 * 5 * 3;) {
    char bytes[64];
    const long count = need(sys(read, fd, bytes, sizeof bytes - 1));
    bytes[count] = 0;
    if (count > 0) say("%s", bytes);
    total += count;
  }
  say("\n");
  for (int i = 0; i < 3; ++i) expect_is(wait_for(-1), 0);
}

static void fifo_without_waiting(void) {
  need(sys(mknod, "fifo", S_IFIFO | 0644, 0));
  expect_is(sys(open, "fifo", O_WRONLY | O_NONBLOCK, 0), -ENXIO);
  const long reader = need(sys(open, "fifo", O_RDONLY | O_NONBLOCK, 0));
  char byte;
  expect_is(sys(read, reader, &byte, 1), 0);
  const long writer = need(sys(open, "fifo", O_WRONLY, 0)); /* a reader is there */
  expect_is(sys(read, reader, &byte, 1), -EAGAIN);
  need(sys(write, writer, "x", 1));
  expect_is(sys(read, reader, &byte, 1), 1);
  const long both = need(sys(open, "fifo", O_RDWR, 0));
  need(sys(close, writer));
  expect_is(sys(read, reader, &byte, 1), -EAGAIN);
  need(sys(close, both));
}

static void on_alarm(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
}
static void fifo_open_interrupted(void) {
  need(sys(mknod, "fifo", S_IFIFO | 0644, 0));
  on_signal(SIGALRM, on_alarm, 0, 0);
  need(sys(alarm, 1));
  expect_is(sys(open, "fifo", O_RDONLY, 0), -EINTR);
}

static void splice_and_tee(void) {
  write_file("from", "words to move through pipes");
  const struct ends ends = new_pipe(0);
  const struct ends copy = new_pipe(0);
  const long from = need(sys(open, "from", O_RDONLY, 0));
  const long to = need(sys(open, "to", O_RDWR | O_CREAT, 0644));
  expect_is(sys(splice, from, 0, ends.write, 0, 100, 0), 27);
  expect_is(sys(tee, ends.read, copy.write, 100, 0), 27);
  expect_is(sys(splice, ends.read, 0, to, 0, 100, 0), 27);
  char bytes[32];
  expect_is(sys(read, copy.read, bytes, sizeof bytes), 27);
  char same[32];
  expect_is(sys(pread64, to, same, sizeof same, 0), 27);
  expect(bytes_are(bytes, same, 27));
  long offset = 6;
  expect_is(sys(sendfile, ends.write, from, &offset, 2), 2);
  expect_is(offset, 8);
  expect_is(sys(read, ends.read, bytes, sizeof bytes), 2);
  expect(bytes_are(bytes, "to", 2));
  struct iovec vector = {"gift", 4};
  expect_is(sys(vmsplice, ends.write, &vector, 1, 0), 4);
  expect_is(sys(read, ends.read, bytes, sizeof bytes), 4);
}

static void splice_waits(void) {
  const struct ends in = new_pipe(0);
  const struct ends out = new_pipe(0);
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(10);
    need(sys(write, in.write, "late", 4));
    exit_now(0);
  }
  expect_is(sys(splice, in.read, 0, out.write, 0, 100, 0), 4);
  expect_is(sys(splice, in.read, 0, out.write, 0, 100, SPLICE_F_NONBLOCK), -EAGAIN);
  expect_is(wait_for(pid), 0);
}

/* A chain of processes, each passing on what the one before has written. */
static void chain(void) {
  int input = -1;
  for (int i = 0; i < 6; ++i) {
    const struct ends ends = new_pipe(0);
    if (need(sys(fork)) == 0) {
      if (i == 0) {
        write_slowly(ends.write, "w");
      } else {
        char bytes[8];
        long count;
        while ((count = need(sys(read, input, bytes, sizeof bytes))) > 0)
          write_all(ends.write, bytes, (size_t)count);
      }
      exit_now(0);
    }
    need(sys(close, ends.write));
    if (input >= 0) need(sys(close, input));
    input = ends.read;
  }
  read_to_end(input, "end of the chain");
  for (int i = 0; i < 6; ++i) expect_is(wait_for(-1), 0);
}

static void ping_pong(void) {
  const struct ends there = new_pipe(0);
  const struct ends back = new_pipe(0);
  const long pid = need(sys(fork));
  char byte = 0;
  if (pid == 0) {
    need(sys(close, there.write));
    while (sys(read, there.read, &byte, 1) == 1) {
      ++byte;
      need(sys(write, back.write, &byte, 1));
    }
    exit_now(0);
  }
  for (int i = 0; i < 100; ++i) {
    need(sys(write, there.write, &byte, 1));
    expect_is(sys(read, back.read, &byte, 1), 1);
  }
  expect_is(byte, 100);
  need(sys(close, there.write));
  expect_is(wait_for(pid), 0);
}

/* Both ends of a pipe closed in other ways than close(2): dup2 over it, and an exec. */
static void closed_otherwise(void) {
  const struct ends ends = new_pipe(O_CLOEXEC);
  const long pid = need(sys(fork));
  if (pid == 0) {
    need(sys(dup2, 1, ends.write));
    sleep_ms(50);
    exit_now(0);
  }
  const long other = need(sys(fork));
  if (other == 0) {
    char* words[] = {"/proc/self/exe", "sleep_a_little", 0};
    sys(execve, words[0], words, guest_environment);
    exit_now(9);
  }
  need(sys(close, ends.write));
  char byte;
  expect_is(sys(read, ends.read, &byte, 1), 0);
  expect_is(wait_for(pid), 0);
  expect_is(wait_for(other), 0);
}
static void sleep_a_little(void) { sleep_ms(50); }

const struct guest_case guest_cases[] = {
    {"parent_writes_child_reads", parent_writes_child_reads, ""},
    {"child_writes_parent_reads", child_writes_parent_reads, ""},
    {"both_write_child_reads", both_write_child_reads, ""},
    {"both_write_parent_reads", both_write_parent_reads, ""},
    {"child_writes_both_read", child_writes_both_read, ""},
    {"both_write_both_read", both_write_both_read, ""},
    {"two_writers_one_reader", two_writers_one_reader, ""},
    {"two_pipes_one_reader", two_pipes_one_reader, ""},
    {"big_write", big_write, ""},
    {"atomic_writes", atomic_writes, ""},
    {"nonblocking", nonblocking, ""},
    {"ends_and_errors", ends_and_errors, ""},
    {"reader_leaves", reader_leaves, ""},
    {"vectors", vectors, ""},
    {"packets", packets, ""},
    {"fifo_rendezvous", fifo_rendezvous, ""},
    {"fifo_many_writers", fifo_many_writers, ""},
    {"fifo_without_waiting", fifo_without_waiting, ""},
    {"fifo_open_interrupted", fifo_open_interrupted, ""},
    {"splice_and_tee", splice_and_tee, ""},
    {"splice_waits", splice_waits, ""},
    {"chain", chain, ""},
    {"ping_pong", ping_pong, ""},
    {"closed_otherwise", closed_otherwise, ""},
    {"sleep_a_little", sleep_a_little, ""},
    {0},
};
