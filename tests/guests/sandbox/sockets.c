/* sockets: local ones of every type, TCP and UDP over loopback, descriptors that travel. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "nolibc.h"

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = (unsigned short)(((port & 255) << 8) | (port >> 8)),
                              .sin_addr = {0x0100007f}};
}
static int port_of(long fd, int peer) {
  struct sockaddr_in address = {0};
  int length = sizeof address;
  if (peer)
    need(sys(getpeername, fd, &address, &length));
  else
    need(sys(getsockname, fd, &address, &length));
  return (address.sin_port & 255) << 8 | address.sin_port >> 8;
}
static long listening(int* port) {
  const long fd = need(sys(socket, AF_INET, SOCK_STREAM, 0));
  struct sockaddr_in address = loopback(0);
  need(sys(bind, fd, &address, sizeof address));
  need(sys(listen, fd, 5));
  *port = port_of(fd, 0);
  return fd;
}
static long connected(int port) {
  const long fd = need(sys(socket, AF_INET, SOCK_STREAM, 0));
  struct sockaddr_in address = loopback(port);
  need(sys(connect, fd, &address, sizeof address));
  return fd;
}
static int echo_once(void* argument) {
  const long listener = (long)argument;
  const long fd = need(sys(accept4, listener, 0, 0, 0));
  char bytes[64];
  long count;
  while ((count = need(sys(recvfrom, fd, bytes, sizeof bytes, 0, 0, 0))) > 0)
    write_all((int)fd, bytes, (size_t)count);
  return 0;
}
static void tcp_echo(void) {
  int port;
  const long listener = listening(&port);
  const long pid = child_of(echo_once, (void*)listener);
  const long fd = connected(port);
  for (int i = 0; i < 5; ++i) {
    char bytes[16] = {0};
    expect_is(sys(sendto, fd, "echo", 4, 0, 0, 0), 4);
    expect_is(sys(recvfrom, fd, bytes, sizeof bytes, 0, 0, 0), 4);
    say("%s ", bytes);
  }
  need(sys(shutdown, fd, SHUT_WR));
  char byte;
  expect_is(sys(recvfrom, fd, &byte, 1, 0, 0, 0), 0);
  expect_is(wait_for(pid), 0);
  say("\n");
}
/* The numbers of ports that nobody chose. */
static void port_numbers(void) {
  int ports[3];
  for (int i = 0; i < 3; ++i) listening(&ports[i]);
  const long fd = connected(ports[0]);
  say("listening at %d %d %d, connected from %d\n", ports[0], ports[1], ports[2], port_of(fd, 0));
  expect_is(port_of(fd, 1), ports[0]);
  const long datagram = need(sys(socket, AF_INET, SOCK_DGRAM, 0));
  struct sockaddr_in address = loopback(ports[0]);
  need(sys(connect, datagram, &address, sizeof address));
  say("datagrams from %d\n", port_of(datagram, 0));
}
static void accept_waits(void) {
  int port;
  const long listener = listening(&port);
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(30);
    connected(port);
    exit_now(0);
  }
  struct sockaddr_in from = {0};
  int length = sizeof from;
  const long fd = need(sys(accept, listener, &from, &length));
  expect_is(length, sizeof from);
  expect_is(from.sin_addr.s_addr, 0x0100007f);
  char byte;
  expect_is(sys(read, fd, &byte, 1), 0);
  expect_is(wait_for(pid), 0);
}
static void connect_without_waiting(void) {
  int port;
  const long listener = listening(&port);
  const long fd = need(sys(socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  struct sockaddr_in address = loopback(port);
  const long result = sys(connect, fd, &address, sizeof address);
  expect(result == 0 || result == -EINPROGRESS);
  struct pollfd polled = {(int)fd, POLLOUT, 0};
  expect_is(sys(poll, &polled, 1, -1), 1);
  int error = -1;
  int length = sizeof error;
  need(sys(getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &length));
  expect_is(error, 0);
  need(sys(close, listener));
  const long other = need(sys(socket, AF_INET, SOCK_STREAM, 0));
  expect_is(sys(connect, other, &address, sizeof address), -ECONNREFUSED);
  const long idle = listening(&port);
  need(sys(fcntl, idle, F_SETFL, O_NONBLOCK));
  expect_is(sys(accept4, idle, 0, 0, 0), -EAGAIN);
}
/* Who comes first to a server that starts while its clients try. */
static void bind_connect_race(void) {
  const long reserved = need(sys(socket, AF_INET, SOCK_STREAM, 0));
  struct sockaddr_in address = loopback(34567);
  const int one = 1;
  need(sys(setsockopt, reserved, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
  for (int i = 0; i < 3; ++i) {
    if (need(sys(fork)) == 0) {
      int tries = 0;
      for (;; ++tries) {
        const long fd = need(sys(socket, AF_INET, SOCK_STREAM, 0));
        if (sys(connect, fd, &address, sizeof address) == 0) {
          char name = (char)('a' + i);
          write_all((int)fd, &name, 1);
          exit_now(0);
        }
        need(sys(close, fd));
        sleep_ms(1);
      }
    }
  }
  sleep_ms(5);
  need(sys(bind, reserved, &address, sizeof address));
  need(sys(listen, reserved, 5));
  for (int i = 0; i < 3; ++i) {
    const long fd = need(sys(accept4, reserved, 0, 0, 0));
    char name = 0;
    expect_is(sys(read, fd, &name, 1), 1);
    say("%c", name);
  }
  say("\n");
  for (int i = 0; i < 3; ++i) expect_is(wait_for(-1), 0);
}
static int send_much(void* argument) {
  enum { kSize = 3000000 };
  char* bytes = new_pages(kSize);
  for (int i = 0; i < kSize; ++i) bytes[i] = (char)(i % 253);
  long sent = 0;
  while (sent < kSize)
    sent += need(sys(sendto, (long)argument, bytes + sent, kSize - sent, 0, 0, 0));
  return 0;
}
static void receive_much(long fd) {
  char* bytes = new_pages(100000);
  long total = 0;
  long portions = 0;
  long count;
  while ((count = need(sys(recvfrom, fd, bytes, 100000, 0, 0, 0))) > 0) {
    for (long i = 0; i < count; ++i)
      if (bytes[i] != (char)((total + i) % 253)) expect_is(i, -1);
    total += count;
    ++portions;
  }
  expect_is(total, 3000000);
  say("received in %ld portions\n", portions);
}
static void tcp_much(void) {
  int port;
  const long listener = listening(&port);
  const long client = connected(port);
  const long server = need(sys(accept4, listener, 0, 0, 0));
  const long pid = child_of(send_much, (void*)client);
  need(sys(close, client));
  receive_much(server);
  expect_is(wait_for(pid), 0);
}
/* The pieces in which much goes to and from several at once: when a sender goes on is up to the
 * acknowledgements, which a timer of the kernel's must not decide. */
enum { kMegabyte = 1 << 20, kReply = 2000000 };
static int send_and_receive_megabytes(void* fd) {
  static char bytes[kMegabyte];
  for (int i = 0; i < 3; ++i) expect_is(sys(write, (long)fd, bytes, kMegabyte), kMegabyte);
  long portions = 0;
  for (long left = kReply; left > 0; ++portions) {
    const long size = need(sys(read, (long)fd, bytes, kMegabyte));
    if (size == 0) return 1;
    left -= size;
  }
  say("(%ld) ", portions);
  return 0;
}
static void tcp_pieces(void) {
  enum { kPeers = 6, kPiece = 300000 };
  static char room[kPiece];
  int port;
  const long listener = listening(&port);
  struct pollfd files[kPeers];
  long replies[kPeers];
  for (int i = 0; i < kPeers; ++i) {
    const long client = connected(port);
    files[i] = (struct pollfd){(int)need(sys(accept4, listener, 0, 0, 0)), POLLIN | POLLOUT, 0};
    replies[i] = kReply;
    child_of(send_and_receive_megabytes, (void*)client);
    need(sys(close, client));
  }
  for (int open = kPeers; open > 0;) {
    need(sys(poll, files, kPeers, -1));
    for (int i = 0; i < kPeers; ++i) {
      if (files[i].revents & POLLOUT) {
        const long most = replies[i] < kPiece ? replies[i] : kPiece;
        const long size = need(sys(sendto, files[i].fd, room, most, MSG_DONTWAIT, 0, 0));
        say("%d>%ld ", i, size);
        replies[i] -= size;
        if (replies[i] == 0) files[i].events = POLLIN;
      }
      if ((files[i].revents & POLLIN) == 0) continue;
      const long size = need(sys(read, files[i].fd, room, sizeof room));
      say("%d<%ld ", i, size);
      if (size > 0) continue;
      files[i].fd = -1;
      --open;
    }
  }
  for (int i = 0; i < kPeers; ++i) expect_is(wait_for(-1), 0);
  say("\n");
}
static void local_much(void) {
  int pair[2];
  need(sys(socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
  const long pid = child_of(send_much, (void*)(long)pair[0]);
  need(sys(close, pair[0]));
  receive_much(pair[1]);
  expect_is(wait_for(pid), 0);
}
static void datagrams(void) {
  const long a = need(sys(socket, AF_INET, SOCK_DGRAM, 0));
  const long b = need(sys(socket, AF_INET, SOCK_DGRAM, 0));
  struct sockaddr_in address = loopback(0);
  need(sys(bind, a, &address, sizeof address));
  address = loopback(port_of(a, 0));
  const long pid = need(sys(fork));
  if (pid == 0) {
    sleep_ms(20);
    for (int i = 0; i < 3; ++i)
      expect_is(sys(sendto, b, "datagram", i + 1, 0, &address, sizeof address), i + 1);
    exit_now(0);
  }
  char bytes[16];
  struct sockaddr_in from;
  int length = sizeof from;
  for (int i = 0; i < 3; ++i)
    expect_is(sys(recvfrom, a, bytes, sizeof bytes, 0, &from, &length), i + 1);
  expect_is(sys(recvfrom, a, bytes, sizeof bytes, MSG_DONTWAIT, 0, 0), -EAGAIN);
  expect_is(wait_for(pid), 0);
}
static void receive_timeout(void) {
  int pair[2];
  need(sys(socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
  const struct timeval time = {0, 50000};
  need(sys(setsockopt, pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  char byte;
  const long before = now_ms();
  expect_is(sys(recvfrom, pair[0], &byte, 1, 0, 0, 0), -EAGAIN);
  expect(now_ms() - before >= 49);
  expect_is(sys(read, pair[0], &byte, 1), -EAGAIN);
  need(sys(setsockopt, pair[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
  char* bytes = new_pages(100000);
  long sent;
  while ((sent = sys(sendto, pair[0], bytes, 100000, 0, 0, 0)) > 0) continue;
  expect_is(sent, -EAGAIN);
}
static void peek_and_wait_for_all(void) {
  int pair[2];
  need(sys(socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
  const long pid = need(sys(fork));
  if (pid == 0) {
    for (int i = 0; i < 4; ++i) {
      sleep_ms(10);
      write_all(pair[1], "ab", 2);
    }
    exit_now(0);
  }
  char bytes[16] = {0};
  expect_is(sys(recvfrom, pair[0], bytes, 8, MSG_PEEK, 0, 0), 2);
  expect_is(sys(recvfrom, pair[0], bytes, 8, MSG_WAITALL, 0, 0), 8);
  say("%s\n", bytes);
  expect_is(wait_for(pid), 0);
}
static struct sockaddr_un named(const char* name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, name, text_length(name));
  return address;
}
static void local_by_name(void) {
  struct sockaddr_un address = named("socket");
  const long listener = need(sys(socket, AF_UNIX, SOCK_STREAM, 0));
  need(sys(bind, listener, &address, sizeof address));
  expect_is(sys(bind, listener, &address, sizeof address), -EADDRINUSE);
  need(sys(listen, listener, 1));
  const long pid = child_of(echo_once, (void*)listener);
  const long fd = need(sys(socket, AF_UNIX, SOCK_STREAM, 0));
  need(sys(connect, fd, &address, sizeof address));
  write_all((int)fd, "word", 4);
  char bytes[8];
  expect_is(sys(read, fd, bytes, 8), 4);
  struct ucred who;
  int length = sizeof who;
  need(sys(getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &who, &length));
  say("peer %d by uid %d, I am %d\n", who.pid == sys(getpid), (int)who.uid - (int)sys(getuid), 1);
  need(sys(close, fd));
  expect_is(wait_for(pid), 0);
}
/* More clients than the backlog holds: connect blocks. */
static void local_backlog(void) {
  struct sockaddr_un address = named("socket");
  const long listener = need(sys(socket, AF_UNIX, SOCK_STREAM, 0));
  need(sys(bind, listener, &address, sizeof address));
  need(sys(listen, listener, 1));
  for (int i = 0; i < 5; ++i) {
    if (need(sys(fork)) == 0) {
      const long fd = need(sys(socket, AF_UNIX, SOCK_STREAM, 0));
      need(sys(connect, fd, &address, sizeof address));
      const char name = (char)('a' + i);
      write_all((int)fd, &name, 1);
      exit_now(0);
    }
  }
  sleep_ms(30);
  for (int i = 0; i < 5; ++i) {
    const long fd = need(sys(accept4, listener, 0, 0, 0));
    char name = 0;
    expect_is(sys(read, fd, &name, 1), 1);
    say("%c", name);
  }
  say("\n");
  for (int i = 0; i < 5; ++i) expect_is(wait_for(-1), 0);
}
/* The kernel chooses such a name at random. */
static void local_autobind(void) {
  const long fd = need(sys(socket, AF_UNIX, SOCK_DGRAM, 0));
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  need(sys(bind, fd, &address, sizeof address.sun_family));
  int length = sizeof address;
  need(sys(getsockname, fd, &address, &length));
  expect_is(length, 8);
  say("autobound to %s\n", address.sun_path + 1);
}
static void local_kinds(void) {
  static const int kTypes[] = {SOCK_DGRAM, SOCK_SEQPACKET};
  for (int i = 0; i < 2; ++i) {
    int pair[2];
    need(sys(socketpair, AF_UNIX, kTypes[i], 0, pair));
    expect_is(sys(write, pair[0], "one", 3), 3);
    expect_is(sys(write, pair[0], "three", 5), 5);
    char bytes[16];
    expect_is(sys(read, pair[1], bytes, 2), 2);
    expect_is(sys(read, pair[1], bytes, 16), 5);
    const long pid = need(sys(fork));
    if (pid == 0) {
      for (int k = 0; k < 50; ++k) need(sys(write, pair[0], "message", 7)); /* blocks when full */
      exit_now(0);
    }
    sleep_ms(20);
    for (int k = 0; k < 50; ++k) expect_is(sys(read, pair[1], bytes, 16), 7);
    expect_is(wait_for(pid), 0);
  }
}
static void travelling_descriptor(void) {
  int pair[2];
  int ends[2];
  need(sys(socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
  need(sys(pipe, ends));
  const long pid = need(sys(fork));
  char byte = 'x';
  struct iovec vector = {&byte, 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  struct msghdr message = {.msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  if (pid == 0) {
    need(sys(close, ends[1]));
    expect_is(sys(recvmsg, pair[1], &message, 0), 1);
    int fd;
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    say("received descriptor %d\n", fd);
    write_all(fd, "through it", 10);
    exit_now(0);
  }
  memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
  sleep_ms(10);
  expect_is(sys(sendmsg, pair[0], &message, 0), 1);
  need(sys(close, ends[1]));
  char bytes[16];
  expect_is(sys(read, ends[0], bytes, 16), 10);
  expect_is(sys(read, ends[0], bytes, 16), 0);
  expect_is(wait_for(pid), 0);
}
static void many_messages(void) {
  int pair[2];
  need(sys(socketpair, AF_UNIX, SOCK_DGRAM, 0, pair));
  char out[3][4] = {"aa", "bbb", "c"};
  struct iovec vectors[3] = {{out[0], 2}, {out[1], 3}, {out[2], 1}};
  struct mmsghdr messages[3];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < 3; ++i) {
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  expect_is(sys(sendmmsg, pair[0], messages, 3, 0), 3);
  expect_is(sys(recvmmsg, pair[1], messages, 2, 0, 0), 2);
  say("%d %d\n", (int)messages[0].msg_len, (int)messages[1].msg_len);
  expect_is(sys(recvmmsg, pair[1], messages, 3, MSG_WAITFORONE, 0), 1);
  expect_is(sys(recvmmsg, pair[1], messages, 3, MSG_DONTWAIT, 0), -EAGAIN);
}
static void options_and_errors(void) {
  expect_is(sys(socket, 999, SOCK_STREAM, 0), -EAFNOSUPPORT);
  expect_is(sys(socket, AF_INET, 99, 0), -EINVAL);
  expect_is(sys(connect, 99, 0, 0), -EBADF);
  const long fd = need(sys(socket, AF_INET, SOCK_STREAM, 0));
  char byte;
  expect_is(sys(recvfrom, fd, &byte, 1, 0, 0, 0), -ENOTCONN);
  expect_is(sys(accept, fd, 0, 0), -EINVAL);
  int value = 0;
  int length = sizeof value;
  need(sys(getsockopt, fd, SOL_SOCKET, SO_TYPE, &value, &length));
  expect_is(value, SOCK_STREAM);
  need(sys(getsockopt, fd, SOL_SOCKET, SO_RCVBUF, &value, &length));
  say("receive buffer %d\n", value);
  need(sys(getsockopt, fd, IPPROTO_TCP, TCP_MAXSEG, &value, &length));
  int pair[2];
  need(sys(socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
  write_all(pair[0], "12345", 5);
  need(sys(ioctl, pair[1], FIONREAD, &value));
  expect_is(value, 5);
}
static int serve(void* argument) {
  const long listener = (long)argument;
  for (int i = 0; i < 12; ++i) {
    const long fd = need(sys(accept4, listener, 0, 0, 0));
    char name;
    expect_is(sys(read, fd, &name, 1), 1);
    say("%c", name);
    write_all((int)fd, "k", 1);
    need(sys(close, fd));
  }
  return 0;
}
static void server_and_clients(void) {
  int port;
  const long listener = listening(&port);
  const long server = child_of(serve, (void*)listener);
  for (int i = 0; i < 4; ++i) {
    if (need(sys(fork)) == 0) {
      for (int k = 0; k < 3; ++k) {
        const long fd = connected(port);
        char name = (char)('a' + i);
        write_all((int)fd, &name, 1);
        expect_is(sys(read, fd, &name, 1), 1);
        need(sys(close, fd));
      }
      exit_now(0);
    }
  }
  for (int i = 0; i < 5; ++i) expect_is(wait_for(-1), 0);
  (void)server;
  say("\n");
}

const struct guest_case guest_cases[] = {
    {"tcp_echo", tcp_echo, ""},
    {"port_numbers", port_numbers, ""},
    {"accept_waits", accept_waits, ""},
    {"connect_without_waiting", connect_without_waiting, ""},
    {"bind_connect_race", bind_connect_race, ""},
    {"tcp_much", tcp_much, ""},
    {"tcp_pieces", tcp_pieces, ""},
    {"local_much", local_much, ""},
    {"datagrams", datagrams, ""},
    {"receive_timeout", receive_timeout, ""},
    {"peek_and_wait_for_all", peek_and_wait_for_all, ""},
    {"local_by_name", local_by_name, ""},
    {"local_backlog", local_backlog, ""},
    {"local_autobind", local_autobind, ""},
    {"local_kinds", local_kinds, ""},
    {"travelling_descriptor", travelling_descriptor, ""},
    {"many_messages", many_messages, ""},
    {"options_and_errors", options_and_errors, ""},
    {"server_and_clients", server_and_clients, ""},
    {0},
};
