// TCP states with the process that owns the socket, also where the kernel changes them in softirq,
// when whoever the packet interrupted is the current process.
#include <cerrno>
#include <ostream>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class Tcp : public KernelTest {};

constexpr const char* kPython = "/usr/bin/python3";

// Does what it reads, one line each, and answers with the line's word when it is done.
//   listen HOST     prints its port                 accept     takes a connection
//   connect HOST PORT                               close      closes the newest connection
//   eof             reads to the end                fork       lets a child take the connections
constexpr const char* kPeer = R"(
import os, socket, sys
listener, connections = None, []
def listen(host):
    global listener
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    listener = socket.socket(family)
    if host == '::': listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((host, 0))
    listener.listen()
    return listener.getsockname()[1]
def accept(): connections.append(listener.accept()[0])
def connect(host, port): connections.append(socket.create_connection((host, int(port))))
def close(): connections.pop().close()
def eof():
    while connections[-1].recv(4096): pass
def fork():
    child = os.fork()
    if child == 0: return
    os.waitpid(child, 0)
    os._exit(0)
print('ready', flush=True)
for line in sys.stdin:
    word, *arguments = line.split()
    print(globals()[word](*arguments) or word, flush=True)
)";

class Peer {
 public:
  Peer() : process_({kPython, "-u", "-c", kPeer}) { process_.next_line(); }
  std::string tell(const std::string& line) {
    process_.write(line + "\n");
    return process_.next_line();
  }
  Process& process() { return process_; }
  int pid() const { return process_.pid(); }

 private:
  Process process_;
};

// One connection from its first packet to its last; the client closes first.
void converse(Peer& server, Peer& client, const std::string& host, const std::string& port) {
  client.tell("connect " + host + " " + port);
  server.tell("accept");
  client.tell("close");
  server.tell("eof");
  server.tell("close");
}

const std::vector<std::string> kOnlyTcp = {"--events", "tcp_state"};

// "SYN_SENT ESTABLISHED …": the states of one socket, found by its local port, in order.
std::string states(const Evidence& evidence, const Json& pattern) {
  std::string text;
  for (const Json& record : evidence.matching(pattern))
    text.append(text.empty() ? "" : " ").append(record.at("new_state"));
  return text;
}

void expect_one_owner(const Evidence& evidence, int pid) {
  for (const Json& record : evidence.matching({{"event", "tcp_state"}}))
    EXPECT_EQ(record.value("pid", 0), pid) << record;
}

struct Address {
  const char* name;
  const char* listen;
  const char* connect;
  const char* family;
};
void PrintTo(const Address& address, std::ostream* out) { *out << address.name; }
class TcpAddress : public KernelTest, public testing::WithParamInterface<Address> {};

TEST_P(TcpAddress, NamesTheServerInEveryState) {
  Peer server;
  Peer client;
  Observation observation(attached_to(server.process(), kOnlyTcp));
  const std::string port = server.tell(std::string("listen ") + GetParam().listen);
  converse(server, client, GetParam().connect, port);
  server.process().close_input();
  const Evidence evidence = observation.finish();

  expect_one_owner(evidence, server.pid());
  const int number = std::stoi(port);
  EXPECT_EQ(states(evidence, {{"local_port", number}, {"remote_port", 0}}), "LISTEN CLOSE");
  const Json peer = evidence.only({{"local_port", number}, {"new_state", "ESTABLISHED"}});
  EXPECT_EQ(peer.at("old_state"), "SYN_RECV");
  EXPECT_EQ(peer.at("local_address"), GetParam().connect);
  EXPECT_EQ(peer.at("remote_address"), GetParam().connect);
  EXPECT_EQ(peer.at("family"), GetParam().family);
  EXPECT_EQ(states(evidence, {{"local_port", number}, {"remote_port", peer.at("remote_port")}}),
            "SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE");
}

TEST_P(TcpAddress, NamesTheClientInEveryState) {
  Peer server;
  Peer client;
  const std::string port = server.tell(std::string("listen ") + GetParam().listen);
  Observation observation(attached_to(client.process(), kOnlyTcp));
  converse(server, client, GetParam().connect, port);
  client.process().close_input();
  const Evidence evidence = observation.finish();

  expect_one_owner(evidence, client.pid());
  const int number = std::stoi(port);
  EXPECT_EQ(states(evidence, {{"remote_port", number}, {"remote_address", GetParam().connect}}),
            "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE");
  EXPECT_EQ(evidence.only({{"new_state", "ESTABLISHED"}}).at("family"), GetParam().family);
}

INSTANTIATE_TEST_SUITE_P(Families, TcpAddress,
                         testing::Values(Address{"V4", "127.0.0.1", "127.0.0.1", "inet"},
                                         Address{"V6", "::1", "::1", "inet6"},
                                         Address{"V4OnV6Listener", "::", "127.0.0.1", "inet"}),
                         [](const testing::TestParamInfo<Address>& row) { return row.param.name; });

TEST_F(Tcp, KnowsTheListenerThatWasThereBefore) {
  Peer server;
  Peer client;
  const std::string port = server.tell("listen 127.0.0.1");
  client.tell("connect 127.0.0.1 " + port);  // one connection waits to be accepted
  Observation observation(attached_to(server.process(), kOnlyTcp));
  server.tell("accept");
  client.tell("close");
  server.tell("eof");
  server.tell("close");
  converse(server, client, "127.0.0.1", port);
  server.process().close_input();
  const Evidence evidence = observation.finish();

  expect_one_owner(evidence, server.pid());
  const int number = std::stoi(port);
  const Json fresh = evidence.only({{"local_port", number}, {"new_state", "ESTABLISHED"}});
  EXPECT_EQ(states(evidence, {{"local_port", number}, {"remote_port", fresh.at("remote_port")}}),
            "SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE");
  EXPECT_EQ(evidence.count({{"old_state", "ESTABLISHED"}, {"new_state", "CLOSE_WAIT"}}), 2U);
}

TEST_F(Tcp, NeverNamesABystander) {
  Peer server;
  Peer client;
  Observation observation({"--all", "--events", "tcp_state"});
  const std::string port = server.tell("listen 127.0.0.1");
  for (int i = 0; i < 50; ++i) converse(server, client, "127.0.0.1", port);
  const Evidence evidence = observation.stop();

  const int number = std::stoi(port);
  for (const Json& record : evidence.matching({{"local_port", number}}))
    EXPECT_EQ(record.value("pid", 0), server.pid()) << record;
  for (const Json& record : evidence.matching({{"remote_port", number}}))
    EXPECT_EQ(record.value("pid", 0), client.pid()) << record;
  EXPECT_EQ(evidence.count({{"local_port", number}, {"new_state", "ESTABLISHED"}}), 50U);
  EXPECT_EQ(evidence.count({{"remote_port", number}, {"new_state", "ESTABLISHED"}}), 50U);
}

TEST_F(Tcp, NamesTheWorkerThatAccepted) {
  Peer server;
  Peer client;
  Observation observation(attached_to(server.process()));
  const std::string port = server.tell("listen 127.0.0.1");
  server.tell("fork");  // from here on the worker answers
  converse(server, client, "127.0.0.1", port);
  server.process().close_input();
  const Evidence evidence = observation.finish();

  const int number = std::stoi(port);
  const int worker = evidence.only({{"event", "process_fork"}}).at("child_pid");
  EXPECT_EQ(evidence.only({{"event", "network_op"}, {"op", "accept"}}).at("pid"), worker);
  for (const char* state : {"CLOSE_WAIT", "LAST_ACK"})
    EXPECT_EQ(evidence.only({{"local_port", number}, {"new_state", state}}).at("pid"), worker);
  const Json last = evidence.only({{"local_port", number}, {"old_state", "LAST_ACK"}});
  EXPECT_EQ(last.value("pid", 0), worker);
}

TEST_F(Tcp, TellsARefusedConnection) {
  Peer server;
  const std::string port = server.tell("listen 127.0.0.1");
  server.process().close_input();
  server.process().wait();
  Process client({kPython, "-c",
                  "import socket\n"
                  "input()\n"
                  "print(socket.socket().connect_ex(('127.0.0.1', " +
                      port + ")))"});
  Observation observation(attached_to(client));
  client.write("go\n");
  const Evidence evidence = observation.finish();

  EXPECT_EQ(states(evidence, {{"event", "tcp_state"}}), "SYN_SENT CLOSE");
  const Json connect = evidence.only({{"event", "network_op"}});
  EXPECT_EQ(connect.at("ret"), -ECONNREFUSED);
  EXPECT_EQ(connect.at("remote_address"), "127.0.0.1");
  EXPECT_EQ(connect.at("remote_port"), std::stoi(port));
}

}  // namespace
}  // namespace tc::test
