// Names of sockets that the kernel would choose by chance (ephemeral ports, autobound UNIX sockets,
// netlink ports), given in order instead; and names of services that belong to the host.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "determinism/open_file.h"
#include "determinism/tracee.h"
#include "determinism/world.h"

namespace tc::determinism {

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
  // AF_UNSPEC when it is too short to have one.
  int family() const;
  // Of a UNIX socket with a name in the file system, else empty.
  std::string_view path() const;
};
// Nothing when the kernel refuses it: EFAULT, EINVAL.
std::optional<SocketAddress> read_socket_address(Tracee& guest, std::uint64_t address,
                                                 std::int64_t length);

// Binds the guest's socket to the address, of which the part that was left to the kernel comes from
// the world. What bind(2) returns; nothing when the address leaves nothing open.
std::optional<std::int64_t> bind_by_order(World& world, Tracee& guest, const OpenFile& socket,
                                          const SocketAddress& address);
// The same for a socket without a name that is about to get one from the kernel: by connect,
// listen or a first message.
void name_socket(World& world, Tracee& guest, const OpenFile& socket);

// Is it the socket of a service that runs outside (nscd, systemd, D-Bus, syslog)? What it would
// answer is no input of the run.
bool is_service_of_host(const World& world, const SocketAddress& address);

}  // namespace tc::determinism
