// What programs say over TLS, as they say it: which call, how many bytes, and on request the
// plaintext, whichever library and language they use.
#include <filesystem>
#include <functional>
#include <ostream>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class Tls : public KernelTest {};

constexpr const char* kPython = "/usr/bin/python3";
const std::vector<std::string> kPlaintext = {"--events", "ssl_op", "--ssl-data"};

// `openssl s_server` with a certificate of its own: prints what it reads, sends what it is given.
class Server {
 public:
  Server() : process_(with_certificate()) {
    const std::string line = process_.await_output_line("ACCEPT");
    port_ = line.substr(line.rfind(':') + 1);
  }
  Process& process() { return process_; }
  const std::string& port() const { return port_; }

 private:
  std::vector<std::string> with_certificate() const {
    const std::string key = directory_ / "key.pem";
    const std::string certificate = directory_ / "certificate.pem";
    const Ended made = run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                            "/CN=localhost", "-keyout", key, "-out", certificate});
    if (made.status != 0) throw std::runtime_error("openssl req: " + made.error);
    return {"openssl", "s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", certificate};
  }

  ScratchDirectory directory_;
  Process process_;
  std::string port_;
};

// A program that sends a line with "tc-request" and prints what comes back.
struct Client {
  const char* name;
  const char* library;
  const char* caller;  // in the name of the module that calls the library
  bool interactive;    // sends what it reads from its standard input, until that ends
  std::function<std::vector<std::string>(const std::string& port)> command;
};
void PrintTo(const Client& client, std::ostream* out) { *out << client.name; }

constexpr const char* kPythonClient = R"(
import socket, ssl, sys
context = ssl._create_unverified_context()
with context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1])))) as tls:
    tls.sendall(b'a tc-request\n')
    print(tls.recv(4096).decode())
)";

const std::vector<Client>& clients() {
  static const std::vector<Client> kClients = {
      {"Python", "openssl", ".so", false,
       [](const std::string& port) {
         return std::vector<std::string>{kPython, "-c", kPythonClient, port};
       }},
      {"Curl", "openssl", "/libcurl.so.4", false,
       [](const std::string& port) {
         return std::vector<std::string>{"curl", "-s", "-k",
                                         "https://127.0.0.1:" + port + "/tc-request"};
       }},
      {"OpensslClient", "openssl", "/openssl", true,
       [](const std::string& port) {
         return std::vector<std::string>{"openssl",     "s_client", "-quiet",
                                         "-no_ign_eof", "-connect", "127.0.0.1:" + port};
       }},
      {"GnutlsClient", "gnutls", "/gnutls-cli", true, [](const std::string& port) {
         return std::vector<std::string>{"gnutls-cli", "--insecure", "-p", port, "127.0.0.1"};
       }}};
  return kClients;
}

constexpr const char* kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\ntc-response";

// The plaintext of one direction; each call's bytes must be those of its data.
std::string plaintext(const Evidence& evidence, int pid, const char* op) {
  std::string text;
  for (const Json& record : evidence.matching({{"event", "ssl_op"}, {"op", op}, {"pid", pid}})) {
    const std::string data = record.value("data", "");
    EXPECT_EQ(record.at("bytes"), data.size()) << record;
    text += data;
  }
  return text;
}

void expect_caller(const Evidence& evidence, const std::string& module) {
  for (const Json& record : evidence.matching({{"event", "ssl_op"}})) {
    const Json caller = record.value("caller", Json::object());
    EXPECT_THAT(caller.value("module", ""), testing::HasSubstr(module)) << record;
    EXPECT_TRUE(caller.contains("build_id")) << record;
  }
}

// The server answers the request of a client that runs already; the client ends.
void answer(Server& server, const Client& client, Process& process) {
  if (client.interactive) process.write("a tc-request\n");
  server.process().await_output_line("tc-request");
  server.process().write(kResponse);
  if (!client.interactive) return;
  process.await_output_line("Content-Length");
  process.close_input();
}

class TlsClient : public KernelTest, public testing::WithParamInterface<Client> {};

TEST_P(TlsClient, IsSeenWithItsPlaintext) {
  Server server;
  std::vector<std::string> arguments = kPlaintext;
  arguments.emplace_back("--");
  for (const std::string& word : GetParam().command(server.port())) arguments.push_back(word);
  Observation observation(arguments);
  answer(server, GetParam(), observation.tc());
  const Evidence evidence = observation.finish();

  ASSERT_FALSE(evidence.records.empty()) << observation.tc().error();
  const int pid = evidence.records.front().at("pid");
  EXPECT_THAT(plaintext(evidence, pid, "write"), testing::HasSubstr("tc-request"));
  EXPECT_EQ(plaintext(evidence, pid, "read"), kResponse);
  for (const Json& record : evidence.records)
    EXPECT_EQ(record.value("library", ""), GetParam().library) << record;
  expect_caller(evidence, GetParam().caller);
}

TEST_P(TlsClient, IsSeenByARunningServer) {
  Server server;
  Observation observation(attached_to(server.process(), kPlaintext));
  Process client(GetParam().command(server.port()));
  answer(server, GetParam(), client);
  client.wait();
  const Evidence evidence = observation.stop();

  const int pid = server.process().pid();
  EXPECT_EQ(evidence.records.size(), evidence.count({{"event", "ssl_op"}, {"pid", pid}}));
  EXPECT_THAT(plaintext(evidence, pid, "read"), testing::HasSubstr("tc-request"));
  EXPECT_EQ(plaintext(evidence, pid, "write"), kResponse);
  expect_caller(evidence, "/openssl");
}

INSTANTIATE_TEST_SUITE_P(Programs, TlsClient, testing::ValuesIn(clients()),
                         [](const testing::TestParamInfo<Client>& row) { return row.param.name; });

TEST_F(Tls, KeepsNoPlaintextUnasked) {
  Server server;
  Observation observation(attached_to(server.process(), {"--events", "ssl_op"}));
  Process client(clients()[0].command(server.port()));
  answer(server, clients()[0], client);
  client.wait();
  const Evidence evidence = observation.stop();

  EXPECT_EQ(evidence.count({{"op", "write"}, {"bytes", std::string(kResponse).size()}}), 1U);
  for (const Json& record : evidence.records) EXPECT_FALSE(record.contains("data")) << record;
}

TEST_F(Tls, CutsPlaintextAtTheLengthAskedFor) {
  Server server;
  Observation observation(attached_to(server.process(), {"--events", "ssl_op", "--ssl-data", "8"}));
  Process client(clients()[0].command(server.port()));
  answer(server, clients()[0], client);
  client.wait();
  const Evidence evidence = observation.stop();

  const Json write = evidence.only({{"op", "write"}});
  EXPECT_EQ(write.at("bytes"), std::string(kResponse).size());
  EXPECT_EQ(write.at("data"), "HTTP/1.1");
  EXPECT_EQ(write.at("data_truncated"), 1);
}

TEST_F(Tls, SeesALibraryThatIsLoadedLater) {
  Server server;
  Process client({kPython, "-c", std::string("input()\n") + kPythonClient, server.port()});
  Observation observation(attached_to(client, kPlaintext));
  client.write("go\n");
  answer(server, clients()[0], client);
  client.wait();
  const Evidence evidence = observation.finish();
  EXPECT_THAT(plaintext(evidence, client.pid(), "write"), testing::HasSubstr("tc-request"));
  EXPECT_EQ(plaintext(evidence, client.pid(), "read"), kResponse);
}

// A file that no loader's cache names is looked at when it is mapped, which takes a moment: the
// program calls until it is seen.
constexpr const char* kCallsCopyOfLibssl = R"(
import ctypes, sys, time
input()
library = ctypes.CDLL(sys.argv[1])
for name in ('TLS_method', 'SSL_CTX_new', 'SSL_new'):
    getattr(library, name).restype = ctypes.c_void_p
context = ctypes.c_void_p(library.SSL_CTX_new(ctypes.c_void_p(library.TLS_method())))
tls = ctypes.c_void_p(library.SSL_new(context))
buffer = ctypes.create_string_buffer(16)
while True:
    library.SSL_read(tls, buffer, 16)
    time.sleep(0.01)
)";

TEST_F(Tls, SeesALibraryThatNoLoaderKnows) {
  ScratchDirectory directory;
  const std::string copy = directory / "libssl.so.3";
  std::filesystem::copy_file("/usr/lib/x86_64-linux-gnu/libssl.so.3", copy);
  Process program({kPython, "-c", kCallsCopyOfLibssl, copy});
  Process tc({TC_PROGRAM, "observe", "--events", "ssl_op", "--pid", std::to_string(program.pid())});
  tc.await_error_line("tc: observing");
  program.write("go\n");
  const Json call = Json::parse(tc.await_output_line("ssl_op"));
  EXPECT_EQ(call.at("op"), "read");
  EXPECT_LT(call.at("ret"), 1);
  EXPECT_EQ(call.at("pid"), program.pid());
}

}  // namespace
}  // namespace tc::test
