#include "determinism/socket_names.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>

namespace tc::determinism {
namespace {

constexpr std::uint16_t kFirstPort = 32768;
constexpr int kPorts = 65536 - kFirstPort;
constexpr std::uint32_t kSocketNames = 1U << 20U;  // five hexadecimal digits (unix_autobind)

constexpr std::string_view kServicesOfHost[] = {
    "/dev/log",          "/run/dbus/",         "/run/nscd/",
    "/run/systemd/",     "/var/run/dbus/",     "/var/run/nscd/",
    "/var/run/systemd/", "/run/avahi-daemon/", "/var/run/avahi-daemon/"};

std::int64_t try_bind(const OpenFile& socket, const SocketAddress& address) {
  return ::bind(socket.get(), address.get(), address.length) == 0 ? 0 : -errno;
}

// In both families the port lies at the same place.
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
std::uint16_t port_of(const SocketAddress& address) {
  std::uint16_t port = 0;
  std::memcpy(&port,
              reinterpret_cast<const char*>(&address.bytes) + offsetof(sockaddr_in, sin_port),
              sizeof(port));
  return ntohs(port);
}
void set_port(SocketAddress& address, std::uint16_t port) {
  const std::uint16_t bytes = htons(port);
  std::memcpy(reinterpret_cast<char*>(&address.bytes) + offsetof(sockaddr_in, sin_port), &bytes,
              sizeof(bytes));
}

bool is_internet(int family) { return family == AF_INET || family == AF_INET6; }
bool has_ports(const OpenFile& socket) {
  const int type = socket_option(socket, SO_TYPE);
  return type == SOCK_STREAM || type == SOCK_DGRAM;
}

std::int64_t bind_to_next_port(World& world, const OpenFile& socket, SocketAddress address) {
  for (int tries = 0; tries < kPorts; ++tries) {
    set_port(address, world.next_port);
    world.next_port =
        world.next_port == 65535 ? kFirstPort : static_cast<std::uint16_t>(world.next_port + 1);
    const std::int64_t result = try_bind(socket, address);
    if (result != -EADDRINUSE) return result;
  }
  return -EADDRINUSE;
}

std::int64_t bind_to_next_name(World& world, const OpenFile& socket) {
  for (std::uint32_t tries = 0; tries < kSocketNames; ++tries) {
    const std::string name = fmt::format("{:05x}", world.next_socket_name);
    world.next_socket_name = (world.next_socket_name + 1) % kSocketNames;
    SocketAddress address;
    auto* const local = reinterpret_cast<sockaddr_un*>(&address.bytes);
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path + 1, name.data(), name.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const std::int64_t result = try_bind(socket, address);
    if (result != -EADDRINUSE) return result;
  }
  return -ENOSPC;
}

// The first netlink socket of a process has its pid, further ones numbers below zero.
std::int64_t bind_netlink(World& world, Tracee& guest, const OpenFile& socket,
                          SocketAddress address) {
  auto* const netlink = reinterpret_cast<sockaddr_nl*>(&address.bytes);
  netlink->nl_family = AF_NETLINK;
  address.length = sizeof(*netlink);
  netlink->nl_pid = static_cast<std::uint32_t>(guest.process().pid);
  std::int64_t result = try_bind(socket, address);
  while (result == -EADDRINUSE) {
    netlink->nl_pid = world.next_netlink_port++;
    result = try_bind(socket, address);
  }
  return result;
}

SocketAddress own_name(const OpenFile& socket) {
  SocketAddress name;
  name.length = sizeof(name.bytes);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name.bytes), &name.length) != 0)
    name.length = 0;
  return name;
}

// SO_PASSCRED and the like: the receiver is told who sends, by a name if need be.
bool tells_credentials(const OpenFile& socket) { return socket_option(socket, SO_PASSCRED) > 0; }

}  // namespace

int SocketAddress::family() const {
  return length < sizeof(sa_family_t) ? AF_UNSPEC : bytes.ss_family;
}

std::string_view SocketAddress::path() const {
  constexpr std::size_t kStart = offsetof(sockaddr_un, sun_path);
  if (family() != AF_UNIX || length <= kStart) return {};
  const char* const start = reinterpret_cast<const char*>(&bytes) + kStart;
  return {start, strnlen(start, length - kStart)};
}

std::optional<SocketAddress> read_socket_address(Tracee& guest, std::uint64_t address,
                                                 std::int64_t length) {
  SocketAddress read;
  if (length < 0 || static_cast<std::size_t>(length) > sizeof(read.bytes)) return std::nullopt;
  read.length = static_cast<socklen_t>(length);
  const auto whole = std::as_writable_bytes(std::span(&read.bytes, 1));
  if (length > 0 && !guest.read_memory(address, whole.first(static_cast<std::size_t>(length))))
    return std::nullopt;
  return read;
}

std::optional<std::int64_t> bind_by_order(World& world, Tracee& guest, const OpenFile& socket,
                                          const SocketAddress& address) {
  const int family = socket_option(socket, SO_DOMAIN);
  const bool is_short =
      address.length <
      (family == AF_INET ? sizeof(sockaddr_in) : offsetof(sockaddr_in6, sin6_scope_id));
  if (is_internet(family) && !is_short && port_of(address) == 0 && has_ports(socket) &&
      !world.settings.host_network)
    return bind_to_next_port(world, socket, address);
  if (family == AF_UNIX && address.family() == AF_UNIX && address.length == sizeof(sa_family_t))
    return own_name(socket).length > sizeof(sa_family_t) ? 0 : bind_to_next_name(world, socket);
  if (family == AF_NETLINK && address.family() == AF_NETLINK &&
      address.length >= sizeof(sockaddr_nl) && !world.settings.host_network &&
      reinterpret_cast<const sockaddr_nl*>(&address.bytes)->nl_pid == 0 &&
      reinterpret_cast<const sockaddr_nl*>(own_name(socket).get())->nl_pid == 0)
    return bind_netlink(world, guest, socket, address);
  return std::nullopt;
}

void name_socket(World& world, Tracee& guest, const OpenFile& socket) {
  const int family = socket_option(socket, SO_DOMAIN);
  const SocketAddress name = own_name(socket);
  if (is_internet(family) && !world.settings.host_network) {
    if (name.length == 0 || port_of(name) != 0 || !has_ports(socket)) return;
    SocketAddress any;
    any.bytes.ss_family = static_cast<sa_family_t>(family);
    any.length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    bind_to_next_port(world, socket, any);
  } else if (family == AF_UNIX && tells_credentials(socket)) {
    if (name.length == sizeof(sa_family_t)) bind_to_next_name(world, socket);
  } else if (family == AF_NETLINK && !world.settings.host_network) {
    const auto* const netlink = reinterpret_cast<const sockaddr_nl*>(name.get());
    if (name.length >= sizeof(*netlink) && netlink->nl_pid == 0)
      bind_netlink(world, guest, socket, name);
  }
}

bool is_service_of_host(const World& world, const SocketAddress& address) {
  const std::string_view path = address.path();
  return !path.empty() &&
         std::any_of(std::begin(kServicesOfHost), std::end(kServicesOfHost),
                     [&](std::string_view name) {
                       return name.ends_with('/') ? path.starts_with(name) : path == name;
                     }) &&
         !world.bound_services.contains(std::string(path));
}

}  // namespace tc::determinism
