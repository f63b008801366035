// Sockets of the test's own. It shares the host's network, so of ports only the order is known.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "determinism/calls.h"
#include "support/own_tracee.h"

namespace tc::determinism {
namespace {

using guest::Woken;
using test::address_of;
using test::OwnTracee;

sockaddr_in loopback(std::uint16_t port = 0) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}
sockaddr_un local_name(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}
std::uint16_t port_of_socket(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

class SocketCallTest : public testing::Test {
 protected:
  SocketCallTest() { add_socket_calls(handlers_, world_); }

  static UniqueFd make(int family, int type) {
    UniqueFd made(::socket(family, type | SOCK_CLOEXEC, 0));
    EXPECT_TRUE(made);
    return made;
  }
  template <class Address>
  std::int64_t bind(const UniqueFd& socket, const Address& address,
                    std::size_t size = sizeof(Address)) {
    return guest_.run(handlers_, sys::call::bind{.fd = {socket.get()},
                                                 .umyaddr = {{address_of(&address)}},
                                                 .addrlen = {static_cast<std::int32_t>(size)}});
  }
  template <class Address>
  void start_connect(const UniqueFd& socket, const Address& address,
                     std::size_t size = sizeof(Address)) {
    guest_.start(handlers_, sys::call::connect{.fd = {socket.get()},
                                               .uservaddr = {{address_of(&address)}},
                                               .addrlen = {static_cast<std::int32_t>(size)}});
  }
  std::int64_t listen(const UniqueFd& socket, int backlog) {
    return guest_.run(handlers_, sys::call::listen{.fd = {socket.get()}, .backlog = {backlog}});
  }
  std::int64_t send(const UniqueFd& socket, std::string_view text, const sockaddr_in& to) {
    return guest_.run(handlers_, sys::call::sendto{.fd = {socket.get()},
                                                   .buff = {{address_of(text.data())}},
                                                   .len = {text.size()},
                                                   .flags = {},
                                                   .addr = {{address_of(&to)}},
                                                   .addr_len = {sizeof(to)}});
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee guest_{1};
};

TEST_F(SocketCallTest, PortsComeInOrder) {
  const UniqueFd first = make(AF_INET, SOCK_STREAM);
  ASSERT_EQ(bind(first, loopback()), 0);
  EXPECT_EQ(port_of_socket(first) + 1, world_.next_port);
  const UniqueFd second = make(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(bind(second, loopback()), 0);
  EXPECT_GT(port_of_socket(second), port_of_socket(first));
  EXPECT_EQ(bind(second, loopback()), -EINVAL) << "it is bound";
  const UniqueFd third = make(AF_INET, SOCK_STREAM);
  EXPECT_EQ(bind(third, loopback(port_of_socket(first))), -EADDRINUSE) << "as asked for";
}

TEST_F(SocketCallTest, ATakenPortIsPassedOver) {
  const UniqueFd first = make(AF_INET, SOCK_STREAM);
  ASSERT_EQ(bind(first, loopback()), 0);
  world_.next_port = port_of_socket(first);
  const UniqueFd second = make(AF_INET, SOCK_STREAM);
  ASSERT_EQ(bind(second, loopback()), 0);
  EXPECT_NE(port_of_socket(second), port_of_socket(first));
  world_.next_port = 65535;
  const UniqueFd third = make(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(bind(third, loopback()), 0);
  EXPECT_GE(port_of_socket(third), 32768) << "behind the last comes the first";
  EXPECT_GE(world_.next_port, 32768);
}

TEST_F(SocketCallTest, ListenConnectAndSendGiveAPortInOrder) {
  const UniqueFd listener = make(AF_INET, SOCK_STREAM);
  ASSERT_EQ(listen(listener, 4), 0);
  EXPECT_EQ(port_of_socket(listener) + 1, world_.next_port);
  const UniqueFd client = make(AF_INET, SOCK_STREAM);
  start_connect(client, loopback(port_of_socket(listener)));
  EXPECT_EQ(guest_.result(), 0);
  EXPECT_EQ(port_of_socket(client) + 1, world_.next_port);
  const UniqueFd sender = make(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(send(sender, "hi", loopback(9)), 2);
  EXPECT_EQ(port_of_socket(sender) + 1, world_.next_port);
}

TEST_F(SocketCallTest, ThePortsOfTheHostsNetworkAreTheKernels) {
  World host{Settings{.host_network = true}};
  guest::Handlers handlers;
  add_socket_calls(handlers, host);
  const UniqueFd socket = make(AF_INET, SOCK_STREAM);
  const sockaddr_in any = loopback();
  EXPECT_EQ(guest_.run(handlers, sys::call::bind{.fd = {socket.get()},
                                                 .umyaddr = {{address_of(&any)}},
                                                 .addrlen = {sizeof(any)}}),
            0);
  EXPECT_TRUE(guest_.has_passed());
  EXPECT_EQ(host.next_port, 32768);
}

TEST_F(SocketCallTest, AnAutomaticNameIsTheNextOne) {
  world_.next_socket_name = 0xabc00;
  const UniqueFd socket = make(AF_UNIX, SOCK_DGRAM);
  const sockaddr_un none = local_name("");
  ASSERT_EQ(bind(socket, none, sizeof(sa_family_t)), 0);
  sockaddr_un name{};
  socklen_t size = sizeof(name);
  ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  ASSERT_EQ(size, sizeof(sa_family_t) + 6);
  EXPECT_EQ(std::string(name.sun_path, 6), std::string("\0abc00", 6));
}

TEST_F(SocketCallTest, AConnectionIsRefusedAtOnce) {
  const UniqueFd free = make(AF_INET, SOCK_STREAM);
  ASSERT_EQ(bind(free, loopback()), 0);
  const UniqueFd client = make(AF_INET, SOCK_STREAM);
  start_connect(client, loopback(port_of_socket(free)));
  EXPECT_EQ(guest_.result(), -ECONNREFUSED);
  EXPECT_EQ(::fcntl(client.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(SocketCallTest, AFullBacklogIsTriedAgain) {
  const UniqueFd listener = make(AF_UNIX, SOCK_STREAM);
  const sockaddr_un name = local_name(std::string_view("\0tc-test-backlog", 16));
  ASSERT_EQ(bind(listener, name), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  const UniqueFd first = make(AF_UNIX, SOCK_STREAM);
  start_connect(first, name);
  ASSERT_EQ(guest_.result(), 0);
  const UniqueFd second = make(AF_UNIX, SOCK_STREAM);
  start_connect(second, name);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_TRUE(guest_.wait().retry);
  guest_.wake(Woken::kReady);
  ASSERT_TRUE(guest_.is_waiting());
  const UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  guest_.wake(Woken::kReady);
  ASSERT_FALSE(guest_.is_waiting());
  EXPECT_EQ(guest_.result(), 0);
}

TEST_F(SocketCallTest, ATcpBacklogDoesNotWaitForRealTime) {
  const UniqueFd listener = make(AF_INET, SOCK_STREAM);
  ASSERT_EQ(listen(listener, 0), 0);
  const sockaddr_in address = loopback(port_of_socket(listener));
  std::vector<UniqueFd> clients;
  do {
    clients.push_back(make(AF_INET, SOCK_STREAM));
    start_connect(clients.back(), address);
  } while (!guest_.is_waiting() && clients.size() < 10);
  ASSERT_TRUE(guest_.is_waiting()) << "a backlog of none holds few";
  EXPECT_TRUE(guest_.wait().retry);
  const std::uint16_t port = port_of_socket(clients.back());
  const UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  guest_.wake(Woken::kReady);
  ASSERT_FALSE(guest_.is_waiting());
  EXPECT_EQ(guest_.result(), 0);
  EXPECT_EQ(port_of_socket(clients.back()), port) << "it keeps its name over the tries";
}

TEST_F(SocketCallTest, AcceptWaitsForAConnection) {
  const UniqueFd listener = make(AF_INET, SOCK_STREAM);
  const auto start_accept = [&](const UniqueFd& socket) {
    guest_.start(handlers_, sys::call::accept4{.fd = {socket.get()},
                                               .upeer_sockaddr = {},
                                               .upeer_addrlen = {},
                                               .flags = {SOCK_CLOEXEC}});
  };
  start_accept(listener);
  EXPECT_EQ(guest_.result(), -EINVAL) << "it does not listen";
  ASSERT_EQ(listen(listener, 4), 0);
  start_accept(listener);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_EQ(guest_.wait().files.at(0).events, POLLIN);
  const UniqueFd client = make(AF_INET, SOCK_STREAM);
  const sockaddr_in address = loopback(port_of_socket(listener));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  guest_.wake(Woken::kReady);
  ASSERT_TRUE(guest_.has_passed());
  const UniqueFd accepted(static_cast<int>(guest_.result()));
  EXPECT_TRUE(accepted);
}

TEST_F(SocketCallTest, ServicesOfTheHostAreNotThere) {
  for (const char* path : {"/var/run/nscd/socket", "/run/systemd/journal/socket", "/dev/log"}) {
    start_connect(make(AF_UNIX, SOCK_STREAM), local_name(path));
    EXPECT_EQ(guest_.result(), -ENOENT) << path;
  }
}

TEST_F(SocketCallTest, OtherFamiliesAreNotThere) {
  const auto socket_of = [&](int family, int protocol) {
    return guest_.run(handlers_, sys::call::socket{.family = {family},
                                                   .type = {SOCK_RAW | SOCK_CLOEXEC},
                                                   .protocol = {protocol}});
  };
  EXPECT_EQ(socket_of(AF_PACKET, 0), -EAFNOSUPPORT);
  EXPECT_EQ(socket_of(AF_VSOCK, 0), -EAFNOSUPPORT);
  EXPECT_EQ(socket_of(AF_NETLINK, NETLINK_KOBJECT_UEVENT), -EPROTONOSUPPORT);
  const UniqueFd route(static_cast<int>(socket_of(AF_NETLINK, NETLINK_ROUTE)));
  EXPECT_TRUE(route);
}

TEST_F(SocketCallTest, OptionsTellNothingOfTheHost) {
  const UniqueFd socket = make(AF_INET, SOCK_STREAM);
  const auto option = [&](int level, int name, auto& value) {
    std::int32_t size = sizeof(value);
    return guest_.run(handlers_, sys::call::getsockopt{.fd = {socket.get()},
                                                       .level = {level},
                                                       .optname = {name},
                                                       .optval = {{address_of(&value)}},
                                                       .optlen = {{address_of(&size)}}});
  };
  tcp_info info{};
  ASSERT_EQ(option(IPPROTO_TCP, TCP_INFO, info), 0);
  EXPECT_EQ(info.tcpi_state, TCP_CLOSE);
  EXPECT_EQ(info.tcpi_rto, 0U);
  std::uint64_t cookie = 0;
  ASSERT_EQ(option(SOL_SOCKET, SO_COOKIE, cookie), 0);
  EXPECT_EQ(cookie, 1U) << "the first one that is told of";
  int on = 1;
  EXPECT_EQ(guest_.run(handlers_, sys::call::setsockopt{.fd = {socket.get()},
                                                        .level = {SOL_SOCKET},
                                                        .optname = {SO_TIMESTAMP},
                                                        .optval = {{address_of(&on)}},
                                                        .optlen = {sizeof(on)}}),
            0);
  ASSERT_EQ(option(SOL_SOCKET, SO_TIMESTAMP, on), 0);
  EXPECT_EQ(on, 0) << "nothing is stamped";
}

// --- messages -----------------------------------------------------------------------------------

class MessageCallTest : public SocketCallTest {
 protected:
  void make_pair(int type) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    near_ = UniqueFd(ends[0]);
    far_ = UniqueFd(ends[1]);
  }
  void start_receive(std::span<char> room, int flags) {
    guest_.start(handlers_, sys::call::recvfrom{.fd = {near_.get()},
                                                .ubuf = {{address_of(room.data())}},
                                                .size = {room.size()},
                                                .flags = {static_cast<std::uint32_t>(flags)},
                                                .addr = {},
                                                .addr_len = {}});
  }
  void tell(std::string_view text) {
    ASSERT_EQ(::send(far_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }

  UniqueFd near_;
  UniqueFd far_;
};

TEST_F(MessageCallTest, AReceiverWaits) {
  make_pair(SOCK_DGRAM);
  std::array<char, 10> room{};
  start_receive(room, MSG_DONTWAIT);
  EXPECT_EQ(guest_.result(), -EAGAIN);
  start_receive(room, 0);
  ASSERT_TRUE(guest_.is_waiting());
  tell("abc");
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 3);
}

TEST_F(MessageCallTest, WaitingForAllTakesItInParts) {
  make_pair(SOCK_STREAM);
  std::array<char, 6> room{};
  start_receive(room, MSG_WAITALL);
  for (const char* part : {"ab", "cd", "ef"}) {
    ASSERT_TRUE(guest_.is_waiting());
    tell(part);
    guest_.wake(Woken::kReady);
  }
  ASSERT_FALSE(guest_.is_waiting());
  EXPECT_EQ(guest_.result(), 6);
  EXPECT_EQ(std::string(room.data(), 6), "abcdef");
  tell("xy");
  start_receive(room, MSG_WAITALL);
  far_.reset();
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 2) << "nothing more comes";
}

TEST_F(MessageCallTest, PeekingForAllTakesNothing) {
  make_pair(SOCK_STREAM);
  std::array<char, 4> room{};
  start_receive(room, MSG_WAITALL | MSG_PEEK);
  tell("ab");
  guest_.wake(Woken::kReady);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_TRUE(guest_.wait().retry);
  tell("cd");
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 4);
  EXPECT_EQ(::recv(near_.get(), room.data(), 4, MSG_DONTWAIT), 4);
}

TEST_F(MessageCallTest, ManyAreReceivedOneByOne) {
  make_pair(SOCK_DGRAM);
  std::array<std::array<char, 8>, 2> rooms{};
  std::array<iovec, 2> vectors{{{rooms[0].data(), 8}, {rooms[1].data(), 8}}};
  std::array<mmsghdr, 2> messages{};
  for (std::size_t i = 0; i < 2; ++i) {
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  timespec limit{.tv_sec = 3, .tv_nsec = 0};
  guest_.start(handlers_, sys::call::recvmmsg{.fd = {near_.get()},
                                              .mmsg = {address_of(messages.data())},
                                              .vlen = {2},
                                              .flags = {},
                                              .timeout = {{address_of(&limit)}}});
  ASSERT_TRUE(guest_.is_waiting());
  tell("one");
  guest_.wake(Woken::kReady);
  ASSERT_TRUE(guest_.is_waiting());
  world_.clock.advance(kSecondNs);
  tell("three");
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 2);
  EXPECT_EQ(messages[0].msg_len, 3U);
  EXPECT_EQ(messages[1].msg_len, 5U);
  EXPECT_EQ(limit.tv_sec, 2);
}

TEST_F(MessageCallTest, ALongSendIsMadeInParts) {
  make_pair(SOCK_STREAM);
  const std::vector<char> sent(700'000, 'x');
  iovec vector{const_cast<char*>(sent.data()), sent.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  guest_.start(handlers_,
               sys::call::sendmsg{
                   .fd = {near_.get()}, .msg = {{address_of(&message)}}, .flags = {MSG_NOSIGNAL}});
  std::size_t came = 0;
  std::vector<char> room(50'000);
  while (guest_.is_waiting()) {
    for (ssize_t size = 1; size > 0; came += size > 0 ? static_cast<std::size_t>(size) : 0)
      size = ::recv(far_.get(), room.data(), room.size(), MSG_DONTWAIT);
    guest_.wake(Woken::kReady);
  }
  EXPECT_EQ(guest_.result(), 700'000);
  for (ssize_t size = 1; size > 0; came += size > 0 ? static_cast<std::size_t>(size) : 0)
    size = ::recv(far_.get(), room.data(), room.size(), MSG_DONTWAIT);
  EXPECT_EQ(came, 700'000U);
}

TEST_F(MessageCallTest, ThePeersEndInTheMiddleLeavesWhatWasSent) {
  make_pair(SOCK_STREAM);
  const std::vector<char> sent(700'000, 'x');
  guest_.start(handlers_, sys::call::sendto{.fd = {near_.get()},
                                            .buff = {{address_of(sent.data())}},
                                            .len = {sent.size()},
                                            .flags = {},
                                            .addr = {},
                                            .addr_len = {}});
  ASSERT_TRUE(guest_.is_waiting());
  far_.reset();
  guest_.wake(Woken::kReady);  // and no SIGPIPE, which would end the test
  ASSERT_FALSE(guest_.is_waiting());
  EXPECT_GT(guest_.result(), 0);
  EXPECT_LT(guest_.result(), 700'000);
}

TEST_F(MessageCallTest, AFullReceiverIsTriedAgain) {
  const UniqueFd receiver = make(AF_UNIX, SOCK_DGRAM);
  const sockaddr_un name = local_name(std::string_view("\0tc-test-datagrams", 18));
  ASSERT_EQ(bind(receiver, name), 0);
  const UniqueFd sender = make(AF_UNIX, SOCK_DGRAM);
  int count = 0;
  do {
    guest_.start(handlers_, sys::call::sendto{.fd = {sender.get()},
                                              .buff = {{address_of("x")}},
                                              .len = {1},
                                              .flags = {},
                                              .addr = {{address_of(&name)}},
                                              .addr_len = {sizeof(name)}});
  } while (!guest_.is_waiting() && ++count < 10'000);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_TRUE(guest_.wait().retry) << "its own file tells that there is room";
  char room = 0;
  ASSERT_EQ(::recv(receiver.get(), &room, 1, 0), 1);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.result(), 1);
}

}  // namespace
}  // namespace tc::determinism
