#include "determinism/transfer.h"

#include <linux/sock_diag.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "determinism/deadlines.h"

namespace tc::determinism {
namespace {

constexpr std::uint64_t kMostSegments = 1024;  // UIO_MAXIOV
constexpr std::size_t kRandomChunk = 64U << 10U;

// A send of this much fits into one buffer of a UNIX stream, whose memory is granted when there is
// any left at all (unix_stream_sendmsg).
constexpr std::uint64_t kOneUnixBuffer = 32U << 10U;
constexpr std::uint64_t kBufferOverhead = 4096;

bool is_stream(const OpenFile& file) {
  if (file.kind == FileKind::kSocket) return socket_option(file, SO_TYPE) == SOCK_STREAM;
  return file.kind == FileKind::kPipe || file.kind == FileKind::kTerminal;
}

guest::RawCall rest_of(const Outgoing& outgoing, std::uint64_t done) {
  const Segment rest = segment_at(outgoing.segments, done);
  const int fd = outgoing.file.number;
  if (outgoing.file.kind != FileKind::kSocket)
    return raw_call(sys::call::write{.fd = {fd}, .buf = {{rest.address}}, .count = {rest.length}});
  // That the other side has gone is a signal only when nothing was sent.
  return raw_call(sys::call::sendto{.fd = {fd},
                                    .buff = {{rest.address}},
                                    .len = {rest.length},
                                    .flags = {outgoing.message_flags | MSG_DONTWAIT | MSG_NOSIGNAL},
                                    .addr = {},
                                    .addr_len = {}});
}

guest::Answer answer_of_sent(Tracee& guest, const Outgoing& outgoing, std::uint64_t done) {
  if (outgoing.length_at == 0) return static_cast<std::int64_t>(done);
  const auto length = static_cast<std::uint32_t>(done);
  if (!guest.write_memory(outgoing.length_at, std::as_bytes(std::span(&length, 1)))) return -EFAULT;
  return 1;
}

bool tcp_takes_at_once(const OpenFile& socket, std::uint64_t bytes) {
  std::uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof(memory);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_MEMINFO, memory, &size) != 0) return false;
  const std::uint64_t most = memory[SK_MEMINFO_SNDBUF];
  const std::uint64_t queued = memory[SK_MEMINFO_WMEM_QUEUED];
  return queued + 2 * bytes + kBufferOverhead <= most;
}

bool unix_takes_at_once(const OpenFile& socket, std::uint64_t bytes) {
  const int half = socket_option(socket, SO_SNDBUF) / 2 - 64;
  return half > 0 &&
         bytes <= std::min<std::uint64_t>(static_cast<std::uint64_t>(half), kOneUnixBuffer);
}

}  // namespace

std::optional<Segments> read_segments(Tracee& guest, std::uint64_t address, std::uint64_t count) {
  if (count > kMostSegments) return std::nullopt;
  Segments segments(count);
  static_assert(sizeof(Segment) == sizeof(iovec));
  if (!guest.read_memory(address, std::as_writable_bytes(std::span(segments)))) return std::nullopt;
  for (const Segment& segment : segments)
    if (segment.length > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return segments;
}

std::uint64_t total_length(const Segments& segments) {
  std::uint64_t total = 0;
  for (const Segment& segment : segments)
    total += std::min(segment.length, kMostTransferred - total);
  return total;
}

Segment segment_at(const Segments& segments, std::uint64_t done) {
  std::uint64_t left = kMostTransferred - std::min(done, kMostTransferred);
  for (const Segment& segment : segments) {
    if (done < segment.length)
      return {.address = segment.address + done, .length = std::min(segment.length - done, left)};
    done -= segment.length;
  }
  return {};
}

guest::Handler write_out(Tracee& guest, Outgoing outgoing) {
  const std::uint64_t total = total_length(outgoing.segments);
  const bool has_rest = is_stream(outgoing.file);
  std::uint64_t done = 0;
  while (true) {
    // What has gone in part has filled the room; to ask costs less than to try in vain.
    const bool is_full = done > 0 && poll_now(outgoing.file, POLLOUT) == 0;
    if (!is_full) {
      std::int64_t result = 0;
      {
        std::optional<NonBlocking> mode;
        if (outgoing.file.kind != FileKind::kSocket) mode.emplace(outgoing.file);
        const guest::RawCall call = done == 0 ? outgoing.first : rest_of(outgoing, done);
        guest::Injection attempt(call.number, call.arguments);
        result = co_await attempt;
      }
      if (result > 0) done += static_cast<std::uint64_t>(result);
      if (done > 0 && (done >= total || !has_rest || (result <= 0 && result != -EAGAIN)))
        co_return answer_of_sent(guest, outgoing, done);
      if (result > 0) continue;
      if (result != -EAGAIN) co_return answer_of(result);
    }
    guest::Wait wait = wait_for(outgoing.file, POLLOUT);
    wait.deadline_ns = outgoing.deadline_ns;
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kReady) continue;
    if (done > 0) co_return answer_of_sent(guest, outgoing, done);
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(outgoing.at_signal);
    co_return -EAGAIN;
  }
}

guest::Handler read_in_full(Incoming incoming) {
  const std::uint64_t total = total_length(incoming.segments);
  std::uint64_t done = 0;
  while (done < total) {
    const Segment room = segment_at(incoming.segments, done);
    const guest::RawCall call = raw_call(sys::call::read{
        .fd = {incoming.file.number}, .buf = {{room.address}}, .count = {room.length}});
    std::int64_t result = 0;
    {
      const Blocking mode(incoming.file);
      guest::Injection attempt(call.number, call.arguments);
      result = co_await attempt;
    }
    if (result < 0 && done == 0) co_return answer_of(result);
    if (result <= 0) break;
    done += static_cast<std::uint64_t>(result);
  }
  co_return static_cast<std::int64_t>(done);
}

guest::Handler read_random(Tracee& guest, Segments segments) {
  const std::uint64_t total = total_length(segments);
  std::vector<std::byte> bytes;
  std::uint64_t done = 0;
  while (done < total) {
    const Segment room = segment_at(segments, done);
    bytes.resize(std::min<std::uint64_t>(room.length, kRandomChunk));
    guest.process().random.fill(bytes);
    if (!guest.write_memory(room.address, bytes)) {
      if (done == 0) co_return -EFAULT;
      break;
    }
    done += bytes.size();
  }
  co_return static_cast<std::int64_t>(done);
}

bool takes_at_once(const OpenFile& socket, std::uint64_t bytes) {
  if (poll_now(socket, POLLOUT) == 0) return false;
  if (socket_option(socket, SO_TYPE) != SOCK_STREAM) return true;
  return socket_option(socket, SO_DOMAIN) == AF_UNIX ? unix_takes_at_once(socket, bytes)
                                                     : tcp_takes_at_once(socket, bytes);
}

std::optional<std::int64_t> socket_deadline(const World& world, const OpenFile& socket,
                                            int option) {
  timeval limit{};
  socklen_t size = sizeof(limit);
  if (::getsockopt(socket.get(), SOL_SOCKET, option, &limit, &size) != 0) return std::nullopt;
  if (limit.tv_sec == 0 && limit.tv_usec == 0) return std::nullopt;
  const auto duration = duration_ns(limit.tv_sec, limit.tv_usec, 1'000'000);
  if (!duration) return std::nullopt;
  return add_ns(world.clock.monotonic_ns(), *duration);
}

std::int64_t socket_interruption(const std::optional<std::int64_t>& deadline_ns) {
  return deadline_ns ? -EINTR : guest::kRestartSys;
}

}  // namespace tc::determinism
