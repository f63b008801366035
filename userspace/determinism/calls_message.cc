// sendto, sendmsg, sendmmsg, recvfrom, recvmsg, recvmmsg: what waits for a peer waits with the
// scheduler. MSG_WAITALL and long sends are done in parts that do not block.
#include "determinism/calls_message.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "determinism/calls.h"
#include "determinism/deadlines.h"
#include "determinism/socket_names.h"
#include "determinism/transfer.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using guest::RawCall;

// struct msghdr as it lies in the guest's memory.
struct MessageHeader {
  std::uint64_t name = 0;
  std::uint32_t name_length = 0;
  std::uint32_t padding = 0;
  std::uint64_t vectors = 0;
  std::uint64_t vector_count = 0;
  std::uint64_t control = 0;
  std::uint64_t control_length = 0;
  std::uint64_t flags = 0;
};
static_assert(sizeof(MessageHeader) == sizeof(msghdr));
constexpr std::uint64_t kSizeOfMany = sizeof(mmsghdr);  // of sendmmsg, recvmmsg
constexpr std::uint32_t kMostMessages = 1024;           // UIO_MAXIOV, as the kernel caps them

std::optional<MessageHeader> read_header(Tracee& guest, std::uint64_t address) {
  MessageHeader header;
  if (!guest.read_memory(address, std::as_writable_bytes(std::span(&header, 1))))
    return std::nullopt;
  return header;
}

// The socket, when the call may have to wait for it.
std::optional<OpenFile> find_blocking_socket(const World& world, Tracee& guest, int fd) {
  std::optional<OpenFile> file = find_file(world, guest, fd);
  if (!file || file->kind != FileKind::kSocket || file->is_nonblocking()) return std::nullopt;
  return file;
}

// --- receiving ----------------------------------------------------------------------------------

struct Receiving {
  RawCall call;
  std::size_t flags_argument = 0;
  Segments segments;  // for MSG_WAITALL
};

ReadyCall ready_to_receive(const World& world, OpenFile socket) {
  ReadyCall ready{.file = std::move(socket), .events = POLLIN};
  ready.deadline_ns = socket_deadline(world, ready.file, SO_RCVTIMEO);
  ready.at_deadline = -EAGAIN;
  ready.at_signal = socket_interruption(ready.deadline_ns);
  return ready;
}

RawCall receive_rest(int fd, const Segment& room, std::uint32_t flags) {
  return raw_call(sys::call::recvfrom{.fd = {fd},
                                      .ubuf = {{room.address}},
                                      .size = {room.length},
                                      .flags = {flags},
                                      .addr = {},
                                      .addr_len = {}});
}

// MSG_WAITALL: until all is there, or nothing more will come.
Handler receive_all(ReadyCall ready, Receiving receiving) {
  const std::uint64_t total = total_length(receiving.segments);
  std::uint64_t& flags_word = receiving.call.arguments[receiving.flags_argument];
  flags_word = (flags_word & ~std::uint64_t{MSG_WAITALL}) | MSG_DONTWAIT;
  const auto flags = static_cast<std::uint32_t>(flags_word);
  const bool peeks = (flags & MSG_PEEK) != 0;
  std::uint64_t done = 0;
  while (true) {
    const RawCall call =
        done == 0 || peeks
            ? receiving.call
            : receive_rest(ready.file.number, segment_at(receiving.segments, done), flags);
    guest::Injection attempt(call.number, call.arguments);
    const std::int64_t result = co_await attempt;
    if (result > 0) done = static_cast<std::uint64_t>(result) + (peeks ? 0 : done);
    const bool is_over = result == 0 || (result < 0 && result != -EAGAIN) || done >= total ||
                         (peeks && (poll_now(ready.file, POLLRDHUP) & POLLRDHUP) != 0);
    if (is_over)
      co_return done > 0 ? guest::Answer(static_cast<std::int64_t>(done)) : answer_of(result);
    guest::Wait wait = wait_for(ready.file, POLLIN);
    wait.deadline_ns = ready.deadline_ns;
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kReady) continue;
    if (done > 0) co_return static_cast<std::int64_t>(done);
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(ready.at_signal);
    co_return ready.at_deadline;
  }
}

Handler receive_message(World& world, Tracee& guest, int fd, Receiving receiving) {
  constexpr std::uint32_t kNeverWaits = MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB;
  const auto flags = static_cast<std::uint32_t>(receiving.call.arguments[receiving.flags_argument]);
  auto socket = find_blocking_socket(world, guest, fd);
  if (!socket || (flags & kNeverWaits) != 0) return answer_with(guest::pass());
  const bool takes_all = (flags & MSG_WAITALL) != 0 && total_length(receiving.segments) > 0 &&
                         socket_option(*socket, SO_TYPE) == SOCK_STREAM;
  ReadyCall ready = ready_to_receive(world, *std::move(socket));
  if (takes_all) return receive_all(std::move(ready), std::move(receiving));
  return pass_when_ready(std::move(ready));
}

Handler answer_recvfrom(World& world, sys::call::recvfrom call, Tracee& guest) {
  return receive_message(world, guest, call.fd.value,
                         {.call = raw_call(call),
                          .flags_argument = 3,
                          .segments = {{.address = call.ubuf.address, .length = call.size.value}}});
}

Handler answer_recvmsg(World& world, sys::call::recvmsg call, Tracee& guest) {
  Receiving receiving{.call = raw_call(call), .flags_argument = 2, .segments = {}};
  if ((call.flags.value & MSG_WAITALL) != 0) {
    const auto header = read_header(guest, call.msg.address);
    auto segments =
        header ? read_segments(guest, header->vectors, header->vector_count) : std::nullopt;
    if (!segments) return answer_with(guest::pass());
    receiving.segments = *std::move(segments);
  }
  return receive_message(world, guest, call.fd.value, std::move(receiving));
}

// --- recvmmsg -----------------------------------------------------------------------------------

struct ReceivingMany {
  sys::call::recvmmsg call;
  std::optional<std::int64_t> last_ns;  // looked at only behind a message, as the kernel does
};

void write_rest_of_limit(const World& world, Tracee& guest, const ReceivingMany& many) {
  if (!many.last_ns) return;
  const std::int64_t left = std::max<std::int64_t>(0, *many.last_ns - world.clock.monotonic_ns());
  sys::abi::wait_limit limit{};
  limit.tv_sec.value = left / kSecondNs;
  limit.tv_nsec.value = left % kSecondNs;
  (void)guest.write(many.call.timeout, limit);
}

Handler receive_many(World& world, Tracee& guest, ReadyCall ready, ReceivingMany many) {
  const std::uint32_t flags = many.call.flags.value;
  const std::uint32_t wanted = std::min(many.call.vlen.value, kMostMessages);
  std::uint32_t done = 0;
  while (true) {
    sys::call::recvmmsg next = many.call;
    next.mmsg.value += done * kSizeOfMany;
    next.vlen.value = wanted - done;
    next.flags.value = (flags & ~std::uint32_t{MSG_WAITFORONE}) | MSG_DONTWAIT;
    next.timeout.address = 0;
    guest::Injection attempt = Tracee::inject(next);
    const std::int64_t result = co_await attempt;
    if (result > 0) done += static_cast<std::uint32_t>(result);
    const bool is_late = done > 0 && many.last_ns && *many.last_ns <= world.clock.monotonic_ns();
    if (done >= wanted || is_late || (done > 0 && (flags & MSG_WAITFORONE) != 0) ||
        (result < 0 && result != -EAGAIN)) {
      if (done == 0) co_return answer_of(result);
      write_rest_of_limit(world, guest, many);
      co_return static_cast<std::int64_t>(done);
    }
    guest::Wait wait = wait_for(ready.file, POLLIN);
    wait.deadline_ns = ready.deadline_ns;
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kReady) continue;
    if (done > 0) {
      write_rest_of_limit(world, guest, many);
      co_return static_cast<std::int64_t>(done);
    }
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(ready.at_signal);
    co_return ready.at_deadline;
  }
}

Handler answer_recvmmsg(World& world, sys::call::recvmmsg call, Tracee& guest) {
  auto socket = find_blocking_socket(world, guest, call.fd.value);
  if (!socket || call.vlen.value == 0 ||
      (call.flags.value & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)) != 0)
    return answer_with(guest::pass());
  ReceivingMany many{.call = call, .last_ns = {}};
  if (call.timeout.address != 0) {
    const auto limit = guest.read(call.timeout);
    const auto duration =
        limit ? duration_ns(limit->tv_sec.value, limit->tv_nsec.value) : std::nullopt;
    if (!duration) return answer_with(limit ? -EINVAL : -EFAULT);
    many.last_ns = add_ns(world.clock.monotonic_ns(), *duration);
  }
  return receive_many(world, guest, ready_to_receive(world, *std::move(socket)), many);
}

// --- sending ------------------------------------------------------------------------------------

struct Sending {
  RawCall call;
  std::size_t flags_argument = 0;
  Segments segments;
  std::uint64_t address = 0;  // of the receiver's name, when one is given
  std::int64_t address_length = 0;
  std::uint64_t length_at = 0;  // as Outgoing::length_at
};

std::uint32_t flags_of(const Sending& sending) {
  return static_cast<std::uint32_t>(sending.call.arguments[sending.flags_argument]);
}

// A first message gives the socket a name: it is given by order, unless it has one.
void name_sender(World& world, Tracee& guest, const OpenFile& socket) {
  const int domain = socket_option(socket, SO_DOMAIN);
  if (domain == AF_UNIX && socket_option(socket, SO_TYPE) == SOCK_STREAM) return;
  name_socket(world, guest, socket);
}

Outgoing outgoing_of(const World& world, OpenFile socket, Sending sending) {
  Outgoing outgoing{.file = std::move(socket),
                    .segments = std::move(sending.segments),
                    .first = sending.call,
                    .message_flags = flags_of(sending)};
  outgoing.first.arguments[sending.flags_argument] |= MSG_DONTWAIT;
  outgoing.deadline_ns = socket_deadline(world, outgoing.file, SO_SNDTIMEO);
  outgoing.at_signal = socket_interruption(outgoing.deadline_ns);
  outgoing.length_at = sending.length_at;
  return outgoing;
}

Handler send_message(World& world, Tracee& guest, int fd, Sending sending) {
  auto socket = find_file(world, guest, fd);
  if (!socket || socket->kind != FileKind::kSocket) return answer_with(guest::pass());
  if (sending.address != 0) {
    const auto name = read_socket_address(guest, sending.address, sending.address_length);
    if (name && is_service_of_host(world, *name)) return answer_with(-ENOENT);
  }
  name_sender(world, guest, *socket);
  if (socket->is_nonblocking() || socket->outside || (flags_of(sending) & MSG_DONTWAIT) != 0)
    return answer_with(guest::pass());
  // Whether a named receiver has room is not told by the sender's own socket.
  const bool is_known = sending.address == 0 || socket_option(*socket, SO_DOMAIN) != AF_UNIX;
  if (sending.length_at == 0 && is_known && takes_at_once(*socket, total_length(sending.segments)))
    return answer_with(guest::pass());
  return write_out(guest, outgoing_of(world, *std::move(socket), std::move(sending)));
}

Handler answer_sendto(World& world, sys::call::sendto call, Tracee& guest) {
  return send_message(world, guest, call.fd.value,
                      {.call = raw_call(call),
                       .flags_argument = 3,
                       .segments = {{.address = call.buff.address, .length = call.len.value}},
                       .address = call.addr.address,
                       .address_length = call.addr_len.value});
}

Handler answer_sendmsg(World& world, sys::call::sendmsg call, Tracee& guest) {
  const auto header = read_header(guest, call.msg.address);
  auto segments =
      header ? read_segments(guest, header->vectors, header->vector_count) : std::nullopt;
  if (!segments) return answer_with(guest::pass());
  return send_message(world, guest, call.fd.value,
                      {.call = raw_call(call),
                       .flags_argument = 2,
                       .segments = *std::move(segments),
                       .address = header->name,
                       .address_length = static_cast<std::int32_t>(header->name_length)});
}

// --- sendmmsg -----------------------------------------------------------------------------------

Handler send_many(Outgoing outgoing, sys::call::sendmmsg call) {
  const std::uint32_t wanted = std::min(call.vlen.value, kMostMessages);
  std::uint32_t done = 0;
  while (true) {
    sys::call::sendmmsg next = call;
    next.mmsg.value += done * kSizeOfMany;
    next.vlen.value = wanted - done;
    next.flags.value |= MSG_DONTWAIT;
    guest::Injection attempt = Tracee::inject(next);
    const std::int64_t result = co_await attempt;
    if (result > 0) done += static_cast<std::uint32_t>(result);
    if (done >= wanted) co_return static_cast<std::int64_t>(done);
    if (result < 0 && result != -EAGAIN)
      co_return done > 0 ? guest::Answer(static_cast<std::int64_t>(done)) : answer_of(result);
    if (result > 0) continue;
    guest::Wait wait = wait_for(outgoing.file, POLLOUT);
    wait.deadline_ns = outgoing.deadline_ns;
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kReady) continue;
    if (done > 0) co_return static_cast<std::int64_t>(done);
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(outgoing.at_signal);
    co_return -EAGAIN;
  }
}

// A stream could take half a message, of which nobody would know: it gets one at a time, in full.
// That fewer were sent than asked for is something callers must expect.
Handler send_first_of_many(World& world, Tracee& guest, const sys::call::sendmmsg& call) {
  const auto header = read_header(guest, call.mmsg.value);
  auto segments =
      header ? read_segments(guest, header->vectors, header->vector_count) : std::nullopt;
  if (!segments) return answer_with(guest::pass());
  return send_message(world, guest, call.fd.value,
                      {.call = raw_call(sys::call::sendmsg{
                           .fd = call.fd, .msg = {{call.mmsg.value}}, .flags = call.flags}),
                       .flags_argument = 2,
                       .segments = *std::move(segments),
                       .length_at = call.mmsg.value + offsetof(mmsghdr, msg_len)});
}

Handler answer_sendmmsg(World& world, sys::call::sendmmsg call, Tracee& guest) {
  auto socket = find_file(world, guest, call.fd.value);
  if (!socket || socket->kind != FileKind::kSocket || call.vlen.value == 0)
    return answer_with(guest::pass());
  name_sender(world, guest, *socket);
  if (socket->is_nonblocking() || socket->outside || (call.flags.value & MSG_DONTWAIT) != 0)
    return answer_with(guest::pass());
  if (socket_option(*socket, SO_TYPE) == SOCK_STREAM) return send_first_of_many(world, guest, call);
  Sending sending{.call = raw_call(call), .flags_argument = 3, .segments = {}};
  return send_many(outgoing_of(world, *std::move(socket), std::move(sending)), call);
}

}  // namespace

void add_message_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::recvfrom>(handlers, world, answer_recvfrom);
  on<sys::call::recvmsg>(handlers, world, answer_recvmsg);
  on<sys::call::recvmmsg>(handlers, world, answer_recvmmsg);
  on<sys::call::sendto>(handlers, world, answer_sendto);
  on<sys::call::sendmsg>(handlers, world, answer_sendmsg);
  on<sys::call::sendmmsg>(handlers, world, answer_sendmmsg);
}

}  // namespace tc::determinism
