// read, write and their kin: regular files pass; what may wait (pipes, sockets, terminals,
// eventfds) waits with the scheduler instead of in the kernel; random devices are answered from the
// process's stream. Calls between two descriptors are in calls_splice.cc.
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <climits>
#include <optional>
#include <utility>

#include "determinism/calls.h"
#include "determinism/calls_splice.h"
#include "determinism/signal_files.h"
#include "determinism/signal_records.h"
#include "determinism/transfer.h"
#include "determinism/watch_events.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using guest::RawCall;

constexpr std::uint32_t kNoWait = 8;           // RWF_NOWAIT
constexpr std::int64_t kPresentPosition = -1;  // of preadv2, pwritev2
constexpr std::uint64_t kEventSize = 8;        // of a write to an eventfd

struct Transfer {
  RawCall call;
  Segments segments;
  bool is_vector = false;
  bool at_position = false;  // pread, pwrite: pipes and the like refuse it
};

// What is refused there with ESPIPE, whether it is ready or not.
bool has_no_position(const OpenFile& file) {
  return file.kind == FileKind::kPipe || file.kind == FileKind::kSocket ||
         file.kind == FileKind::kTerminal;
}

bool is_fed_from_outside(const OpenFile& file) {
  if (!file.outside) return false;
  return file.kind == FileKind::kPipe ||
         (file.kind == FileKind::kSocket && socket_option(file, SO_TYPE) == SOCK_STREAM);
}

Handler receive_bytes(World& world, Tracee& guest, OpenFile file, Transfer transfer) {
  if (!file.may_read() || file.kind == FileKind::kFile || file.kind == FileKind::kMemory)
    return answer_with(guest::pass());
  if (file.kind == FileKind::kRandom) return read_random(guest, std::move(transfer.segments));
  if (total_length(transfer.segments) == 0 || (transfer.at_position && has_no_position(file)))
    return answer_with(guest::pass());
  if (is_fed_from_outside(file))
    return read_in_full({.file = std::move(file), .segments = std::move(transfer.segments)});
  if (file.kind == FileKind::kOther && world.has_signal_files) {
    if (const auto mask = signalfd_mask(guest, file.number)) {
      // Room for less than one record is refused before any wait.
      if (total_length(transfer.segments) < sizeof(signalfd_siginfo))
        return answer_with(guest::pass());
      return read_signal_file(world,
                              {.call = transfer.call,
                               .segments = std::move(transfer.segments),
                               .mask = *mask,
                               .waits = !file.is_nonblocking()},
                              guest);
    }
  }
  if (file.kind == FileKind::kOther && is_watch_file(guest, file.number))
    return read_watch_file(
        world,
        {.file = std::move(file), .call = transfer.call, .segments = std::move(transfer.segments)},
        guest);
  if (file.is_nonblocking()) return answer_with(guest::pass());
  ReadyCall ready{.file = std::move(file), .events = POLLIN};
  if (ready.file.kind == FileKind::kSocket) {
    ready.deadline_ns = socket_deadline(world, ready.file, SO_RCVTIMEO);
    ready.at_deadline = -EAGAIN;
    ready.at_signal = socket_interruption(ready.deadline_ns);
  } else if (ready.file.kind == FileKind::kOther) {
    ready.attempt = transfer.call;
  }
  return pass_when_ready(std::move(ready));
}

// Does the kernel take it all at once?
bool fits(Tracee& guest, const OpenFile& file, const Transfer& transfer) {
  const std::uint64_t total = total_length(transfer.segments);
  switch (file.kind) {
    case FileKind::kPipe:
      // One free slot takes a page.
      return total <= PIPE_BUF && poll_now(file, POLLOUT) != 0;
    case FileKind::kSocket:
      return takes_at_once(file, total);
    case FileKind::kOther: {
      // An eventfd with room has it for one more.
      std::uint64_t value = 0;
      return total == kEventSize && !transfer.is_vector &&
             guest.read_memory(transfer.segments.front().address,
                               std::as_writable_bytes(std::span(&value, 1))) &&
             value <= 1 && poll_now(file, POLLOUT) != 0;
    }
    default:
      return false;
  }
}

// The same write to a socket, not to block. Nothing when there is no room for its arguments.
std::optional<RawCall> socket_write(Tracee& guest, const OpenFile& file, const Transfer& transfer) {
  if (!transfer.is_vector)
    return raw_call(sys::call::sendto{.fd = {file.number},
                                      .buff = {{transfer.segments.front().address}},
                                      .len = {transfer.segments.front().length},
                                      .flags = {MSG_DONTWAIT},
                                      .addr = {},
                                      .addr_len = {}});
  // struct msghdr with the guest's own vectors.
  const std::uint64_t header[7] = {0, 0, transfer.call.arguments[1], transfer.segments.size(), 0,
                                   0, 0};
  static_assert(sizeof(header) == sizeof(msghdr));
  const Result<std::uint64_t> placed = guest.place(std::as_bytes(std::span(header)));
  if (!placed) return std::nullopt;
  return raw_call(
      sys::call::sendmsg{.fd = {file.number}, .msg = {{*placed}}, .flags = {MSG_DONTWAIT}});
}

Handler send_bytes(World& world, Tracee& guest, OpenFile file, Transfer transfer) {
  if (file.kind == FileKind::kFile && file.may_write() && total_length(transfer.segments) > 0)
    world.inodes.modified(file.id, world.clock.wall_ns());
  const bool waits_never = file.kind == FileKind::kFile || file.kind == FileKind::kMemory ||
                           file.kind == FileKind::kRandom ||
                           (transfer.at_position && has_no_position(file));
  // What does not block fails or falls short at once; only how fast the outside is must not show.
  const bool is_drained_outside = file.outside && file.is_nonblocking() &&
                                  (file.kind == FileKind::kPipe || file.kind == FileKind::kSocket);
  if (waits_never || !file.may_write() || (file.is_nonblocking() && !is_drained_outside) ||
      (file.outside && !file.is_nonblocking()) || transfer.segments.empty() ||
      fits(guest, file, transfer))
    return answer_with(guest::pass());
  Outgoing outgoing{.file = std::move(file), .segments = {}, .first = transfer.call};
  if (outgoing.file.kind == FileKind::kSocket) {
    const auto first = socket_write(guest, outgoing.file, transfer);
    if (!first) return answer_with(guest::pass());
    outgoing.first = *first;
    outgoing.deadline_ns = socket_deadline(world, outgoing.file, SO_SNDTIMEO);
    outgoing.at_signal = socket_interruption(outgoing.deadline_ns);
  }
  outgoing.segments = std::move(transfer.segments);
  return write_out(guest, std::move(outgoing));
}

using Direction = Handler (*)(World&, Tracee&, OpenFile, Transfer);

Handler transfer_buffer(World& world, Tracee& guest, RawCall call, Direction direction,
                        bool at_position) {
  auto file = find_file(world, guest, static_cast<int>(call.arguments[0]));
  if (!file) return answer_with(guest::pass());
  Transfer transfer{.call = call,
                    .segments = {{.address = call.arguments[1], .length = call.arguments[2]}},
                    .at_position = at_position};
  return direction(world, guest, *std::move(file), std::move(transfer));
}

Handler transfer_vectors(World& world, Tracee& guest, RawCall call, Direction direction,
                         bool at_position) {
  auto file = find_file(world, guest, static_cast<int>(call.arguments[0]));
  if (!file) return answer_with(guest::pass());
  auto segments = read_segments(guest, call.arguments[1], call.arguments[2]);
  if (!segments) return answer_with(guest::pass());
  Transfer transfer{.call = call,
                    .segments = *std::move(segments),
                    .is_vector = true,
                    .at_position = at_position};
  return direction(world, guest, *std::move(file), std::move(transfer));
}

Handler answer_read(World& world, sys::call::read call, Tracee& guest) {
  return transfer_buffer(world, guest, raw_call(call), receive_bytes, /*at_position=*/false);
}
Handler answer_write(World& world, sys::call::write call, Tracee& guest) {
  return transfer_buffer(world, guest, raw_call(call), send_bytes, /*at_position=*/false);
}
Handler answer_pread64(World& world, sys::call::pread64 call, Tracee& guest) {
  return transfer_buffer(world, guest, raw_call(call), receive_bytes, /*at_position=*/true);
}
Handler answer_pwrite64(World& world, sys::call::pwrite64 call, Tracee& guest) {
  return transfer_buffer(world, guest, raw_call(call), send_bytes, /*at_position=*/true);
}
Handler answer_readv(World& world, sys::call::readv call, Tracee& guest) {
  return transfer_vectors(world, guest, raw_call(call), receive_bytes, /*at_position=*/false);
}
Handler answer_writev(World& world, sys::call::writev call, Tracee& guest) {
  return transfer_vectors(world, guest, raw_call(call), send_bytes, /*at_position=*/false);
}
Handler answer_preadv(World& world, sys::call::preadv call, Tracee& guest) {
  return transfer_vectors(world, guest, raw_call(call), receive_bytes, /*at_position=*/true);
}
Handler answer_pwritev(World& world, sys::call::pwritev call, Tracee& guest) {
  return transfer_vectors(world, guest, raw_call(call), send_bytes, /*at_position=*/true);
}
Handler answer_preadv2(World& world, sys::call::preadv2 call, Tracee& guest) {
  if ((call.flags.value & kNoWait) != 0) return answer_with(guest::pass());
  return transfer_vectors(world, guest, raw_call(call), receive_bytes,
                          call.pos_l.value != kPresentPosition);
}
Handler answer_pwritev2(World& world, sys::call::pwritev2 call, Tracee& guest) {
  return transfer_vectors(world, guest, raw_call(call), send_bytes,
                          call.pos_l.value != kPresentPosition);
}

}  // namespace

void add_transfer_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::read>(handlers, world, answer_read);
  on<sys::call::write>(handlers, world, answer_write);
  on<sys::call::pread64>(handlers, world, answer_pread64);
  on<sys::call::pwrite64>(handlers, world, answer_pwrite64);
  on<sys::call::readv>(handlers, world, answer_readv);
  on<sys::call::writev>(handlers, world, answer_writev);
  on<sys::call::preadv>(handlers, world, answer_preadv);
  on<sys::call::pwritev>(handlers, world, answer_pwritev);
  on<sys::call::preadv2>(handlers, world, answer_preadv2);
  on<sys::call::pwritev2>(handlers, world, answer_pwritev2);
  add_splice_calls(handlers, world);
}

}  // namespace tc::determinism
