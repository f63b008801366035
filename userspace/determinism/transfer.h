// Transfers that take more than one call of the kernel's: writes that would block in the middle,
// and reads of input from outside, of which the number of bytes may not depend on when it came.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "determinism/open_file.h"
#include "determinism/tracee.h"
#include "guest/handler.h"

namespace tc::determinism {

// The most that one call transfers: MAX_RW_COUNT of include/linux/fs.h.
inline constexpr std::uint64_t kMostTransferred = 0x7ffff000;

// A piece of the guest's memory: struct iovec.
struct Segment {
  std::uint64_t address = 0;
  std::uint64_t length = 0;
};
using Segments = std::vector<Segment>;

// struct iovec[count] of the guest; nothing when the kernel refuses it: EFAULT, EINVAL.
std::optional<Segments> read_segments(Tracee& guest, std::uint64_t address, std::uint64_t count);
// Of all, at most kMostTransferred.
std::uint64_t total_length(const Segments& segments);
// The piece that begins `done` bytes on. Empty at the end.
Segment segment_at(const Segments& segments, std::uint64_t done);

struct Outgoing {
  OpenFile file;
  Segments segments;
  // The call as it is tried first: the guest's own, but of a socket with MSG_DONTWAIT. Of others
  // the open file description is made not to block.
  guest::RawCall first;
  std::uint32_t message_flags = 0;  // of a socket, for the rest
  std::optional<std::int64_t> deadline_ns =
      std::nullopt;  // monotonic; EAGAIN when nothing was sent until then
  std::int64_t at_signal = guest::kRestartSys;
  // Set: the call sends messages of which this is the first. How many bytes went goes here, as 32
  // bits, and the answer is 1.
  std::uint64_t length_at = 0;
};
// Writes all, as a call does that blocks: less only when a signal or an error ends it in the
// middle. What takes a whole message or nothing is written at once.
guest::Handler write_out(Tracee& guest, Outgoing outgoing);

struct Incoming {
  OpenFile file;
  Segments segments;
};
// Reads until there is no more room or no more input, whether the file blocks or not. Nobody else
// runs until it has come, since how far they got would depend on when that was.
guest::Handler read_in_full(Incoming incoming);

// Random bytes of the process's own stream.
guest::Handler read_random(Tracee& guest, Segments segments);

// Which send to this socket would not block, of so many bytes, when poll(2) tells that there is
// room: the kernel's own limits, by net/unix/af_unix.c and net/ipv4/tcp.c.
bool takes_at_once(const OpenFile& socket, std::uint64_t bytes);
// How long a call on the socket may block: SO_RCVTIMEO or SO_SNDTIMEO.
std::optional<std::int64_t> socket_deadline(const World& world, const OpenFile& socket, int option);
// What a signal makes of it: with a limit of time it is not made again (sock_intr_errno).
std::int64_t socket_interruption(const std::optional<std::int64_t>& deadline_ns);

}  // namespace tc::determinism
