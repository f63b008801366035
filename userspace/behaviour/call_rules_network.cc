// Sockets: who is spoken to, and who may speak to the program.
#include <array>

#include "behaviour/call_rules.h"
#include "behaviour/log.h"

namespace tc::behaviour {
namespace {

using Json = nlohmann::json;

// "inet" for "AF_INET".
std::string plain_name(std::string_view name) {
  for (const std::string_view prefix : {"AF_", "PF_", "SOCK_"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  std::string plain(name.substr(0, name.find('|')));
  for (char& byte : plain)
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  return plain;
}

// What stands behind "socket#1(inet,stream)": family and type.
struct Socket {
  std::string token;
  std::string family;
  std::string type;

  bool is_datagram() const { return type == "dgram" && family != "unix"; }
  std::string_view protocol() const {
    if (family != "inet" && family != "inet6") return {};
    return type == "stream" ? " tcp" : type == "dgram" ? " udp" : " raw";
  }
};

Socket socket_of(const CallContext& context) {
  const Json* value = context.value("fd");
  Socket socket;
  if (value == nullptr) return socket;
  socket.token = bytes_of(*value);
  const std::size_t open = socket.token.rfind('(');
  const std::size_t comma = socket.token.find(',', open);
  if (open == std::string::npos || comma == std::string::npos) return socket;
  const std::string_view text = socket.token;
  socket.family = plain_name(text.substr(open + 1, comma - open - 1));
  socket.type = plain_name(text.substr(comma + 1, text.find(')') - comma - 1));
  return socket;
}

std::string field(const Json& address, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = address.find(name);
    if (found != address.end()) return bytes_of(*found);
  }
  return {};
}

// "inet 203.0.113.7:443 tcp", "unix /run/x"; empty when nobody is named.
std::string address_text(const Json* value, const Socket& socket) {
  if (value == nullptr || !value->is_object()) return {};
  const std::string family = plain_name(field(*value, {"sa_family", "family"}));
  if (family == "unix") {
    const std::string abstract = field(*value, {"abstract"});
    const std::string path = field(*value, {"sun_path", "path"});
    if (!abstract.empty()) return "unix @" + abstract;
    return path.empty() ? std::string() : "unix " + path;
  }
  if (family != "inet" && family != "inet6") {
    return family.empty() || family == "unspec" || family == "netlink" ? std::string() : family;
  }
  const std::string host = field(*value, {"sin_addr", "sin6_addr", "address", "addr"});
  const std::string port = field(*value, {"sin_port", "sin6_port", "port"});
  const std::string shown = family == "inet6" ? "[" + host + "]" : host;
  return family + " " + shown + ":" + port + std::string(socket.protocol());
}

bool is_background(std::string_view address) {
  return address == "unix /run/nscd/socket" || address == "unix /var/run/nscd/socket";
}

std::string known(const std::map<std::string, std::string>& book, const Socket& socket) {
  const auto found = book.find(socket.token);
  if (found != book.end()) return found->second;
  return socket.token.substr(0, socket.token.find('#'));
}

}  // namespace

void tell_socket(const CallContext& context) {
  const std::string family = plain_name(context.argument("family"));
  const std::string type = plain_name(context.argument("type"));
  const std::string protocol = context.argument("protocol");
  // Which interfaces there are: any program that resolves names asks for it.
  if (family == "netlink" && (protocol == "0" || protocol == "NETLINK_ROUTE")) return;
  const bool usual = (family == "inet" || family == "inet6" || family == "unix") && type != "raw";
  if (usual) return;
  const std::string what = family == "netlink" ? protocol : type;
  context.tell(Kind::kSocket, what.empty() ? family : family + " " + what);
}

void tell_connect(const CallContext& context) {
  static constexpr std::array<std::string_view, 8> kNotTried = {
      "EBADF", "EFAULT", "EINVAL", "ENOTSOCK", "EISCONN", "EALREADY", "EAFNOSUPPORT", "EINTR"};
  const std::string failure = context.failure();
  for (const std::string_view code : kNotTried)
    if (failure == code) return;
  const Socket socket = socket_of(context);
  std::string address = address_text(context.value("uservaddr"), socket);
  if (address.empty()) return;
  // connect(2) of a datagram socket sends nothing; getaddrinfo(3) does it to sort addresses.
  if (socket.is_datagram()) {
    if (failure.empty()) context.process().peers[socket.token] = std::move(address);
    return;
  }
  const bool background = is_background(address);
  context.tell(Kind::kConnect, std::move(address), background);
}

void tell_bind(const CallContext& context) {
  const Socket socket = socket_of(context);
  std::string address = address_text(context.value("umyaddr"), socket);
  if (address.empty()) return;
  context.process().addresses[socket.token] = address;
  context.tell(Kind::kBind, std::move(address));
}

void tell_listen(const CallContext& context) {
  context.tell(Kind::kListen, known(context.process().addresses, socket_of(context)));
}

void tell_accept(const CallContext& context) {
  context.tell(Kind::kAccept, known(context.process().addresses, socket_of(context)));
}

void tell_send(const CallContext& context) {
  const Socket socket = socket_of(context);
  if (socket.type != "dgram" && socket.type != "raw") return;
  std::string address = address_text(context.value("addr"), socket);
  if (const Json* message = context.value("msg");
      address.empty() && message != nullptr && message->is_object()) {
    const auto name = message->find("msg_name");
    if (name != message->end()) address = address_text(&*name, socket);
  }
  if (address.empty()) {
    const auto peer = context.process().peers.find(socket.token);
    if (peer == context.process().peers.end()) return;
    address = peer->second;
  }
  context.tell(Kind::kSendTo, std::move(address));
}

}  // namespace tc::behaviour
