// getsockopt and setsockopt: options that tell of the host, of real time or of how the kernel lays
// out its memory. All others pass.
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "determinism/calls.h"
#include "determinism/calls_message.h"
#include "determinism/open_file.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using GetOption = sys::call::getsockopt;

// Of asm-generic/socket.h; the C library does not name all of them.
constexpr std::int32_t kTimestamp = 29;
constexpr std::int32_t kTimestampNs = 35;
constexpr std::int32_t kTimestamping = 37;
constexpr std::int32_t kNewTimestamp = 63;
constexpr std::int32_t kNewTimestampNs = 64;
constexpr std::int32_t kNewTimestamping = 65;
constexpr std::int32_t kIncomingNapi = 56;

constexpr std::int32_t kLargestOption = 4096;

bool stamps_messages(std::int32_t option) {
  return option == kTimestamp || option == kTimestampNs || option == kTimestamping ||
         option == kNewTimestamp || option == kNewTimestampNs || option == kNewTimestamping;
}

// When a packet came is not told: nothing is stamped.
Handler answer_setsockopt(World& world, sys::call::setsockopt call, Tracee& guest) {
  if (call.level.value != SOL_SOCKET || !stamps_messages(call.optname.value))
    return answer_with(guest::pass());
  const auto file = find_file(world, guest, call.fd.value);
  if (!file || file->kind != FileKind::kSocket ||
      call.optlen.value < static_cast<std::int32_t>(sizeof(int)))
    return answer_with(guest::pass());
  return answer_with(0);
}

// What there is room for, as the kernel does it.
std::int64_t give_option(Tracee& guest, const GetOption& call, std::span<const std::byte> value) {
  const auto room = guest.read(call.optlen);
  if (!room) return -EFAULT;
  if (room->value < 0) return -EINVAL;
  const auto length = std::min(value.size(), static_cast<std::size_t>(room->value));
  const sys::I32 told{static_cast<std::int32_t>(length)};
  if (!guest.write_memory(call.optval.address, value.first(length)) ||
      !guest.write(call.optlen, told))
    return -EFAULT;
  return 0;
}

// Keeps of struct tcp_info what follows from what was sent, not from how long it took.
void keep_lasting_parts(std::vector<std::byte>& info) {
  struct Part {
    std::size_t offset;
    std::size_t size;
  };
  constexpr Part kLasting[] = {
      {0, offsetof(tcp_info, tcpi_rto)},  // state, options, window scales
      {offsetof(tcp_info, tcpi_snd_mss), 2 * sizeof(std::uint32_t)},  // and rcv_mss
      {offsetof(tcp_info, tcpi_pmtu), sizeof(std::uint32_t)},
      {offsetof(tcp_info, tcpi_advmss), sizeof(std::uint32_t)},
  };
  std::vector<std::byte> kept(info.size());
  for (const Part& part : kLasting)
    if (part.offset + part.size <= info.size())
      std::memcpy(&kept[part.offset], &info[part.offset], part.size);
  info = std::move(kept);
}

// The kernel's answer, in which `rewrite` changes what differs from run to run.
Handler rewrite_option(Tracee& guest, GetOption call, void (*rewrite)(std::vector<std::byte>&)) {
  const std::int64_t result = co_await Tracee::inject(call);
  if (result != 0) co_return answer_of(result);
  const auto length = guest.read(call.optlen);
  if (!length || length->value < 0 || length->value > kLargestOption) co_return result;
  std::vector<std::byte> value(static_cast<std::size_t>(length->value));
  if (!guest.read_memory(call.optval.address, value)) co_return -EFAULT;
  rewrite(value);
  if (!guest.write_memory(call.optval.address, value)) co_return -EFAULT;
  co_return 0;
}

void clear_option(std::vector<std::byte>& value) {
  std::fill(value.begin(), value.end(), std::byte{});
}

// struct sk_meminfo: what is in use depends on how the kernel cut its buffers; the limits do not.
void keep_limits(std::vector<std::byte>& value) {
  constexpr std::size_t kKept[] = {SK_MEMINFO_RCVBUF, SK_MEMINFO_SNDBUF};
  std::vector<std::byte> limits(value.size());
  for (const std::size_t index : kKept) {
    const std::size_t offset = index * sizeof(std::uint32_t);
    if (offset + sizeof(std::uint32_t) <= value.size())
      std::memcpy(&limits[offset], &value[offset], sizeof(std::uint32_t));
  }
  value = std::move(limits);
}

Handler answer_tcp_option(Tracee& guest, const GetOption& call) {
  switch (call.optname.value) {
    case TCP_INFO:
      return rewrite_option(guest, call, keep_lasting_parts);
    case TCP_CC_INFO:
    case TCP_TIMESTAMP:
      return rewrite_option(guest, call, clear_option);
    default:
      return answer_with(guest::pass());
  }
}

Handler answer_getsockopt(World& world, GetOption call, Tracee& guest) {
  if (call.level.value == IPPROTO_TCP) return answer_tcp_option(guest, call);
  if (call.level.value != SOL_SOCKET) return answer_with(guest::pass());
  switch (call.optname.value) {
    case SO_INCOMING_CPU:
    case kIncomingNapi:
      return rewrite_option(guest, call, clear_option);
    case SO_MEMINFO:
      return rewrite_option(guest, call, keep_limits);
    case SO_COOKIE: {
      const auto file = find_file(world, guest, call.fd.value);
      if (!file || file->kind != FileKind::kSocket) return answer_with(guest::pass());
      const std::uint64_t cookie = world.inodes.number(file->id);
      return answer_with(give_option(guest, call, std::as_bytes(std::span(&cookie, 1))));
    }
    default:
      return answer_with(guest::pass());
  }
}

}  // namespace

void add_socket_option_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::getsockopt>(handlers, world, answer_getsockopt);
  on<sys::call::setsockopt>(handlers, world, answer_setsockopt);
}

}  // namespace tc::determinism
