// socket, bind, listen, connect, accept: who talks to whom. Names that the kernel would choose by
// chance come from socket_names.h. Messages are calls_message.cc's, options
// calls_socket_options.cc's.
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "determinism/calls.h"
#include "determinism/calls_message.h"
#include "determinism/socket_names.h"
#include "determinism/transfer.h"

namespace tc::determinism {
namespace {

using guest::Handler;

std::optional<OpenFile> find_socket(const World& world, Tracee& guest, int fd) {
  std::optional<OpenFile> file = find_file(world, guest, fd);
  if (file && file->kind != FileKind::kSocket) return std::nullopt;
  return file;
}

// What a kernel without the other families answers. Routing netlink tells of the sandbox's own
// interfaces.
Handler answer_socket(World& world, sys::call::socket call, Tracee& /*guest*/) {
  // A type that there is not is told before the family.
  constexpr std::uint32_t kTypes = 0xf;  // SOCK_TYPE_MASK of include/linux/net.h
  constexpr std::uint32_t kEndOfTypes = 11;
  const auto type = static_cast<std::uint32_t>(call.type.value);
  const bool is_known =
      (type & ~(kTypes | SOCK_CLOEXEC | SOCK_NONBLOCK)) == 0 && (type & kTypes) < kEndOfTypes;
  if (world.settings.host_network || !is_known) return answer_with(guest::pass());
  switch (call.family.value) {
    case AF_UNIX:
    case AF_INET:
    case AF_INET6:
      return answer_with(guest::pass());
    case AF_NETLINK:
      if (call.protocol.value == NETLINK_ROUTE) return answer_with(guest::pass());
      return answer_with(-EPROTONOSUPPORT);
    default:
      return answer_with(call.family.value < 0 || call.family.value >= AF_MAX ? guest::pass()
                                                                              : -EAFNOSUPPORT);
  }
}

Handler answer_bind(World& world, sys::call::bind call, Tracee& guest) {
  const auto socket = find_socket(world, guest, call.fd.value);
  const auto address = read_socket_address(guest, call.umyaddr.address, call.addrlen.value);
  if (!socket || !address) return answer_with(guest::pass());
  if (is_service_of_host(world, *address))
    world.bound_services.insert(std::string(address->path()));
  const auto result = bind_by_order(world, guest, *socket, *address);
  return answer_with(result ? guest::Answer(*result) : guest::pass());
}

Handler answer_listen(World& world, sys::call::listen call, Tracee& guest) {
  const auto socket = find_socket(world, guest, call.fd.value);
  if (socket && socket_option(*socket, SO_TYPE) == SOCK_STREAM &&
      socket_option(*socket, SO_DOMAIN) != AF_UNIX)
    name_socket(world, guest, *socket);
  return answer_with(guest::pass());
}

// --- connect ------------------------------------------------------------------------------------

struct Connecting {
  OpenFile socket;
  guest::RawCall call;
  bool is_local = true;  // nobody outside is asked
  std::optional<std::int64_t> deadline_ns;
};

// The way back to a socket that is not connected, bound as it was.
void give_up_connection(const OpenFile& socket) {
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  ::connect(socket.get(), &nobody, sizeof(nobody));
}

// The far side has no room for one more (its backlog). The kernel would try again after a second of
// real time (TCP), or queue up (UNIX); here it is tried whenever somebody did something.
guest::Wait wait_for_backlog(const Connecting& connecting) {
  guest::Wait wait;
  wait.retry = true;
  wait.deadline_ns = connecting.deadline_ns;
  wait.what = "a listener to accept (descriptor " + std::to_string(connecting.socket.number) + ")";
  return wait;
}

Handler connect_in_turn(Connecting connecting) {
  const bool is_unix = socket_option(connecting.socket, SO_DOMAIN) == AF_UNIX;
  const std::int64_t too_late = is_unix ? -EAGAIN : -EINPROGRESS;
  bool has_begun = false;
  while (true) {
    std::int64_t result = -EINPROGRESS;
    if (!has_begun) {
      const NonBlocking mode(connecting.socket);
      guest::Injection attempt(connecting.call.number, connecting.call.arguments);
      result = co_await attempt;
    }
    const bool is_under_way = result == -EINPROGRESS || result == -EALREADY;
    if (!is_under_way && !(is_unix && result == -EAGAIN)) co_return answer_of(result);
    if (is_under_way && poll_now(connecting.socket, POLLOUT) != 0)
      co_return -socket_option(connecting.socket, SO_ERROR);
    const bool waits_for_outside = is_under_way && !connecting.is_local;
    if (is_under_way && connecting.is_local) give_up_connection(connecting.socket);
    has_begun = waits_for_outside;
    guest::Wait wait =
        waits_for_outside ? wait_for(connecting.socket, POLLOUT) : wait_for_backlog(connecting);
    wait.deadline_ns = connecting.deadline_ns;
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kSignal)
      co_return guest::interrupted(socket_interruption(connecting.deadline_ns));
    if (woken == guest::Woken::kDeadline) co_return too_late;
  }
}

Handler answer_connect(World& world, sys::call::connect call, Tracee& guest) {
  auto socket = find_socket(world, guest, call.fd.value);
  const auto address = read_socket_address(guest, call.uservaddr.address, call.addrlen.value);
  if (!socket || !address || address->family() == AF_UNSPEC) return answer_with(guest::pass());
  if (is_service_of_host(world, *address)) return answer_with(-ENOENT);
  name_socket(world, guest, *socket);
  const int type = socket_option(*socket, SO_TYPE);
  if (socket->is_nonblocking() || (type != SOCK_STREAM && type != SOCK_SEQPACKET))
    return answer_with(guest::pass());
  const auto deadline_ns = socket_deadline(world, *socket, SO_SNDTIMEO);
  return connect_in_turn({.socket = *std::move(socket),
                          .call = raw_call(call),
                          .is_local = !world.settings.host_network,
                          .deadline_ns = deadline_ns});
}

// --- accept -------------------------------------------------------------------------------------

Handler accept_in_turn(World& world, Tracee& guest, int fd) {
  auto socket = find_socket(world, guest, fd);
  if (!socket || socket->is_nonblocking() || socket_option(*socket, SO_ACCEPTCONN) != 1)
    return answer_with(guest::pass());
  ReadyCall ready{.file = *std::move(socket), .events = POLLIN};
  ready.deadline_ns = socket_deadline(world, ready.file, SO_RCVTIMEO);
  ready.at_deadline = -EAGAIN;
  ready.at_signal = socket_interruption(ready.deadline_ns);
  return pass_when_ready(std::move(ready));
}

Handler answer_accept(World& world, sys::call::accept call, Tracee& guest) {
  return accept_in_turn(world, guest, call.fd.value);
}
Handler answer_accept4(World& world, sys::call::accept4 call, Tracee& guest) {
  return accept_in_turn(world, guest, call.fd.value);
}

}  // namespace

void add_socket_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::socket>(handlers, world, answer_socket);
  on<sys::call::bind>(handlers, world, answer_bind);
  on<sys::call::listen>(handlers, world, answer_listen);
  on<sys::call::connect>(handlers, world, answer_connect);
  on<sys::call::accept>(handlers, world, answer_accept);
  on<sys::call::accept4>(handlers, world, answer_accept4);
  add_message_calls(handlers, world);
  add_socket_option_calls(handlers, world);
}

}  // namespace tc::determinism
